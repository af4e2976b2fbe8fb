//===- PackWeights.cpp - Copies into packed weights -----------------------===//
//
// The packed bytes are cut into chunks of a few megabytes. Threads claim chunks
// in order; each finds the parts of the copies that land in its chunk, reads
// the source elements these need, converts them in source order, moves them
// into place and writes the chunk. So every source is read once, unless a
// layout scatters it over chunks, and no thread waits for another.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/PackWeights.h"

#include "runtime/device/Workers.h"
#include "runtime/weights/Convert.h"
#include "runtime/weights/StridedCopy.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>

namespace dsv2::weights {

static constexpr int64_t ChunkBytes = 4 << 20;

namespace {
/// Bytes [first, last) of a weight.
struct Chunk {
  const Weight *weight;
  int64_t first, last;
};

/// The boxes of consecutive copies out of one tensor with one scale.
struct Group {
  const WeightCopy *copy; // names source, shape and scale
  std::vector<CopyBox> boxes;
};

/// Buffers that a thread keeps between chunks.
struct Buffers {
  std::vector<char> chunk, raw, converted;
};

class Executor {
public:
  Executor(std::span<const Weight> weights, WeightSource &source,
           WeightSink &sink, const BytesDone &bytesDone)
      : weights(weights), source(source), sink(sink), bytesDone(bytesDone) {}

  Status run(int threads);

private:
  void cut();
  void work();
  Status execute(const Chunk &chunk, Buffers &buffers);
  Status fill(const Chunk &chunk, const Group &group, Buffers &buffers);

  std::span<const Weight> weights;
  WeightSource &source;
  WeightSink &sink;
  const BytesDone &bytesDone;
  std::vector<Chunk> chunks;
  std::atomic<size_t> next = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex; // of `failure` and `bytesDone`
  std::optional<Status> failure;
};
} // namespace

static CopyBox makeBox(const WeightCopy &copy) {
  CopyBox box;
  box.source = copy.sourceOffset;
  box.destination = copy.destinationOffset;
  for (size_t i = 0; i < copy.sizes.size(); ++i)
    box.dimensions[box.rank++] = {copy.sizes[i], copy.sourceStrides[i],
                                  copy.destinationStrides[i]};
  return box;
}

static bool isEmpty(const WeightCopy &copy) {
  return std::find(copy.sizes.begin(), copy.sizes.end(), 0) !=
         copy.sizes.end();
}

void Executor::cut() {
  for (const Weight &weight : weights) {
    if (weight.bytes == 0)
      continue;
    // A copy whose dimensions interleave in the destination cannot be cut.
    bool whole = false;
    for (const WeightCopy &copy : weight.copies) {
      CopyBox box = makeBox(copy);
      whole |= !isEmpty(copy) && !normalize(box);
    }
    int64_t step = whole ? weight.bytes : ChunkBytes;
    for (int64_t at = 0; at < weight.bytes; at += step)
      chunks.push_back({&weight, at, std::min(weight.bytes, at + step)});
  }
}

void Executor::work() {
  Buffers buffers;
  for (size_t i; !stop && (i = next++) < chunks.size();) {
    const Chunk &chunk = chunks[i];
    Status status = execute(chunk, buffers);
    std::lock_guard<std::mutex> lock(mutex);
    if (status.ok()) {
      if (bytesDone)
        bytesDone(chunk.last - chunk.first);
      continue;
    }
    stop = true;
    if (!failure)
      failure = status;
  }
}

Status Executor::run(int threads) {
  cut();
  if (Status status =
          device::runWorkers(std::min<int64_t>(threads, chunks.size()),
                             [this] { work(); });
      !status.ok())
    return status;
  return failure ? *failure : Status::success();
}

Status Executor::fill(const Chunk &chunk, const Group &group,
                      Buffers &buffers) {
  const WeightCopy &copy = *group.copy;
  Expected<ElementType> type = source.typeOf(copy.source, copy.sourceShape);
  if (!type.ok())
    return type.status();
  int64_t first = group.boxes[0].source, last = first;
  for (const CopyBox &box : group.boxes) {
    first = std::min(first, box.source);
    last = std::max(last, box.source + box.sourceReach());
  }
  int64_t count = last - first + 1;
  ElementType packed = chunk.weight->type;
  int bytes = elementBytes(packed);
  bool convert = *type != packed || copy.scale != 1;
  std::vector<char> &raw = convert ? buffers.raw : buffers.converted;
  // Sizes only grow, so that memory is not cleared again for each chunk.
  auto grow = [](std::vector<char> &buffer, int64_t size) {
    if (static_cast<int64_t>(buffer.size()) < size)
      buffer.resize(size);
  };
  grow(raw, count * elementBytes(*type));
  if (Status status = source.read(copy.source, copy.sourceShape, first, count,
                                  raw.data());
      !status.ok())
    return status;
  if (convert) {
    grow(buffers.converted, count * bytes);
    convertElements(raw.data(), *type, buffers.converted.data(), packed, count,
                    static_cast<float>(copy.scale));
  }
  for (CopyBox box : group.boxes) {
    box.source -= first;
    box.destination -= chunk.first / bytes;
    moveElements(box, buffers.converted.data(), buffers.chunk.data(), bytes);
  }
  return Status::success();
}

Status Executor::execute(const Chunk &chunk, Buffers &buffers) {
  const Weight &weight = *chunk.weight;
  int64_t bytes = elementBytes(weight.type);
  int64_t first = chunk.first / bytes, last = (chunk.last + bytes - 1) / bytes;
  std::vector<Group> groups;
  for (const WeightCopy &copy : weight.copies) {
    if (isEmpty(copy))
      continue;
    CopyBox box = makeBox(copy);
    bool nested = normalize(box);
    std::vector<CopyBox> parts;
    if (nested)
      clip(box, first, last, parts);
    else
      parts.push_back(box);
    if (parts.empty())
      continue;
    if (groups.empty() || groups.back().copy->source != copy.source ||
        groups.back().copy->sourceShape != copy.sourceShape ||
        groups.back().copy->scale != copy.scale)
      groups.push_back({&copy, {}});
    groups.back().boxes.insert(groups.back().boxes.end(), parts.begin(),
                               parts.end());
  }
  if (groups.empty() && weight.values.empty())
    return Status::success();
  buffers.chunk.assign(chunk.last - chunk.first, 0);
  for (int64_t i = first;
       i < std::min<int64_t>(last, weight.values.size()); ++i) {
    float value = static_cast<float>(weight.values[i]);
    std::memcpy(buffers.chunk.data() + (i - first) * 4, &value, 4);
  }
  for (const Group &group : groups)
    if (Status status = fill(chunk, group, buffers); !status.ok())
      return status;
  return sink.write(weight.offset + chunk.first, buffers.chunk.data(),
                    chunk.last - chunk.first);
}

Status packWeights(std::span<const Weight> weights, WeightSource &source,
                   WeightSink &sink, int threads, const BytesDone &bytesDone) {
  return Executor(weights, source, sink, bytesDone).run(threads);
}

} // namespace dsv2::weights
