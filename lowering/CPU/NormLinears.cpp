//===- NormLinears.cpp - Norm and products in one region ------------------===//
//
// Few rows: every thread normalizes all of them into its own scratch, which
// takes less time than waiting for each other, and multiplies from there; the
// shared results are written by one thread a row. Many rows: each is
// normalized by one thread, and a barrier stands before the products.
//
// Both compute the same bits, and which one runs depends on the batch alone.
//
// A choice is taken while the products are made, and merged behind a barrier
// (Argmax.h).
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Argmax.h"
#include "lowering/CPU/JointProduct.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/RowParts.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Rows that every thread normalizes by itself at most: a row takes about half
/// a microsecond, a barrier about one.
static constexpr int64_t kPrivateRows = 2;

LogicalResult dsv2::lowerNormLinears(NormLinearsOp op, KernelBuilder &k) {
  Value x = op.getX(), delta = op.getDelta(), norm = op.getNorm();
  ValueRange inits = op.getInits();
  unsigned first = op.getFirstProduct();
  Value normed = inits[first - 1];
  ValueRange products = inits.slice(first, op.getWeights().size());
  FailureOr<JointProduct> product = JointProduct::create(op, k, normed, op.getWeights(), products);
  if (failed(product))
    return failure();

  auto type = cast<MemRefType>(normed.getType());
  int64_t columns = type.getDimSize(1);
  int64_t privateBytes =
      llvm::alignTo(kPrivateRows * columns * type.getElementTypeBitWidth() / 8, 64);
  int64_t choiceOffset = llvm::alignTo(privateBytes + product->scratchBytes(), 64);
  int64_t bytes = choiceOffset + (op.getChoose() ? ProductChoice::scratchBytes() : 0);
  Value scratch = k.scratch(bytes);
  product->setScratch(scratch, privateBytes);
  Value mine = k.scratchView(scratch, 0,
                             MemRefType::get({kPrivateRows, columns}, type.getElementType()));
  mine = memref::CastOp::create(k.b, type, mine);

  auto choose = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(k.b, condition, yes, no);
  };
  Value rows = k.dim(x, 0), few = k.less(rows, k.index(kPrivateRows + 1));
  // One thread waits for nobody.
  few = arith::AndIOp::create(k.b, few, k.less(k.index(1), k.getThreads()));
  Value rowsToMultiply = choose(few, mine, normed);
  auto loop = scf::ForOp::create(k.b, choose(few, k.index(0), k.getThread()), rows,
                                 choose(few, k.index(1), k.getThreads()));
  {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(loop.getBody());
    Value t = loop.getInductionVar();
    Value owns = arith::CmpIOp::create(k.b, arith::CmpIPredicate::eq, k.rem(t, k.getThreads()),
                                       k.getThread());
    // Nobody else may read a sum while it is written: it is private, too.
    Value summed = delta ? choose(owns, inits[0], mine) : x;
    Value factor = emitNormFactor(
        k, columns, op.getEps().convertToDouble(), [&](Value column, int64_t lanes) {
          return delta ? emitRoundedSum(k, {x, {t}}, {delta, {t}}, {summed, {t}}, column, lanes)
                       : k.loadF32(x, {t, column}, lanes);
        });
    emitNormScale(k, {summed, {t}}, factor, norm, {rowsToMultiply, {t}});
    k.ifThen(arith::AndIOp::create(k.b, few, owns),
             [&] { emitCopy(k, {mine, {t}}, {normed, {t}}, columns); });
  }
  Value many = arith::XOrIOp::create(
      k.b, few, arith::ConstantOp::create(k.b, k.b.getBoolAttr(true)));
  k.ifThen(many, [&] { k.barrier(); });
  if (!op.getChoose()) {
    product->emit(rowsToMultiply, rows);
    return success();
  }
  ProductChoice choice(k, products.front(), inits.back());
  choice.setScratch(bytes, choiceOffset);
  choice.begin();
  product->emit(rowsToMultiply, rows,
                [&](Value block, Value lower, Value upper) { choice.look(block, lower, upper); });
  choice.finish();
  return success();
}
