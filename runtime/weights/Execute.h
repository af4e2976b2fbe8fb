//===- Execute.h - Runs a weight program ------------------------*- C++ -*-===//
//
// Reads checkpoint tensors (or generates them), converts, rearranges and writes
// the packed weights. Used by the compiler, and by the launcher for random
// weights.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_EXECUTE_H
#define RUNTIME_WEIGHTS_EXECUTE_H

#include "runtime/weights/WeightProgram.h"
#include <functional>

namespace dsv2::weights {

/// Where checkpoint tensors come from. Used by several threads at once.
class WeightSource {
public:
  virtual ~WeightSource();

  /// Element type of a tensor. Errors: it is absent, its shape is not `shape`,
  /// its type is none of ElementType.
  virtual Expected<ElementType>
  typeOf(const std::string &tensor, const std::vector<int64_t> &shape) = 0;

  /// Reads elements [first, first + count) in row-major order, in the type that
  /// `typeOf` gave.
  virtual Status read(const std::string &tensor,
                      const std::vector<int64_t> &shape, int64_t first,
                      int64_t count, void *elements) = 0;
};

/// Where packed bytes go. Used by several threads at once; ranges do not
/// overlap, and ranges that are never written are zero.
class WeightSink {
public:
  virtual ~WeightSink();
  virtual Status write(int64_t offset, const void *data, int64_t bytes) = 0;
};

/// Calls with the packed bytes done so far and in all. Calls do not overlap,
/// the first number never falls, and in the end it equals the second.
using Progress = std::function<void(int64_t done, int64_t total)>;

/// Executes a validated program with `threads` threads (at least 1). Each holds
/// a part of one weight and the source elements of it: at most the largest
/// source tensor, usually some megabytes. Stops at the first error.
Status executeWeightProgram(const WeightProgram &program, WeightSource &source,
                            WeightSink &sink, int threads,
                            const Progress &progress = {});

/// A sink that fills memory, `program.bytes` zero bytes at `base`.
class MemorySink final : public WeightSink {
public:
  explicit MemorySink(void *base) : base(static_cast<char *>(base)) {}
  Status write(int64_t offset, const void *data, int64_t bytes) override;

private:
  char *base;
};

/// A sink that hands ranges to a function, for BundleWriter and
/// WeightsFileWriter.
class FunctionSink final : public WeightSink {
public:
  using Function = std::function<Status(int64_t, const void *, int64_t)>;
  explicit FunctionSink(Function function) : function(std::move(function)) {}
  Status write(int64_t offset, const void *data, int64_t bytes) override {
    return function(offset, data, bytes);
  }

private:
  Function function;
};

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_EXECUTE_H
