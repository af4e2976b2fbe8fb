//===- GroupedLinear.cpp - Each expert's rows times its weight ------------===//
//
// Pieces are (expert with rows, weight block) in that order, numbered across
// experts: one region keeps all threads busy although one expert has few
// blocks, and an expert without rows costs a comparison.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dsv2;

/// `[tokens, k, ...]` as `[tokens * k, ...]`: sorted rows.
static Value flattenPairs(KernelBuilder &k, Value memref) {
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t i = 2; i < cast<MemRefType>(memref.getType()).getRank(); ++i)
    groups.push_back({i});
  return memref::CollapseShapeOp::create(k.b, memref, groups);
}

LogicalResult dsv2::lowerGroupedLinear(GroupedLinearOp op, KernelBuilder &k) {
  if (!isPackedWeight(cast<ShapedType>(op.getWeight().getType()), 1))
    return op.emitOpError("needs a packed weight");
  Value x = op.getX(), offsets = op.getOffsets(), order = flattenPairs(k, op.getOrder());
  bool sorted = cast<MemRefType>(x.getType()).getRank() == 3;
  int64_t choices = k.staticDim(op.getOrder(), 1), experts = k.staticDim(offsets, 0) - 1;
  if (sorted)
    x = flattenPairs(k, x);
  Value y = flattenPairs(k, op.getInits()[0]);
  PackedProduct product(k, x, op.getWeight(), y, k.staticDim(y, 1), k.staticDim(x, 1));
  if (int64_t bytes = product.scratchBytes())
    product.setScratch(k.scratch(bytes));

  Value blocks = k.index(product.blocks()), threads = k.getThreads();
  // Carried: this thread's first block of the next expert with rows, counted
  // from that expert's block 0; past its last one when the turn comes later.
  k.fold(k.index(0), k.index(experts), 1, {k.getThread()}, [&](Value expert, ValueRange carried) {
    Value first = carried[0];
    Value lower = k.loadIndex(offsets, {expert}), upper = k.loadIndex(offsets, {k.add(expert, 1)});
    auto branch = scf::IfOp::create(k.b, TypeRange{k.b.getIndexType()}, k.less(lower, upper),
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(branch.thenBlock());
    auto loop = scf::ForOp::create(k.b, first, blocks, threads);
    {
      OpBuilder::InsertionGuard inner(k.b);
      k.b.setInsertionPointToStart(loop.getBody());
      product.emit({expert}, loop.getInductionVar(), lower, upper, [&](Value row) {
        Value source = sorted ? row : k.div(k.loadIndex(order, {row}), choices);
        return PackedProduct::Row{{source}, {row}};
      });
    }
    // first < threads, so that nothing wraps.
    Value taken = k.div(k.sub(k.add(blocks, k.sub(threads, k.index(1))), first), threads);
    scf::YieldOp::create(k.b, ValueRange{k.sub(k.add(first, k.mul(taken, threads)), blocks)});
    k.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(k.b, ValueRange{first});
    return SmallVector<Value>{branch.getResult(0)};
  });
  return success();
}
