//===- CheckpointSource.h - Weights out of a checkpoint ---------*- C++ -*-===//
//
// Gives the tensors of a safetensors checkpoint to a weight program. A value that
// is not finite is an error: no model has one, and broken conversions do.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_CHECKPOINTSOURCE_H
#define RUNTIME_WEIGHTS_CHECKPOINTSOURCE_H

#include "runtime/io/Safetensors.h"
#include "runtime/weights/Execute.h"

namespace dsv2::weights {

class CheckpointSource final : public WeightSource {
public:
  /// `checkpoint` must outlive the source.
  explicit CheckpointSource(const Checkpoint &checkpoint)
      : checkpoint(checkpoint) {}

  Expected<ElementType> typeOf(const std::string &tensor,
                               const std::vector<int64_t> &shape) override;
  Status read(const std::string &tensor, const std::vector<int64_t> &shape,
              int64_t first, int64_t count, void *elements) override;

private:
  const Checkpoint &checkpoint;
};

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_CHECKPOINTSOURCE_H
