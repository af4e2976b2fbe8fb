//===- SafetensorsWriter.cpp - Safetensors out ----------------------------===//
//
// Computes the header from the specifications and streams the data after it.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/SafetensorsWriter.h"

#include "runtime/io/JsonWriter.h"
#include "runtime/io/Utf8.h"

#include <set>

using namespace dsv2;

Expected<SafetensorsWriter>
SafetensorsWriter::create(std::string path,
                          const std::vector<TensorSpec> &tensors,
                          const std::map<std::string, std::string> &metadata) {
  JsonWriter json;
  json.beginObject();
  if (!metadata.empty()) {
    json.key("__metadata__").beginObject();
    for (const auto &[key, value] : metadata)
      json.member(key, std::string_view(value));
    json.endObject();
  }
  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (const TensorSpec &tensor : tensors) {
    if (tensor.name == "__metadata__" ||
        findInvalidUtf8(tensor.name) != std::string_view::npos ||
        !names.insert(tensor.name).second)
      return Status::error(path + ": " + quoteJson(tensor.name) +
                           ": expected a unique tensor name");
    std::optional<uint64_t> bytes = tensorBytes(tensor.dtype, tensor.shape);
    uint64_t end;
    if (!bytes || __builtin_add_overflow(offset, *bytes, &end))
      return Status::error(path + ": " + tensor.name + ": " +
                           std::string(dtypeName(tensor.dtype)) + " " +
                           formatShape(tensor.shape) + " is too large");
    json.key(tensor.name).beginObject();
    json.member("dtype", dtypeName(tensor.dtype));
    json.key("shape").beginArray();
    for (int64_t extent : tensor.shape)
      json.value(extent);
    json.endArray();
    json.key("data_offsets").beginArray().value(offset).value(end).endArray();
    json.endObject();
    offset = end;
  }
  json.endObject();

  // Spaces after the object align the data to 8 bytes, as the reference does.
  std::string header = json.text();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length;
  for (unsigned shift = 0; shift < 64; shift += 8)
    length += static_cast<char>(uint64_t(header.size()) >> shift & 0xFF);

  Expected<OutputFile> file = OutputFile::create(std::move(path));
  if (!file.ok())
    return file.status();
  if (Status status = file->write(length + header); !status.ok())
    return status;
  return SafetensorsWriter(std::move(*file), offset);
}

Status SafetensorsWriter::append(const void *data, size_t size) {
  if (size > missing)
    return Status::error(file.path() + ": " + std::to_string(size) +
                         " bytes appended where " + std::to_string(missing) +
                         " are missing");
  missing -= size;
  return file.write(data, size);
}

Status SafetensorsWriter::finish() {
  if (missing != 0)
    return Status::error(file.path() + ": " + std::to_string(missing) +
                         " bytes of tensor data were not written");
  return file.commit();
}
