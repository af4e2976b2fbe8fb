//===- ImportTest.cpp - A model as dsv2 IR --------------------------------===//
//
// The structure of imported modules, of every branch, and the time it takes.
//
//===----------------------------------------------------------------------===//

#include "test/unit/frontend/Configurations.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "frontend/Import.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <chrono>

using namespace dsv2::test;
using namespace mlir;
using mlir::dsv2::ImportOptions;
using mlir::dsv2::ModelConfig;
using testing::HasSubstr;
using testing::Not;

namespace {
struct Imported {
  std::unique_ptr<MLIRContext> context = std::make_unique<MLIRContext>();
  mutable OwningOpRef<ModuleOp> module;
  std::string diagnostics;

  std::string text() const {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os); // with aliases, as tools print it
    return text;
  }
  func::FuncOp function(StringRef name) { return module->lookupSymbol<func::FuncOp>(name); }
  template <typename Op> int64_t count(StringRef name) {
    int64_t n = 0;
    function(name).walk([&](Op) { ++n; });
    return n;
  }
};
} // namespace

/// Imports without a checkpoint.
static Imported import(const Fields &fields, const ImportOptions &options = {}) {
  Imported result;
  auto config = parse(fields);
  EXPECT_TRUE(config.ok()) << config.message();
  ScopedDiagnosticHandler handler(result.context.get(), [&](Diagnostic &diagnostic) {
    result.diagnostics += diagnostic.str() + "\n";
  });
  if (!config.ok())
    return result;
  auto module = mlir::dsv2::importModel(*result.context, *config, nullptr, options);
  if (succeeded(module))
    result.module = std::move(*module);
  return result;
}

TEST(Import, TinyLite) {
  Imported model = import(tinyFields());
  ASSERT_TRUE(model.module) << model.diagnostics;
  ASSERT_TRUE(succeeded(verify(*model.module)));
  EXPECT_EQ(model.count<func::CallOp>("step"), 3);
  EXPECT_EQ(model.count<mlir::dsv2::SwigluOp>("dense_layer"), 1);
  EXPECT_EQ(model.count<mlir::dsv2::SwigluOp>("moe_layer"), 1); // shared experts
  EXPECT_EQ(model.count<mlir::dsv2::RmsNormOp>("moe_layer"), 3);
  for (const char *name : {"dense_layer", "moe_layer"}) {
    func::FuncOp layer = model.function(name);
    EXPECT_TRUE(layer.isPrivate());
    EXPECT_TRUE(layer.getNoInline());
  }
  std::string text = model.text();
  EXPECT_THAT(text, HasSubstr("!batch = !dsv2.batch<tokens = 512, sequences = 64, outputs = 512, "
                              "span = 4096>"));
  EXPECT_THAT(text, HasSubstr("tensor<3x?x64x40xbf16, #cache>"));
  EXPECT_THAT(text, HasSubstr("dsv2.checkpoint \"model.layers.2.mlp.experts.{}.down_proj.weight\" "
                              ": tensor<8x64x32xbf16>"));
  EXPECT_THAT(text, HasSubstr("-> (tensor<?x256xf32> {dsv2.count = \"outputs\"}"));
  EXPECT_THAT(text, Not(HasSubstr("q_a_proj")));
}

TEST(Import, EveryDynamicArgumentNamesItsCount) {
  Imported model = import(v2Fields());
  ASSERT_TRUE(model.module);
  model.module->walk([](func::FuncOp function) {
    auto check = [&](Type type, Attribute count) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (tensor && !tensor.hasStaticShape()) {
        EXPECT_TRUE(isa_and_present<StringAttr>(count)) << function.getName().str();
      } else {
        EXPECT_FALSE(count);
      }
    };
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      check(type, function.getArgAttr(i, "dsv2.count"));
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      check(type, function.getResultAttr(i, "dsv2.count"));
  });
}

TEST(Import, TextRoundTrips) {
  Imported model = import(v2Fields());
  ASSERT_TRUE(model.module);
  EXPECT_TRUE(parseSourceString<ModuleOp>(model.text(), model.context.get()));
}

TEST(Import, Branches) {
  Fields grouped = with(tinyFields(), {{"q_lora_rank", "48"},
                                       {"attention_bias", "true"},
                                       {"topk_method", R"("group_limited_greedy")"},
                                       {"n_group", "4"},
                                       {"topk_group", "2"},
                                       {"routed_scaling_factor", "16.0"},
                                       {"norm_topk_prob", "true"},
                                       {"n_shared_experts", "null"},
                                       {"tie_word_embeddings", "true"},
                                       {"torch_dtype", R"("float32")"}});
  Imported model = import(grouped);
  ASSERT_TRUE(model.module) << model.diagnostics;
  std::string text = model.text();
  EXPECT_THAT(text, HasSubstr("groups = 4 kept_groups = 2 scale = 1.600000e+01 normalize"));
  EXPECT_THAT(text, HasSubstr("self_attn.q_a_proj.bias\" : tensor<48xf32>"));
  EXPECT_THAT(text, HasSubstr("self_attn.kv_a_proj_with_mqa.bias\" : tensor<40xf32>"));
  EXPECT_THAT(text, HasSubstr("self_attn.o_proj.bias\" : tensor<64xf32>"));
  EXPECT_THAT(text, Not(HasSubstr("q_b_proj.bias")));
  EXPECT_THAT(text, Not(HasSubstr("lm_head")));
  EXPECT_THAT(text, Not(HasSubstr("bf16")));
  EXPECT_EQ(model.count<mlir::dsv2::SwigluOp>("moe_layer"), 0);
  EXPECT_EQ(model.count<mlir::dsv2::RmsNormOp>("dense_layer"), 4);
}

TEST(Import, OnlyLayerKindsThatOccur) {
  Imported dense = import(with(tinyFields(), {{"first_k_dense_replace", "3"}}));
  ASSERT_TRUE(dense.module);
  EXPECT_FALSE(dense.function("moe_layer"));
  Imported moe = import(with(tinyFields(), {{"first_k_dense_replace", "0"}}));
  ASSERT_TRUE(moe.module);
  EXPECT_FALSE(moe.function("dense_layer"));
}

TEST(Import, LocationsNameModules) {
  Imported model = import(tinyFields());
  ASSERT_TRUE(model.module);
  std::vector<std::string> found;
  model.function("moe_layer").walk([&](mlir::dsv2::LinearOp op) {
    found.push_back(cast<NameLoc>(op.getLoc()).getName().str());
  });
  EXPECT_EQ(found, (std::vector<std::string>{
                       "self_attn.q_proj", "self_attn.kv_a_proj_with_mqa", "self_attn.o_proj",
                       "mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj",
                       "mlp.shared_experts.down_proj"}));
}

TEST(Import, Options) {
  ImportOptions options;
  options.type = mlir::dsv2::ComputeType::F32;
  options.maxContext = 100;
  options.maxBatch = 3;
  options.maxStepTokens = 16;
  options.maxOutputs = 4;
  Imported model = import(tinyFields(), options);
  ASSERT_TRUE(model.module);
  EXPECT_THAT(model.text(), HasSubstr("tokens = 16, sequences = 3, outputs = 4, span = 100"));
  EXPECT_THAT(model.text(), Not(HasSubstr("bf16")));

  options.maxContext = 5000;
  Imported tooLong = import(tinyFields(), options);
  EXPECT_FALSE(tooLong.module);
  EXPECT_EQ(tooLong.diagnostics, "max-context: expected 1 to 4096, got 5000\n");
}

TEST(Import, F16BecomesBF16WithANote) {
  Imported model = import(with(tinyFields(), {{"torch_dtype", R"("float16")"}}));
  ASSERT_TRUE(model.module);
  EXPECT_THAT(model.diagnostics, HasSubstr("f16, compiled as bf16"));
  EXPECT_THAT(model.text(), HasSubstr("xbf16"));
}

TEST(Import, FullSizesInMilliseconds) {
  for (const Fields &fields : {v2Fields(), v2LiteFields(), v25Fields()}) {
    auto start = std::chrono::steady_clock::now();
    Imported model = import(fields);
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_TRUE(model.module) << model.diagnostics;
    // Some 20 ms; the bound leaves room for a busy machine.
    EXPECT_LT(seconds, 1.0);
    RecordProperty("seconds", std::to_string(seconds));
  }
}
