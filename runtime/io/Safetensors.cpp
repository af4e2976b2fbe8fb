//===- Safetensors.cpp - A checkpoint's tensors by name -------------------===//
//
// Finds the files of a checkpoint and holds the index of the shards against
// what the shards hold.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Safetensors.h"

#include "runtime/io/JsonCursor.h"

using namespace dsv2;

namespace {

constexpr const char *singleName = "model.safetensors";
constexpr const char *indexName = "model.safetensors.index.json";

std::string join(const std::string &directory, std::string_view name) {
  if (!directory.empty() && directory.back() == '/')
    return directory + std::string(name);
  return directory + "/" + std::string(name);
}

/// A shard lies in the checkpoint's own directory: an index may come from
/// anywhere and must not make the compiler read other files.
bool isPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

} // namespace

Expected<Checkpoint> Checkpoint::open(const std::string &directory) {
  Checkpoint checkpoint;
  std::string single = join(directory, singleName);
  std::string index = join(directory, indexName);
  Status status = Status::success();
  // As transformers does, one file goes before an index.
  if (nameExists(single)) {
    status = checkpoint.addFile(single);
    if (status.ok())
      status = checkpoint.indexNames();
  } else if (nameExists(index)) {
    status = checkpoint.openShards(directory, index);
  } else {
    bool pickled = fileExists(join(directory, "pytorch_model.bin")) ||
                   fileExists(join(directory, "pytorch_model.bin.index.json"));
    status = Status::error(
        directory + ": expected " + singleName + " or " + indexName +
        (pickled ? ", got pytorch_model.bin, which is not read (convert it to "
                   "safetensors)"
                 : ", found neither"));
  }
  if (!status.ok())
    return status;
  return checkpoint;
}

Expected<Checkpoint> Checkpoint::openFile(const std::string &path) {
  Checkpoint checkpoint;
  if (Status status = checkpoint.addFile(path); !status.ok())
    return status;
  if (Status status = checkpoint.indexNames(); !status.ok())
    return status;
  return checkpoint;
}

Status Checkpoint::addFile(const std::string &path) {
  Expected<InputFile> file = InputFile::open(path);
  if (!file.ok())
    return file.status();
  Expected<SafetensorsHeader> header =
      readSafetensorsHeader(*file, static_cast<uint32_t>(files.size()));
  if (!header.ok())
    return header.status();
  files.push_back(std::move(*file));
  list.insert(list.end(), std::make_move_iterator(header->tensors.begin()),
              std::make_move_iterator(header->tensors.end()));
  if (files.size() == 1)
    notes = std::move(header->metadata);
  return Status::success();
}

Status Checkpoint::indexNames() {
  byName.reserve(list.size());
  for (uint32_t i = 0; i < list.size(); ++i) {
    auto [entry, isNew] = byName.emplace(list[i].name, i);
    if (!isNew)
      return Status::error(pathOf(list[i]) + ": " + list[i].name +
                           ": already in " + pathOf(list[entry->second]));
  }
  return Status::success();
}

Status Checkpoint::openShards(const std::string &directory,
                              const std::string &indexPath) {
  Expected<JsonValue> tree = parseJsonFile(indexPath);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, indexPath);
  if (Expected<const JsonObject *> object = root.object(); !object.ok())
    return object.status();
  JsonCursor map = root["weight_map"];
  Expected<const JsonObject *> entries = map.object();
  if (!entries.ok())
    return entries.status();
  if ((*entries)->size() == 0)
    return map.error("expected at least one tensor");

  std::map<std::string_view, uint32_t> shards; // by name, so that order is fixed
  for (const JsonMember &member : **entries) {
    JsonCursor field = map[member.key];
    Expected<std::string_view> shard = field.string();
    if (!shard.ok())
      return shard.status();
    if (!isPlainFileName(*shard))
      return field.expected("the name of a file in the same directory");
    shards.emplace(*shard, 0);
  }
  for (auto &[shard, number] : shards) {
    number = static_cast<uint32_t>(files.size());
    if (Status status = addFile(join(directory, shard)); !status.ok())
      return status;
  }
  notes.clear();
  if (Status status = indexNames(); !status.ok())
    return status;

  for (const JsonMember &member : **entries) {
    const TensorInfo *tensor = find(member.key);
    std::string_view shard = *member.value.asString();
    if (!tensor || tensor->file != shards[shard])
      return map[member.key].error("not in " + std::string(shard));
  }
  // Every indexed tensor was found, so a surplus is one that the index lacks.
  for (const TensorInfo &tensor : list)
    if (!(*entries)->find(tensor.name))
      return Status::error(pathOf(tensor) + ": " + tensor.name +
                           ": not in the weight_map of " + indexName);

  // metadata.total_size is not compared: published indexes carry wrong ones,
  // and each header already accounts for every byte of its shard.
  return Status::success();
}

const TensorInfo *Checkpoint::find(std::string_view name) const {
  auto entry = byName.find(name);
  return entry == byName.end() ? nullptr : &list[entry->second];
}

Status Checkpoint::checkUnchanged() const {
  for (const InputFile &file : files)
    if (Status status = file.checkUnchanged(); !status.ok())
      return status;
  return Status::success();
}

uint64_t Checkpoint::totalBytes() const {
  uint64_t sum = 0;
  for (const TensorInfo &tensor : list)
    sum += tensor.bytes;
  return sum;
}

Status Checkpoint::read(const TensorInfo &tensor, uint64_t offset, size_t size,
                        void *destination) const {
  if (offset > tensor.bytes || size > tensor.bytes - offset)
    return Status::error(pathOf(tensor) + ": " + tensor.name + ": bytes " +
                         std::to_string(offset) + " to " +
                         std::to_string(offset + size) +
                         " are not within its " +
                         std::to_string(tensor.bytes));
  return files[tensor.file].read(tensor.offset + offset, size, destination);
}
