//===- GroupedGatedLinear.cpp - SwiGLU of each expert's products ----------===//
//
// Pieces are those of grouped_linear, then those of gated_linear with the shared
// experts' weights, numbered on: the last experts leave no thread without work
// while there is some.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "lowering/CPU/GatedProduct.h"
#include "lowering/CPU/Kernels.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerGroupedGatedLinear(GroupedGatedLinearOp op, KernelBuilder &k) {
  bool hasShared = bool(op.getSharedGate());
  if (!isPackedWeight(cast<ShapedType>(op.getGate().getType()), 1) ||
      (hasShared && !isPackedWeight(cast<ShapedType>(op.getSharedGate().getType()))))
    return op.emitOpError("needs packed weights");
  Value x = op.getX(), y = flattenPairs(k, op.getInits()[0]);
  ExpertGroups groups(k, op.getOffsets(), op.getOrder(), op.getExperts(), op.getUnsortedTokens());
  GatedProduct routed(k, x, op.getGate(), op.getUp(), y, k.staticDim(y, 1), k.staticDim(x, 1));
  std::optional<GatedProduct> shared;
  if (hasShared) {
    Value sharedY = op.getInits()[1];
    shared.emplace(k, x, op.getSharedGate(), op.getSharedUp(), sharedY, k.staticDim(sharedY, 1),
                   k.staticDim(x, 1));
  }
  Value scratch =
      k.scratch(std::max(routed.scratchBytes(), shared ? shared->scratchBytes() : 0));
  routed.setScratch(scratch);
  Value first =
      groups.forEachBlock(routed.blocks(), [&](const ExpertGroups::Group &group, Value block) {
        routed.emit({group.expert}, block, group.lower, group.upper, [&](Value row) {
          return PackedProduct::Row{{groups.tokenOf(groups.pairOf(row))}, {row}};
        });
      });
  if (!shared)
    return success();
  shared->setScratch(scratch);
  forEachRowsAndBlock(k, first, k.dim(x, 0), k.index(shared->rowsOfPiece()),
                      k.index(shared->blocks()),
                      [&](Value block, Value lower, Value upper) {
                        shared->emit({}, block, lower, upper, [&](Value row) {
                          return PackedProduct::Row{{row}, {row}};
                        });
                      });
  return success();
}
