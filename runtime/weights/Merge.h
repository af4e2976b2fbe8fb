//===- Merge.h - Products of weights ----------------------------*- C++ -*-===//
//
// Temporaries of a weight program: what is not a copy is computed once and then
// read like a checkpoint tensor.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_MERGE_H
#define RUNTIME_WEIGHTS_MERGE_H

#include "runtime/weights/Execute.h"
#include <map>

namespace dsv2::weights {

/// Checkpoint tensors of another source, and temporaries held in memory.
class TemporarySource final : public WeightSource {
public:
  /// `checkpoint` must outlive the source.
  explicit TemporarySource(WeightSource &checkpoint) : checkpoint(checkpoint) {}

  bool holds(const std::string &name) const { return held.count(name) != 0; }
  /// Computes a temporary whose own sources are there.
  Status make(const Temporary &temporary, int threads);
  void drop(const std::string &name) { held.erase(name); }

  Expected<ElementType> typeOf(const std::string &tensor,
                               const std::vector<int64_t> &shape) override;
  Status read(const std::string &tensor, const std::vector<int64_t> &shape,
              int64_t first, int64_t count, void *elements) override;

private:
  struct Tensor {
    ElementType type;
    std::vector<char> bytes;
  };
  WeightSource &checkpoint;
  std::map<std::string, Tensor> held;
};

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_MERGE_H
