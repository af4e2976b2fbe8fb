//===- BundleWriter.h - Makes a compiled file -------------------*- C++ -*-===//
//
// Used by the compiler. Sections are added one after the other; the weights are
// a range that several threads fill. Whoever made the files publishes them, when
// all that belong together are finished.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_BUNDLEWRITER_H
#define RUNTIME_BUNDLE_BUNDLEWRITER_H

#include "runtime/bundle/AtomicFile.h"
#include "runtime/bundle/Format.h"
#include "runtime/bundle/LauncherImage.h"
#include <string>
#include <string_view>
#include <vector>

namespace dsv2::bundle {

class BundleWriter {
public:
  /// Begins `file`, which outlives the writer, with the launcher's ELF image.
  /// Errors: it is not dsv2-launcher.
  static Expected<BundleWriter> create(AtomicFile &file, std::string launcher);

  /// Appends a section (names in Format.h). Errors: a name that is too long or
  /// in use, or writing.
  Status addSection(std::string_view name, std::string_view contents);

  /// Reserves the section `weights`, all zero. Once.
  Status beginWeights(uint64_t bytes);

  /// Writes into the weights; several threads may do so at once.
  Status writeWeights(uint64_t offset, const void *data, uint64_t bytes);

  /// Hashes the weights with `threads` threads, writes index and footer, and
  /// completes the file. Call once, last.
  Status finish(int threads);

private:
  BundleWriter(AtomicFile &file, LauncherImage launcher)
      : file(file), launcher(std::move(launcher)) {}
  Expected<IndexEntry> newEntry(std::string_view name, uint64_t alignment,
                                uint64_t bytes);

  AtomicFile &file;
  LauncherImage launcher;
  uint64_t end = 0; // of what has been placed
  std::vector<IndexEntry> index;
  int weights = -1; // their place in the index
};

/// Makes a file of weights that lies beside a compiled file
/// (`--weights=external`).
class WeightsFileWriter {
public:
  /// Reserves the room of `bytes` of weights in `file`, which outlives the
  /// writer.
  static Expected<WeightsFileWriter> create(AtomicFile &file, uint64_t bytes);
  /// Writes into the weights; several threads may do so at once.
  Status write(uint64_t offset, const void *data, uint64_t bytes);
  /// Completes the file and returns the hash of the weights, for the manifest.
  Expected<Hash128> finish(int threads);

private:
  WeightsFileWriter(AtomicFile &file, uint64_t bytes) : file(file), bytes(bytes) {}
  AtomicFile &file;
  uint64_t bytes;
};

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_BUNDLEWRITER_H
