//===- FakeBundle.cpp - A compiled file without a compiler ----------------===//
//
// Follows the order of the compiler: weights first, then what names them.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeBundle.h"

#include "runtime/weights/RandomWeights.h"

using namespace dsv2;
using namespace dsv2::bundle;

static std::string programText(uint64_t bytes) {
  return R"({"version": 1, "bytes": )" + std::to_string(bytes) +
         R"(, "weights": [
    {"slot": 0, "name": "bias", "offset": 0, "bytes": 64, "type": "f32",
     "shape": [1], "values": [7.0]},
    {"slot": 1, "name": "fake", "offset": 64, "bytes": 64, "type": "f32",
     "shape": [16], "copies": [{"source": "fake.weight",
      "source_shape": [4, 4], "source_offset": 0, "destination_offset": 0,
      "sizes": [16], "source_strides": [1], "destination_strides": [1]}]}]})";
}

static Manifest makeManifest(const FakeBundleOptions &options,
                             uint64_t bytes) {
  Manifest manifest;
  manifest.model = "fake";
  manifest.compiler = "test";
  manifest.target = "x86-64-v3";
  manifest.dtype = "f32";
  manifest.numerics = "fast";
  manifest.cacheLayout = "ids";
  manifest.dimensions = {{"hidden_size", 4}};
  manifest.vocabulary = 300;
  manifest.maxContext = 1000;
  manifest.maxBatch = 4;
  manifest.maxStepTokens = 32;
  manifest.bos = 256;
  manifest.eos = {257};
  manifest.modules = options.variants;
  manifest.weights.mode = options.mode;
  manifest.weights.bytes = bytes;
  if (options.mode == WeightsMode::Random)
    manifest.weights.seed = 1;
  manifest.cost.flopsPerToken = 1e6;
  manifest.cost.weightBytesDense = double(bytes);
  manifest.cost.cacheBytesPerToken = 128;
  return manifest;
}

Status writeFakeBundle(const std::string &path, const std::string &launcher,
                       const std::string &module,
                       const FakeBundleOptions &options) {
  uint64_t bytes = 128 + options.padding;
  std::string text = programText(bytes);
  Expected<weights::WeightProgram> program = weights::parseWeightProgram(text);
  if (!program.ok())
    return program.status();
  Manifest manifest = makeManifest(options, bytes);
  Expected<AtomicFile> bundleFile = AtomicFile::create(path);
  if (!bundleFile.ok())
    return bundleFile.status();
  Expected<BundleWriter> writer = BundleWriter::create(*bundleFile, launcher);
  if (!writer.ok())
    return writer.status();
  Status status = Status::success();
  auto add = [&](const std::string &name, const std::string &contents) {
    if (status.ok())
      status = writer->addSection(name, contents);
  };
  weights::RandomSource source(1, weights::ElementType::F32);
  if (options.mode == WeightsMode::Embed) {
    status = writer->beginWeights(bytes);
    weights::FunctionSink sink([&](int64_t at, const void *data, int64_t n) {
      return writer->writeWeights(at, data, n);
    });
    if (status.ok())
      status = executeWeightProgram(*program, source, sink, 2);
  } else if (options.mode == WeightsMode::External) {
    std::string beside = path + ".weights";
    Expected<AtomicFile> weightsFile = AtomicFile::create(beside);
    if (!weightsFile.ok())
      return weightsFile.status();
    Expected<WeightsFileWriter> file = WeightsFileWriter::create(*weightsFile, bytes);
    if (!file.ok())
      return file.status();
    weights::FunctionSink sink([&](int64_t at, const void *data, int64_t n) {
      return file->write(at, data, n);
    });
    status = executeWeightProgram(*program, source, sink, 2);
    Expected<Hash128> hash = file->finish(2);
    if (!hash.ok())
      return hash.status();
    if (Status published = weightsFile->publish(); !published.ok())
      return published;
    manifest.weights.file = beside.substr(beside.rfind('/') + 1);
    manifest.weights.hash = *hash;
  }
  for (const ModuleVariant &variant : options.variants)
    add(ModulePrefix + variant.name, module);
  add(WeightProgramSection, text);
  for (const auto &[name, contents] : options.sections)
    add(name, contents);
  add(ManifestSection, writeManifest(manifest));
  if (status.ok())
    status = writer->finish(2);
  return status.ok() ? bundleFile->publish() : status;
}
