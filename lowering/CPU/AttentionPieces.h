//===- AttentionPieces.h - Attention cut into pieces ------------*- C++ -*-===//
//
// How the tokens of a range, sequence by sequence, become pieces of work, and
// how cached rows are read where the CPU has no product of bf16.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_ATTENTIONPIECES_H
#define LOWERING_CPU_ATTENTIONPIECES_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// Tokens `[begin, end)` of a step.
struct TokenRange {
  Value begin, end;
};

/// The tokens of `range`.
TokenRange getTokenRange(KernelBuilder &k, Range range);

/// One piece: the part `part` of a sequence.
struct SequencePart {
  Value sequence;
  Value start;  // first token of the sequence in the step
  Value count;  // its tokens in the step
  Value prefix; // tokens that were cached before
  Value part;   // in [0, parts(count))
};

/// Into how many pieces a sequence with so many tokens in the step is cut.
using SequenceParts = llvm::function_ref<Value(Value)>;

/// Pieces of all sequences of `range`.
Value countSequenceParts(KernelBuilder &k, Range range, SequenceParts parts);

/// Piece `piece` of those, sequence by sequence.
SequencePart findSequencePart(KernelBuilder &k, Range range, SequenceParts parts, Value piece);

/// Tokens, cached before and new, of the longest sequence of `range`.
Value getLongestContext(KernelBuilder &k, Range range);

/// Copies the first `columns` of rows `[0, n)` of `rows[prefix...]`, extended to
/// f32, to `to`, `[.., columns]`.
void extendRows(KernelBuilder &k, Value rows, ArrayRef<Value> prefix, Value n, int64_t columns,
                Value to);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_ATTENTIONPIECES_H
