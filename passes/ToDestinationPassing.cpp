//===- ToDestinationPassing.cpp - Every result gets a destination ---------===//
//
// Functions take their results as trailing arguments, unless they are updates
// of an argument (the cache); ops write into those or into `tensor.empty`
// sized by a count of the batch.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/Passes.h"
#include "passes/analysis/BatchCounts.h"
#include "passes/analysis/CallOrder.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_TODESTINATIONPASSINGPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Where a converted function leaves its results.
struct Convention {
  unsigned oldArguments;
  /// Argument whose value, updated, is result i.
  SmallVector<unsigned> argumentOfResult;
};

struct ToDestinationPassing
    : public dsv2::impl::ToDestinationPassingPassBase<ToDestinationPassing> {

  func::FuncOp getCallee(func::CallOp call) {
    return symbols->lookup<func::FuncOp>(call.getCallee());
  }

  /// One `batch_count` for each count, at the entry.
  Value getCountValue(func::FuncOp function, StringRef name) {
    for (auto count : function.front().getOps<BatchCountOp>())
      if (count.getCount() == name && count->getBlock() == &function.front()) {
        count->moveBefore(&function.front(), function.front().begin());
        return count;
      }
    auto b = OpBuilder::atBlockBegin(&function.front());
    return BatchCountOp::create(b, function.getLoc(), b.getIndexType(),
                                cast<TypedValue<BatchType>>(getBatchArgument(function)), name);
  }

  FailureOr<Value> makeEmpty(OpBuilder &b, OpResult result, func::FuncOp function) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<Value> sizes;
    if (!type.hasStaticShape()) {
      if (type.getNumDynamicDims() != 1)
        return result.getOwner()->emitError("has more than one dynamic size in ") << type;
      if (!getBatchArgument(function))
        return function.emitError("has no batch to size ") << type;
      FailureOr<StringRef> count = counts->get(result);
      if (failed(count))
        return failure();
      sizes.push_back(getCountValue(function, *count));
    }
    return tensor::EmptyOp::create(b, result.getLoc(), type, sizes).getResult();
  }

  /// The argument that `value` is an in-place update of, or null.
  BlockArgument getUpdatedArgument(Value value) {
    while (true) {
      if (auto argument = dyn_cast<BlockArgument>(value))
        return argument;
      Operation *op = value.getDefiningOp();
      unsigned i = cast<OpResult>(value).getResultNumber();
      if (auto planned = dyn_cast<PlannedOpInterface>(op)) {
        if (planned.getInitsMutable().empty())
          return {};
        value = planned.getInitsMutable()[i].get();
        continue;
      }
      auto call = dyn_cast<func::CallOp>(op);
      if (!call)
        return {};
      unsigned argument = conventions[getCallee(call)].argumentOfResult[i];
      if (argument >= conventions[getCallee(call)].oldArguments)
        return {};
      value = call.getOperand(argument);
    }
  }

  LogicalResult convert(func::FuncOp function) {
    auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
    Convention &convention = conventions[function];
    convention.oldArguments = function.getNumArguments();
    DenseMap<Value, Value> destinations;
    OpBuilder b(&getContext());
    for (auto [i, value] : llvm::enumerate(terminator.getOperands())) {
      if (BlockArgument argument = getUpdatedArgument(value)) {
        convention.argumentOfResult.push_back(argument.getArgNumber());
        continue;
      }
      auto type = cast<RankedTensorType>(value.getType());
      SmallVector<NamedAttribute> attributes{
          b.getNamedAttr("dsv2.destination", b.getUnitAttr())};
      if (!type.hasStaticShape()) {
        FailureOr<StringRef> count = counts->get(value);
        if (failed(count))
          return failure();
        attributes.push_back(b.getNamedAttr("dsv2.count", b.getStringAttr(*count)));
        function.setResultAttr(i, "dsv2.count", b.getStringAttr(*count));
      }
      unsigned last = function.getNumArguments();
      if (failed(function.insertArgument(last, type, b.getDictionaryAttr(attributes), value.getLoc())))
        return failure();
      convention.argumentOfResult.push_back(last);
      // Anything else would need a copy.
      if (!destinations.insert({value, function.getArgument(last)}).second ||
          !isa_and_nonnull<PlannedOpInterface, func::CallOp>(value.getDefiningOp()))
        return terminator.emitError("result #") << i << " cannot be written into a destination";
    }
    for (Operation &op : llvm::make_early_inc_range(function.front())) {
      b.setInsertionPoint(&op);
      auto getDestination = [&](OpResult result) -> FailureOr<Value> {
        if (Value destination = destinations.lookup(result))
          return destination;
        return makeEmpty(b, result, function);
      };
      if (auto planned = dyn_cast<PlannedOpInterface>(&op)) {
        if (!planned.getInitsMutable().empty())
          continue;
        SmallVector<Value> inits;
        for (OpResult result : op.getResults()) {
          FailureOr<Value> destination = getDestination(result);
          if (failed(destination))
            return failure();
          inits.push_back(*destination);
        }
        planned.getInitsMutable().assign(inits);
      } else if (auto call = dyn_cast<func::CallOp>(&op)) {
        const Convention &callee = conventions[getCallee(call)];
        for (auto [result, argument] : llvm::zip(op.getResults(), callee.argumentOfResult)) {
          if (argument < callee.oldArguments)
            continue;
          FailureOr<Value> destination = getDestination(result);
          if (failed(destination))
            return failure();
          call.getOperandsMutable().append(*destination);
        }
      }
    }
    return success();
  }

  void runOnOperation() override {
    conventions.clear();
    SymbolTable table(getOperation());
    symbols = &table;
    BatchCounts batchCounts(getOperation());
    counts = &batchCounts;
    for (func::FuncOp function : getStepFunctions(getOperation()))
      if (failed(convert(function)))
        return signalPassFailure();
  }

  SymbolTable *symbols = nullptr;
  BatchCounts *counts = nullptr;
  DenseMap<Operation *, Convention> conventions;
};

} // namespace
