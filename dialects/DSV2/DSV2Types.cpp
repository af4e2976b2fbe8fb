//===- DSV2Types.cpp - Types and attributes of dsv2 -----------------------===//
//
// Batch, cache encoding, ranges, and the shapes that weights may have.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dsv2;

#include "dialects/DSV2/DSV2Enums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/DSV2/DSV2Types.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/DSV2/DSV2Attrs.cpp.inc"

void DSV2Dialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/DSV2/DSV2Types.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/DSV2/DSV2Attrs.cpp.inc"
      >();
}

LogicalResult BatchType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t tokens, int64_t sequences,
                                int64_t outputs, int64_t span) {
  if (tokens <= 0 || sequences <= 0 || outputs <= 0 || span <= 0)
    return emitError() << "maxima of a batch must be positive, got tokens = "
                       << tokens << ", sequences = " << sequences
                       << ", outputs = " << outputs << ", span = " << span;
  return success();
}

int64_t BatchType::getMaximum(StringRef count) const {
  return llvm::StringSwitch<int64_t>(count)
      .Case("tokens", getTokens())
      .Case("sequences", getSequences())
      .Case("outputs", getOutputs())
      .Default(-1);
}

bool BatchType::isCount(StringRef count) {
  return count == "tokens" || count == "sequences" || count == "outputs" ||
         count == "pages";
}

int64_t dsv2::getPackedPair(Type type) {
  return 32 / type.getIntOrFloatBitWidth();
}

bool dsv2::isWeightShape(ShapedType type, ArrayRef<int64_t> leading, int64_t n,
                         int64_t k) {
  ArrayRef<int64_t> shape = type.getShape();
  if (shape.size() < leading.size() ||
      shape.take_front(leading.size()) != leading)
    return false;
  shape = shape.drop_front(leading.size());
  if (shape.size() == 2)
    return shape[0] == n && shape[1] == k;
  int64_t pair = getPackedPair(type.getElementType());
  return shape.size() == 4 && shape[0] == llvm::divideCeilSigned(n, kPackedColumns) &&
         shape[1] == llvm::divideCeilSigned(k, pair) && shape[2] == kPackedColumns &&
         shape[3] == pair;
}

CacheAttr dsv2::getCacheLayout(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return dyn_cast_or_null<CacheAttr>(tensor.getEncoding());
  if (auto memref = dyn_cast<MemRefType>(type))
    return dyn_cast_or_null<CacheAttr>(memref.getMemorySpace());
  return {};
}
