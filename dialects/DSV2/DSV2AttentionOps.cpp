//===- DSV2AttentionOps.cpp - Latent attention ----------------------------===//
//
// Verifiers.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

/// Verifies that `cache` is `[layers, pages, page, latent + rope]`, encoded.
static LogicalResult verifyCache(Operation *op, ShapedType cache) {
  CacheAttr layout = getCacheLayout(cache);
  if (!layout)
    return op->emitOpError("cache ") << cache << " has no cache encoding";
  if (cache.getRank() != 4 ||
      cache.getDimSize(3) != layout.getLatent() + layout.getRope())
    return op->emitOpError("cache ")
           << cache << " does not have rows of latent " << layout.getLatent()
           << " and rope " << layout.getRope();
  return success();
}

LogicalResult AppendLatentOp::verify() {
  if (getInits().size() != 1)
    return emitOpError("needs one cache, got ") << getInits().size();
  ShapedType cache = shaped(getInits()[0]), rows = shaped(getRows());
  // C1
  if (failed(verifyCache(*this, cache)))
    return failure();
  // C2
  if (rows.getRank() != 2 || rows.getDimSize(1) != cache.getDimSize(3) ||
      rows.getElementType() != cache.getElementType())
    return emitOpError("cache ") << cache << " does not take rows of " << rows;
  // C3
  int64_t normed = 0, turned = 0;
  if (getNorm()) {
    ShapedType norm = shaped(getNorm());
    if (norm.getRank() != 1)
      return emitOpError("norm ") << norm << " does not fit rows of " << rows;
    normed = norm.getDimSize(0);
    if (!getEps() || !(getEps()->convertToDouble() > 0) || !getEps()->isFinite())
      return emitOpError("eps must be positive");
  }
  if (getTable()) {
    ShapedType table = shaped(getTable());
    if (table.getRank() != 3 || table.getDimSize(2) != 2)
      return emitOpError("table ") << table << " does not fit rows of " << rows;
    turned = 2 * table.getDimSize(1);
  }
  if (normed + turned > rows.getDimSize(1))
    return emitOpError("cannot norm ") << normed << " and turn " << turned << " columns of " << rows;
  return success();
}

LogicalResult MlaAttentionOp::verify() {
  ShapedType query = shaped(getQuery()), cache = shaped(getCache()),
             kvB = shaped(getKvB()), result = getPlannedResultType(*this);
  // C2
  if (failed(verifyCache(*this, cache)))
    return failure();
  CacheAttr layout = getCacheLayout(cache);
  // C1
  if (query.getRank() != 3 || result.getRank() != 3 ||
      query.getDimSize(1) != result.getDimSize(1) ||
      query.getDimSize(2) <= layout.getRope())
    return emitOpError("query ") << query << " does not fit result " << result;
  // C3
  int64_t rows = query.getDimSize(1) * (query.getDimSize(2) - layout.getRope() +
                                        result.getDimSize(2));
  if (kvB.getRank() != 2 || kvB.getDimSize(0) != rows ||
      kvB.getDimSize(1) != layout.getLatent())
    return emitOpError("kv_b ") << kvB << " is not [" << rows << ", "
                                << layout.getLatent() << "]";
  return success();
}

LogicalResult HeadLinearOp::verify() {
  ShapedType x = shaped(getX()), weight = shaped(getWeight()),
             result = getPlannedResultType(*this);
  // C2
  if (x.getRank() != 3 || result.getRank() != 3 ||
      x.getDimSize(1) != result.getDimSize(1) ||
      x.getElementType() != result.getElementType())
    return emitOpError("rows of ") << x << " and " << result << " differ";
  int64_t through = getThrough();
  if (through < 0 || through >= std::min(x.getDimSize(2), result.getDimSize(2)))
    return emitOpError("cannot pass ")
           << through << " columns of " << x << " through to " << result;
  // C1
  if (!isWeightShape(weight, {x.getDimSize(1)}, result.getDimSize(2) - through,
                     x.getDimSize(2) - through))
    return emitOpError("weight ") << weight << " does not take " << x << " to " << result
                                  << " with " << through << " columns passed through";
  // C4
  if (!getTable())
    return success();
  ShapedType table = shaped(getTable());
  if (table.getRank() != 3 || table.getDimSize(2) != 2 || 2 * table.getDimSize(1) > through)
    return emitOpError("table ") << table << " does not fit " << through
                                 << " columns passed through";
  return success();
}

LogicalResult LatentAttentionOp::verify() {
  ShapedType query = shaped(getQuery()), cache = shaped(getCache()),
             result = getPlannedResultType(*this);
  // C1
  if (failed(verifyCache(*this, cache)))
    return failure();
  // C2
  if (query.getRank() != 3 || result.getRank() != 3 ||
      query.getDimSize(1) != result.getDimSize(1) ||
      query.getDimSize(2) != cache.getDimSize(3) ||
      result.getDimSize(2) != getCacheLayout(cache).getLatent())
    return emitOpError("query ") << query << " and result " << result
                                 << " do not fit cache " << cache;
  return success();
}

LogicalResult ExpandedAttentionOp::verify() {
  ShapedType query = shaped(getQuery()), cache = shaped(getCache()),
             result = getPlannedResultType(*this);
  // C1
  if (failed(verifyCache(*this, cache)))
    return failure();
  CacheAttr layout = getCacheLayout(cache);
  // C3
  if (query.getRank() != 3 || result.getRank() != 3 ||
      query.getDimSize(1) != result.getDimSize(1))
    return emitOpError("query ") << query << " does not fit result " << result;
  // C2
  int64_t heads = query.getDimSize(1);
  if (!isWeightShape(shaped(getKeys()), {heads},
                     query.getDimSize(2) - layout.getRope(), layout.getLatent()))
    return emitOpError("keys ") << getKeys().getType() << " do not fit query " << query;
  if (!isWeightShape(shaped(getValues()), {heads}, result.getDimSize(2),
                     layout.getLatent()))
    return emitOpError("values ") << getValues().getType() << " do not fit result " << result;
  return success();
}
