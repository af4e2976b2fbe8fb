//===- OutputFiles.h - All files of a compilation, or none ------*- C++ -*-===//
//
// Files are begun before any work, so that a place that cannot be written to is
// refused at once, and get their names together when everything has succeeded.
// After a failure, SIGINT or SIGTERM none of them is there.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_OUTPUTFILES_H
#define TOOLS_DRIVER_OUTPUTFILES_H

#include "runtime/bundle/AtomicFile.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <deque>
#include <memory>
#include <optional>

namespace mlir::dsv2 {

/// A text file; or standard output ("-"), a device or a pipe, which are written
/// to as they stand.
class TextOutput {
public:
  /// Writes all of the text.
  ::dsv2::Status write(llvm::StringRef text);

  /// A path that others can open and write to, until the files are published.
  std::string getStreamPath() const;

private:
  friend class OutputFiles;
  std::string path;
  ::dsv2::bundle::AtomicFile *file = nullptr;   // null: written directly
  std::unique_ptr<llvm::raw_fd_ostream> direct; // null: to the file
};

class OutputFiles {
public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  /// Removes what was not published.
  ~OutputFiles();

  /// Begins a file that the caller fills and completes; its address stays.
  /// Errors: those of AtomicFile, and a path that was begun before.
  ::dsv2::Expected<::dsv2::bundle::AtomicFile *> beginFile(const std::string &path);

  /// Begins the file `owner`.SUFFIX, which `owner` does not run without. It is
  /// published first, and an older `owner` is removed before: whenever the
  /// process dies, what is under owner's name has its companion.
  ::dsv2::Expected<::dsv2::bundle::AtomicFile *>
  beginCompanion(const ::dsv2::bundle::AtomicFile &owner, llvm::StringRef suffix);

  /// Begins a text; its address stays.
  ::dsv2::Expected<TextOutput *> beginText(const std::string &path);

  /// Gives all files their names, the last begun first. Where one cannot have
  /// it, those before it are removed again.
  ::dsv2::Status publish();

private:
  std::deque<::dsv2::bundle::AtomicFile> files;
  std::deque<TextOutput> texts;
  std::string ownerOfCompanion; // a path, or empty
};

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_OUTPUTFILES_H
