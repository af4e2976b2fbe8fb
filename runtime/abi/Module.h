//===- Module.h - What compiled code and the runtime share ------*- C -*-===//
//
// The only header that generated code (through lowering) and the runtime have
// in common: plain C structs, versioned. A compiled module is an import-free
// ELF image whose entry address is a ModuleDescriptor; it holds no pointer, so
// that nothing needs relocation. Every field that generated code reads is
// eight bytes wide or a pointer: the lowering addresses fields by index.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ABI_MODULE_H
#define RUNTIME_ABI_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSV2_ABI_MAGIC 0x324d5644u /* "DVM2" in memory */
#define DSV2_ABI_VERSION 4u

/// Token slots of one cache page.
#define DSV2_PAGE_TOKENS 64

/// The sequences and tokens of one step. Tokens of a sequence are adjacent and
/// ascend in position; sequences that attend in the absorbed form come first.
struct Dsv2Batch {
  int64_t tokens;            // new tokens of all sequences
  int64_t sequences;         //
  int64_t outputs;           // rows of the logits
  int64_t pages;             // pages of the cache
  int64_t pageStride;        // columns of pageTable
  int64_t absorbedSequences; // sequences [0, n) take the absorbed form
  int64_t absorbedTokens;    // their tokens: tokens [0, n)
  const int32_t *positions;  // [tokens] position of a token in its sequence
  const int32_t *sequence;   // [tokens] the sequence that a token belongs to
  const int32_t *starts;     // [sequences + 1] first token of each sequence
  const int32_t *prefix;     // [sequences] tokens cached before this step
  const int32_t *pageTable;  // [sequences][pageStride] pages in order
  const int32_t *outputRows; // [outputs] tokens whose logits are wanted
};

struct Dsv2Context;

/// What generated code may ask of the runtime.
struct Dsv2Functions {
  /// Returns when every thread of the step has called it. `number` names the
  /// place in the planned module (dsv2.barrier), so that the runtime can time
  /// what lies between two barriers; 0 within an op.
  void (*barrier)(struct Dsv2Context *context, int64_t number);
};

/// One step, shared by all its threads.
struct Dsv2Context {
  const struct Dsv2Functions *functions;
  const void *const *weights; // [weightCount] in the order of the bundle's weight table, 64-byte aligned
  const struct Dsv2Batch *batch;
  uint8_t *arena;       // arenaBytes, 64-byte aligned, contents undefined
  uint8_t *scratch;     // threads × scratchBytes, 64-byte aligned
  const int32_t *ids;   // [tokens] token ids, each below vocabulary
  void *cache;          // [layers][pages][64][cacheRowElements]
  float *logits;        // [outputs][vocabulary]
  int32_t *choices;     // [outputs] token of the largest logit, the lowest of equals; -1: none (dsv2.argmax)
  void *runtime;        // the runtime's own
};

/// Executes one step; every thread calls it with its own `thread`.
typedef void (*Dsv2Step)(struct Dsv2Context *context, int64_t thread,
                         int64_t threads);

/// Whether a sequence with `tokens` new tokens after `prefix` cached ones
/// attends in the absorbed form (1) or over re-expanded keys and values (0).
/// `batch` is the number of other sequences of the step that are absorbed in
/// any case; 0 asks for the sequence alone. A sequence that is absorbed alone
/// is absorbed beside others.
typedef int64_t (*Dsv2Absorbs)(int64_t tokens, int64_t prefix, int64_t batch);

enum Dsv2ElementType { DSV2_F32 = 0, DSV2_BF16 = 1 };

/// Entry address of a module. Offsets are relative to the descriptor itself;
/// zero means absent.
struct Dsv2ModuleDescriptor {
  uint32_t magic;
  uint32_t abiVersion;
  uint32_t size; // sizeof this struct
  int32_t step;    // Dsv2Step
  int32_t absorbs; // Dsv2Absorbs
  uint32_t elementType; // Dsv2ElementType of activations and cache
  int64_t maxTokens, maxSequences, maxOutputs, maxSpan; // of one step
  int64_t vocabulary;
  int64_t layers;
  int64_t cacheRowElements;
  int64_t weightCount;
  int64_t arenaBytes;
  int64_t scratchBytes; // for each thread
  int64_t barriers;     // barriers of one step, for information
};

#ifdef __cplusplus
}
#endif

#endif // RUNTIME_ABI_MODULE_H
