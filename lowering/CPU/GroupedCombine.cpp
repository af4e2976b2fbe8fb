//===- GroupedCombine.cpp - Weighted sums of each token's products --------===//
//
// A piece owns a few blocks of 64 columns of a range of tokens: it walks through
// all experts, adds their weighted products to f32 sums in scratch, adds the
// shared experts, and rounds once. An element's sum runs over the experts in
// ascending order (in the unsorted form, over the token's choices) in one thread.
//
// Rows of an expert are in the order of their tokens, so those of a range are
// consecutive. Each range streams all weights of its columns, and each piece all
// rows of its range: both are as large as scratch allows, and smaller where
// threads would have no piece. Elements are independent of each other, so that no
// bit depends on where pieces begin.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Most tokens of a range.
static constexpr int64_t kRangeTokens = 512;
/// Fewest, where there are as many: an expert has but a part of these as rows.
static constexpr int64_t kLeastRangeTokens = 64;
/// Rows of 64 sums that a piece has, 1 MiB: with most tokens eight blocks, so that an
/// expert's rows are in the second-level cache for all but the first; with few tokens
/// many, so that weights are read in long runs. The sums themselves are further away:
/// a tile asks for its own before its products.
static constexpr int64_t kPieceRows = 8 * kRangeTokens;
/// Pieces of a thread that ranges are shortened for.
static constexpr int64_t kThreadPieces = 4;

static Value ceilDiv(KernelBuilder &k, Value lhs, Value rhs) {
  return k.div(k.add(lhs, k.sub(rhs, k.index(1))), rhs);
}

/// Tokens of a range of `tokens`.
static Value getRangeTokens(KernelBuilder &k, Value tokens, int64_t blocks) {
  Value even = k.div(k.mul(tokens, blocks), k.mul(k.getThreads(), kThreadPieces));
  Value most = k.min(k.max(even, k.index(kLeastRangeTokens)), k.index(kRangeTokens));
  return k.max(k.min(most, tokens), k.index(1));
}

/// Blocks of a piece of `rangeTokens` tokens: equal shares for the threads.
static Value getPieceBlocks(KernelBuilder &k, int64_t blocks, Value rangeTokens) {
  Value most = k.div(k.index(kPieceRows), rangeTokens), all = k.index(blocks);
  Value rounds = ceilDiv(k, all, k.mul(k.getThreads(), most));
  return ceilDiv(k, all, k.mul(k.getThreads(), rounds));
}

namespace {

/// The sums of one piece, `memref<kPieceRows x 64 x f32>`: row `row` of block
/// `block` is row `block * rows + row`.
struct PieceSums {
  KernelBuilder &k;
  Value sums;
  Value rows = {}; // of a block

  Value place(Value block, Value row) { return k.add(k.mul(block, rows), row); }

  void clear(Value blocks) {
    k.forEach(k.index(0), k.mul(blocks, rows), 1, [&](Value row) {
      for (int64_t column = 0; column < kPackedColumns; column += k.target.lanes())
        k.storeF32(k.splat(0, k.target.lanes()), sums, {row, k.index(column)});
    });
  }

  void prefetch(Value place) { k.prefetch(sums, {place, k.index(0)}, kPackedColumns); }

  /// Adds `weight * values` (or `values`) to columns of row `place`.
  void add(Value place, Value inBlock, Value values, Value weight = {}) {
    int64_t lanes = cast<VectorType>(values.getType()).getDimSize(0);
    Value old = k.loadF32(sums, {place, inBlock}, lanes);
    Value sum = weight ? k.fma(k.broadcast(weight, lanes), values, old)
                       : arith::AddFOp::create(k.b, old, values).getResult();
    k.storeF32(sum, sums, {place, inBlock});
  }

  /// Rounds the first `columns` columns of a block to `y` from row `first` and
  /// column `column` on.
  void store(Value block, int64_t columns, Value y, Value first, Value column) {
    k.forEach(k.index(0), rows, 1, [&](Value row) {
      Value from = place(block, row), to = k.add(first, row);
      for (int64_t i = 0; i < columns;) {
        int64_t lanes =
            std::min<int64_t>(k.target.lanes(), llvm::bit_floor(uint64_t(columns - i)));
        k.storeF32(k.loadF32(sums, {from, k.index(i)}, lanes), y, {to, k.add(column, i)});
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
  auto sumsType = MemRefType::get({kPieceRows, kPackedColumns}, k.b.getF32Type());
  Value scratch = k.scratch(panel + sumsType.getNumElements() * 4);
  routed.setScratch(scratch);
  if (shared)
    shared->setScratch(scratch);
  PieceSums sums{k, k.scratchView(scratch, panel, sumsType)};

  Value tokens = k.dim(y, 0), range = getRangeTokens(k, tokens, routed.blocks());
  Value most = getPieceBlocks(k, routed.blocks(), range), allBlocks = k.index(routed.blocks());
  auto emitPiece = [&](Value piece, Value first, Value end) {
    Value firstBlock = k.mul(piece, most);
    Value blocks = k.sub(k.min(k.add(firstBlock, most), allBlocks), firstBlock);
    sums.rows = k.sub(end, first);
    sums.clear(blocks);
    groups.forEachAscending([&](const ExpertGroups::Group &all) {
      ExpertGroups::Group group = groups.narrow(all, k.mul(first, choices), k.mul(end, choices));
      k.forEach(k.index(0), blocks, 1, [&](Value block) {
        routed.emit({group.expert}, k.add(firstBlock, block), group.lower, group.upper,
                    [&](Value row) {
                      Value pair = groups.pairOf(row);
                      Value sum = sums.place(block, k.sub(groups.tokenOf(pair), first));
                      sums.prefetch(sum);
                      return Row{{row}, {}, {sum, k.load(weights, pair)}};
                    },
                    [&](Value values, const Row &row, Value, Value inBlock) {
                      sums.add(row.extra[0], inBlock, values, row.extra[1]);
                    });
      });
    });
    k.forEach(k.index(0), blocks, 1, [&](Value block) {
      Value number = k.add(firstBlock, block), column = k.mul(number, kPackedColumns);
      if (shared)
        shared->emit({}, number, first, end,
                     [&](Value token) {
                       Value sum = sums.place(block, k.sub(token, first));
                       sums.prefetch(sum);
                       return Row{{token}, {}, {sum}};
                     },
                     [&](Value values, const Row &row, Value, Value inBlock) {
                       sums.add(row.extra[0], inBlock, values);
                     });
      int64_t rest = columns % kPackedColumns;
      if (rest == 0)
        return sums.store(block, kPackedColumns, y, first, column);
      Value isWhole = k.less(number, k.index(columns / kPackedColumns));
      auto branch = scf::IfOp::create(k.b, isWhole, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPointToStart(branch.thenBlock());
      sums.store(block, kPackedColumns, y, first, column);
      k.b.setInsertionPointToStart(branch.elseBlock());
      sums.store(block, rest, y, first, column);
    });
  };
  forEachRowsAndBlock(k, k.getThread(), tokens, range, ceilDiv(k, allBlocks, most), emitPiece);
  return success();
}
