//===- StridedCopy.cpp - Rearranging elements -----------------------------===//
//
// Packing is a transposition of small units (a pair of bf16) between rows of
// the checkpoint and blocks of the packed layout, so the inner loops work on
// tiles whose lines of both sides stay in the first-level cache.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/StridedCopy.h"

#include <algorithm>
#include <cstring>

namespace dsv2::weights {

static int64_t reach(const CopyBox &box, int from,
                     int64_t CopyBox::Dimension::*stride) {
  int64_t total = 0;
  for (int i = from; i < box.rank; ++i)
    total += (box.dimensions[i].size - 1) * (box.dimensions[i].*stride);
  return total;
}

int64_t CopyBox::sourceReach() const {
  return reach(*this, 0, &Dimension::source);
}

int64_t CopyBox::destinationReach() const {
  return reach(*this, 0, &Dimension::destination);
}

bool normalize(CopyBox &box) {
  auto begin = box.dimensions.begin(), end = begin + box.rank;
  end = std::remove_if(begin, end, [](const auto &d) { return d.size == 1; });
  std::sort(begin, end, [](const auto &a, const auto &b) {
    return a.destination > b.destination;
  });
  int rank = 0;
  for (auto it = begin; it != end; ++it) {
    CopyBox::Dimension *outer = rank ? &box.dimensions[rank - 1] : nullptr;
    if (outer && outer->destination == it->destination * it->size &&
        outer->source == it->source * it->size)
      *outer = {outer->size * it->size, it->source, it->destination};
    else
      box.dimensions[rank++] = *it;
  }
  box.rank = rank;
  for (int i = 0; i < rank; ++i)
    if (reach(box, i + 1, &CopyBox::Dimension::destination) >=
        box.dimensions[i].destination)
      return false;
  return true;
}

/// Clips the part of `box` whose dimensions before `level` are fixed; `source`
/// and `destination` are its origin.
static void clipLevel(const CopyBox &box, int level, int64_t source,
                      int64_t destination, int64_t first, int64_t last,
                      std::vector<CopyBox> &parts) {
  int64_t end = destination +
                reach(box, level, &CopyBox::Dimension::destination) + 1;
  if (end <= first || destination >= last)
    return;
  auto emit = [&](int64_t from, int64_t to) {
    CopyBox part;
    part.source = source;
    part.destination = destination;
    part.rank = box.rank - level;
    std::copy(box.dimensions.begin() + level,
              box.dimensions.begin() + box.rank, part.dimensions.begin());
    if (part.rank) {
      part.source += from * part.dimensions[0].source;
      part.destination += from * part.dimensions[0].destination;
      part.dimensions[0].size = to - from;
    }
    parts.push_back(part);
  };
  int64_t size = level < box.rank ? box.dimensions[level].size : 1;
  if (destination >= first && end <= last)
    return emit(0, size);
  // Some indices lie inside as a whole; the one before and the one after them
  // may lie inside in part.
  const CopyBox::Dimension &d = box.dimensions[level];
  int64_t inner = reach(box, level + 1, &CopyBox::Dimension::destination) + 1;
  auto ceilDivide = [](int64_t a, int64_t b) {
    return a <= 0 ? int64_t(0) : (a + b - 1) / b;
  };
  int64_t from = std::min(size, ceilDivide(first - destination, d.destination));
  int64_t room = last - destination - inner;
  int64_t to = room < 0 ? 0 : std::min(size, room / d.destination + 1);
  auto recurse = [&](int64_t index) {
    clipLevel(box, level + 1, source + index * d.source,
              destination + index * d.destination, first, last, parts);
  };
  if (from > 0)
    recurse(from - 1);
  if (from < to)
    emit(from, to);
  int64_t next = std::max(from, to);
  if (next < size)
    recurse(next);
}

void clip(const CopyBox &box, int64_t first, int64_t last,
          std::vector<CopyBox> &parts) {
  clipLevel(box, 0, box.source, box.destination, first, last, parts);
}

namespace {
/// Strides in bytes.
struct Plane {
  int64_t size, source, destination;
};
} // namespace

/// Moves units of Bytes bytes over two dimensions: `a` has the small stride of
/// the destination, `b` that of the source. Tiles of 8×16 units: rows of a
/// checkpoint often lie a power of two apart and share a set of the cache, so
/// few of them are open at a time.
template <int Bytes>
static void moveTiles(const char *source, char *destination, Plane a, Plane b) {
  constexpr int64_t TileA = 8, TileB = 16;
  for (int64_t b0 = 0; b0 < b.size; b0 += TileB) {
    int64_t bEnd = std::min(b.size, b0 + TileB);
    for (int64_t a0 = 0; a0 < a.size; a0 += TileA) {
      int64_t aEnd = std::min(a.size, a0 + TileA);
      for (int64_t j = b0; j < bEnd; ++j) {
        const char *from = source + j * b.source;
        char *to = destination + j * b.destination;
        for (int64_t i = a0; i < aEnd; ++i)
          std::memcpy(to + i * a.destination, from + i * a.source, Bytes);
      }
    }
  }
}

static void moveRuns(const char *source, char *destination, Plane a, Plane b,
                     int64_t bytes) {
  for (int64_t j = 0; j < b.size; ++j)
    for (int64_t i = 0; i < a.size; ++i)
      std::memcpy(destination + j * b.destination + i * a.destination,
                  source + j * b.source + i * a.source, bytes);
}

static void movePlane(const char *source, char *destination, Plane a, Plane b,
                      int64_t unit) {
  switch (unit) {
  case 2:
    return moveTiles<2>(source, destination, a, b);
  case 4:
    return moveTiles<4>(source, destination, a, b);
  case 8:
    return moveTiles<8>(source, destination, a, b);
  case 16:
    return moveTiles<16>(source, destination, a, b);
  default:
    return moveRuns(source, destination, a, b, unit);
  }
}

void moveElements(const CopyBox &box, const void *source, void *destination,
                  int elementBytes) {
  const char *from =
      static_cast<const char *>(source) + box.source * elementBytes;
  char *to = static_cast<char *>(destination) + box.destination * elementBytes;
  std::array<Plane, CopyBox::MaxRank> outer;
  int rank = 0;
  for (int i = 0; i < box.rank; ++i)
    outer[rank++] = {box.dimensions[i].size,
                     box.dimensions[i].source * elementBytes,
                     box.dimensions[i].destination * elementBytes};
  int64_t unit = elementBytes;
  if (rank && outer[rank - 1].source == elementBytes &&
      outer[rank - 1].destination == elementBytes)
    unit *= outer[--rank].size;
  Plane a = {1, 0, 0}, b = {1, 0, 0};
  if (rank)
    a = outer[--rank];
  if (rank) {
    int best = 0;
    for (int i = 1; i < rank; ++i)
      if (outer[i].source <= outer[best].source)
        best = i;
    b = outer[best];
    std::copy(outer.begin() + best + 1, outer.begin() + rank,
              outer.begin() + best);
    --rank;
  }
  std::array<int64_t, CopyBox::MaxRank> index = {};
  while (true) {
    movePlane(from, to, a, b, unit);
    int level = rank - 1;
    for (; level >= 0; --level) {
      from += outer[level].source;
      to += outer[level].destination;
      if (++index[level] < outer[level].size)
        break;
      from -= outer[level].source * outer[level].size;
      to -= outer[level].destination * outer[level].size;
      index[level] = 0;
    }
    if (level < 0)
      return;
  }
}

} // namespace dsv2::weights
