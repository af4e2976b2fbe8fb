//===- FormsTest.cpp - Every form computes what was imported --------------===//
//
// Runs imported models and what the passes make of them by the reference
// semantics, in f64, over steps that mix prefill and decode.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/StepSession.h"
#include "frontend/Import.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "test/unit/frontend/Configurations.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;
using ::dsv2::test::Fields;
using ::dsv2::test::with;

namespace {

/// Normal values of deviation 1/sqrt(in), a pure function of the name; norms
/// are near one.
FailureOr<HostArray> makeWeights(CheckpointOp op) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  HostArray array = HostArray::make(op.getType().getElementType(), shape);
  std::mt19937 random(llvm::hash_value(op.getName()) & 0xffff);
  bool norm = shape.size() == 1;
  std::normal_distribution<double> normal(norm ? 1 : 0,
                                          norm ? 0.1 : 1 / std::sqrt(double(shape.back())));
  for (int64_t i = 0; i < array.numElements(); ++i)
    array.data()[i] = normal(random);
  return array;
}

/// One step: new tokens of each sequence, how many sequences are absorbed.
struct Step {
  SmallVector<int64_t> lengths;
  int64_t absorbed;
};
const Step kSteps[] = {{{9, 70}, 0}, {{1, 5}, 1}, {{3, 1}, 2}, {{1, 1}, 0}};

class FormsTest : public testing::Test {
protected:
  FormsTest() {
    context.loadDialect<DSV2Dialect, func::FuncDialect, tensor::TensorDialect,
                        arith::ArithDialect>();
  }

  OwningOpRef<ModuleOp> import(const Fields &fields) {
    auto config = ::dsv2::test::parse(fields);
    EXPECT_TRUE(config.ok());
    ImportOptions options;
    options.type = ComputeType::F32;
    auto module = importModel(context, *config, nullptr, options);
    EXPECT_TRUE(succeeded(module));
    return std::move(*module);
  }

  /// Logits of all steps, one after another.
  std::vector<double> run(ModuleOp module, ArrayRef<Step> steps = kSteps,
                          StringRef name = "step") {
    InterpreterOptions options;
    options.readCheckpoint = makeWeights;
    Interpreter interpreter(module, options);
    EXPECT_TRUE(succeeded(interpreter.runWeightProgram(module)));
    constexpr int64_t span = 128;
    auto session = StepSession::create(
        interpreter, module.lookupSymbol<func::FuncOp>(name), 2 * span / 64);
    EXPECT_TRUE(succeeded(session));
    std::vector<double> all;
    SmallVector<int64_t> prefixes = {0, 0};
    for (const Step &step : steps) {
      BatchValue batch = makeBatch(prefixes, step.lengths, span, step.absorbed);
      std::vector<int32_t> ids(batch.tokens());
      for (size_t i = 0; i < ids.size(); ++i)
        ids[i] = (37 * i + all.size() + 11) % 256;
      auto output = session->run(ids, batch);
      EXPECT_TRUE(succeeded(output));
      if (failed(output))
        return {};
      std::vector<double> values = output->logits.flatten();
      all.insert(all.end(), values.begin(), values.end());
      for (size_t s = 0; s < prefixes.size(); ++s)
        prefixes[s] += step.lengths[s];
    }
    return all;
  }

  void optimize(ModuleOp module, const AbsorbMLAProjectionsPassOptions &options) {
    PassManager passes(&context);
    passes.addPass(createVerifyImportedPass());
    passes.addNestedPass<func::FuncOp>(createGroupExpertsPass());
    passes.addPass(createAbsorbMLAProjectionsPass(options));
    passes.addNestedPass<func::FuncOp>(createPackWeightsPass());
    passes.addPass(createHoistWeightOpsPass());
    passes.addPass(createVerifyOptimizedPass());
    ASSERT_TRUE(succeeded(passes.run(module)));
  }

  void check(const Fields &fields) {
    std::vector<double> expected = run(*import(fields));
    double largest = 0;
    for (double value : expected)
      largest = std::max(largest, std::abs(value));
    ASSERT_GT(largest, 0.1);
    auto compare = [&](AttentionForm form, ProjectionForm query, ProjectionForm output) {
      AbsorbMLAProjectionsPassOptions options;
      options.form = form;
      options.query = query;
      options.output = output;
      OwningOpRef<ModuleOp> module = import(fields);
      optimize(*module, options);
      int64_t reads = 0;
      for (auto function : module->getOps<func::FuncOp>())
        if (!function->hasAttr("dsv2.weight_program"))
          function.walk([&](CheckpointOp) { ++reads; });
      EXPECT_EQ(reads, 0) << "a step reads the checkpoint";
      std::vector<double> actual = run(*module);
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t i = 0; i < actual.size(); ++i)
        ASSERT_NEAR(actual[i], expected[i], 1e-9 * largest)
            << "form " << int(form) << ", projections " << int(query) << " " << int(output);
    };
    using enum ProjectionForm;
    for (AttentionForm form : {AttentionForm::Auto, AttentionForm::Split,
                               AttentionForm::Expanded, AttentionForm::Factored,
                               AttentionForm::Merged})
      compare(form, Auto, Auto);
    compare(AttentionForm::Factored, Merged, Factored);
    compare(AttentionForm::Factored, Factored, Merged);
  }

  MLIRContext context;
};

TEST_F(FormsTest, Lite) { check(::dsv2::test::tinyFields()); }

TEST_F(FormsTest, QueryRankAndGroups) {
  check(with(::dsv2::test::tinyFields(), {{"q_lora_rank", "48"},
                                          {"n_routed_experts", "16"},
                                          {"n_group", "4"},
                                          {"topk_group", "2"},
                                          {"num_experts_per_tok", "3"},
                                          {"topk_method", R"("group_limited_greedy")"},
                                          {"routed_scaling_factor", "16.0"}}));
}

TEST_F(FormsTest, OddWidths) {
  check(with(::dsv2::test::tinyFields(), {{"v_head_dim", "24"},
                                          {"hidden_size", "72"},
                                          {"intermediate_size", "86"},
                                          {"moe_intermediate_size", "44"},
                                          {"num_attention_heads", "3"},
                                          {"num_key_value_heads", "3"}}));
}

TEST_F(FormsTest, NarrowLatent) {
  check(with(::dsv2::test::tinyFields(), {{"kv_lora_rank", "8"}}));
}

TEST_F(FormsTest, BiasesAndTiedEmbeddings) {
  check(with(::dsv2::test::tinyFields(),
             {{"attention_bias", "true"}, {"tie_word_embeddings", "true"}, {"first_k_dense_replace", "3"}}));
}

/// `@decode` and `@prefill` are `@step` for the steps that they serve.
TEST_F(FormsTest, SpecializedSteps) {
  OwningOpRef<ModuleOp> module = import(::dsv2::test::tinyFields());
  optimize(*module, {});
  PassManager passes(&context);
  passes.addPass(createSpecializeStepsPass());
  ASSERT_TRUE(succeeded(passes.run(*module)));
  for (auto [name, absorbed] : {std::pair("prefill", 0), std::pair("decode", 2)}) {
    const Step steps[] = {{{9, 70}, absorbed}, {{1, 1}, absorbed}};
    EXPECT_EQ(run(*module, steps, name), run(*module, steps)) << name;
  }
}

} // namespace
