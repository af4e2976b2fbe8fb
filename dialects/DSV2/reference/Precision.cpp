//===- Precision.cpp - The two precisions of evaluation -------------------===//
//
// Rounding a double to the types of the IR.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Precision.h"
#include "llvm/ADT/APFloat.h"

#include <bit>
#include <cmath>

using namespace mlir;

double mlir::dsv2::reference::roundTo(double value, Type type) {
  float single = float(value);
  if (type.isF32() || std::isnan(single))
    return single;
  if (type.isBF16()) {
    // By way of f32, as hardware does it. Infinity has no fraction to round.
    uint32_t bits = std::bit_cast<uint32_t>(single);
    if (!std::isinf(single))
      bits += 0x7fff + ((bits >> 16) & 1);
    return std::bit_cast<float>(bits & 0xffff0000u);
  }
  llvm::APFloat half{double(single)};
  bool inexact;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return half.convertToDouble();
}
