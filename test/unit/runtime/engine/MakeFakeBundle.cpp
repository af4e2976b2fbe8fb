//===- MakeFakeBundle.cpp - Fake compiled files for pytest ----------------===//
//
// make-fake-bundle OUT LAUNCHER MODULE [mode=embed|external|random]
//   [padding=BYTES] [variant=NAME:FEATURE]... [SECTION=FILE]...
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeBundle.h"
#include "runtime/io/File.h"

#include <cstdio>
#include <cstdlib>

using namespace dsv2;
using namespace dsv2::bundle;

static std::string readOrExit(const std::string &path) {
  Expected<std::string> text = readFile(path, size_t(1) << 30);
  if (!text.ok()) {
    fprintf(stderr, "%s\n", text.message().c_str());
    exit(1);
  }
  return *text;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return 2;
  FakeBundleOptions options;
  std::vector<ModuleVariant> variants;
  for (int i = 4; i < argc; ++i) {
    std::string argument = argv[i];
    size_t equals = argument.find('=');
    if (equals == std::string::npos)
      return 2;
    std::string key = argument.substr(0, equals);
    std::string value = argument.substr(equals + 1);
    if (key == "mode")
      options.mode = value == "external" ? WeightsMode::External
                     : value == "random" ? WeightsMode::Random
                                         : WeightsMode::Embed;
    else if (key == "padding")
      options.padding = strtoull(value.c_str(), nullptr, 10);
    else if (key == "variant")
      variants.push_back({value.substr(0, value.find(':')),
                          {value.substr(value.find(':') + 1)}});
    else
      options.sections[key] = readOrExit(value);
  }
  if (!variants.empty())
    options.variants = variants;
  Status status = writeFakeBundle(argv[1], readOrExit(argv[2]),
                                  readOrExit(argv[3]), options);
  if (!status.ok())
    fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
