//===- GroupedCombine.cpp - Weighted sums of each token's products --------===//
//
// A piece owns 64 columns of a range of tokens: it walks through all experts,
// adds their weighted products to f32 sums in scratch, adds the shared experts,
// and rounds once. An element's sum runs over the experts in ascending order (in
// the unsorted form, over the token's choices) in one thread.
//
// Rows of an expert are in the order of their tokens, so those of a range are
// consecutive. A range is as long as scratch allows, because each one streams all
// weights of its columns, and shorter where threads would have no piece: rows are
// independent of each other, so that no bit depends on where ranges begin.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Most tokens of a range: 128 KiB of sums, a part of a second-level cache.
static constexpr int64_t kRangeTokens = 512;
/// Fewest, where there are as many: an expert has but a part of these as rows.
static constexpr int64_t kLeastRangeTokens = 64;
/// Pieces of a thread that ranges are shortened for.
static constexpr int64_t kThreadPieces = 4;

/// Tokens of a range of `tokens`, when a range is cut into `blocks` pieces.
static Value getRangeTokens(KernelBuilder &k, Value tokens, int64_t blocks) {
  Value wanted = k.mul(k.getThreads(), kThreadPieces);
  Value even = k.div(k.mul(tokens, blocks), wanted);
  return k.min(k.max(even, k.index(kLeastRangeTokens)), k.index(kRangeTokens));
}

namespace {

/// The sums of one piece: `memref<kRangeTokens x 64 x f32>` of scratch.
struct BlockSums {
  KernelBuilder &k;
  Value sums;

  void clear(Value rows) {
    k.forEach(k.index(0), rows, 1, [&](Value row) {
      for (int64_t column = 0; column < kPackedColumns; column += k.target.lanes())
        k.storeF32(k.splat(0, k.target.lanes()), sums, {row, k.index(column)});
    });
  }

  /// Adds `weight * values` (or `values`) to columns of a row.
  void add(Value row, Value inBlock, Value values, Value weight = {}) {
    int64_t lanes = cast<VectorType>(values.getType()).getDimSize(0);
    Value old = k.loadF32(sums, {row, inBlock}, lanes);
    Value sum = weight ? k.fma(k.broadcast(weight, lanes), values, old)
                       : arith::AddFOp::create(k.b, old, values).getResult();
    k.storeF32(sum, sums, {row, inBlock});
  }

  /// Rounds the first `columns` columns to `y` from row `first` and column
  /// `column` on.
  void store(Value rows, int64_t columns, Value y, Value first, Value column) {
    k.forEach(k.index(0), rows, 1, [&](Value row) {
      Value to = k.add(first, row);
      for (int64_t i = 0; i < columns;) {
        int64_t lanes =
            std::min<int64_t>(k.target.lanes(), llvm::bit_floor(uint64_t(columns - i)));
        k.storeF32(k.loadF32(sums, {row, k.index(i)}, lanes), y, {to, k.add(column, i)});
        i += lanes;
      }
    });
  }
};

} // namespace

LogicalResult dsv2::lowerGroupedCombine(GroupedCombineOp op, KernelBuilder &k) {
  if (!isPackedWeight(cast<ShapedType>(op.getDown().getType()), 1) ||
      (op.getSharedDown() && !isPackedWeight(cast<ShapedType>(op.getSharedDown().getType()))))
    return op.emitOpError("needs packed weights");
  using Row = PackedProduct::Row;
  Value x = flattenPairs(k, op.getX()), y = op.getInits()[0], sharedX = op.getSharedX();
  Value weights = flattenPairs(k, op.getWeights());
  int64_t columns = k.staticDim(y, 1), choices = k.staticDim(op.getOrder(), 1);
  ExpertGroups groups(k, op.getOffsets(), op.getOrder(), op.getExperts(), op.getUnsortedTokens());
  PackedProduct routed(k, x, op.getDown(), Value(), columns, k.staticDim(x, 1));
  std::optional<PackedProduct> shared;
  if (sharedX)
    shared.emplace(k, sharedX, op.getSharedDown(), Value(), columns, k.staticDim(sharedX, 1));
  int64_t panel = llvm::alignTo(
      std::max(routed.scratchBytes(), shared ? shared->scratchBytes() : 0), 64);
  Value scratch = k.scratch(panel + kRangeTokens * kPackedColumns * 4);
  routed.setScratch(scratch);
  if (shared)
    shared->setScratch(scratch);
  BlockSums sums{k, k.scratchView(scratch, panel, MemRefType::get({kRangeTokens, kPackedColumns},
                                                                  k.b.getF32Type()))};

  auto emitPiece = [&](Value block, Value first, Value end) {
    Value rows = k.sub(end, first);
    sums.clear(rows);
    k.forEach(k.index(0), groups.count(), 1, [&](Value g) {
      ExpertGroups::Group group =
          groups.narrow(groups.get(g), k.mul(first, choices), k.mul(end, choices));
      Value number = routed.blockNumber({group.expert}, block);
      routed.setUpcoming(routed, routed.laterBlock(number, k.index(routed.blocks())));
      routed.emit({group.expert}, block, group.lower, group.upper,
                  [&](Value row) {
                    Value pair = groups.pairOf(row);
                    Value sum = k.sub(groups.tokenOf(pair), first);
                    return Row{{row}, {}, {sum, k.load(weights, pair)}};
                  },
                  [&](Value values, const Row &row, Value, Value inBlock) {
                    sums.add(row.extra[0], inBlock, values, row.extra[1]);
                  });
    });
    if (shared)
      shared->emit({}, block, first, end,
                   [&](Value token) { return Row{{token}, {}, {k.sub(token, first)}}; },
                   [&](Value values, const Row &row, Value, Value inBlock) {
                     sums.add(row.extra[0], inBlock, values);
                   });
    Value column = k.mul(block, kPackedColumns);
    int64_t rest = columns % kPackedColumns;
    if (rest == 0)
      return sums.store(rows, kPackedColumns, y, first, column);
    Value isWhole = k.less(block, k.index(columns / kPackedColumns));
    auto branch = scf::IfOp::create(k.b, isWhole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(branch.thenBlock());
    sums.store(rows, kPackedColumns, y, first, column);
    k.b.setInsertionPointToStart(branch.elseBlock());
    sums.store(rows, rest, y, first, column);
  };
  Value tokens = k.dim(y, 0);
  forEachRowsAndBlock(k, k.getThread(), tokens, getRangeTokens(k, tokens, routed.blocks()),
                      routed.blocks(), emitPiece);
  return success();
}
