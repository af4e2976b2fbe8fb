//===- TextFiles.h - What a model says about text ---------------*- C++ -*-===//
//
// The files of a checkpoint about tokens, templates and sampling, which a
// compiled file carries as they are.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_TEXTFILES_H
#define TOOLS_DRIVER_TEXTFILES_H

#include "runtime/io/Status.h"

#include <string>
#include <vector>

namespace mlir::dsv2 {

struct TextFile {
  const char *section; // of the compiled file
  std::string contents;
};

/// Those that the Hugging Face `directory` has. A `chatTemplate` that is not
/// empty names a file to take instead of the model's template. Errors: a file
/// that cannot be read, one that the compiled file could not use.
::dsv2::Expected<std::vector<TextFile>> readTextFiles(const std::string &directory,
                                                      const std::string &chatTemplate);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_TEXTFILES_H
