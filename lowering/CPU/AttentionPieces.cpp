//===- AttentionPieces.cpp - Attention cut into pieces --------------------===//
//
// Pieces are numbered through all sequences; the sequence of a piece is found
// by going through them, which costs nothing beside attending.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"

using namespace mlir;
using namespace mlir::dsv2;

TokenRange dsv2::getTokenRange(KernelBuilder &k, Range range) {
  return {range == Range::Expanded ? k.batchCount(BatchField::AbsorbedTokens) : k.index(0),
          k.batchCount(range == Range::Absorbed ? BatchField::AbsorbedTokens
                                                : BatchField::Tokens)};
}

/// First sequence of a range, and the one after the last.
static std::pair<Value, Value> getSequences(KernelBuilder &k, Range range) {
  Value absorbed = k.batchCount(BatchField::AbsorbedSequences);
  Value first = range == Range::Expanded ? absorbed : k.index(0);
  return {first, range == Range::Absorbed ? absorbed : k.batchCount(BatchField::Sequences)};
}

static Value getTokens(KernelBuilder &k, Value sequence) {
  return k.sub(k.batchElement(BatchField::Starts, k.add(sequence, 1)),
               k.batchElement(BatchField::Starts, sequence));
}

Value dsv2::countSequenceParts(KernelBuilder &k, Range range, SequenceParts parts) {
  auto [first, last] = getSequences(k, range);
  return k.fold(first, last, 1, k.index(0), [&](Value s, ValueRange total) {
    return SmallVector<Value>{k.add(total[0], parts(getTokens(k, s)))};
  })[0];
}

Value dsv2::getLongestContext(KernelBuilder &k, Range range) {
  auto [first, last] = getSequences(k, range);
  return k.fold(first, last, 1, k.index(0), [&](Value s, ValueRange longest) {
    Value context = k.add(k.batchElement(BatchField::Prefix, s), getTokens(k, s));
    return SmallVector<Value>{k.max(longest[0], context)};
  })[0];
}

SequencePart dsv2::findSequencePart(KernelBuilder &k, Range range, SequenceParts parts,
                                    Value piece) {
  auto [first, last] = getSequences(k, range);
  Value zero = k.index(0);
  // Carries (pieces before this sequence, the sequence, pieces before that).
  SmallVector<Value> found =
      k.fold(first, last, 1, {zero, zero, zero}, [&](Value s, ValueRange carried) {
        Value beyond = k.less(piece, carried[0]);
        auto unless = [&](Value yes, Value no) -> Value {
          return arith::SelectOp::create(k.b, beyond, no, yes);
        };
        return SmallVector<Value>{k.add(carried[0], parts(getTokens(k, s))),
                                  unless(s, carried[1]), unless(carried[0], carried[2])};
      });
  Value sequence = found[1];
  return {sequence, k.batchElement(BatchField::Starts, sequence), getTokens(k, sequence),
          k.batchElement(BatchField::Prefix, sequence), k.sub(piece, found[2])};
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
