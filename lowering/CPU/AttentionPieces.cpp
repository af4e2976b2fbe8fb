//===- AttentionPieces.cpp - Attention cut into pieces --------------------===//
//
// Pieces are numbered through all sequences; the sequence of a piece is found
// by going through them, which costs nothing beside attending.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::forEachSequencePart(KernelBuilder &k, Range range,
                               llvm::function_ref<Value(Value)> parts,
                               llvm::function_ref<void(const SequencePart &)> body) {
  Value first = k.index(0), last = k.batchCount(BatchField::Sequences);
  if (range == Range::Absorbed)
    last = k.batchCount(BatchField::AbsorbedSequences);
  if (range == Range::Expanded)
    first = k.batchCount(BatchField::AbsorbedSequences);
  auto tokensOf = [&](Value sequence) {
    return k.sub(k.batchElement(BatchField::Starts, k.add(sequence, 1)),
                 k.batchElement(BatchField::Starts, sequence));
  };
  Value zero = k.index(0);
  SmallVector<Value> pieces = k.fold(first, last, 1, zero, [&](Value s, ValueRange total) {
    return SmallVector<Value>{k.add(total[0], parts(tokensOf(s)))};
  });
  k.forEachPiece(pieces[0], [&](Value piece) {
    // Carries (pieces before this sequence, the sequence, pieces before that).
    SmallVector<Value> found = k.fold(
        first, last, 1, {zero, zero, zero}, [&](Value s, ValueRange carried) {
          Value beyond = k.less(piece, carried[0]);
          auto unless = [&](Value yes, Value no) -> Value {
            return arith::SelectOp::create(k.b, beyond, no, yes);
          };
          return SmallVector<Value>{k.add(carried[0], parts(tokensOf(s))),
                                    unless(s, carried[1]), unless(carried[0], carried[2])};
        });
    Value sequence = found[1];
    body({sequence, k.batchElement(BatchField::Starts, sequence), tokensOf(sequence),
          k.batchElement(BatchField::Prefix, sequence), k.sub(piece, found[2])});
  });
}

void dsv2::extendRows(KernelBuilder &k, Value rows, ArrayRef<Value> prefix, Value n,
                      int64_t columns, Value to) {
  k.forEach(k.index(0), n, 1, [&](Value row) {
    k.forEachVector(columns, [&](Value column, int64_t lanes) {
      SmallVector<Value> at(prefix);
      at.append({row, column});
      k.storeF32(k.loadF32(rows, at, lanes), to, {row, column});
    });
  });
}
