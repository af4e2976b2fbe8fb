//===- UnicodeTables.h - Character classes of the reference -----*- C++ -*-===//
//
// What the reference tokenizer's tables hold beyond those of PCRE2, and the
// characters that it takes for digits. Data only; the script that writes it is
// make-unicode-tables.py.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_UNICODETABLES_H
#define RUNTIME_TEXT_UNICODETABLES_H

#include <cstdint>
#include <span>
#include <string_view>

namespace dsv2::unicode {

struct CodePointRange {
  uint32_t first, last;
};

/// A general category (or "w", word characters) and its newer members.
struct ClassAdditions {
  std::string_view name;
  std::span<const CodePointRange> ranges;
};

#include "runtime/text/UnicodeTables.inc"

} // namespace dsv2::unicode

#endif // RUNTIME_TEXT_UNICODETABLES_H
