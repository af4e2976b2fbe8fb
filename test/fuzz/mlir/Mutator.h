//===- Mutator.h - Texts like the tests' but wrong --------------*- C++ -*-===//
//
// Makes inputs for parsers out of the repository's .mlir files: the pieces that
// `// -----` separates, changed token by token and byte by byte, and spliced.
// The same seed and number make the same text.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_MLIR_MUTATOR_H
#define TEST_FUZZ_MLIR_MUTATOR_H

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dsv2::test {

class Mutator {
public:
  /// Adds the pieces of a test, without its comments.
  void addTest(std::string_view text);

  size_t seeds() const { return pieces.size(); }

  /// Input `number` of a run. The first `seeds()` are the pieces themselves.
  std::string make(uint64_t seed, uint64_t number) const;

private:
  using Tokens = std::vector<std::string>;
  void mutate(Tokens &tokens, std::mt19937_64 &random) const;

  std::vector<Tokens> pieces;
};

} // namespace dsv2::test

#endif // TEST_FUZZ_MLIR_MUTATOR_H
