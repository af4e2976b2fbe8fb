//===- SafetensorsWriter.h - Safetensors out --------------------*- C++ -*-===//
//
// Writes one safetensors file whose shapes are known before its data, so that
// the data can be appended as it is computed. The file appears under its name
// complete or not at all.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_SAFETENSORSWRITER_H
#define RUNTIME_IO_SAFETENSORSWRITER_H

#include "runtime/io/File.h"
#include "runtime/io/SafetensorsHeader.h"

namespace dsv2 {

/// What a file will hold, before its data.
struct TensorSpec {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};

class SafetensorsWriter {
public:
  /// Begins the file. Names must be unique, valid UTF-8 and not
  /// `__metadata__`.
  static Expected<SafetensorsWriter>
  create(std::string path, const std::vector<TensorSpec> &tensors,
         const std::map<std::string, std::string> &metadata = {});

  /// Appends data: the tensors' bytes one after another in the order of
  /// `create`, little-endian, cut anywhere.
  Status append(const void *data, size_t size);
  /// Gives the file its name. All data must have been appended.
  Status finish();

private:
  SafetensorsWriter(OutputFile file, uint64_t missing)
      : file(std::move(file)), missing(missing) {}

  OutputFile file;
  uint64_t missing; // bytes not yet appended
};

} // namespace dsv2

#endif // RUNTIME_IO_SAFETENSORSWRITER_H
