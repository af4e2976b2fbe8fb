//===- BrokenPass.cpp - A pass that is wrong on purpose -------------------===//
//
// Looks ops up by name and operands by type, so that it breaks whatever form
// the passes before it have left.
//
//===----------------------------------------------------------------------===//

#include "test/equivalence/BrokenPass.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

bool isAttention(Operation *op) { return op->getName().getStringRef().ends_with("_attention"); }

bool breakScale(Operation *op) {
  auto scale = op->getAttrOfType<FloatAttr>("scale");
  if (!isAttention(op) || !scale)
    return false;
  op->setAttr("scale", FloatAttr::get(scale.getType(), scale.getValueAsDouble() * (1 + 1e-6)));
  return true;
}

/// Exchanges the first two stacked weights of one type.
bool breakExperts(Operation *op) {
  if (!isa<ExpertMlpOp>(op))
    return false;
  Value gate = cast<ExpertMlpOp>(op).getGate(), up = cast<ExpertMlpOp>(op).getUp();
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get() == gate)
      operand.set(up);
    else if (operand.get() == up)
      operand.set(gate);
  return true;
}

bool breakCache(Operation *op) {
  if (!isAttention(op))
    return false;
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get().getType().isIndex()) {
      OpBuilder b(op);
      operand.set(arith::ConstantIndexOp::create(b, op->getLoc(), 0));
      return true;
    }
  return false;
}

/// Takes the smallest logit instead of the largest.
bool breakChoice(Operation *op) {
  auto argmax = dyn_cast<ArgmaxOp>(op);
  if (!argmax)
    return false;
  OpBuilder b(op);
  auto type = cast<RankedTensorType>(argmax.getLogits().getType());
  auto row = RankedTensorType::get(type.getShape().drop_front(), type.getElementType());
  Value minus = arith::ConstantOp::create(
      b, op->getLoc(), DenseElementsAttr::get(row, b.getF32FloatAttr(-1).getValue()));
  argmax.getLogitsMutable().assign(RmsNormOp::create(b, op->getLoc(), type, argmax.getLogits(),
                                                     minus, ValueRange(), APFloat(1e-6))
                                       .getResult(0));
  return true;
}

/// Lets an op write where it reads rows of another size.
bool breakOverlap(Operation *op) {
  auto planned = dyn_cast<PlannedOpInterface>(op);
  if (!planned || planned.getInitsMutable().empty())
    return false;
  auto to = planned.getInitsMutable()[0].get().getDefiningOp<memref::ViewOp>();
  for (Value operand : op->getOperands()) {
    auto from = operand.getDefiningOp<memref::ViewOp>();
    if (!to || !from || from == to || from.getType() == to.getType())
      continue;
    to.getByteShiftMutable().assign(from.getByteShift());
    return true;
  }
  return false;
}

struct BrokenPass : PassWrapper<BrokenPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BrokenPass)

  BrokenPass() = default;
  BrokenPass(const BrokenPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "dsv2-test-break"; }
  StringRef getDescription() const override { return "miscompiles, for tests"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect>();
  }

  bool breakFunction(func::FuncOp function) {
    bool broken = false;
    AddOp sum;
    ProbeOp probe;
    for (Operation &op : llvm::make_early_inc_range(function.front())) {
      if (kind == "scale")
        broken |= breakScale(&op);
      else if (kind == "experts")
        broken |= breakExperts(&op);
      else if (kind == "cache")
        broken |= breakCache(&op);
      else if (kind == "choice")
        broken |= breakChoice(&op);
      else if (kind == "overlap")
        broken |= !broken && breakOverlap(&op);
      // The residual stream is read by more than one op.
      if (auto add = dyn_cast<AddOp>(op); add && add->getNumResults() && !add->hasOneUse())
        sum = add;
      if (isa<ProbeOp>(op))
        probe = cast<ProbeOp>(op);
    }
    if (kind == "residual" && sum) {
      sum.getResult(0).replaceAllUsesWith(sum->getOperand(0));
      broken = true;
    }
    if (kind == "probe" && probe) {
      probe.erase();
      broken = true;
    }
    return broken;
  }

  void runOnOperation() override {
    bool broken = false;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        broken |= breakFunction(function);
    if (!broken) {
      getOperation().emitError("there is nothing to break in the way of ") << kind;
      signalPassFailure();
    }
  }

  Option<std::string> kind{*this, "kind", llvm::cl::desc("What to break.")};
};

} // namespace

void ::dsv2::test::registerBrokenPass() { PassRegistration<BrokenPass>(); }
