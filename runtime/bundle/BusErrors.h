//===- BusErrors.h - A file that shrinks while it is mapped -----*- C++ -*-===//
//
// Reading a mapped file beyond its new end, or from a failing disk, is a signal.
// It becomes a line and exit status 1. Code, weights and launcher are mapped.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_BUSERRORS_H
#define RUNTIME_BUNDLE_BUSERRORS_H

#include <cstddef>
#include <string>

namespace dsv2::bundle {

/// From now on a bus error in mapped memory ends the process with a line about
/// the file `name`.
void endOnBusErrors(const std::string &name);

/// As endOnBusErrors, but the line about [memory, memory + bytes) names another
/// file. One range at a time; a later call replaces it.
void nameBusErrors(const void *memory, size_t bytes, const std::string &name);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_BUSERRORS_H
