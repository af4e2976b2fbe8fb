//===- RandomWeights.cpp - Weights out of a seed --------------------------===//
//
// The loop is compiled twice, because 64-bit products are vector instructions
// only with AVX-512; the bits are the same.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/RandomWeights.h"

#include "runtime/weights/Convert.h"

#include <cmath>

namespace dsv2::weights {

static constexpr uint64_t Golden = 0x9E3779B97F4A7C15;

static inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

static uint64_t keyOf(uint64_t seed, const std::string &name) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return mix(hash ^ mix(seed + Golden));
}

static inline uint64_t bitsAt(uint64_t key, uint64_t index) {
  return mix(key + (index + 1) * Golden);
}

uint64_t randomBits(uint64_t seed, const std::string &name, int64_t index) {
  return bitsAt(keyOf(seed, name), static_cast<uint64_t>(index));
}

namespace {
/// How bits become a value: (base + integer) * factor.
struct Distribution {
  bool uniform; // the integer comes from the top 16 bits alone
  float factor;
};
} // namespace

static Distribution distributionOf(const std::string &name,
                                   const std::vector<int64_t> &shape) {
  if (name.ends_with("norm.weight"))
    return {true, static_cast<float>(1.0 / 327680.0)};
  double squared = name.ends_with(".bias") ? 2500
                   : shape.empty()         ? 1
                                   : static_cast<double>(shape.back());
  return {false, static_cast<float>(1.0 / std::sqrt(squared * 5726623060.0))};
}

template <bool Uniform>
[[gnu::always_inline]] static inline float valueOf(uint64_t z, float factor) {
  if (Uniform) {
    int32_t n = 2 * static_cast<int32_t>(z >> 48) - 65535;
    return static_cast<float>(327680 + n) * factor;
  }
  uint64_t pairs = (z & 0x0000FFFF0000FFFF) + ((z >> 16) & 0x0000FFFF0000FFFF);
  int32_t sum = static_cast<int32_t>((pairs & 0xFFFFFFFF) + (pairs >> 32));
  return static_cast<float>(2 * sum - 262140) * factor;
}

template <bool Uniform>
[[gnu::always_inline]] static inline void
fill(uint64_t key, uint64_t first, int64_t count, float factor,
     ElementType type, void *elements) {
  if (type == ElementType::F32) {
    float *out = static_cast<float *>(elements);
    for (int64_t i = 0; i < count; ++i)
      out[i] = valueOf<Uniform>(bitsAt(key, first + i), factor);
  } else {
    uint16_t *out = static_cast<uint16_t *>(elements);
    for (int64_t i = 0; i < count; ++i)
      out[i] = roundToBF16(valueOf<Uniform>(bitsAt(key, first + i), factor));
  }
}

[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl")]] static void
fillWithAVX512(uint64_t key, uint64_t first, int64_t count, float factor,
               ElementType type, void *elements) {
  fill<false>(key, first, count, factor, type, elements);
}

Expected<ElementType> RandomSource::typeOf(const std::string &,
                                           const std::vector<int64_t> &) {
  return type;
}

Status RandomSource::read(const std::string &tensor,
                          const std::vector<int64_t> &shape, int64_t first,
                          int64_t count, void *elements) {
  uint64_t key = keyOf(seed, tensor);
  Distribution law = distributionOf(tensor, shape);
  static const bool wide = __builtin_cpu_supports("x86-64-v4");
  if (law.uniform)
    fill<true>(key, first, count, law.factor, type, elements);
  else if (wide)
    fillWithAVX512(key, first, count, law.factor, type, elements);
  else
    fill<false>(key, first, count, law.factor, type, elements);
  return Status::success();
}

} // namespace dsv2::weights
