//===- WeightProgram.h - How packed weights come to be ----------*- C++ -*-===//
//
// The weight program of a module (runtime/abi/WeightTable.md): for each slot of
// the weight table, constants or strided copies out of checkpoint tensors.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_WEIGHTPROGRAM_H
#define RUNTIME_WEIGHTS_WEIGHTPROGRAM_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <string>
#include <vector>

namespace dsv2::weights {

enum class ElementType { F32, BF16, F16 };

/// Bytes of one element.
inline int64_t elementBytes(ElementType type) {
  return type == ElementType::F32 ? 4 : 2;
}

/// destination[destinationOffset + i·destinationStrides] =
///   round(scale · source[sourceOffset + i·sourceStrides])
/// for all 0 <= i < sizes. Offsets and strides count elements.
struct WeightCopy {
  std::string source;
  std::vector<int64_t> sourceShape;
  int64_t sourceOffset = 0;
  int64_t destinationOffset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> sourceStrides;
  std::vector<int64_t> destinationStrides;
  double scale = 1;
};

/// One slot of the weight table: `copies` or `values`. Bytes that no copy
/// writes are zero.
struct Weight {
  std::string name;
  int64_t offset = 0; // bytes, a multiple of 64
  int64_t bytes = 0;
  ElementType type = ElementType::F32; // F32 or BF16
  std::vector<int64_t> shape;
  std::vector<WeightCopy> copies;
  std::vector<double> values; // of an f32 weight
};

/// A product of two weights that copies read under its name, which begins with
/// %: [H, I, J], the sum over k of lhs [H, I, K] times rhs [H, K, J] in f64,
/// rounded once. The operands are made by their copies; their names, offsets
/// and values do not count.
struct Temporary {
  std::string name;
  ElementType type = ElementType::F32; // F32 or BF16
  std::vector<int64_t> shape;
  Weight lhs, rhs;
};

/// Whether a source is a temporary and not a checkpoint tensor.
inline bool isTemporary(const std::string &source) {
  return source.starts_with("%");
}

struct WeightProgram {
  int64_t bytes = 0;                  // of all packed weights
  std::vector<Temporary> temporaries; // operands read earlier ones only
  std::vector<Weight> weights; // by slot
};

/// Checks what `executeWeightProgram` relies on: weights inside `bytes`, not
/// overlapping, in types and sizes that agree; copies inside their source and
/// their weight. Errors name the weight and the field.
Status validate(const WeightProgram &program);

/// Reads the serialized form and validates it.
Expected<WeightProgram> parseWeightProgram(const std::string &text);

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_WEIGHTPROGRAM_H
