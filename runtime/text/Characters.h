//===- Characters.h - Properties of Unicode characters ----------*- C++ -*-===//
//
// The properties that stages of the tokenizer ask for outside of patterns,
// with the reference's Unicode version.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_CHARACTERS_H
#define RUNTIME_TEXT_CHARACTERS_H

namespace dsv2 {

/// General category N.
bool isNumeric(char32_t scalar);
/// The property White_Space.
bool isWhiteSpace(char32_t scalar);
/// Letters, marks, digits, connectors: `\w`.
bool isWordCharacter(char32_t scalar);

} // namespace dsv2

#endif // RUNTIME_TEXT_CHARACTERS_H
