//===- RandomModule.h - Imported modules nobody would write -----*- C++ -*-===//
//
// Models of random structure and odd widths, imported, then rearranged into
// other valid modules: what a pass may not assume.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_EQUIVALENCE_RANDOMMODULE_H
#define TEST_EQUIVALENCE_RANDOMMODULE_H

#include "frontend/Import.h"

#include <random>

namespace dsv2::test {

/// Numbers of one seed, the same with every standard library.
class Draw {
public:
  explicit Draw(uint64_t seed) : generator(seed) {}

  /// From `low` to `high`, both included.
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(generator() % uint64_t(high - low + 1));
  }
  /// True once in `n` times.
  bool oneIn(int64_t n) { return between(1, n) == 1; }
  template <typename T> T pick(std::initializer_list<T> values) {
    return values.begin()[between(0, int64_t(values.size()) - 1)];
  }

private:
  std::mt19937_64 generator;
};

/// A configuration that the frontend would accept, of every structure that the
/// specification allows, small.
mlir::dsv2::ModelConfig randomConfig(Draw &draw);

/// Maxima of a step; with `crossPage` large enough for a second page.
mlir::dsv2::ImportOptions randomImport(Draw &draw, bool crossPage);

/// Applies a few random edits, after which the module computes something else
/// but keeps the contract of the imported stage: moved ops, copies of ops, more
/// uses and unused values, siblings, more probes, layer functions that differ,
/// layers of the cache in another order, weights of other stored types.
void mutate(mlir::ModuleOp module, Draw &draw);

} // namespace dsv2::test

#endif // TEST_EQUIVALENCE_RANDOMMODULE_H
