//===- UnicodeTables.h - Character classes of the reference -----*- C++ -*-===//
//
// What the reference tokenizer takes for letters, digits, spaces and so on.
// Data only; the script that writes it is make-unicode-tables.py.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_UNICODETABLES_H
#define RUNTIME_TEXT_UNICODETABLES_H

#include <cstdint>

namespace dsv2::unicode {

struct CodePointRange {
  uint32_t first, last;
};

/// General categories; None are the others and the unassigned.
enum Category : uint8_t {
  None, Lu, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Pd, Ps, Pe, Pi, Pf, Po,
  Sm, Sc, Sk, So, Zs, Zl, Zp
};
/// By category.
inline constexpr const char *categoryNames[] = {
    "",   "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc",
    "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp"};

struct CategoryRun {
  uint32_t first;
  Category category;
};

#include "runtime/text/UnicodeTables.inc"

} // namespace dsv2::unicode

#endif // RUNTIME_TEXT_UNICODETABLES_H
