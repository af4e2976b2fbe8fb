//===- RandomModulesTest.cpp - Any valid module survives the passes -------===//
//
// Seeded random imported modules through both pipelines, under random options,
// interpreted at each stage. A failure prints its seed;
// DSV2_RANDOM_SEED=N runs that one alone, DSV2_RANDOM_SEEDS=N as many as wanted.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/Bufferization.h"
#include "test/equivalence/BrokenPass.h"
#include "test/equivalence/PipelineCheck.h"
#include "test/equivalence/RandomModule.h"
#include "tools/equivalence/EquivalenceChecker.h"

#include "gtest/gtest.h"

using namespace dsv2::test;
using namespace mlir;
using namespace mlir::dsv2;

namespace {

OptimizeOptions randomOptions(Draw &draw) {
  OptimizeOptions options;
  options.attention = draw.pick({AttentionForm::Auto, AttentionForm::Split, AttentionForm::Split,
                                 AttentionForm::Factored, AttentionForm::Merged,
                                 AttentionForm::Expanded});
  auto projection = [&] {
    return draw.pick({ProjectionForm::Auto, ProjectionForm::Factored, ProjectionForm::Merged});
  };
  options.query = projection();
  options.output = projection();
  options.threshold = draw.pick<int64_t>({-1, 0, 1, 7});
  options.unsortedTokens = draw.pick<int64_t>({-1, 0, 1, 3, 100});
  // Mostly all of them, so that they meet.
  if (draw.oneIn(3))
    for (StringRef name : getOptimizations())
      if (draw.oneIn(2))
        options.disabled.push_back(name.str());
  return options;
}

/// What is wrong with the module of a seed, or nothing.
std::string checkSeed(MLIRContext &context, uint64_t seed) {
  Draw draw(seed);
  ModelConfig config = randomConfig(draw);
  bool crossPage = draw.oneIn(8);
  FailureOr<OwningOpRef<ModuleOp>> module =
      importModel(context, config, nullptr, randomImport(draw, crossPage));
  if (failed(module))
    return "the generator's configuration is refused";
  if (!draw.oneIn(4))
    mutate(**module, draw);
  if (failed(verify(**module)))
    return "the generator's module is malformed";
  OptimizeOptions options = randomOptions(draw);
  std::string wrong = PipelineCheck(**module, seed, crossPage).run(options);
  if (!wrong.empty() && getenv("DSV2_RANDOM_SEED"))
    (*module)->dump();
  return wrong;
}

/// The context of a compilation.
DialectRegistry allDialects() {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<DSV2Dialect>();
  registerBufferization(registry);
  return registry;
}

/// Seeds `first` to `first + count`, in contexts that do not grow forever.
void checkSeeds(uint64_t first, uint64_t count) {
  DialectRegistry registry = allDialects();
  int failures = 0;
  for (uint64_t begin = first; begin < first + count; begin += 100) {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    for (uint64_t seed = begin; seed < std::min(begin + 100, first + count); ++seed) {
      std::string wrong = checkSeed(context, seed);
      if (wrong.empty())
        continue;
      ADD_FAILURE() << wrong << "\nagain, with the module: DSV2_RANDOM_SEED=" << seed
                    << " RandomModulesTest --gtest_filter=*/0";
      if (++failures == 5)
        return;
    }
  }
}

constexpr uint64_t kShards = 20, kSeedsEach = 100;
class RandomModules : public testing::TestWithParam<uint64_t> {};
} // namespace

TEST_P(RandomModules, KeepTheirNumbers) {
  uint64_t each = kSeedsEach;
  if (const char *one = getenv("DSV2_RANDOM_SEED")) {
    if (GetParam() == 0)
      checkSeeds(strtoull(one, nullptr, 10), 1);
    return;
  }
  if (const char *count = getenv("DSV2_RANDOM_SEEDS"))
    each = (strtoull(count, nullptr, 10) + kShards - 1) / kShards;
  checkSeeds(GetParam() * each, each);
}

INSTANTIATE_TEST_SUITE_P(Shard, RandomModules, testing::Range(uint64_t(0), kShards));

// Else the above would prove nothing. A module whose steps hide the error (one
// token sees one key, whatever the scale) may pass.
TEST(RandomModules, WrongPassesAreFound) {
  registerBrokenPass();
  DialectRegistry registry = allDialects();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  for (const char *kind : {"scale", "residual", "probe"}) {
    int tried = 0, found = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
      Draw draw(seed);
      ModelConfig config = randomConfig(draw);
      ImportOptions options = randomImport(draw, /*crossPage=*/false);
      options.probes = true;
      options.maxStepTokens = std::max<int64_t>(options.maxStepTokens, 4);
      options.maxContext = std::max<int64_t>(options.maxContext, 8);
      FailureOr<OwningOpRef<ModuleOp>> module = importModel(context, config, nullptr, options);
      ASSERT_TRUE(succeeded(module));
      mutate(**module, draw);
      EquivalenceChecker checker({.seed = seed, .crossPage = false});
      PassManager pm(&context);
      ASSERT_TRUE(succeeded(parsePassPipeline(
          (llvm::Twine("dsv2-test-break{kind=") + kind + "}").str(), pm)));
      checker.attach(pm);
      EXPECT_EQ(failed(pm.run(**module)), checker.hasDiverged());
      ++tried;
      found += checker.hasDiverged();
    }
    EXPECT_GE(found, tried * 9 / 10) << kind;
  }
}
