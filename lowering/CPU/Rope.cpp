//===- Rope.cpp ---===//
#include "lowering/CPU/Kernels.h"
using namespace mlir;
using namespace mlir::dsv2;
void dsv2::lowerRopeTable(RopeTableOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerRope(RopeOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
