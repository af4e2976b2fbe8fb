//===- KernelHarness.h - Runs the lowering of planned ops -------*- C++ -*-===//
//
// Compiles a module of planned functions for one CPU variant in this process
// and calls a function of it with several threads.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LOWERING_KERNELHARNESS_H
#define TEST_UNIT_LOWERING_KERNELHARNESS_H

#include "runtime/abi/Module.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dsv2::test {

/// A batch with storage: sequences of `count` new tokens after `prefix`.
struct TestBatch {
  struct Sequence {
    int32_t prefix, count;
  };
  /// Pages are dealt out in a shuffled order. The first `absorbed` sequences
  /// form the absorbed range.
  TestBatch(llvm::ArrayRef<Sequence> sequences, int64_t absorbed = -1);

  Dsv2Batch batch{};
  std::vector<int32_t> positions, sequence, starts, prefix, pageTable, outputRows;
};

class KernelModule {
public:
  /// Null (after a diagnostic) when the text does not compile, or the CPU
  /// cannot run the variant.
  static std::unique_ptr<KernelModule> compile(llvm::StringRef mlirText, llvm::StringRef variant);
  ~KernelModule();

  /// Whether this CPU has the variant's instructions.
  static bool hasInstructions(llvm::StringRef variant);
  /// Whether it computes the variant's kernels: without AVX-512 each of their
  /// registers is two of its own, so that all but the instructions is tested.
  static bool runs(llvm::StringRef variant);

  /// Calls public function `name` with buffers in the order of its memref
  /// arguments (batch arguments left out) on `threads` threads.
  void call(llvm::StringRef name, const Dsv2Batch &batch, llvm::ArrayRef<void *> buffers,
            int threads = 1);

  /// Calls the classifier of sequences through the ABI's type.
  int64_t absorbs(int64_t tokens, int64_t prefix, int64_t batch = 0);

private:
  struct Implementation;
  explicit KernelModule(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation;
};

uint16_t toBF16(float value);
float fromBF16(uint16_t value);

} // namespace dsv2::test

#endif // TEST_UNIT_LOWERING_KERNELHARNESS_H
