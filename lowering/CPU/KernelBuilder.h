//===- KernelBuilder.h - Emits the body of one SPMD kernel ------*- C++ -*-===//
//
// What every op's lowering is written with: index arithmetic, loops, pieces of
// work for the threads of a step, the batch, vectors of f32 over bf16 or f32
// memory, and private scratch. Creates ops at the builder's insertion point
// and keeps no other state.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_KERNELBUILDER_H
#define LOWERING_CPU_KERNELBUILDER_H

#include "lowering/CPU/CPUTarget.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::dsv2 {

/// Fields of `Dsv2Batch` (runtime/abi/Module.h) by index, eight bytes each.
enum class BatchField : int32_t {
  Tokens, Sequences, Outputs, Pages, PageStride, AbsorbedSequences,
  AbsorbedTokens, Positions, Sequence, Starts, Prefix, PageTable, OutputRows
};

/// Fields of `Dsv2Context` by index, eight bytes each.
enum class ContextField : int32_t {
  Functions, Weights, Batch, Arena, Scratch, Ids, Cache, Logits, Choices, Runtime
};

class KernelBuilder {
public:
  using Body = llvm::function_ref<void(Value)>;
  using Fold = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;

  /// `context` is the `Dsv2Context *`; `thread` and `threads` are of type
  /// index; `scratchBytes` collects the most scratch that any op asked for.
  KernelBuilder(ImplicitLocOpBuilder &b, const CPUTarget &target, Value context,
                Value thread, Value threads, int64_t &scratchBytes)
      : b(b), target(target), context(context), thread(thread), threads(threads),
        scratchBytes(scratchBytes) {}

  ImplicitLocOpBuilder &b;
  const CPUTarget &target;

  //===--- Index arithmetic (unsigned, folded) -----------------------------===//
  Value index(int64_t value);
  Value add(Value lhs, Value rhs);
  Value add(Value lhs, int64_t rhs) { return rhs ? add(lhs, index(rhs)) : lhs; }
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  Value mul(Value lhs, int64_t rhs) { return mul(lhs, index(rhs)); }
  Value div(Value lhs, int64_t rhs);
  Value div(Value lhs, Value rhs);
  Value rem(Value lhs, int64_t rhs);
  Value rem(Value lhs, Value rhs);
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  /// `ceil(lhs / rhs)`.
  Value ceilDiv(Value lhs, int64_t rhs);
  Value less(Value lhs, Value rhs); // i1

  //===--- Control ----------------------------------------------------------===//
  /// A loop without results.
  void forEach(Value lower, Value upper, int64_t step, Body body);
  void forEach(int64_t lower, int64_t upper, int64_t step, Body body);
  /// A loop that carries values.
  SmallVector<Value> fold(Value lower, Value upper, int64_t step, ValueRange inits, Fold body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  /// Splits `[0, n)` among the threads. Pieces are independent, and whole: no
  /// bit of a piece may depend on which thread computes it.
  void forEachPiece(Value n, Body body);
  /// The same for one part of a region's pieces, which are numbered through all
  /// parts. `first`, less than the number of threads, is this thread's first piece
  /// of this part or later; returns that of the next part.
  Value forEachPiece(Value first, Value n, Body body);
  /// Splits the rows of a buffer, one for each index of all dimensions but the
  /// last, among the threads. The body gets the row's indices, and can append
  /// a column.
  void forEachRow(Value memref, llvm::function_ref<void(SmallVector<Value>)> body);
  /// Runs the body on thread 0 alone.
  void onFirstThread(llvm::function_ref<void()> body);
  /// Covers columns `[0, n)` with vectors of at most `target.lanes()` lanes: a
  /// loop of full vectors, then straight code of narrower ones. The body gets
  /// the first column and the number of lanes.
  void forEachVector(int64_t n, llvm::function_ref<void(Value, int64_t)> body);

  //===--- The step ---------------------------------------------------------===//
  Value batchCount(BatchField field); // index
  /// `array[i]` of an i32 array of the batch, as index.
  Value batchElement(BatchField array, Value i);
  /// Cache page that holds position `position` of sequence `sequence`.
  Value cachePage(Value sequence, Value position);
  /// `bytes` of this thread's scratch, 64-byte aligned, as memref<bytes x i8>.
  /// One call an op: the next op's scratch is the same memory.
  /// Another thread's with `owner`; then barriers must order the accesses, also
  /// before the next op.
  Value scratch(int64_t bytes, Value owner = {});
  /// Waits for all threads of the step. `number` is that of the `dsv2.barrier`;
  /// an op's own barriers have none.
  void barrier(int64_t number = 0);
  /// A contiguous view of scratch at a constant byte offset.
  Value scratchView(Value scratch, int64_t offset, MemRefType type);

  //===--- Values -----------------------------------------------------------===//
  VectorType f32Vector(int64_t lanes);
  Value f32(double value);
  Value splat(double value, int64_t lanes);
  Value broadcast(Value scalar, int64_t lanes);
  Value fma(Value x, Value y, Value z);
  Value dim(Value memref, int64_t i);
  int64_t staticDim(Value memref, int64_t i);
  /// A scalar as stored.
  Value load(Value memref, ValueRange indices);
  /// An i32 as index.
  Value loadIndex(Value memref, ValueRange indices);
  void store(Value scalar, Value memref, ValueRange indices);
  /// Lanes of bf16 or f32 memory, extended to f32. One lane gives vector<1xf32>.
  Value loadF32(Value memref, ValueRange indices, int64_t lanes);
  /// Asks for the cache lines of `count` elements from `indices` on. Only a hint: it may
  /// lie beyond the memory's end.
  void prefetch(Value memref, ValueRange indices, int64_t count);
  /// A scalar of bf16 or f32 memory as f32.
  Value loadScalarF32(Value memref, ValueRange indices);
  /// Rounds f32 lanes to nearest even into bf16 or f32 memory.
  void storeF32(Value vector, Value memref, ValueRange indices);
  void storeScalarF32(Value scalar, Value memref, ValueRange indices);
  /// f32 scalar or vector to bf16 and back, through integers: no library call.
  Value toBF16(Value value);
  Value fromBF16(Value value);
  /// `value` rounded to `type` and extended again: a rounding point.
  Value roundTo(Type type, Value value);

  Value getThread() const { return thread; }
  Value getThreads() const { return threads; }
  /// A field of the context or the batch as i64 or pointer.
  Value contextField(ContextField field, Type type);
  Value batchField(BatchField field, Type type);

private:
  Value field(Value pointer, int32_t index, Type type);

  Value context, thread, threads;
  int64_t &scratchBytes;
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_KERNELBUILDER_H
