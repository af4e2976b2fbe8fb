//===- StridedPieces.cpp - Weights as strided copies ----------------------===//
//
// Maps of pieces, and their way to copies.
//
//===----------------------------------------------------------------------===//

#include "lowering/Weights/StridedPieces.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::dsv2;

int64_t PieceDimension::getHigh() const {
  int64_t high = low;
  for (const PieceLoop &loop : loops)
    high += (loop.size - 1) * loop.unit;
  return high;
}

Piece mlir::dsv2::makePiece(int64_t source, int64_t offset,
                            llvm::ArrayRef<int64_t> shape) {
  Piece piece{source, offset, {}};
  piece.dimensions.resize(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i])
    if (shape[i] != 1)
      piece.dimensions[i].loops.push_back({shape[i], stride, 1});
  return piece;
}

/// `piece` with only the steps [first, last) of one loop.
static Piece withSteps(Piece piece, unsigned dimension, unsigned loop, int64_t first,
                       int64_t last) {
  PieceDimension &at = piece.dimensions[dimension];
  PieceLoop &steps = at.loops[loop];
  at.low += first * steps.unit;
  piece.offset += first * steps.stride;
  steps.size = last - first;
  if (steps.size == 1)
    at.loops.erase(at.loops.begin() + loop);
  return piece;
}

/// Appends the parts of `piece` with indices below and from `at` on.
static void cut(const Piece &piece, unsigned dimension, int64_t at, Pieces &below,
                Pieces &above) {
  const PieceDimension &where = piece.dimensions[dimension];
  if (at <= where.low)
    return above.push_back(piece);
  if (where.getHigh() < at)
    return below.push_back(piece);
  // Both sides are reached, so there is a loop. Step i of the outermost covers
  // [low + i unit, low + i unit + reach].
  const PieceLoop &outer = where.loops.front();
  int64_t reach = where.getHigh() - where.low - (outer.size - 1) * outer.unit;
  int64_t wholeBelow = 0;
  if (at - where.low > reach)
    wholeBelow = (at - where.low - reach - 1) / outer.unit + 1;
  int64_t firstAbove = (at - where.low + outer.unit - 1) / outer.unit;
  if (wholeBelow > 0)
    below.push_back(withSteps(piece, dimension, 0, 0, wholeBelow));
  for (int64_t i = wholeBelow; i < std::min(firstAbove, outer.size); ++i)
    cut(withSteps(piece, dimension, 0, i, i + 1), dimension, at, below, above);
  if (firstAbove < outer.size)
    above.push_back(withSteps(piece, dimension, 0, firstAbove, outer.size));
}

void mlir::dsv2::swapDimensions(Pieces &pieces, unsigned a, unsigned b) {
  for (Piece &piece : pieces)
    std::swap(piece.dimensions[a], piece.dimensions[b]);
}

void mlir::dsv2::slice(Pieces &pieces, unsigned dimension, int64_t start, int64_t size) {
  Pieces outside, from, kept;
  for (const Piece &piece : pieces)
    cut(piece, dimension, start, outside, from);
  for (const Piece &piece : from)
    cut(piece, dimension, start + size, kept, outside);
  pieces = std::move(kept);
  shift(pieces, dimension, -start);
}

void mlir::dsv2::shift(Pieces &pieces, unsigned dimension, int64_t by) {
  for (Piece &piece : pieces)
    piece.dimensions[dimension].low += by;
}

void mlir::dsv2::dropDimension(Pieces &pieces, unsigned dimension) {
  for (Piece &piece : pieces)
    piece.dimensions.erase(piece.dimensions.begin() + dimension);
}

void mlir::dsv2::collapse(Pieces &pieces, unsigned first, llvm::ArrayRef<int64_t> sizes) {
  for (Piece &piece : pieces) {
    PieceDimension joined;
    for (size_t i = 0; i < sizes.size(); ++i) {
      joined.low *= sizes[i];
      for (PieceLoop &loop : joined.loops)
        loop.unit *= sizes[i];
      const PieceDimension &next = piece.dimensions[first + i];
      joined.low += next.low;
      joined.loops.append(next.loops.begin(), next.loops.end());
    }
    piece.dimensions[first] = std::move(joined);
    piece.dimensions.erase(piece.dimensions.begin() + first + 1,
                           piece.dimensions.begin() + first + sizes.size());
  }
}

/// Splits `dimension` of `piece`, all of whose rows of `inner` indices must be
/// entered alike: each loop moves by whole rows or stays in one.
static Piece splitAligned(Piece piece, unsigned dimension, int64_t inner) {
  PieceDimension &whole = piece.dimensions[dimension];
  PieceDimension rows, columns;
  rows.low = whole.low / inner;
  columns.low = whole.low % inner;
  for (const PieceLoop &loop : whole.loops)
    if (loop.unit >= inner)
      rows.loops.push_back({loop.size, loop.stride, loop.unit / inner});
    else
      columns.loops.push_back(loop);
  whole = std::move(rows);
  piece.dimensions.insert(piece.dimensions.begin() + dimension + 1, std::move(columns));
  return piece;
}

static bool splitPiece(Piece piece, unsigned dimension, int64_t inner, Pieces &out) {
  while (true) {
    if (out.size() >= kMaxPieces)
      return false;
    PieceDimension &whole = piece.dimensions[dimension];
    int64_t column = whole.low % inner;
    bool wholeRows = true;
    size_t across = whole.loops.size(); // the outermost loop within a row
    for (auto [i, loop] : llvm::enumerate(whole.loops)) {
      if (loop.unit >= inner) {
        wholeRows &= loop.unit % inner == 0;
        continue;
      }
      across = std::min(across, i);
      column += (loop.size - 1) * loop.unit;
    }
    if (wholeRows && column < inner) {
      out.push_back(splitAligned(std::move(piece), dimension, inner));
      return true;
    }
    // A loop that fills whole rows becomes two; the steps that remain follow.
    if (wholeRows && whole.low % inner == 0 && inner % whole.loops[across].unit == 0 &&
        whole.loops[across].size >= inner / whole.loops[across].unit) {
      PieceLoop loop = whole.loops[across];
      int64_t steps = inner / loop.unit, rows = loop.size / steps;
      Piece filled = withSteps(piece, dimension, across, 0, rows * steps);
      auto &loops = filled.dimensions[dimension].loops;
      loops[across] = {steps, loop.stride, loop.unit};
      if (rows > 1)
        loops.insert(loops.begin() + across, {rows, loop.stride * steps, inner});
      bool rest = rows * steps < loop.size;
      out.push_back(splitAligned(std::move(filled), dimension, inner));
      if (!rest)
        return true;
      piece = withSteps(std::move(piece), dimension, across, rows * steps, loop.size);
      continue;
    }
    // Otherwise the first row it enters is split off.
    Pieces below, above;
    cut(piece, dimension, (whole.low / inner + 1) * inner, below, above);
    for (Piece &part : below)
      if (!splitPiece(std::move(part), dimension, inner, out))
        return false;
    for (Piece &part : above)
      if (!splitPiece(std::move(part), dimension, inner, out))
        return false;
    return true;
  }
}

bool mlir::dsv2::split(Pieces &pieces, unsigned dimension, int64_t inner) {
  Pieces out;
  out.reserve(pieces.size());
  for (Piece &piece : pieces)
    if (!splitPiece(std::move(piece), dimension, inner, out))
      return false;
  pieces = std::move(out);
  return true;
}

StridedCopy mlir::dsv2::getCopy(const Piece &piece, llvm::ArrayRef<int64_t> shape) {
  struct Loop {
    int64_t size, source, destination;
  };
  StridedCopy copy{piece.source, piece.offset, 0, {}, {}, {}};
  llvm::SmallVector<Loop, 8> loops;
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) {
    const PieceDimension &dimension = piece.dimensions[i];
    copy.destinationOffset += dimension.low * stride;
    for (const PieceLoop &loop : dimension.loops)
      loops.push_back({loop.size, loop.stride, loop.unit * stride});
  }
  llvm::sort(loops, [](const Loop &a, const Loop &b) { return a.destination > b.destination; });
  llvm::SmallVector<Loop, 8> merged;
  for (const Loop &loop : loops) {
    if (!merged.empty() && merged.back().source == loop.source * loop.size &&
        merged.back().destination == loop.destination * loop.size)
      merged.back() = {merged.back().size * loop.size, loop.source, loop.destination};
    else
      merged.push_back(loop);
  }
  if (merged.empty())
    merged.push_back({1, 1, 1});
  for (const Loop &loop : merged) {
    copy.sizes.push_back(loop.size);
    copy.sourceStrides.push_back(loop.source);
    copy.destinationStrides.push_back(loop.destination);
  }
  return copy;
}
