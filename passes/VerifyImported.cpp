//===- VerifyImported.cpp - The contract of the imported stage ------------===//
//
// The paper's ops in value form, nothing decided, every `?` a count.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/analysis/BatchCounts.h"
#include "passes/analysis/CallOrder.h"
#include "passes/analysis/WeightValues.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_VERIFYIMPORTEDPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct VerifyImported : public dsv2::impl::VerifyImportedPassBase<VerifyImported> {
  LogicalResult check(Operation *op) {
    if (!isa<EmbedOp, ZerosOp, AddOp, RmsNormOp, LinearOp, RopeTableOp, RopeOp, SwigluOp,
             SelectOutputsOp, ArgmaxOp, AppendLatentOp, MlaAttentionOp, RouteOp, ExpertMlpOp, BatchCountOp,
             CheckpointOp, ConvertOp, ProbeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             arith::ConstantOp, func::CallOp, func::ReturnOp>(op))
      return op->emitError("imported stage: op is not allowed");
    if (auto planned = dyn_cast<PlannedOpInterface>(op);
        planned && !isa<AppendLatentOp>(op) && !planned.getInitsMutable().empty())
      return op->emitError("imported stage: has a destination");
    for (const StreamedWeight &weight : getStreamedWeights(op))
      if (isPackedWeight(cast<ShapedType>(weight.operand->get().getType()), weight.leading))
        return op->emitError("imported stage: weight is packed already");
    for (Value operand : op->getOperands())
      if (isa<MemRefType>(operand.getType()))
        return op->emitError("imported stage: takes a buffer");
    return success();
  }

  void runOnOperation() override {
    BatchCounts counts(getOperation());
    bool ok = true;
    for (func::FuncOp function : getStepFunctions(getOperation())) {
      if (!function.getBody().hasOneBlock()) {
        function.emitError("imported stage: has branches");
        ok = false;
        continue;
      }
      bool allowed = true;
      for (Operation &op : function.front())
        allowed &= succeeded(check(&op));
      // Counts are derived through known ops only.
      ok &= allowed && succeeded(counts.verify(function));
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
