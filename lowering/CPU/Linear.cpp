//===- Linear.cpp - Rows times one weight, or several ---------------------===//
//
// linear and linears.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/JointProduct.h"
#include "lowering/CPU/Kernels.h"

using namespace mlir;
using namespace mlir::dsv2;

static LogicalResult lowerProducts(Operation *op, KernelBuilder &k, Value x, ValueRange weights,
                                   ValueRange ys, Value bias = {}) {
  FailureOr<JointProduct> product = JointProduct::create(op, k, x, weights, ys, bias);
  if (failed(product))
    return failure();
  if (int64_t bytes = product->scratchBytes())
    product->setScratch(k.scratch(bytes));
  product->emit(x, k.dim(x, 0));
  return success();
}

LogicalResult dsv2::lowerLinear(LinearOp op, KernelBuilder &k) {
  return lowerProducts(op, k, op.getX(), op.getWeight(), op.getInits(), op.getBias());
}

LogicalResult dsv2::lowerLinears(LinearsOp op, KernelBuilder &k) {
  return lowerProducts(op, k, op.getX(), op.getWeights(), op.getInits());
}
