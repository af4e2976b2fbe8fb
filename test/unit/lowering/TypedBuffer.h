//===- TypedBuffer.h - bf16 or f32 operands of kernels ----------*- C++ -*-===//
//
// Buffers whose element type is a parameter of a test, with guards behind the
// last element, and the variants and types to run over.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LOWERING_TYPEDBUFFER_H
#define TEST_UNIT_LOWERING_TYPEDBUFFER_H

#include "test/unit/lowering/KernelHarness.h"
#include "gtest/gtest.h"
#include <cstring>
#include <random>

namespace dsv2::test {

/// Elements of "bf16" or "f32"; rounded to that when set.
class TypedBuffer {
public:
  TypedBuffer(std::string type, size_t size)
      : type(std::move(type)), size(size), bytes(size * width() + guard, 0x7f) {}

  /// Normally distributed.
  TypedBuffer(std::string type, size_t size, unsigned seed, float deviation = 1)
      : TypedBuffer(std::move(type), size) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0, deviation);
    for (size_t i = 0; i < size; ++i)
      set(i, normal(generator));
  }

  void *data() { return bytes.data(); }
  float round(float value) const { return isBF16() ? fromBF16(toBF16(value)) : value; }
  float operator[](size_t i) const {
    uint16_t narrow;
    float wide;
    if (isBF16())
      std::memcpy(&narrow, &bytes[i * 2], 2);
    else
      std::memcpy(&wide, &bytes[i * 4], 4);
    return isBF16() ? fromBF16(narrow) : wide;
  }
  void set(size_t i, float value) {
    uint16_t narrow = toBF16(value);
    if (isBF16())
      std::memcpy(&bytes[i * 2], &narrow, 2);
    else
      std::memcpy(&bytes[i * 4], &value, 4);
  }
  /// Whether nothing was written behind the last element.
  bool intact() const {
    for (size_t i = size * width(); i < bytes.size(); ++i)
      if (bytes[i] != 0x7f)
        return false;
    return true;
  }
  bool operator==(const TypedBuffer &other) const { return bytes == other.bytes; }
  /// Of results computed in f32 in another order, and then rounded to the type.
  float tolerance(float value) const {
    return std::abs(value) * (isBF16() ? 1 / 128.0f : 2e-6f) + 1e-30f;
  }

private:
  static constexpr size_t guard = 128;
  bool isBF16() const { return type == "bf16"; }
  size_t width() const { return isBF16() ? 2 : 4; }

  std::string type;
  size_t size;
  std::vector<char> bytes;
};

/// `text` with every `$0`, `$1`, ... replaced.
inline std::string substitute(std::string text, const std::vector<std::string> &values) {
  for (size_t i = 0; i < values.size(); ++i) {
    std::string name = "$" + std::to_string(i);
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;)
      text.replace(at, name.size(), values[i]);
  }
  return text;
}

/// A test for one CPU variant and one element type of activations.
class TypedKernels : public testing::TestWithParam<std::tuple<const char *, const char *>> {
protected:
  const char *variant = std::get<0>(GetParam());
  const char *type = std::get<1>(GetParam());

  void SetUp() override {
    if (!KernelModule::runs(variant))
      GTEST_SKIP() << "this CPU does not run " << variant;
  }
};

inline auto allVariantsAndTypes() {
  return testing::Combine(testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"),
                          testing::Values("bf16", "f32"));
}
inline std::string nameOfVariantAndType(
    const testing::TestParamInfo<std::tuple<const char *, const char *>> &info) {
  std::string name = std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
  for (char &c : name)
    if (c == '-')
      c = '_';
  return name;
}

} // namespace dsv2::test

#endif // TEST_UNIT_LOWERING_TYPEDBUFFER_H
