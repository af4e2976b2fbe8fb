//===- CheckpointSource.cpp - Weights out of a checkpoint -----------------===//
//
// Name, shape and type are checked for every use; a look-up is cheap beside the
// reading.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/CheckpointSource.h"

namespace dsv2::weights {

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
  return checkpoint.read(*checkpoint.find(tensor), first * bytes, count * bytes,
                         elements);
}

} // namespace dsv2::weights
