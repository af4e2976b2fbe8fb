//===- Utf8Stream.cpp - Bytes into text as they come ----------------------===//
//
// Holds back the beginning of a character until it is whole or wrong.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Utf8Stream.h"

#include "runtime/io/Utf8.h"

using namespace dsv2;

std::string Utf8Stream::push(std::string_view bytes) {
  pending += bytes;
  std::string_view rest = pending;
  std::string text;
  while (!rest.empty()) {
    Utf8Step step = stepUtf8(rest);
    if (step.kind == Utf8Step::Incomplete)
      break;
    text += step.kind == Utf8Step::Valid ? rest.substr(0, step.length)
                                         : utf8Replacement;
    rest.remove_prefix(step.length);
  }
  pending = std::string(rest);
  return text;
}

std::string Utf8Stream::finish() {
  bool cut = !pending.empty();
  pending.clear();
  return std::string(cut ? utf8Replacement : "");
}
