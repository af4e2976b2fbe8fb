//===- ModuleImage.h - A compiled module in memory --------------*- C++ -*-===//
//
// Maps the segments of a module straight out of the compiled file. A module has
// no imports, no relocations and nothing writable, so mapping is all there is
// to loading it. Its bytes are not trusted before they have been checked.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_MODULEIMAGE_H
#define RUNTIME_BUNDLE_MODULEIMAGE_H

#include "runtime/abi/Module.h"
#include "runtime/io/Status.h"
#include <cstddef>
#include <cstdint>

namespace dsv2::bundle {

class ModuleImage {
public:
  /// Maps [offset, offset + bytes) of an open file. Errors complete a sentence
  /// that begins with "its code ...".
  static Expected<ModuleImage> map(int descriptor, uint64_t offset,
                                   uint64_t bytes);

  ModuleImage(ModuleImage &&other);
  ModuleImage &operator=(ModuleImage &&) = delete;
  ~ModuleImage();

  const Dsv2ModuleDescriptor &descriptor() const { return *entry; }
  Dsv2Step step() const;
  /// Null when the module has none: no sequence is absorbed.
  Dsv2Absorbs absorbs() const;

private:
  ModuleImage() = default;
  Status check() const;
  bool executable(int32_t offset) const;

  char *base = nullptr;
  size_t span = 0;
  uint64_t codeBegin = 0, codeEnd = 0; // relative to base
  const Dsv2ModuleDescriptor *entry = nullptr;
};

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_MODULEIMAGE_H
