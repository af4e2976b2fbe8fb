//===- JsonLines.h - One JSON value a line ----------------------*- C++ -*-===//
//
// Reads JSON Lines (jsonlines.org) from a text, a file or a pipe, line by line,
// with a limit for everything. Lines end in \n or \r\n, the last one may end
// with the file; blank ones are skipped. Places are named FILE:LINE, counted
// from 1, blank lines included.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_JSONLINES_H
#define RUNTIME_IO_JSONLINES_H

#include "runtime/io/JsonCursor.h"

#include <functional>

namespace dsv2 {

/// What a caller allows. Only one line's text and tree are held at a time.
struct JsonLinesLimits {
  size_t maxLines = size_t(1) << 20; // those with a value
  /// Of one line; its `maxBytes` does not count the line's end.
  JsonLimits line = {.maxBytes = size_t(16) << 20, .maxValues = size_t(4) << 20};
};

/// Receives the value of each line, in order. The cursor's messages begin with
/// FILE:LINE; it points into a tree that ends with the call.
using JsonLineVisitor = std::function<Status(const JsonCursor &line)>;

/// Visits the lines of `text`, which messages call `source`. The first error
/// ends it: a line that is no JSON, a limit, or what `visit` returns.
Status readJsonLines(std::string_view text, const std::string &source,
                     const JsonLineVisitor &visit,
                     const JsonLinesLimits &limits = {});

/// The same of a file or pipe; `-` is stdin, and called that in messages.
Status readJsonLinesFile(const std::string &path, const JsonLineVisitor &visit,
                         const JsonLinesLimits &limits = {});

} // namespace dsv2

#endif // RUNTIME_IO_JSONLINES_H
