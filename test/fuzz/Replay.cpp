//===- Replay.cpp - Runs a fuzz target over files -------------------------===//
//
// Stands in for libFuzzer's main in ordinary builds: every file of the folders
// and files that it is given goes through the target once. Of one that is called
// accepted-*, nothing may be refused: seeds that a reader has come to refuse as
// soon as it looks at them lead a fuzzer nowhere.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"
#include "test/fuzz/Expect.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const std::filesystem::path &file) {
  dsv2::Expected<std::string> input = dsv2::readFile(file.string(), 64 << 20);
  if (!input.ok()) {
    fprintf(stderr, "%s\n", input.message().c_str());
    return false;
  }
  // On a crash this is the last line.
  fprintf(stderr, "%s\n", file.c_str());
  size_t before = refusals;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(input->data()),
                         input->size());
  if (file.filename().string().starts_with("accepted-"))
    expect(refusals == before, "nothing of this file is refused");
  return true;
}

int main(int argc, char **argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    if (!std::filesystem::is_directory(argv[i])) {
      count += replay(argv[i]) ? 1 : 0;
      continue;
    }
    for (const auto &entry :
         std::filesystem::recursive_directory_iterator(argv[i], error))
      if (entry.is_regular_file())
        count += replay(entry.path()) ? 1 : 0;
  }
  if (count == 0)
    fprintf(stderr, "nothing to replay\n");
  return count > 0 ? 0 : 1;
}
