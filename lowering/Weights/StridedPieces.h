//===- StridedPieces.h - Weights as strided copies --------------*- C++ -*-===//
//
// What a weight is made of: boxes of strided elements of source tensors. Every
// op of a weight program that only moves elements maps pieces to pieces, so
// that a whole chain of them becomes one list of copies. Knows no MLIR IR.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_WEIGHTS_STRIDEDPIECES_H
#define LOWERING_WEIGHTS_STRIDEDPIECES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mlir::dsv2 {

/// `size` steps of one loop: each moves by `stride` elements in the source and
/// by `unit` along a dimension of the value.
struct PieceLoop {
  int64_t size;
  int64_t stride;
  int64_t unit;
};

/// Where a piece lies along one dimension of the value: at `low` plus the
/// units of its loops, outermost first, each beyond the reach of the later.
struct PieceDimension {
  int64_t low = 0;
  llvm::SmallVector<PieceLoop, 2> loops;

  /// Highest index.
  int64_t getHigh() const;
};

/// The elements of a value that come from one box of one source.
struct Piece {
  int64_t source; // the caller's number of the source tensor
  int64_t offset; // of the first element, in elements of the source
  llvm::SmallVector<PieceDimension, 4> dimensions;
};

using Pieces = std::vector<Piece>;

/// More pieces than this are taken for a mistake: the copies of one expert
/// or head never come near it.
inline constexpr size_t kMaxPieces = size_t(1) << 20;

/// The whole source `source` from element `offset`, row-major.
Piece makePiece(int64_t source, int64_t offset, llvm::ArrayRef<int64_t> shape);

/// Swaps two dimensions.
void swapDimensions(Pieces &pieces, unsigned a, unsigned b);

/// Keeps the indices [start, start + size) of a dimension.
void slice(Pieces &pieces, unsigned dimension, int64_t start, int64_t size);

/// Moves all pieces up along a dimension.
void shift(Pieces &pieces, unsigned dimension, int64_t by);

/// Removes a dimension of size one.
void dropDimension(Pieces &pieces, unsigned dimension);

/// Joins the dimensions [first, first + sizes.size()) of the given sizes.
void collapse(Pieces &pieces, unsigned first, llvm::ArrayRef<int64_t> sizes);

/// Splits a dimension in two, the inner of size `inner`. False when that takes
/// more than kMaxPieces pieces.
[[nodiscard]] bool split(Pieces &pieces, unsigned dimension, int64_t inner);

/// One copy between two buffers, in elements; loops outermost first, their
/// number the least possible (one at least).
struct StridedCopy {
  int64_t source;
  int64_t sourceOffset;
  int64_t destinationOffset;
  llvm::SmallVector<int64_t, 6> sizes, sourceStrides, destinationStrides;
};

/// The copy that writes `piece` into a row-major value of `shape`.
StridedCopy getCopy(const Piece &piece, llvm::ArrayRef<int64_t> shape);

} // namespace mlir::dsv2

#endif // LOWERING_WEIGHTS_STRIDEDPIECES_H
