//===- StagesTest.cpp - Every stage computes the same ---------------------===//
//
// A small random model through the passes, interpreted after each: steps of
// two sequences that prefill and decode together.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/StepSession.h"
#include "frontend/Import.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Bufferization.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"
#include "test/unit/frontend/Configurations.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace dsv2::test;
using namespace mlir;
using namespace mlir::dsv2::reference;

namespace {
/// Values of order one, a function of the name alone.
FailureOr<HostArray> randomTensor(mlir::dsv2::CheckpointOp op) {
  std::seed_seq seed(op.getName().begin(), op.getName().end());
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  RankedTensorType type = op.getType();
  HostArray tensor = HostArray::make(type.getElementType(), type.getShape());
  bool norm = op.getName().contains("norm");
  double scale = norm ? 0.2 : 1 / std::sqrt(double(type.getShape().back()));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.data()[i] = roundTo((norm ? 1 : 0) + scale * normal(generator), type.getElementType());
  return tensor;
}

class StagesTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    mlir::dsv2::registerDSV2Passes();
    mlir::dsv2::registerDSV2Pipelines();
    registerTransformsPasses();
  }

  void SetUp() override {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registry.insert<mlir::dsv2::DSV2Dialect>();
    mlir::dsv2::registerBufferization(registry);
    context.appendDialectRegistry(registry);
    auto config = parse(with(tinyFields(),
                             {{"q_lora_rank", "48"},
                              {"attention_bias", "true"},
                              {"topk_method", R"("group_limited_greedy")"},
                              {"n_group", "4"},
                              {"topk_group", "2"},
                              {"routed_scaling_factor", "2.5"},
                              {"torch_dtype", R"("bfloat16")"}}));
    ASSERT_TRUE(config.ok()) << config.message();
    mlir::dsv2::ImportOptions options;
    options.maxContext = 128;
    options.maxStepTokens = 16;
    options.maxBatch = 2;
    auto module = mlir::dsv2::importModel(context, *config, nullptr, options);
    ASSERT_TRUE(succeeded(module));
    imported = std::move(*module);
  }

  /// Runs a pipeline on a copy of `module`.
  OwningOpRef<ModuleOp> transform(ModuleOp module, StringRef pipeline) {
    OwningOpRef<ModuleOp> copy = module.clone();
    PassManager manager(&context);
    EXPECT_TRUE(succeeded(parsePassPipeline(pipeline, manager))) << pipeline.str();
    EXPECT_TRUE(succeeded(manager.run(*copy))) << pipeline.str();
    return copy;
  }

  /// Logits of two mixed steps. `absorbed` sequences of each are absorbed; by
  /// default as the module says.
  std::vector<double> run(ModuleOp module, std::optional<int64_t> absorbed = {},
                          ModuleOp weights = {}, Precision precision = Precision::F64) {
    std::vector<double> logits;
    Interpreter interpreter(module, {precision, randomTensor, nullptr});
    EXPECT_TRUE(succeeded(interpreter.runWeightProgram(weights ? weights : module)));
    auto session =
        StepSession::create(interpreter, module.lookupSymbol<func::FuncOp>("step"), 4);
    EXPECT_TRUE(succeeded(session));
    if (failed(session))
      return logits;
    std::vector<int32_t> first, second;
    for (int i = 0; i < 11; ++i)
      first.push_back(i * 37 % 256);
    for (int i = 0; i < 3; ++i)
      second.push_back(i * 91 % 256);
    // Prefill of both; then one decodes while the other goes on prefilling.
    const std::vector<int64_t> prefixes[] = {{0, 0}, {4, 7}}, lengths[] = {{4, 7}, {1, 2}};
    for (int step = 0; step < 2; ++step) {
      int64_t leading = 0;
      if (absorbed) {
        leading = *absorbed;
      } else {
        while (leading < 2 &&
               *session->absorbs(lengths[step][leading], prefixes[step][leading]))
          ++leading;
      }
      auto part = session->run(step ? second : first,
                               makeBatch(prefixes[step], lengths[step], 128, leading));
      EXPECT_TRUE(succeeded(part));
      if (succeeded(part))
        llvm::append_range(logits, part->logits.flatten());
    }
    EXPECT_EQ(interpreter.destinationCopies(), 0);
    return logits;
  }

  void expectSame(const std::vector<double> &a, const std::vector<double> &b,
                  double tolerance = 1e-11) {
    ASSERT_EQ(a.size(), 14u * 256);
    ASSERT_EQ(a.size(), b.size());
    double highest = 0, difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_FALSE(std::isnan(a[i]) || std::isnan(b[i])) << i;
      highest = std::max(highest, std::abs(a[i]));
      difference = std::max(difference, std::abs(a[i] - b[i]));
    }
    EXPECT_GT(highest, 0.1);
    EXPECT_LE(difference, tolerance * highest);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> imported;
};

constexpr char kGroup[] = "func.func(dsv2-group-experts)";
constexpr char kPackAndHoist[] = "func.func(dsv2-pack-weights),dsv2-hoist-weight-ops";
} // namespace

TEST_F(StagesTest, GroupedExperts) {
  auto grouped = transform(*imported, kGroup);
  expectSame(run(*imported), run(*grouped), 0);
  // Also rounding for rounding.
  expectSame(run(*imported, {}, {}, Precision::Model), run(*grouped, {}, {}, Precision::Model), 0);
}

TEST_F(StagesTest, FormsOfAttention) {
  std::vector<double> expected = run(*imported);
  for (const char *form : {"factored", "merged", "expanded", "auto"})
    expectSame(expected,
               run(*transform(*imported, (Twine("dsv2-absorb-mla-projections{form=") + form + "}")
                                             .str())));
  auto split = transform(*imported, "dsv2-absorb-mla-projections{form=split}");
  for (int64_t absorbed : {0, 1, 2})
    expectSame(expected, run(*split, absorbed));
}

TEST_F(StagesTest, PackedAndHoistedWeights) {
  auto optimized = transform(*imported, (Twine(kGroup) + ",dsv2-absorb-mla-projections," +
                                         kPackAndHoist)
                                            .str());
  expectSame(run(*imported), run(*optimized));
}

TEST_F(StagesTest, DestinationsAndBuffers) {
  auto optimized =
      transform(*imported, (Twine(kGroup) + ",dsv2-absorb-mla-projections{form=split}," +
                            kPackAndHoist)
                               .str());
  auto stripped = transform(*optimized, "dsv2-strip-weight-program,dsv2-to-destination-passing");
  auto planned = transform(*optimized, "dsv2-optimized-to-planned");
  std::vector<double> expected = run(*imported);
  for (int64_t absorbed : {0, 1, 2}) {
    expectSame(expected, run(*stripped, absorbed, *optimized));
    expectSame(expected, run(*planned, absorbed, *optimized));
  }
}
