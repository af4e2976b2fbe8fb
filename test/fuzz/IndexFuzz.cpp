//===- IndexFuzz.cpp - Any text as model.safetensors.index.json -----------===//
//
// Beside two shards, a folder and a file outside. It is refused with a line, or
// it is the index of the shards that it names and of nothing else.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Safetensors.h"
#include "test/fuzz/Expect.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

using namespace dsv2;

namespace {
/// What lies there before an index does.
struct Folder {
  Folder() {
    shard("model/a.safetensors", {"x", "y"});
    shard("model/b.safetensors", {"z"});
    shard("outside.safetensors", {"w"});
    std::filesystem::create_directory(path() + "/folder");
  }
  std::string path() const { return root.path() + "/model"; }

private:
  void shard(const std::string &name, std::vector<std::string> tensors) {
    std::filesystem::create_directory(path());
    std::string header, data;
    for (const std::string &tensor : tensors) {
      header += (header.empty() ? "{\"" : ",\"") + tensor +
                R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(data.size()) +
                "," + std::to_string(data.size() + 1) + "]}";
      data += 'd';
    }
    header += "}";
    std::string length(8, 0);
    length[0] = static_cast<char>(header.size());
    expect(header.size() < 256, "a short header");
    root.write(name, length + header + data);
  }
  test::TemporaryDirectory root;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Folder folder;
  std::ofstream(folder.path() + "/model.safetensors.index.json", std::ios::binary)
      .write(reinterpret_cast<const char *>(data), size);
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  if (refused(checkpoint))
    return 0;
  expect(!checkpoint->tensors().empty(), "an index names something");
  for (const TensorInfo &tensor : checkpoint->tensors()) {
    std::string path = checkpoint->pathOf(tensor);
    expect(path == folder.path() + (tensor.name == "z" ? "/b.safetensors" : "/a.safetensors"),
           "shards of the folder alone are read");
    char byte;
    expect(checkpoint->read(tensor, 0, 1, &byte).ok() && byte == 'd', "a tensor can be read");
  }
  return 0;
}
