//===- FakeModel.h - A loaded fake bundle for tests -------------*- C++ -*-===//
//
// Writes a fake bundle into a temporary folder and loads it.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_ENGINE_FAKEMODEL_H
#define TEST_UNIT_RUNTIME_ENGINE_FAKEMODEL_H

#include "test/unit/runtime/engine/FakeBundle.h"
#include "runtime/engine/Model.h"
#include "runtime/weights/RandomWeights.h"
#include "test/unit/runtime/bundle/FakeLauncher.h"
#include <cstdlib>
#include <gtest/gtest.h>

inline std::string fakeModuleImage(const char *path = DSV2_FAKE_MODULE) {
  dsv2::Expected<std::string> image = dsv2::readFile(path, size_t(1) << 24);
  EXPECT_TRUE(image.ok()) << image.message();
  return image.ok() ? *image : "";
}

struct FakeModel {
  explicit FakeModel(int threads = 1, FakeBundleOptions options = {},
                     const char *module = DSV2_FAKE_MODULE) {
    std::string path = folder.path + "/fake";
    dsv2::Status status =
        writeFakeBundle(path, fakeLauncher(), fakeModuleImage(module), options);
    EXPECT_TRUE(status.ok()) << status.message();
    dsv2::Expected<dsv2::bundle::BundleReader> opened =
        dsv2::bundle::BundleReader::open(path);
    EXPECT_TRUE(opened.ok()) << opened.message();
    bundle.emplace(std::move(*opened));
    dsv2::engine::ModelOptions modelOptions;
    modelOptions.threads = threads;
    auto loaded = dsv2::engine::Model::load(*bundle, modelOptions);
    EXPECT_TRUE(loaded.ok()) << loaded.message();
    model = std::move(*loaded);
    EXPECT_TRUE(model->reserve(10, model->module().maxOutputs).ok());
  }

  /// What FakeModule.c says is best after these tokens.
  static int32_t best(const std::vector<int32_t> &tokens) {
    float weight;
    EXPECT_TRUE(
        dsv2::weights::RandomSource(1, dsv2::weights::ElementType::F32)
            .read("fake.weight", {4, 4}, 5, 1, &weight)
            .ok());
    int64_t sum = 7 + static_cast<int64_t>(weight * 1000.0f);
    for (size_t i = 0; i < tokens.size(); ++i)
      sum += tokens[i] * static_cast<int64_t>(i + 3);
    sum = std::abs(sum);
    return static_cast<int32_t>(sum % 97 == 0 ? 257 : 32 + sum % 95);
  }

  TemporaryFolder folder;
  std::optional<dsv2::bundle::BundleReader> bundle;
  std::unique_ptr<dsv2::engine::Model> model;
};

#endif // TEST_UNIT_RUNTIME_ENGINE_FAKEMODEL_H
