//===- AttentionForms.cpp - The form of each token of a text --------------===//
//
// The steps of `generate`, and the classifier's answer for each of them alone.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/AttentionForms.h"

#include <algorithm>

namespace dsv2::engine {

static int64_t stepBegin(const Model &model, int64_t position) {
  return position / model.module().maxTokens * model.module().maxTokens;
}

int64_t AttentionForms::stepEnd(int64_t position) const {
  if (position >= prompt)
    return position + 1;
  return std::min(prompt,
                  stepBegin(*model, position) + model->module().maxTokens);
}

bool AttentionForms::isAbsorbed(int64_t position) const {
  int64_t begin =
      position >= prompt ? position : stepBegin(*model, position);
  return model->absorbsAlone(stepEnd(position) - begin, begin);
}

int64_t AttentionForms::alike(int64_t position, int64_t count) const {
  bool form = isAbsorbed(position);
  int64_t end = stepEnd(position);
  while (end < position + count && isAbsorbed(end) == form)
    end = stepEnd(end);
  return std::min(count, end - position);
}

} // namespace dsv2::engine
