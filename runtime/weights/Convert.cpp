//===- Convert.cpp - Element types of weights -----------------------------===//
//
// One simple loop for each pair of types, which the C++ compiler vectorizes.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Convert.h"

#include <cstring>

namespace dsv2::weights {

template <typename From, typename To, typename Load, typename Store>
static void loop(const void *from, void *to, int64_t count, float scale,
                 Load load, Store store) {
  const From *__restrict source = static_cast<const From *>(from);
  To *__restrict destination = static_cast<To *>(to);
  for (int64_t i = 0; i < count; ++i)
    destination[i] = store(load(source[i]) * scale);
}

template <typename From, typename Load>
static void storeAs(const void *from, void *to, ElementType toType,
                    int64_t count, float scale, Load load) {
  if (toType == ElementType::BF16)
    loop<From, uint16_t>(from, to, count, scale, load, roundToBF16);
  else
    loop<From, float>(from, to, count, scale, load,
                      [](float value) { return value; });
}

void convertElements(const void *from, ElementType fromType, void *to,
                     ElementType toType, int64_t count, float scale) {
  if (fromType == toType && scale == 1) {
    std::memcpy(to, from, count * elementBytes(toType));
    return;
  }
  switch (fromType) {
  case ElementType::F32:
    return storeAs<float>(from, to, toType, count, scale,
                          [](float value) { return value; });
  case ElementType::BF16:
    return storeAs<uint16_t>(from, to, toType, count, scale, fromBF16);
  case ElementType::F16:
    return storeAs<uint16_t>(from, to, toType, count, scale, fromF16);
  }
}

} // namespace dsv2::weights
