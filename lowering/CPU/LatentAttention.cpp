//===- LatentAttention.cpp ---===//
#include "lowering/CPU/Kernels.h"
using namespace mlir;
using namespace mlir::dsv2;
void dsv2::lowerAppendLatent(AppendLatentOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerLatentAttention(LatentAttentionOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
