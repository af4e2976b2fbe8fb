//===- Experts.cpp ---===//
#include "lowering/CPU/Kernels.h"
using namespace mlir;
using namespace mlir::dsv2;
void dsv2::lowerSelectExperts(SelectExpertsOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerDispatch(DispatchOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
void dsv2::lowerCombine(CombineOp op, KernelBuilder &k) { op.emitOpError("lowering is being written"); }
