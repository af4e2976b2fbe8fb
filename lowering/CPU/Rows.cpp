//===- Rows.cpp ---===//
#include "lowering/CPU/Kernels.h"
using namespace mlir;
using namespace mlir::dsv2;
void dsv2::lowerEmbed(EmbedOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerZeros(ZerosOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerAdd(AddOp op, KernelBuilder &k) {
  Value lhs = op.getLhs(), rhs = op.getRhs(), y = op.getInits()[0];
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    k.forEachVector(k.staticDim(y, 1), [&](Value i, int64_t lanes) {
      Value sum = arith::AddFOp::create(k.b, k.loadF32(lhs, {t, i}, lanes),
                                        k.loadF32(rhs, {t, i}, lanes));
      k.storeF32(sum, y, {t, i});
    });
  });
}
void dsv2::lowerRmsNorm(RmsNormOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerSwiglu(SwigluOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerSelectOutputs(SelectOutputsOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
