//===- BatchCounts.cpp - The count behind every dynamic size --------------===//
//
// Derivation from the values towards the arguments of their function, and the
// check that whole functions agree.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/BatchCounts.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dsv2;

static bool isDynamic(Type type) {
  auto tensor = dyn_cast<TensorType>(type);
  return tensor && !tensor.hasStaticShape();
}

/// The count that `size` is, or an empty name.
static StringRef getCountOfSize(Value size) {
  auto count = size.getDefiningOp<BatchCountOp>();
  return count ? count.getCount() : StringRef();
}

FailureOr<StringRef> BatchCounts::get(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!function)
      return emitError(value.getLoc(), "dynamic size of unknown origin");
    if (auto count = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "dsv2.count"))
      return count.getValue();
    return function.emitError("argument #")
           << argument.getArgNumber() << " has a dynamic size without dsv2.count";
  }
  Operation *op = value.getDefiningOp();
  if (auto planned = dyn_cast<PlannedOpInterface>(op)) {
    StringRef count = planned.getResultCount();
    return count.empty() ? get(op->getOperand(0)) : FailureOr<StringRef>(count);
  }
  if (auto call = dyn_cast<func::CallOp>(op)) {
    unsigned i = cast<OpResult>(value).getResultNumber();
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (auto count = callee.getResultAttrOfType<StringAttr>(i, "dsv2.count"))
      return count.getValue();
    return call.emitError("result #") << i << " has a dynamic size without dsv2.count";
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    if (StringRef count = getCountOfSize(empty.getDynamicSizes().front()); !count.empty())
      return count;
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op) &&
      isDynamic(op->getOperand(0).getType()))
    return get(op->getOperand(0));
  return op->emitError("makes a dynamic size of unknown origin");
}

LogicalResult BatchCounts::verifyType(Operation *op, Type type) {
  if (!isDynamic(type))
    return success();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getNumDynamicDims() != 1)
    return op->emitError("expected one dynamic size, got ") << type;
  return success();
}

/// Rows go with rows; the cache with pages; a destination with its result.
LogicalResult BatchCounts::verifyOperands(Operation *op) {
  auto planned = cast<PlannedOpInterface>(op);
  MutableOperandRange inits = planned.getInitsMutable();
  StringRef rows;
  for (OpOperand &operand : op->getOpOperands()) {
    Type type = operand.get().getType();
    if (!isDynamic(type))
      continue;
    FailureOr<StringRef> count = get(operand.get());
    if (failed(count))
      return failure();
    bool isInit = llvm::any_of(inits, [&](OpOperand &init) { return &init == &operand; });
    StringRef expected;
    if (getCacheLayout(type)) {
      expected = "pages";
    } else if (isInit) {
      FailureOr<StringRef> result = get(op->getResult(0));
      if (failed(result))
        return failure();
      expected = *result;
    } else {
      // Ops that change the count take what the new tokens have.
      if (rows.empty())
        rows = planned.getResultCount().empty() ? *count : StringRef("tokens");
      expected = rows;
    }
    if (*count != expected)
      return op->emitError("operand #") << operand.getOperandNumber() << " has a row for each of "
                                        << *count << ", expected " << expected;
  }
  return success();
}

LogicalResult BatchCounts::verifyCall(func::CallOp call) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
    if (!isDynamic(operand.getType()))
      continue;
    FailureOr<StringRef> count = get(operand);
    if (failed(count))
      return failure();
    auto expected = callee.getArgAttrOfType<StringAttr>(i, "dsv2.count");
    if (expected && *count != expected.getValue())
      return call.emitError("operand #")
             << i << " counts " << *count << ", @" << callee.getName() << " takes "
             << expected.getValue();
  }
  return success();
}

LogicalResult BatchCounts::verify(func::FuncOp function) {
  bool ok = true;
  auto verifyNamed = [&](Type type, StringAttr count, const char *what,
                         unsigned i) -> LogicalResult {
    if (!isDynamic(type))
      return success();
    if (failed(verifyType(function, type)))
      return failure();
    if (!count)
      return function.emitError(what) << i << " has a dynamic size without dsv2.count";
    if (!BatchType::isCount(count))
      return function.emitError(what)
             << i << ": expected dsv2.count of tokens, sequences, outputs or pages, got " << count;
    return success();
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    ok &= succeeded(verifyNamed(type, function.getArgAttrOfType<StringAttr>(i, "dsv2.count"),
                                "argument #", i));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    ok &= succeeded(verifyNamed(type, function.getResultAttrOfType<StringAttr>(i, "dsv2.count"),
                                "result #", i));
  if (!ok)
    return failure();

  // In order, so that an error is reported once, where the size appears.
  WalkResult walk = function.walk([&](Operation *op) -> WalkResult {
    if (op == function)
      return WalkResult::advance();
    for (Value result : op->getResults())
      if (isDynamic(result.getType()))
        if (failed(verifyType(op, result.getType())) || failed(get(result)))
          return WalkResult::interrupt();
    if (isa<PlannedOpInterface>(op))
      return verifyOperands(op);
    if (auto call = dyn_cast<func::CallOp>(op))
      return verifyCall(call);
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      for (Value size : expand.getOutputShape())
        if (FailureOr<StringRef> count = get(expand.getResult()); getCountOfSize(size) != *count)
          return op->emitError("expected the count of ") << *count << " as size";
    }
    if (auto terminator = dyn_cast<func::ReturnOp>(op))
      for (auto [i, value] : llvm::enumerate(terminator.getOperands())) {
        if (!isDynamic(value.getType()))
          continue;
        FailureOr<StringRef> count = get(value);
        StringRef expected =
            function.getResultAttrOfType<StringAttr>(i, "dsv2.count").getValue();
        if (failed(count))
          return WalkResult::interrupt();
        if (*count != expected)
          return op->emitError("result #")
                 << i << " counts " << *count << ", its dsv2.count says " << expected;
      }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}
