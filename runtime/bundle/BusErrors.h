//===- BusErrors.h - A file that shrinks while it is mapped -----*- C++ -*-===//
//
// Reading a mapped file beyond its new end, or from a failing disk, is a signal.
// It becomes a line and exit status 1.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_BUSERRORS_H
#define RUNTIME_BUNDLE_BUSERRORS_H

#include <cstddef>
#include <string>

namespace dsv2::bundle {

/// From now on a bus error inside [memory, memory + bytes) ends the process
/// with a line about `name`. One range at a time; a later call replaces it.
void reportBusErrors(const void *memory, size_t bytes, const std::string &name);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_BUSERRORS_H
