//===- StridedCopy.h - Rearranging elements ---------------------*- C++ -*-===//
//
// A box of elements that moves between two strided layouts, the part of it that
// lands in a range of its destination, and the cache-blocked loops that move it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_STRIDEDCOPY_H
#define RUNTIME_WEIGHTS_STRIDEDCOPY_H

#include <array>
#include <cstdint>
#include <vector>

namespace dsv2::weights {

/// Offsets, sizes and strides count elements.
struct CopyBox {
  static constexpr int MaxRank = 8;
  struct Dimension {
    int64_t size, source, destination; // and the strides
  };
  int64_t source = 0, destination = 0;
  int rank = 0;
  std::array<Dimension, MaxRank> dimensions;

  /// Last element read, relative to `source`.
  int64_t sourceReach() const;
  /// Last element written, relative to `destination`.
  int64_t destinationReach() const;
};

/// Orders the dimensions by falling destination stride and joins those that are
/// one on both sides. Returns whether each index of a dimension owns a range of
/// the destination of its own, which `clip` needs.
bool normalize(CopyBox &box);

/// Appends the parts of a normalized, nested box that write into
/// [first, last) of the destination.
void clip(const CopyBox &box, int64_t first, int64_t last,
          std::vector<CopyBox> &parts);

/// Moves a normalized box of elements of `elementBytes` (2 or 4) bytes.
/// `source` and `destination` point at element 0 of either side.
void moveElements(const CopyBox &box, const void *source, void *destination,
                  int elementBytes);

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_STRIDEDCOPY_H
