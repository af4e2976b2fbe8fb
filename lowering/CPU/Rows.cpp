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
#include "lowering/CPU/RowParts.h"
#include "lowering/CPU/VectorMath.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::lowerEmbed(EmbedOp op, KernelBuilder &k) {
  Value ids = op.getIds(), table = op.getTable(), y = op.getInits()[0];
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    emitCopy(k, {table, {k.loadIndex(ids, t)}}, {y, {t}}, k.staticDim(y, 1));
  });
}

void dsv2::lowerSelectOutputs(SelectOutputsOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  k.forEachPiece(k.dim(y, 0), [&](Value r) {
    emitCopy(k, {x, {k.batchElement(BatchField::OutputRows, r)}}, {y, {r}}, k.staticDim(y, 1));
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
      k.storeF32(emitSwiglu(k, gate, up), y, at);
      at.pop_back();
    });
  });
}

void dsv2::lowerRmsNorm(RmsNormOp op, KernelBuilder &k) {
  Value x = op.getX(), weight = op.getWeight(), y = op.getInits()[0];
  int64_t n = k.staticDim(weight, 0), columns = k.staticDim(y, 1);
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    Value factor =
        emitNormFactor(k, n, op.getEps().convertToDouble(), [&](Value column, int64_t lanes) {
          return k.loadF32(x, {t, column}, lanes);
        });
    emitNormScale(k, {x, {t}}, factor, weight, {y, {t}});
    if (x != y)
      emitCopy(k, {x, {t}, n}, {y, {t}, n}, columns - n);
  });
}

void dsv2::lowerAddRmsNorm(AddRmsNormOp op, KernelBuilder &k) {
  Value x = op.getX(), delta = op.getDelta(), sum = op.getInits()[0], normed = op.getInits()[1];
  int64_t n = k.staticDim(x, 1);
  k.forEachPiece(k.dim(x, 0), [&](Value t) {
    Value factor =
        emitNormFactor(k, n, op.getEps().convertToDouble(), [&](Value column, int64_t lanes) {
          return emitRoundedSum(k, {x, {t}}, {delta, {t}}, {sum, {t}}, column, lanes);
        });
    emitNormScale(k, {sum, {t}}, factor, op.getWeight(), {normed, {t}});
  });
}
