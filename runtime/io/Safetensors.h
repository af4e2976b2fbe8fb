//===- Safetensors.h - A checkpoint's tensors by name -----------*- C++ -*-===//
//
// Opens a Hugging Face directory with `model.safetensors`, or with shards and
// `model.safetensors.index.json` (specification section 2), checks every
// header, and reads tensor data with pread. Shards may be symbolic links.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_SAFETENSORS_H
#define RUNTIME_IO_SAFETENSORS_H

#include "runtime/io/SafetensorsHeader.h"

#include <unordered_map>

namespace dsv2 {

/// The tensors of one or several files. Const use is thread-safe.
class Checkpoint {
public:
  /// Opens the checkpoint of a directory.
  static Expected<Checkpoint> open(const std::string &directory);
  /// Opens one safetensors file, whatever its name.
  static Expected<Checkpoint> openFile(const std::string &path);

  /// All tensors, in the order of the files and of their data. Their addresses
  /// are those that `find` returns and live as long as the checkpoint.
  const std::vector<TensorInfo> &tensors() const { return list; }
  /// Null when there is no such tensor.
  const TensorInfo *find(std::string_view name) const;
  const std::string &pathOf(const TensorInfo &tensor) const {
    return files[tensor.file].path();
  }
  /// Sum of the tensors' bytes.
  uint64_t totalBytes() const;
  /// Of a single file; empty for shards.
  const std::map<std::string, std::string> &metadata() const { return notes; }

  /// Copies `size` bytes of `tensor`, from byte `offset` of its data on.
  Status read(const TensorInfo &tensor, uint64_t offset, size_t size,
              void *destination) const;

  /// An error if one of the files was written to since it was opened, so that
  /// what was read may be of two versions. Files that were replaced or removed
  /// under their names are read on.
  Status checkUnchanged() const;

private:
  Status addFile(const std::string &path);
  Status openShards(const std::string &directory, const std::string &indexPath);
  Status indexNames();

  std::vector<InputFile> files;
  std::vector<TensorInfo> list;
  std::unordered_map<std::string_view, uint32_t> byName; // keys live in `list`
  std::map<std::string, std::string> notes;
};

} // namespace dsv2

#endif // RUNTIME_IO_SAFETENSORS_H
