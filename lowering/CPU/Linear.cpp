//===- Linear.cpp ---===//
#include "lowering/CPU/Kernels.h"
using namespace mlir;
using namespace mlir::dsv2;
void dsv2::lowerLinear(LinearOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerHeadLinear(HeadLinearOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerGroupedLinear(GroupedLinearOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
