//===- RandomWeights.h - Weights out of a seed ------------------*- C++ -*-===//
//
// Every element is a pure function of seed, tensor name and index, defined in
// docs/RandomWeights.md: real shapes without a checkpoint.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_RANDOMWEIGHTS_H
#define RUNTIME_WEIGHTS_RANDOMWEIGHTS_H

#include "runtime/weights/Execute.h"

namespace dsv2::weights {

/// Random bits of element `index` of tensor `name`.
uint64_t randomBits(uint64_t seed, const std::string &name, int64_t index);

/// Any tensor that is asked for, in one element type.
class RandomSource final : public WeightSource {
public:
  /// `type`, F32 or BF16, is that of the checkpoint being imitated.
  RandomSource(uint64_t seed, ElementType type) : seed(seed), type(type) {}

  Expected<ElementType> typeOf(const std::string &tensor,
                               const std::vector<int64_t> &shape) override;
  Status read(const std::string &tensor, const std::vector<int64_t> &shape,
              int64_t first, int64_t count, void *elements) override;

private:
  uint64_t seed;
  ElementType type;
};

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_RANDOMWEIGHTS_H
