//===- SegmentTableOf.cpp - What a profile calls its segments -------------===//
//
// Names ops by what people tell them apart by.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/SegmentTableOf.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "passes/analysis/StepSegments.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

static std::string shapeOf(Value buffer) {
  std::string text;
  for (int64_t size : cast<MemRefType>(buffer.getType()).getShape())
    text += (text.empty() ? "" : "x") + (ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  return text;
}

std::string mlir::dsv2::describeOp(Operation *planned) {
  std::string text = planned->getName().stripDialect().str();
  MutableOperandRange inits = cast<PlannedOpInterface>(planned).getInitsMutable();
  for (OpOperand &operand : planned->getOpOperands()) {
    bool init = llvm::any_of(inits, [&](OpOperand &other) { return &other == &operand; });
    if (!init && isa<MemRefType>(operand.get().getType())) {
      text += " " + shapeOf(operand.get());
      break;
    }
  }
  if (!inits.empty())
    text += " -> " + shapeOf(inits[0].get());
  return text;
}

bundle::SegmentTable mlir::dsv2::segmentTableOf(ModuleOp planned,
                                                ArrayRef<bundle::Workload> workloads,
                                                PredictOp predict) {
  bundle::SegmentTable table;
  table.workloads.assign(workloads.begin(), workloads.end());
  for (const StepSegment &segment :
       getStepSegments(planned.lookupSymbol<func::FuncOp>("step"))) {
    bundle::SegmentTableEntry &entry = table.segments.emplace_back();
    entry.from = segment.from;
    entry.to = segment.to;
    for (const SegmentOp &part : segment.ops) {
      bundle::SegmentTableOp &op = entry.ops.emplace_back();
      op.name = describeOp(part.op);
      op.function = part.op->getParentOfType<func::FuncOp>().getName().str();
      op.executions = part.executions;
      for (const bundle::Workload &workload : workloads)
        op.predictions.push_back(predict(part.op, workload));
    }
  }
  return table;
}
