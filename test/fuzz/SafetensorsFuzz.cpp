//===- SafetensorsFuzz.cpp - Any bytes as a safetensors file --------------===//
//
// As they are, and with a length of the header that reaches to the last brace,
// which mutations seldom hit. The file is refused with a line, or its tensors
// fill it and can be read.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Safetensors.h"
#include "test/fuzz/Expect.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <cstring>

using namespace dsv2;

static void readAll(const Checkpoint &checkpoint, size_t fileBytes) {
  uint64_t sum = 0;
  for (const TensorInfo &tensor : checkpoint.tensors()) {
    sum += tensor.bytes;
    expect(checkpoint.find(tensor.name) == &tensor, "a tensor is found by its name");
    expect(tensorBytes(tensor.dtype, tensor.shape) == tensor.bytes,
           "a tensor has the bytes of its shape");
    expect(tensor.bytes <= fileBytes, "a tensor is no larger than its file");
    std::string bytes(tensor.bytes, 0);
    expect(checkpoint.read(tensor, 0, bytes.size(), bytes.data()).ok(), "a tensor can be read");
    char beyond[2];
    expect(!checkpoint.read(tensor, tensor.bytes, 1, beyond).ok(),
           "nothing is read behind a tensor");
  }
  expect(sum == checkpoint.totalBytes() && sum <= fileBytes, "tensors fill the file");
}

static void open(const std::string &content) {
  static const test::TemporaryDirectory folder;
  Expected<Checkpoint> checkpoint =
      Checkpoint::openFile(folder.write("a.safetensors", content));
  if (!refused(checkpoint))
    readAll(*checkpoint, content.size());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string content(reinterpret_cast<const char *>(data), size);
  open(content);
  size_t brace = content.rfind('}');
  if (brace == content.npos || brace < 8)
    return 0;
  uint64_t length = brace + 1 - 8;
  std::memcpy(content.data(), &length, sizeof(length));
  open(content);
  return 0;
}
