//===- WeightKernels.cpp - Reference of the weight program's ops ----------===//
//
// Conversion, transposition, merging and packing of weights.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Kernels.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// The same elements in the order of storage; most weights are large and need
/// no copy for that.
static HostArray contiguous(const HostArray &array) {
  return array.isContiguous() ? array : array.copy();
}

LogicalResult mlir::dsv2::reference::evaluate(ConvertOp op, const KernelArguments &args) {
  // In f64 evaluation too: what a weight is, is data.
  HostArray values = contiguous(args[op.getX()]);
  const HostArray &out = args.outs[0];
  for (int64_t i = 0; i < values.numElements(); ++i)
    out.data()[i] = roundTo(values.data()[i], out.elementType());
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(TransposeOp op, const KernelArguments &args) {
  HostArray x = contiguous(args[op.getX()]);
  const HostArray &out = args.outs[0];
  int64_t rows = x.size(x.rank() - 2), columns = x.size(x.rank() - 1);
  int64_t matrix = rows * columns;
  for (int64_t i = 0; i < x.numElements(); ++i)
    out.data()[i / matrix * matrix + i % columns * rows + i % matrix / columns] = x.data()[i];
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(MergeOp op, const KernelArguments &args) {
  const HostArray &lhs = args[op.getLhs()], &out = args.outs[0];
  HostArray rhs = contiguous(args[op.getRhs()]);
  int64_t k = rhs.size(1), columns = rhs.size(2);
  for (int64_t h = 0; h < out.size(0); ++h)
    for (int64_t i = 0; i < out.size(1); ++i) {
      Row a = lhs.row(h, i), to = out.row(h, i);
      std::vector<double> sum(columns, 0.0);
      for (int64_t l = 0; l < k; ++l) {
        Row b = rhs.row(h, l);
        for (int64_t j = 0; j < columns; ++j)
          sum[j] += a[l] * b[j];
      }
      for (int64_t j = 0; j < columns; ++j)
        to[j] = round(sum[j], out.elementType(), args.precision);
    }
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(PackOp op, const KernelArguments &args) {
  HostArray x = contiguous(args[op.getX()]);
  const HostArray &out = args.outs[0];
  int64_t n = x.size(x.rank() - 2), k = x.size(x.rank() - 1);
  int64_t outer = out.rank() - 4;
  int64_t blocks = out.size(outer), pairs = out.size(outer + 1), block = out.size(outer + 2),
          pair = out.size(outer + 3);
  std::fill_n(out.data(), out.numElements(), 0.0);
  for (int64_t index = 0; index < x.numElements(); ++index) {
    int64_t matrix = index / (n * k), i = index / k % n, j = index % k;
    out.data()[(((matrix * blocks + i / block) * pairs + j / pair) * block + i % block) * pair +
               j % pair] = x.data()[index];
  }
  return success();
}
