//===- RegexTranslation.h - Oniguruma's patterns for PCRE2 ------*- C++ -*-===//
//
// Tokenizer files carry patterns in Oniguruma's syntax. Most of it means the
// same to PCRE2; what differs is rewritten (`\s`, `\w`, `\d`, `\v`, `$`,
// `\p{..}` of newer Unicode) or refused by name.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_REGEXTRANSLATION_H
#define RUNTIME_TEXT_REGEXTRANSLATION_H

#include "runtime/io/Status.h"

#include <string_view>

namespace dsv2 {

/// The pattern that means to PCRE2 (UTF, UCP, MULTILINE, newline LF) what
/// `pattern` means to Oniguruma. The error says which construct is unknown.
Expected<std::string> translateRegex(std::string_view pattern);

} // namespace dsv2

#endif // RUNTIME_TEXT_REGEXTRANSLATION_H
