//===- FakeBundle.h - A compiled file without a compiler --------*- C++ -*-===//
//
// Packs the fake module with random weights, the way the compiler does.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_ENGINE_FAKEBUNDLE_H
#define TEST_UNIT_RUNTIME_ENGINE_FAKEBUNDLE_H

#include "runtime/bundle/BundleWriter.h"
#include "runtime/bundle/Manifest.h"
#include <map>

/// What a test may change.
struct FakeBundleOptions {
  dsv2::bundle::WeightsMode mode = dsv2::bundle::WeightsMode::Embed;
  uint64_t padding = 0; // more bytes of weights
  std::vector<dsv2::bundle::ModuleVariant> variants = {
      {"x86-64-v3", {"x86-64-v3"}}};
  std::map<std::string, std::string> sections; // tokenizer.json, ...
};

/// Writes `path`, and `path`.weights for external weights.
dsv2::Status writeFakeBundle(const std::string &path,
                             const std::string &launcher,
                             const std::string &module,
                             const FakeBundleOptions &options);

#endif // TEST_UNIT_RUNTIME_ENGINE_FAKEBUNDLE_H
