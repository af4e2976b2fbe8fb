//===- FakeModule.c - Stands for generated code ---------------------------===//
//
// A module whose logits are easy to foretell: with S the sum over all tokens j
// of its sequence, up to and with this one, of id * (position + 3), plus 1000
// times weight 1's element 5 and weight 0's element 0, both cut to integers,
// the best token is 257 (eos) where S % 97 is 0, else 32 + S % 95. Others fall
// off by their distance, and it is the choice. The tokens before are read from the cache.
//
// With FAKE_FORMS, S also counts the tokens that took the absorbed form: as with
// real models, what comes out depends on the form of each token's attention.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/Module.h"

enum { Vocabulary = 300, Layers = 2, Row = 16, Eos = 257 };

static float *cacheRow(const struct Dsv2Context *context, int64_t sequence,
                       int64_t position) {
  const struct Dsv2Batch *batch = context->batch;
  int64_t page = batch->pageTable[sequence * batch->pageStride +
                                  position / DSV2_PAGE_TOKENS];
  int64_t layer = Layers - 1;
  return (float *)context->cache +
         ((layer * batch->pages + page) * DSV2_PAGE_TOKENS +
          position % DSV2_PAGE_TOKENS) *
             Row;
}

__attribute__((visibility("hidden"))) void
fakeStep(struct Dsv2Context *context, int64_t thread, int64_t threads) {
  const struct Dsv2Batch *batch = context->batch;
  for (int64_t t = thread; t < batch->tokens; t += threads)
  {
    float *row = cacheRow(context, batch->sequence[t], batch->positions[t]);
    row[3] = (float)context->ids[t];
    row[4] = t < batch->absorbedTokens;
  }
  context->functions->barrier(context, 1);
  int64_t bias = (int64_t)((const float *)context->weights[0])[0] +
                 (int64_t)(((const float *)context->weights[1])[5] * 1000.0f);
  for (int64_t i = thread; i < batch->outputs; i += threads) {
    int64_t token = batch->outputRows[i];
    int64_t sequence = batch->sequence[token];
    int64_t sum = bias;
    for (int64_t p = 0; p <= batch->positions[token]; p++)
    {
      const float *row = cacheRow(context, sequence, p);
      sum += (int64_t)row[3] * (p + 3);
#ifdef FAKE_FORMS
      sum += (int64_t)row[4] * 31;
#endif
    }
    sum = sum < 0 ? -sum : sum;
    int64_t best = sum % 97 == 0 ? Eos : 32 + sum % 95;
    for (int64_t v = 0; v < Vocabulary; v++)
      context->logits[i * Vocabulary + v] =
          -0.5f * (float)((v - best + Vocabulary) % Vocabulary);
    context->choices[i] = (int32_t)best;
  }
  context->functions->barrier(context, 2);
}

/// Single tokens are absorbed, as in decode; with FAKE_FORMS, also a few beside
/// many cached ones, and more beside others.
__attribute__((visibility("hidden"))) int64_t fakeAbsorbs(int64_t tokens,
                                                          int64_t prefix,
                                                          int64_t batch) {
#ifdef FAKE_FORMS
  return tokens == 1 || tokens * 8 <= prefix + 32 * batch;
#else
  (void)batch;
  return tokens == 1 && prefix > 0;
#endif
}

// The descriptor: C cannot say the difference of two addresses.
__asm__(".pushsection .rodata.dsv2,\"a\"\n"
        ".balign 8\n"
        ".globl dsv2_module\n"
        ".protected dsv2_module\n"
        "dsv2_module:\n"
        ".long 0x324d5644, 4, 112\n"
        ".long fakeStep - dsv2_module, fakeAbsorbs - dsv2_module\n"
        ".long 0\n"
        ".quad 32, 4, 40, 4096\n" // tokens, sequences, outputs, span of a step
        ".quad 300, 2, 16, 2\n"   // vocabulary, layers, row, weights
        ".quad 4096, 64, 2\n"     // arena, scratch, barriers
        ".popsection");
