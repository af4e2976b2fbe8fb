//===- WeightPacking.cpp - Runs the weight program into a file ------------===//
//
// Packs weights with a progress bar on stderr.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/WeightPacking.h"
#include "runtime/weights/CheckpointSource.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace mlir;

namespace {

/// One line, redrawn at most ten times a second.
class ProgressBar {
public:
  void update(int64_t done, int64_t total) {
    auto now = std::chrono::steady_clock::now();
    if (!shown || (now - last < std::chrono::milliseconds(100) && done < total))
      return;
    last = now;
    constexpr int width = 32;
    int filled = total ? int(double(done) / total * width) : width;
    double seconds = std::chrono::duration<double>(now - start).count();
    llvm::errs() << "\rpacking weights [" << std::string(filled, '#')
                 << std::string(width - filled, '.') << "] "
                 << llvm::format("%.2f of %.2f GB, %.2f GB/s ", done / 1e9, total / 1e9,
                                 seconds > 0 ? done / 1e9 / seconds : 0.0);
    if (done == total)
      llvm::errs() << "\n";
  }

private:
  bool shown = llvm::sys::Process::StandardErrIsDisplayed();
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now(), last = start;
};

} // namespace

::dsv2::Status mlir::dsv2::packWeights(const ::dsv2::weights::WeightProgram &program,
                                 const ::dsv2::Checkpoint &checkpoint,
                                 ::dsv2::weights::WeightSink &sink, int threads) {
  ::dsv2::weights::CheckpointSource source(checkpoint);
  ProgressBar bar;
  return ::dsv2::weights::executeWeightProgram(
      program, source, sink, threads,
      [&](int64_t done, int64_t total) { bar.update(done, total); });
}
