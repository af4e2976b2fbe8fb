//===- Argmax.cpp - The largest column of a row ---------------------------===//
//
// Most of the time nothing of some columns is larger than what is known, and only
// that is asked; where one is becomes known in a branch that is seldom taken.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Argmax.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/Kernels.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::dsv2;

/// Columns that are looked at together: one weight block.
static constexpr int64_t kTogether = kPackedColumns;
/// Rows whose choices are kept in scratch at most: those of a batch that decodes.
/// More are seldom, and enough for each thread to have some of its own.
static constexpr int64_t kRowsInScratch = 64;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static Value constant(KernelBuilder &k, int32_t value) {
  return arith::ConstantOp::create(k.b, k.b.getI32IntegerAttr(value));
}

static RunningChoice beginChoice(KernelBuilder &k) { return {k.f32(-kInfinity), constant(k, -1)}; }

static Value toI32(KernelBuilder &k, Value index) {
  return arith::IndexCastOp::create(k.b, k.b.getI32Type(), index);
}

static Value compare(KernelBuilder &k, arith::CmpFPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpFOp::create(k.b, predicate, lhs, rhs);
}

static Value choose(KernelBuilder &k, Value condition, Value yes, Value no) {
  return arith::SelectOp::create(k.b, condition, yes, no);
}

/// Combines neighbours until one is left, so that chains stay short.
static Value reduce(SmallVector<Value> values, llvm::function_ref<Value(Value, Value)> combine) {
  while (values.size() > 1) {
    SmallVector<Value> half;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      half.push_back(combine(values[i], values[i + 1]));
    if (values.size() % 2)
      half.push_back(values.back());
    values = std::move(half);
  }
  return values.front();
}

namespace {

/// Some columns of a row in registers, a NaN as infinity.
class Columns {
public:
  /// `count` of them, from `first` on.
  Columns(KernelBuilder &k, const RowRef &row, Value first, int64_t count) : k(k), first(first) {
    for (int64_t offset = 0; offset < count;) {
      int64_t lanes = std::min<int64_t>(k.target.lanes(),
                                        llvm::bit_floor(uint64_t(count - offset)));
      Value values = k.loadF32(row.buffer, row.at(k, k.add(first, offset)), lanes);
      Value infinity = k.splat(kInfinity, lanes);
      parts.push_back({offset, lanes,
                       choose(k, compare(k, arith::CmpFPredicate::OLT, values, infinity), values,
                              infinity)});
      offset += lanes;
    }
  }

  /// f32.
  Value largest() {
    return overParts(
        [](const Part &part) { return part.values; },
        [&](Value a, Value b) -> Value {
          return arith::MaxNumFOp::create(k.b, a, b, arith::FastMathFlags::nnan);
        },
        [&](Value vector) -> Value {
          return vector::ReductionOp::create(k.b, vector::CombiningKind::MAXNUMF, vector,
                                             arith::FastMathFlags::nnan);
        });
  }

  /// The first column that holds `value`, i32. Requires that one does.
  Value find(Value value) {
    Value found = overParts(
        [&](const Part &part) -> Value {
          auto type = VectorType::get({part.lanes}, k.b.getI32Type());
          SmallVector<int32_t> numbers(part.lanes);
          std::iota(numbers.begin(), numbers.end(), int32_t(part.offset));
          Value here =
              arith::ConstantOp::create(k.b, DenseElementsAttr::get(type, ArrayRef(numbers)));
          Value equal = compare(k, arith::CmpFPredicate::OEQ, part.values,
                                k.broadcast(value, part.lanes));
          return choose(k, equal, here, k.broadcast(constant(k, INT32_MAX), part.lanes));
        },
        [&](Value a, Value b) -> Value { return arith::MinSIOp::create(k.b, a, b); },
        [&](Value vector) -> Value {
          return vector::ReductionOp::create(k.b, vector::CombiningKind::MINSI, vector);
        });
    return arith::AddIOp::create(k.b, found, toI32(k, first));
  }

private:
  struct Part {
    int64_t offset, lanes;
    Value values;
  };

  /// Reduces whole vectors lane by lane, then each width to a scalar.
  Value overParts(llvm::function_ref<Value(const Part &)> map,
                  llvm::function_ref<Value(Value, Value)> combine,
                  llvm::function_ref<Value(Value)> reduceLanes) {
    SmallVector<Value> whole, scalars;
    for (const Part &part : parts) {
      Value mapped = map(part);
      if (part.lanes == k.target.lanes())
        whole.push_back(mapped);
      else
        scalars.push_back(reduceLanes(mapped));
    }
    if (!whole.empty())
      scalars.push_back(reduceLanes(reduce(whole, combine)));
    return reduce(scalars, combine);
  }

  KernelBuilder &k;
  Value first;
  SmallVector<Part> parts;
};

} // namespace

/// `before` and `count` columns behind those that it is of.
static RunningChoice emitLook(KernelBuilder &k, const RowRef &row, Value first, int64_t count,
                              const RunningChoice &before) {
  Columns columns(k, row, first, count);
  Value largest = columns.largest();
  auto branch = scf::IfOp::create(
      k.b, TypeRange{k.b.getF32Type(), k.b.getI32Type()},
      compare(k, arith::CmpFPredicate::OGT, largest, before.largest), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  Value isNone = compare(k, arith::CmpFPredicate::OEQ, largest, k.f32(kInfinity));
  Value column = choose(k, isNone, constant(k, -1), columns.find(largest));
  scf::YieldOp::create(k.b, ValueRange{largest, column});
  k.b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(k.b, ValueRange{before.largest, before.column});
  return {branch.getResult(0), branch.getResult(1)};
}

Value dsv2::emitRowChoice(KernelBuilder &k, const RowRef &row) {
  int64_t columns = cast<MemRefType>(row.buffer.getType()).getShape().back();
  int64_t whole = columns / kTogether * kTogether;
  RunningChoice choice = beginChoice(k);
  if (whole) {
    SmallVector<Value> carried =
        k.fold(k.index(0), k.index(whole), kTogether, ValueRange{choice.largest, choice.column},
               [&](Value first, ValueRange before) -> SmallVector<Value> {
                 RunningChoice next = emitLook(k, row, first, kTogether, {before[0], before[1]});
                 return {next.largest, next.column};
               });
    choice = {carried[0], carried[1]};
  }
  if (whole < columns)
    choice = emitLook(k, row, k.index(whole), columns - whole, choice);
  return choice.column;
}

void dsv2::lowerArgmax(ArgmaxOp op, KernelBuilder &k) {
  Value logits = op.getLogits(), choices = op.getInits()[0];
  k.forEachPiece(k.dim(logits, 0), [&](Value row) {
    k.store(emitRowChoice(k, {logits, {row}}), choices, {row});
  });
}

//===----------------------------------------------------------------------===//
// Within a product
//===----------------------------------------------------------------------===//

ProductChoice::ProductChoice(KernelBuilder &k, Value logits, Value choices)
    : k(k), logits(logits), choices(choices), rows(k.dim(logits, 0)),
      few(k.less(rows, k.index(kRowsInScratch + 1))), columns(k.staticDim(logits, 1)) {}

int64_t ProductChoice::scratchBytes() { return 2 * 4 * kRowsInScratch; }

void ProductChoice::setScratch(int64_t bytesOfOp, int64_t offsetInIt) {
  bytes = bytesOfOp;
  offset = offsetInIt;
  mine = stateOf();
}

ProductChoice::State ProductChoice::stateOf(Value thread) {
  Value scratch = k.scratch(bytes, thread);
  auto view = [&](int64_t begin, Type element) {
    return k.scratchView(scratch, offset + begin, MemRefType::get({kRowsInScratch}, element));
  };
  return {view(0, k.b.getF32Type()), view(4 * kRowsInScratch, k.b.getI32Type())};
}

RunningChoice ProductChoice::load(const State &state, Value row) {
  return {k.load(state.largest, row), k.load(state.columns, row)};
}

void ProductChoice::store(const RunningChoice &choice, const State &state, Value row) {
  k.store(choice.largest, state.largest, row);
  k.store(choice.column, state.columns, row);
}

void ProductChoice::begin() {
  k.forEach(k.index(0), k.min(rows, k.index(kRowsInScratch)), 1,
            [&](Value row) { store(beginChoice(k), mine, row); });
}

void ProductChoice::look(Value block, Value lower, Value upper) {
  Value first = k.mul(block, kTogether);
  auto lookAt = [&](int64_t count) {
    k.forEach(lower, upper, 1, [&](Value row) {
      store(emitLook(k, {logits, {row}}, first, count, load(mine, row)), mine, row);
    });
  };
  k.ifThen(few, [&] {
    int64_t whole = columns / kTogether, rest = columns % kTogether;
    if (!rest)
      return lookAt(kTogether);
    auto branch = scf::IfOp::create(k.b, k.less(block, k.index(whole)), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(branch.thenBlock());
    lookAt(kTogether);
    k.b.setInsertionPointToStart(branch.elseBlock());
    lookAt(rest);
  });
}

/// A row by one thread, over what all have kept of it.
void ProductChoice::merge() {
  k.forEachPiece(rows, [&](Value row) {
    RunningChoice none = beginChoice(k);
    SmallVector<Value> merged = k.fold(
        k.index(0), k.getThreads(), 1, ValueRange{none.largest, none.column},
        [&](Value thread, ValueRange carried) -> SmallVector<Value> {
          RunningChoice other = load(stateOf(thread), row);
          Value larger = compare(k, arith::CmpFPredicate::OGT, other.largest, carried[0]);
          Value equal = compare(k, arith::CmpFPredicate::OEQ, other.largest, carried[0]);
          Value lower = arith::CmpIOp::create(k.b, arith::CmpIPredicate::slt, other.column,
                                              carried[1]);
          Value better =
              arith::OrIOp::create(k.b, larger, arith::AndIOp::create(k.b, equal, lower));
          return {choose(k, better, other.largest, carried[0]),
                  choose(k, better, other.column, carried[1])};
        });
    k.store(merged[1], choices, row);
  });
}

void ProductChoice::finish() {
  k.barrier();
  auto branch = scf::IfOp::create(k.b, few, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  merge();
  k.barrier(); // the scratch is still read
  k.b.setInsertionPointToStart(branch.elseBlock());
  k.forEachPiece(rows, [&](Value row) {
    k.store(emitRowChoice(k, {logits, {row}}), choices, row);
  });
}
