//===- Merge.cpp - Products of weights ------------------------------------===//
//
// Rows of the result are claimed by threads. Each adds its terms in the order of
// k, so the bits do not depend on the threads.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Merge.h"

#include "runtime/device/Workers.h"
#include "runtime/weights/Convert.h"
#include "runtime/weights/PackWeights.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace dsv2::weights {

/// All elements of an operand as f32, which holds both types exactly.
static Expected<std::vector<float>>
readOperand(const Weight &operand, WeightSource &source, int threads) {
  std::vector<char> bytes(operand.bytes, 0);
  MemorySink sink(bytes.data());
  if (Status status =
          packWeights({&operand, 1}, source, sink, threads, BytesDone());
      !status.ok())
    return status;
  std::vector<float> values(operand.bytes / elementBytes(operand.type));
  convertElements(bytes.data(), operand.type, values.data(), ElementType::F32,
                  values.size(), 1);
  return values;
}

Status TemporarySource::make(const Temporary &temporary, int threads) {
  Expected<std::vector<float>> lhs =
      readOperand(temporary.lhs, *this, threads);
  if (!lhs.ok())
    return lhs.status();
  Expected<std::vector<float>> rhs =
      readOperand(temporary.rhs, *this, threads);
  if (!rhs.ok())
    return rhs.status();
  int64_t rows = temporary.shape[0] * temporary.shape[1];
  int64_t perHead = temporary.shape[1], columns = temporary.shape[2];
  int64_t terms = temporary.lhs.shape[2];
  int64_t bytes = elementBytes(temporary.type);
  Tensor &tensor = held[temporary.name];
  tensor.type = temporary.type;
  tensor.bytes.resize(rows * columns * bytes);
  std::atomic<int64_t> next = 0;
  auto work = [&] {
    std::vector<double> sums(columns);
    for (int64_t row; (row = next++) < rows;) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t k = 0; k < terms; ++k) {
        double factor = (*lhs)[row * terms + k];
        const float *from =
            rhs->data() + (row / perHead * terms + k) * columns;
        for (int64_t j = 0; j < columns; ++j)
          sums[j] += factor * from[j];
      }
      char *to = tensor.bytes.data() + row * columns * bytes;
      for (int64_t j = 0; j < columns; ++j) {
        if (temporary.type == ElementType::BF16) {
          uint16_t value = roundOnceToBF16(sums[j]);
          std::memcpy(to + j * 2, &value, 2);
        } else {
          float value = static_cast<float>(sums[j]);
          std::memcpy(to + j * 4, &value, 4);
        }
      }
    }
  };
  return device::runWorkers(std::min<int64_t>(threads, rows), work);
}

Expected<ElementType>
TemporarySource::typeOf(const std::string &tensor,
                        const std::vector<int64_t> &shape) {
  auto found = held.find(tensor);
  return found == held.end() ? checkpoint.typeOf(tensor, shape)
                             : found->second.type;
}

Status TemporarySource::read(const std::string &tensor,
                             const std::vector<int64_t> &shape, int64_t first,
                             int64_t count, void *elements) {
  auto found = held.find(tensor);
  if (found == held.end())
    return checkpoint.read(tensor, shape, first, count, elements);
  int64_t bytes = elementBytes(found->second.type);
  std::memcpy(elements, found->second.bytes.data() + first * bytes,
              count * bytes);
  return Status::success();
}

} // namespace dsv2::weights
