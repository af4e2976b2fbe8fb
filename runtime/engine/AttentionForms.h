//===- AttentionForms.h - The form of each token of a text ------*- C++ -*-===//
//
// Which form of attention the tokens of a text take when many texts share
// steps: that which each would take in a run of its own. So it follows from the
// token's place and from the length of the prompt, and neither company nor the
// cut of a prompt into chunks, nor computing a text again changes a bit: the
// kernels compute a token alike whatever is beside it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_ATTENTIONFORMS_H
#define RUNTIME_ENGINE_ATTENTIONFORMS_H

#include "runtime/engine/Model.h"

namespace dsv2::engine {

class AttentionForms {
public:
  /// Of a text that begins with `prompt` tokens, which are computed in steps of
  /// as many as one takes; then each generated one in a step.
  AttentionForms(const Model &model, int64_t prompt)
      : model(&model), prompt(prompt) {}

  bool isAbsorbed(int64_t position) const;
  /// How many of the `count` tokens from `position` on have the form of the
  /// first.
  int64_t alike(int64_t position, int64_t count) const;

private:
  /// The end of the step that computes `position`.
  int64_t stepEnd(int64_t position) const;

  const Model *model;
  int64_t prompt;
};

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_ATTENTIONFORMS_H
