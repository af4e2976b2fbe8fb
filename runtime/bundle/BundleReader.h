//===- BundleReader.h - Opens a compiled file -------------------*- C++ -*-===//
//
// Used by the launcher on its own file. Checks footer, index, launcher, every
// section of up to 256 MiB and what lies between before anything is used;
// larger sections on request.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_BUNDLEREADER_H
#define RUNTIME_BUNDLE_BUNDLEREADER_H

#include "runtime/bundle/Format.h"
#include "runtime/bundle/Manifest.h"
#include "runtime/bundle/ModuleImage.h"
#include "runtime/io/File.h"
#include <string>
#include <string_view>
#include <vector>

namespace dsv2::bundle {

/// What the launcher's note says of the whole file; zero: it says nothing.
struct ExpectedFile {
  uint64_t bytes = 0;
  uint64_t footerHash = 0;
};

/// Weights, mapped read-only from a file or owned by nobody (null).
class MappedWeights {
public:
  MappedWeights() = default;
  MappedWeights(const char *data, uint64_t bytes) : begin(data), size(bytes) {}
  MappedWeights(MappedWeights &&other);
  MappedWeights &operator=(MappedWeights &&other);
  ~MappedWeights();
  const char *data() const { return begin; }
  uint64_t bytes() const { return size; }

private:
  const char *begin = nullptr;
  uint64_t size = 0;
};

class BundleReader {
public:
  /// Opens the file that this process runs, as far as `checkContents` does not:
  /// footer, index and launcher, which is all that a command line needs.
  /// `expected` is the launcher's note. From then on a mapped file that shrinks
  /// ends the process with a line.
  static Expected<BundleReader> openSelf(const ExpectedFile &expected);
  /// Checks the rest and reads the manifest. Before anything below is called.
  Status checkContents();
  /// Opens a compiled file by name, with all these checks.
  static Expected<BundleReader> open(const std::string &path,
                                     const ExpectedFile &expected = {});

  const Manifest &manifest() const { return description; }
  const std::string &path() const { return name; }
  const std::vector<IndexEntry> &sections() const { return index; }
  const Footer &footer() const { return tail; }

  /// Null when there is no such section.
  const IndexEntry *find(std::string_view name) const;
  /// The bytes of a section. Errors: it is absent or larger than 256 MiB.
  Expected<std::string> read(std::string_view name) const;

  /// Maps the module called `variant`.
  Expected<ModuleImage> mapModule(const std::string &variant) const;
  /// Maps the weights, out of this file or the one beside it, which is hashed
  /// up to 256 MiB. Not for random weights.
  Expected<MappedWeights> mapWeights() const;

  /// Hashes all sections, whatever their size, and the external weights.
  Status verify(int threads) const;

private:
  static Expected<BundleReader> open(FileDescriptor file, std::string path,
                                     const ExpectedFile &expected);
  Status readIndex(const ExpectedFile &expected);
  Status checkIndex() const;
  Status check(const IndexEntry &entry, int threads) const;
  Status checkPadding() const;
  std::string externalPath() const;
  Expected<FileDescriptor> openExternalWeights() const;
  Status checkExternalWeights(int descriptor, int threads) const;

  FileDescriptor file;
  std::string name;
  uint64_t fileBytes = 0;
  Footer tail;
  std::vector<IndexEntry> index;
  Manifest description;
};

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_BUNDLEREADER_H
