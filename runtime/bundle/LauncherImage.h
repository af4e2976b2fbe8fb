//===- LauncherImage.h - The program of a compiled file ---------*- C++ -*-===//
//
// What making a compiled file changes in the launcher's ELF image.
//
// The note gets the size of the whole and the hash of the footer. And PT_INTERP
// gets to point at the end of what is mapped, where the launcher has the name of
// its dynamic linker a second time: the kernel reads that name before it starts
// anything, so a file that is cut before it is refused by execve, where it would
// otherwise be mapped, started and end in a bus error.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_LAUNCHERIMAGE_H
#define RUNTIME_BUNDLE_LAUNCHERIMAGE_H

#include "runtime/bundle/Format.h"
#include <string>

namespace dsv2::bundle {

class LauncherImage {
public:
  /// Takes the launcher as it was linked. Errors: it is no x86-64 ELF image
  /// with the note and the name of its dynamic linker in both places.
  static Expected<LauncherImage> create(std::string image);

  const std::string &bytes() const { return image; }
  /// Offset of the note.
  uint64_t note() const { return slot; }
  /// As hashLauncher of a file that begins with this image.
  Hash128 hash() const;
  /// Fills the note.
  void describe(uint64_t fileBytes, uint64_t footerHash);

private:
  LauncherImage() = default;
  std::string image;
  uint64_t slot = 0;
};

/// Hash of the launcher that an open file begins with, but for what the note at
/// `note` says: that is checked against the file itself. Errors: reading.
Expected<Hash128> hashLauncher(int descriptor, uint64_t bytes, uint64_t note);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_LAUNCHERIMAGE_H
