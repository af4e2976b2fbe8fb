//===- Mutator.cpp - Texts like the tests' but wrong ----------------------===//
//
// Tokens are words with what leads them (%, #, !, @, ^), numbers, strings,
// single characters and runs of white space, so that most mutants still parse
// far.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/mlir/Mutator.h"

#include <algorithm>
#include <cctype>

using namespace dsv2::test;

using Tokens = std::vector<std::string>;

static bool isWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
}

/// Splits a text; its comments are dropped.
static Tokens tokenize(std::string_view text) {
  constexpr std::string_view marks = "%#!@^";
  Tokens tokens;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (text[i] == '"') {
      while (end < text.size() && text[end] != '"' && text[end] != '\n')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
    } else if (isWordCharacter(text[i]) || marks.find(text[i]) != marks.npos) {
      while (end < text.size() && isWordCharacter(text[end]))
        ++end;
    } else if (std::isspace(static_cast<unsigned char>(text[i]))) {
      while (end < text.size() && std::isspace(static_cast<unsigned char>(text[end])))
        ++end;
    }
    tokens.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

void Mutator::addTest(std::string_view text) {
  constexpr std::string_view separator = "// -----";
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    Tokens tokens = tokenize(text.substr(begin, end - begin));
    if (tokens.size() > 1)
      pieces.push_back(std::move(tokens));
    begin = end + separator.size();
  }
}

/// A value that sizes and bounds are seldom tested with.
static std::string oddNumber(std::mt19937_64 &random) {
  static const char *const numbers[] = {
      "0", "1", "-1", "2", "3", "7", "64", "65", "1023", "2147483647", "2147483648",
      "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
      "1.0", "-0.0", "1e400", "0x7FC00000", "0xFF", "?", "*"};
  return numbers[random() % std::size(numbers)];
}

void Mutator::mutate(Tokens &tokens, std::mt19937_64 &random) const {
  auto any = [&](const Tokens &of) { return random() % of.size(); };
  const Tokens &other = pieces[random() % pieces.size()];
  size_t at = any(tokens);
  switch (random() % 12) {
  case 0: // drops a token
    tokens.erase(tokens.begin() + at);
    break;
  case 1: // drops several
    tokens.erase(tokens.begin() + at,
                 tokens.begin() + std::min(tokens.size(), at + 1 + random() % 12));
    break;
  case 2: // doubles one
    tokens.insert(tokens.begin() + at, tokens[at]);
    break;
  case 3: // swaps two
    std::swap(tokens[at], tokens[any(tokens)]);
    break;
  case 4: // takes one of this text in place of another
    tokens[at] = tokens[any(tokens)];
    break;
  case 5: // takes one of another text
    tokens[at] = other[any(other)];
    break;
  case 6: { // splices a part of another text in
    size_t from = any(other), count = std::min<size_t>(1 + random() % 30, other.size() - from);
    tokens.insert(tokens.begin() + at, other.begin() + from, other.begin() + from + count);
    break;
  }
  case 7: // ends early
    tokens.resize(at);
    break;
  case 8: { // changes a byte
    std::string &token = tokens[at];
    token[random() % token.size()] = static_cast<char>(random());
    break;
  }
  default: { // changes a number, perhaps one of the several in 4x128xf32
    auto isNumber = [](const std::string &token) {
      return std::isdigit(static_cast<unsigned char>(token[0]));
    };
    auto place = std::find_if(tokens.begin() + at, tokens.end(), isNumber);
    if (place == tokens.end())
      break;
    size_t begin = random() % place->size();
    auto isDigit = [&](size_t i) {
      return i < place->size() && std::isdigit(static_cast<unsigned char>((*place)[i]));
    };
    while (!isDigit(begin))
      begin = begin == 0 ? place->size() - 1 : begin - 1;
    while (begin > 0 && isDigit(begin - 1))
      --begin;
    size_t end = begin;
    while (isDigit(end))
      ++end;
    place->replace(begin, end - begin, oddNumber(random));
    break;
  }
  }
}

std::string Mutator::make(uint64_t seed, uint64_t number) const {
  std::mt19937_64 random(seed * 0x9E3779B97F4A7C15u + number);
  bool unchanged = number < pieces.size();
  Tokens tokens = pieces[unchanged ? number : random() % pieces.size()];
  for (uint64_t left = unchanged ? 0 : 1 + random() % 3; left > 0 && !tokens.empty(); --left)
    mutate(tokens, random);
  std::string text;
  for (const std::string &token : tokens)
    text += token;
  return text;
}
