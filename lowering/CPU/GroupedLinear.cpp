//===- GroupedLinear.cpp - Each expert's rows times its weight ------------===//
//
// Pieces are (expert with rows, weight block) in that order, numbered across
// experts (ExpertGroups).
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerGroupedLinear(GroupedLinearOp op, KernelBuilder &k) {
  if (!isPackedWeight(cast<ShapedType>(op.getWeight().getType()), 1))
    return op.emitOpError("needs a packed weight");
  Value x = op.getX(), y = flattenPairs(k, op.getInits()[0]);
  bool sorted = cast<MemRefType>(x.getType()).getRank() == 3;
  if (sorted)
    x = flattenPairs(k, x);
  ExpertGroups groups(k, op.getOffsets(), op.getOrder());
  PackedProduct product(k, x, op.getWeight(), y, k.staticDim(y, 1), k.staticDim(x, 1));
  if (int64_t bytes = product.scratchBytes())
    product.setScratch(k.scratch(bytes));
  groups.forEachBlock(product.blocks(), [&](const ExpertGroups::Group &group, Value block) {
    product.emit({group.expert}, block, group.lower, group.upper, [&](Value row) {
      Value source = sorted ? row : groups.tokenOf(groups.pairOf(row));
      return PackedProduct::Row{{source}, {row}};
    });
  });
  return success();
}
