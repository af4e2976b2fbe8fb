//===- SafetensorsHeader.cpp - What a safetensors file holds --------------===//
//
// A file is: u64 little-endian header length, that many bytes of JSON
// {name: {dtype, shape, data_offsets: [begin, end)}, "__metadata__": {...}},
// then the data that the offsets count from.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/SafetensorsHeader.h"

#include "runtime/io/JsonCursor.h"

#include <algorithm>
#include <array>

using namespace dsv2;

namespace {

constexpr uint64_t maxHeaderBytes = 100'000'000;
constexpr size_t lengthBytes = 8;
constexpr size_t maxRank = 64; // far beyond any; messages print shapes

struct DTypeFacts {
  DType type;
  std::string_view name;
  unsigned bits;
};

constexpr std::array<DTypeFacts, 20> dtypes = {{
    {DType::Bool, "BOOL", 8},       {DType::F4, "F4", 4},
    {DType::F6_E2M3, "F6_E2M3", 6}, {DType::F6_E3M2, "F6_E3M2", 6},
    {DType::U8, "U8", 8},           {DType::I8, "I8", 8},
    {DType::F8_E5M2, "F8_E5M2", 8}, {DType::F8_E4M3, "F8_E4M3", 8},
    {DType::F8_E8M0, "F8_E8M0", 8}, {DType::I16, "I16", 16},
    {DType::U16, "U16", 16},        {DType::F16, "F16", 16},
    {DType::BF16, "BF16", 16},      {DType::I32, "I32", 32},
    {DType::U32, "U32", 32},        {DType::F32, "F32", 32},
    {DType::C64, "C64", 64},        {DType::F64, "F64", 64},
    {DType::I64, "I64", 64},        {DType::U64, "U64", 64},
}};

const DTypeFacts &factsOf(DType type) {
  return dtypes[static_cast<size_t>(type)];
}

/// The extents of `field`, or why they are none.
Expected<std::vector<int64_t>> readShape(const JsonCursor &field) {
  Expected<const JsonArray *> extents = field.array();
  if (!extents.ok())
    return extents.status();
  if ((*extents)->size() > maxRank)
    return field.expected("at most " + std::to_string(maxRank) + " extents");
  std::vector<int64_t> shape;
  shape.reserve((*extents)->size());
  for (size_t i = 0; i < (*extents)->size(); ++i) {
    Expected<int64_t> extent = field.at(i).integer(0);
    if (!extent.ok())
      return extent.status();
    shape.push_back(*extent);
  }
  return shape;
}

/// One entry of the header. `offset` still counts from the data's beginning.
Expected<TensorInfo> readTensor(const JsonCursor &entry,
                                const std::string &name) {
  TensorInfo tensor{};
  tensor.name = name;
  if (Expected<const JsonObject *> object = entry.object(); !object.ok())
    return object.status();

  Expected<std::string_view> typeName = entry["dtype"].string();
  if (!typeName.ok())
    return typeName.status();
  std::optional<DType> type = dtypeFromName(*typeName);
  if (!type)
    return entry["dtype"].expected("a safetensors type such as \"BF16\"");
  tensor.dtype = *type;

  Expected<std::vector<int64_t>> shape = readShape(entry["shape"]);
  if (!shape.ok())
    return shape.status();
  tensor.shape = std::move(*shape);

  JsonCursor offsets = entry["data_offsets"];
  Expected<const JsonArray *> pair = offsets.array();
  if (!pair.ok())
    return pair.status();
  if ((*pair)->size() != 2)
    return offsets.expected("a begin and an end");
  Expected<int64_t> begin = offsets.at(0).integer(0);
  if (!begin.ok())
    return begin.status();
  Expected<int64_t> end = offsets.at(1).integer(0);
  if (!end.ok())
    return end.status();
  if (*end < *begin)
    return offsets.error("expected an end of at least the begin " +
                         std::to_string(*begin) + ", got " +
                         std::to_string(*end));
  tensor.offset = static_cast<uint64_t>(*begin);

  std::optional<uint64_t> bytes = tensorBytes(tensor.dtype, tensor.shape);
  std::string described = std::string(dtypeName(tensor.dtype)) + " " +
                          formatShape(tensor.shape);
  if (!bytes)
    return entry.error(described + " has no size in bytes that can be computed");
  if (*bytes != static_cast<uint64_t>(*end - *begin))
    return entry.error("expected " + std::to_string(*bytes) + " bytes for " +
                       described + ", got offsets " + std::to_string(*begin) +
                       " to " + std::to_string(*end));
  tensor.bytes = *bytes;
  return tensor;
}

/// Demands that the tensors, in the order of their data, fill `dataBytes`.
Status checkLayout(const std::vector<TensorInfo> &tensors, uint64_t dataBytes,
                   const std::string &path) {
  uint64_t filled = 0;
  for (const TensorInfo &tensor : tensors) {
    if (tensor.offset != filled)
      return Status::error(
          path + ": " + tensor.name + ": expected data at offset " +
          std::to_string(filled) + ", got " + std::to_string(tensor.offset) +
          (tensor.offset < filled ? " (tensors overlap)"
                                  : " (bytes that no tensor uses)"));
    // Cannot overflow: both come from 63-bit offsets.
    filled += tensor.bytes;
    if (filled > dataBytes)
      return Status::error(path + ": " + tensor.name + ": data ends at offset " +
                           std::to_string(filled) + ", but the file holds " +
                           std::to_string(dataBytes) +
                           " bytes of data (truncated file?)");
  }
  if (filled != dataBytes)
    return Status::error(path + ": expected " + std::to_string(filled) +
                         " bytes of data, got " + std::to_string(dataBytes) +
                         " (bytes that no tensor uses at the end)");
  return Status::success();
}

} // namespace

std::string_view dsv2::dtypeName(DType type) { return factsOf(type).name; }

unsigned dsv2::dtypeBits(DType type) { return factsOf(type).bits; }

std::optional<DType> dsv2::dtypeFromName(std::string_view name) {
  for (const DTypeFacts &facts : dtypes)
    if (facts.name == name)
      return facts.type;
  return std::nullopt;
}

std::string dsv2::formatShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

std::optional<uint64_t>
dsv2::tensorBytes(DType type, const std::vector<int64_t> &shape) {
  uint64_t bits = dtypeBits(type);
  for (int64_t extent : shape)
    if (extent < 0 ||
        __builtin_mul_overflow(bits, static_cast<uint64_t>(extent), &bits))
      return std::nullopt;
  if (bits % 8 != 0)
    return std::nullopt;
  return bits / 8;
}

Expected<SafetensorsHeader>
dsv2::readSafetensorsHeader(const InputFile &file, uint32_t fileIndex) {
  const std::string &path = file.path();
  char start[32] = {};
  size_t startBytes = std::min<uint64_t>(file.size(), sizeof start);
  if (Status status = file.read(0, startBytes, start); !status.ok())
    return status;
  if (isGitLfsPointer({start, startBytes}))
    return Status::error(path + ": expected a safetensors file, got a Git LFS "
                                "pointer (fetch it with `git lfs pull`)");
  if (startBytes < lengthBytes)
    return Status::error(path + ": expected a safetensors file, got " +
                         std::to_string(file.size()) + " bytes");

  uint64_t headerBytes = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    headerBytes |= uint64_t(static_cast<unsigned char>(start[i])) << (8 * i);
  if (headerBytes > maxHeaderBytes)
    return Status::error(path + ": expected a header of at most " +
                         std::to_string(maxHeaderBytes) + " bytes, got " +
                         std::to_string(headerBytes));
  if (headerBytes > file.size() - lengthBytes)
    return Status::error(path + ": header of " + std::to_string(headerBytes) +
                         " bytes does not fit in a file of " +
                         std::to_string(file.size()) + " (truncated file?)");

  std::string text(static_cast<size_t>(headerBytes), '\0');
  if (Status status = file.read(lengthBytes, text.size(), text.data());
      !status.ok())
    return status;
  if (text.empty() || text[0] != '{')
    return Status::error(path + ": expected a header that begins with '{'");
  JsonLimits limits;
  limits.maxBytes = maxHeaderBytes;
  limits.maxDepth = 8;
  std::string source = path + ": header";
  Expected<JsonValue> tree = parseJson(text, source, limits);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, source);
  Expected<const JsonObject *> entries = root.object();
  if (!entries.ok())
    return entries.status();

  SafetensorsHeader header;
  header.tensors.reserve((*entries)->size());
  for (const JsonMember &member : **entries) {
    JsonCursor entry = root[member.key];
    if (member.key == "__metadata__") {
      Expected<const JsonObject *> metadata = entry.object();
      if (!metadata.ok())
        return metadata.status();
      for (const JsonMember &item : **metadata) {
        Expected<std::string_view> value = entry[item.key].string();
        if (!value.ok())
          return value.status();
        header.metadata.emplace(item.key, *value);
      }
      continue;
    }
    Expected<TensorInfo> tensor = readTensor(entry, member.key);
    if (!tensor.ok())
      return tensor.status();
    tensor->file = fileIndex;
    header.tensors.push_back(std::move(*tensor));
  }

  // By end as well, so that empty tensors come before what shares their begin.
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorInfo &a, const TensorInfo &b) {
              return a.offset != b.offset ? a.offset < b.offset
                                          : a.bytes < b.bytes;
            });
  uint64_t dataOffset = lengthBytes + headerBytes;
  if (Status status =
          checkLayout(header.tensors, file.size() - dataOffset, path);
      !status.ok())
    return status;
  for (TensorInfo &tensor : header.tensors)
    tensor.offset += dataOffset;
  return header;
}
