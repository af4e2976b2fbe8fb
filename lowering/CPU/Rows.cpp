//===- Rows.cpp - Row-wise ops to loops -----------------------------------===//
//
// Embedding, zeros, add, norm, SwiGLU and the selection of output rows: each
// row is read and written once by one thread. Values are f32 in registers and
// rounded once, when stored. Every op but the two gathers reads an element
// before it writes the one at the same place, so that a destination may be
// the buffer of an operand.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/VectorMath.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Copies columns of one row, of equal type on both sides.
static void copyColumns(KernelBuilder &k, Value from, Value fromRow, Value to, Value toRow,
                        int64_t first, int64_t count) {
  Type element = cast<MemRefType>(to.getType()).getElementType();
  k.forEachVector(count, [&](Value i, int64_t lanes) {
    Value column = k.add(i, first);
    Value bits = vector::LoadOp::create(k.b, VectorType::get({lanes}, element), from,
                                        ValueRange{fromRow, column});
    vector::StoreOp::create(k.b, bits, to, ValueRange{toRow, column});
  });
}

void dsv2::lowerEmbed(EmbedOp op, KernelBuilder &k) {
  Value ids = op.getIds(), table = op.getTable(), y = op.getInits()[0];
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    copyColumns(k, table, k.loadIndex(ids, t), y, t, 0, k.staticDim(y, 1));
  });
}

void dsv2::lowerSelectOutputs(SelectOutputsOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  k.forEachPiece(k.dim(y, 0), [&](Value r) {
    copyColumns(k, x, k.batchElement(BatchField::OutputRows, r), y, r, 0, k.staticDim(y, 1));
  });
}

void dsv2::lowerZeros(ZerosOp op, KernelBuilder &k) {
  Value y = op.getInits()[0];
  int64_t columns = cast<MemRefType>(y.getType()).getShape().back();
  k.forEachRow(y, [&](SmallVector<Value> at) {
    k.forEachVector(columns, [&](Value i, int64_t lanes) {
      at.push_back(i);
      k.storeF32(k.splat(0, lanes), y, at);
      at.pop_back();
    });
  });
}

void dsv2::lowerAdd(AddOp op, KernelBuilder &k) {
  Value lhs = op.getLhs(), rhs = op.getRhs(), y = op.getInits()[0];
  int64_t columns = cast<MemRefType>(y.getType()).getShape().back();
  k.forEachRow(y, [&](SmallVector<Value> at) {
    k.forEachVector(columns, [&](Value i, int64_t lanes) {
      at.push_back(i);
      Value a = k.loadF32(lhs, at, lanes), b = k.loadF32(rhs, at, lanes);
      k.storeF32(arith::AddFOp::create(k.b, a, b), y, at);
      at.pop_back();
    });
  });
}

void dsv2::lowerSwiglu(SwigluOp op, KernelBuilder &k) {
  Value gates = op.getGate(), ups = op.getUp(), y = op.getInits()[0];
  int64_t columns = cast<MemRefType>(y.getType()).getShape().back();
  k.forEachRow(y, [&](SmallVector<Value> at) {
    k.forEachVector(columns, [&](Value i, int64_t lanes) {
      at.push_back(i);
      Value gate = k.loadF32(gates, at, lanes), up = k.loadF32(ups, at, lanes);
      // silu(g) = g / (1 + exp(-g)); an infinite exp makes it zero, as it should be.
      Value decay = emitExp(k, arith::NegFOp::create(k.b, gate));
      Value silu = arith::DivFOp::create(
          k.b, gate, arith::AddFOp::create(k.b, decay, k.splat(1, lanes)));
      k.storeF32(arith::MulFOp::create(k.b, silu, up), y, at);
      at.pop_back();
    });
  });
}

/// The sum of the lanes, added as a tree.
static Value sumLanes(KernelBuilder &k, Value vector) {
  return vector::ReductionOp::create(k.b, vector::CombiningKind::ADD, vector,
                                     arith::FastMathFlags::reassoc);
}

/// `sum x[t, :n]^2` in f32.
static Value sumOfSquares(KernelBuilder &k, Value x, Value t, int64_t n) {
  // Hides the latency of an addition; more partial sums also round less.
  constexpr int64_t accumulators = 4;
  int64_t lanes = k.target.lanes(), step = accumulators * lanes, full = n / step * step;
  auto addSquares = [&](Value i, int64_t width, Value sum) {
    Value values = k.loadF32(x, {t, i}, width);
    return sum ? k.fma(values, values, sum) : arith::MulFOp::create(k.b, values, values);
  };
  SmallVector<Value> sums(accumulators, k.splat(0, lanes));
  if (full)
    sums = k.fold(k.index(0), k.index(full), step, sums, [&](Value i, ValueRange carried) {
      SmallVector<Value> next;
      for (auto [j, sum] : llvm::enumerate(carried))
        next.push_back(addSquares(k.add(i, j * lanes), lanes, sum));
      return next;
    });
  int64_t i = full;
  for (; i + lanes <= n; i += lanes)
    sums[(i - full) / lanes] = addSquares(k.index(i), lanes, sums[(i - full) / lanes]);
  Value total = sumLanes(k, arith::AddFOp::create(
                                k.b, arith::AddFOp::create(k.b, sums[0], sums[1]),
                                arith::AddFOp::create(k.b, sums[2], sums[3])));
  while (i < n) {
    int64_t width = llvm::bit_floor(uint64_t(n - i));
    total = arith::AddFOp::create(k.b, total, sumLanes(k, addSquares(k.index(i), width, {})));
    i += width;
  }
  return total;
}

void dsv2::lowerRmsNorm(RmsNormOp op, KernelBuilder &k) {
  Value x = op.getX(), weight = op.getWeight(), y = op.getInits()[0];
  int64_t n = k.staticDim(weight, 0), columns = k.staticDim(y, 1);
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    Value mean = arith::DivFOp::create(k.b, sumOfSquares(k, x, t, n), k.f32(n));
    Value shifted = arith::AddFOp::create(k.b, mean, k.f32(op.getEps().convertToDouble()));
    Value r = arith::DivFOp::create(k.b, k.f32(1), math::SqrtOp::create(k.b, shifted));
    k.forEachVector(n, [&](Value i, int64_t lanes) {
      Value scaled =
          arith::MulFOp::create(k.b, k.loadF32(x, {t, i}, lanes), k.broadcast(r, lanes));
      k.storeF32(arith::MulFOp::create(k.b, scaled, k.loadF32(weight, i, lanes)), y, {t, i});
    });
    if (x != y)
      copyColumns(k, x, t, y, t, n, columns - n);
  });
}
