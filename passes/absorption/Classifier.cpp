//===- Classifier.cpp - Which sequences of a step are absorbed ------------===//
//
// Builds the classifier, and asks it without compiling it.
//
//===----------------------------------------------------------------------===//

#include "passes/absorption/Classifier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <array>

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Emits a classification over the function's arguments.
struct Emitter {
  OpBuilder &builder;
  Location loc;
  Value tokens, prefix, batch;

  Value number(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }
  Value sub(Value a, Value b) { return arith::SubIOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(builder, loc, a, b); }
  Value max(Value a, Value b) { return arith::MaxSIOp::create(builder, loc, a, b); }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(builder, loc, predicate, a, b);
  }

  Value emit(EverySequence every) {
    return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(every.absorbed));
  }
  Value emit(UpToTokens limit) {
    return compare(arith::CmpIPredicate::sle, tokens, number(limit.tokens));
  }
  /// As AbsorptionRule::absorbs.
  Value emit(const AbsorptionRule &rule) {
    Value projection = number(rule.projection), stream = number(rule.stream);
    Value rows = add(prefix, tokens);
    Value pairs = mul(tokens, add(add(prefix, rows), number(1)));
    Value memory = add(stream, mul(rows, number(rule.row)));
    Value absorbed = max(memory, add(mul(add(tokens, batch), projection),
                                     mul(pairs, number(rule.absorbedPair))));
    Value others = arith::SelectOp::create(
        builder, loc, compare(arith::CmpIPredicate::sgt, batch, number(0)),
        max(stream, mul(batch, projection)), number(0));
    Value expanded =
        max(memory, add(mul(rows, projection), mul(pairs, number(rule.expandedPair))));
    return compare(arith::CmpIPredicate::sle, sub(absorbed, others), expanded);
  }
};

} // namespace

func::FuncOp mlir::dsv2::addClassifier(ModuleOp module, const Classification &classification) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  Type index = builder.getIndexType();
  auto function =
      func::FuncOp::create(builder, loc, kClassifier,
                           builder.getFunctionType({index, index, index}, {builder.getI1Type()}));
  function->setAttr(kClassifierAttr, builder.getUnitAttr());
  builder.setInsertionPointToEnd(function.addEntryBlock());
  Emitter emitter{builder, loc, function.getArgument(0), function.getArgument(1),
                  function.getArgument(2)};
  Value answer =
      std::visit([&](const auto &kind) { return emitter.emit(kind); }, classification);
  func::ReturnOp::create(builder, loc, answer);
  return function;
}

func::FuncOp mlir::dsv2::findClassifier(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(kClassifierAttr))
      return function;
  return {};
}

std::optional<bool> mlir::dsv2::evaluateClassifier(func::FuncOp classifier, int64_t tokens,
                                                   int64_t prefix, int64_t batch) {
  Builder builder(classifier.getContext());
  DenseMap<Value, Attribute> constants;
  const std::array<int64_t, 3> counts = {tokens, prefix, batch};
  for (auto [argument, value] : llvm::zip(classifier.getArguments(), counts))
    constants[argument] = builder.getIndexAttr(value);
  for (Operation &op : classifier.front()) {
    SmallVector<Attribute> operands =
        llvm::map_to_vector(op.getOperands(), [&](Value value) { return constants.lookup(value); });
    if (isa<func::ReturnOp>(op)) {
      auto answer = dyn_cast_or_null<IntegerAttr>(operands.front());
      return answer ? std::optional<bool>(!answer.getValue().isZero()) : std::nullopt;
    }
    SmallVector<OpFoldResult> results;
    if (failed(op.fold(operands, results)) || results.size() != op.getNumResults())
      return std::nullopt;
    for (auto [result, folded] : llvm::zip(op.getResults(), results)) {
      auto value = dyn_cast<Value>(folded);
      constants[result] = value ? constants.lookup(value) : cast<Attribute>(folded);
    }
  }
  return std::nullopt;
}
