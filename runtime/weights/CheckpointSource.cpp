//===- CheckpointSource.cpp - Weights out of a checkpoint -----------------===//
//
// Name, shape and type are checked for every use, and that all values are finite:
// both are cheap beside the reading.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/CheckpointSource.h"

#include "runtime/weights/Convert.h"

#include <cmath>
#include <cstring>

namespace dsv2::weights {

namespace {
/// Bits of the elements of a 64-bit word.
struct ElementBits {
  uint64_t signs, exponents, ones; // `ones`: the lowest bit of each exponent
};
} // namespace

static ElementBits elementBits(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return {0x8000'8000'8000'8000, 0x7C00'7C00'7C00'7C00, 0x0400'0400'0400'0400};
  case ElementType::BF16:
    return {0x8000'8000'8000'8000, 0x7F80'7F80'7F80'7F80, 0x0080'0080'0080'0080};
  case ElementType::F32:
    break;
  }
  return {0x8000'0000'8000'0000, 0x7F80'0000'7F80'0000, 0x0080'0000'0080'0000};
}

/// Whether no element is NaN or infinite, whole words at a time: one added to
/// an exponent of all ones, and to no other, reaches the sign.
static bool allFinite(const char *elements, int64_t bytes, ElementType type) {
  ElementBits bits = elementBits(type);
  uint64_t sums = 0, word;
  int64_t at = 0;
  for (; bytes - at >= 8; at += 8) {
    std::memcpy(&word, elements + at, 8);
    sums |= (word & bits.exponents) + bits.ones;
  }
  if (at < bytes) { // no elements may be no pointer, which memcpy does not take
    word = 0;
    std::memcpy(&word, elements + at, bytes - at);
    sums |= (word & bits.exponents) + bits.ones;
  }
  return (sums & bits.signs) == 0;
}

/// `nan at element 3`: the first of what is not finite.
static std::string firstNotFinite(const char *elements, int64_t count, int64_t first,
                                  ElementType type) {
  for (int64_t i = 0; i < count; ++i) {
    float value;
    convertElements(elements + i * elementBytes(type), type, &value, ElementType::F32, 1, 1);
    if (!std::isfinite(value))
      return std::string(std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf") +
             " at element " + std::to_string(first + i);
  }
  return "none";
}

Expected<ElementType>
CheckpointSource::typeOf(const std::string &tensor,
                         const std::vector<int64_t> &shape) {
  const TensorInfo *info = checkpoint.find(tensor);
  if (!info)
    return Status::error("the checkpoint has no tensor " + tensor +
                         ", expected one of shape " + formatShape(shape));
  std::string where = checkpoint.pathOf(*info) + ": " + tensor;
  if (info->shape != shape)
    return Status::error(where + ": expected shape " + formatShape(shape) +
                         ", got " + formatShape(info->shape));
  switch (info->dtype) {
  case DType::BF16:
    return ElementType::BF16;
  case DType::F16:
    return ElementType::F16;
  case DType::F32:
    return ElementType::F32;
  default:
    return Status::error(where + ": expected BF16, F16 or F32, got another "
                                 "element type");
  }
}

Status CheckpointSource::read(const std::string &tensor,
                              const std::vector<int64_t> &shape, int64_t first,
                              int64_t count, void *elements) {
  Expected<ElementType> type = typeOf(tensor, shape);
  if (!type.ok())
    return type.status();
  int64_t bytes = elementBytes(*type);
  const TensorInfo &info = *checkpoint.find(tensor);
  if (Status status = checkpoint.read(info, first * bytes, count * bytes, elements);
      !status.ok())
    return status;
  const char *data = static_cast<const char *>(elements);
  if (!allFinite(data, count * bytes, *type))
    return Status::error(checkpoint.pathOf(info) + ": " + tensor +
                         ": expected finite numbers, got " +
                         firstNotFinite(data, count, first, *type));
  return Status::success();
}

} // namespace dsv2::weights
