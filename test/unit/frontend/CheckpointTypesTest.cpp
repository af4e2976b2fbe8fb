//===- CheckpointTypesTest.cpp - A checkpoint checked against its model ---===//
//
// Missing, misshapen, mistyped and unexpected tensors (the list of
// test/bad_input), what is ignored, and conversions.
//
//===----------------------------------------------------------------------===//

#include "frontend/CheckpointTypes.h"
#include "test/unit/frontend/Configurations.h"
#include "frontend/Import.h"
#include "runtime/io/SafetensorsWriter.h"
#include "test/unit/runtime/io/BadInput.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace dsv2;
using namespace dsv2::test;
using namespace mlir::dsv2;
using testing::HasSubstr;

namespace {
/// A tiny model and the tensors that it needs, in a file of zeros.
class CheckpointTest : public testing::Test {
protected:
  void configure(const Fields &changes) {
    auto parsed = parse(with(tinyFields(), changes));
    ASSERT_TRUE(parsed.ok()) << parsed.message();
    config = *parsed;
    tensors.clear();
    for (const WeightSpec &spec : outerWeights(config))
      tensors[spec.name] = {spec.name, DType::BF16, spec.shape};
    for (int64_t layer = 0; layer < config.layers; ++layer)
      for (const WeightSpec &spec : layerWeights(config, config.isMoELayer(layer)))
        for (int64_t i = 0; i < spec.count(); ++i) {
          std::string name = layerPrefix(layer) + spec.memberName(i);
          tensors[name] = {name, DType::BF16, spec.memberShape()};
        }
  }
  void SetUp() override { configure({}); }

  ::dsv2::Expected<::dsv2::Checkpoint> open() {
    std::vector<TensorSpec> specs;
    uint64_t bytes = 0;
    for (const auto &[name, spec] : tensors) {
      specs.push_back(spec);
      bytes += *tensorBytes(spec.dtype, spec.shape);
    }
    auto writer = SafetensorsWriter::create(folder.file("model.safetensors"), specs);
    EXPECT_TRUE(writer.ok()) << writer.message();
    EXPECT_TRUE(writer->append(std::string(bytes, '\0').data(), bytes).ok());
    EXPECT_TRUE(writer->finish().ok());
    return ::dsv2::Checkpoint::open(folder.path());
  }
  /// The message of a refusal.
  std::string check() {
    auto checkpoint = open();
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.message();
    auto types = checkCheckpoint(config, *checkpoint);
    if (!types.ok())
      return types.message();
    notes = types->notes;
    return "accepted";
  }

  TemporaryDirectory folder;
  ModelConfig config;
  std::map<std::string, TensorSpec> tensors;
  std::vector<std::string> notes;
};
} // namespace

TEST_F(CheckpointTest, Complete) {
  EXPECT_EQ(check(), "accepted");
  configure({{"q_lora_rank", "48"}, {"attention_bias", "true"}, {"tie_word_embeddings", "true"}});
  EXPECT_EQ(check(), "accepted");
  EXPECT_EQ(tensors.count("lm_head.weight"), 0u);
}

TEST_F(CheckpointTest, BadTensors) {
  expectMessages("tensors", [&](const JsonValue &one) {
    configure({});
    const JsonObject &fields = *one.asObject();
    if (const JsonValue *names = fields.find("without"))
      for (const JsonValue &name : *names->asArray())
        EXPECT_EQ(tensors.erase(*name.asString()), 1u);
    if (const JsonValue *changes = fields.find("with"))
      for (const JsonMember &change : *changes->asObject()) {
        const JsonArray &facts = *change.value.asArray();
        std::vector<int64_t> shape;
        for (const JsonValue &extent : *facts[1].asArray())
          shape.push_back(*extent.asInteger());
        tensors[change.key] = {change.key, *dtypeFromName(*facts[0].asString()), shape};
      }
    if (const JsonValue *changes = fields.find("config")) {
      Fields texts = tinyFields();
      for (const JsonMember &change : *changes->asObject())
        texts[change.key] = *change.value.asString();
      auto parsed = parse(texts);
      EXPECT_TRUE(parsed.ok()) << parsed.message();
      config = *parsed;
    }
    std::string message = check(), file = folder.file("model.safetensors");
    size_t at = message.find(file);
    return at == message.npos ? message : message.replace(at, file.size(), "{file}");
  });
}

TEST_F(CheckpointTest, Ignored) {
  for (std::string name : {"model.layers.3.eh_proj.weight", "model.layers.3.enorm.weight",
                           "model.layers.0.self_attn.rotary_emb.inv_freq"})
    tensors[name] = {name, DType::F32, {4}};
  EXPECT_EQ(check(), "accepted");
  EXPECT_EQ(notes.size(), 2u);
  configure({{"tie_word_embeddings", "true"}});
  tensors["lm_head.weight"] = {"lm_head.weight", DType::BF16, {256, 64}};
  EXPECT_EQ(check(), "accepted");
}

TEST_F(CheckpointTest, ImportConverts) {
  for (auto &[name, spec] : tensors)
    if (name.find("norm") == std::string::npos)
      spec.dtype = DType::F16;
  auto checkpoint = open();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  mlir::MLIRContext context;
  std::string remarks;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { remarks += diagnostic.str(); });
  auto module = importModel(context, config, &*checkpoint);
  ASSERT_TRUE(succeeded(module)) << remarks;
  EXPECT_THAT(remarks, HasSubstr("compiled as bf16"));
  std::string text;
  llvm::raw_string_ostream(text) << ***module;
  EXPECT_THAT(text, HasSubstr("dsv2.checkpoint \"lm_head.weight\" : tensor<256x64xf16>"));
  EXPECT_THAT(text, HasSubstr(": tensor<8x32x64xf16> to tensor<8x32x64xbf16>"));
  EXPECT_THAT(text, HasSubstr("dsv2.checkpoint \"model.norm.weight\" : tensor<64xbf16>"));
}
