//===- StepCostTest.cpp - What a whole step costs -------------------------===//
//
// The released models in full depth: figures that are known from their sizes.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/StepCost.h"
#include "frontend/Import.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "passes/cost/TargetAttr.h"
#include "test/unit/frontend/Configurations.h"
#include "tools/registration/Registration.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::dsv2;
using ::dsv2::test::Fields;
using ::dsv2::test::v2Fields;
using ::dsv2::test::v2LiteFields;

namespace {

class StepCostTest : public testing::Test {
protected:
  StepCostTest() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  OwningOpRef<ModuleOp> plan(const Fields &fields, const TargetModel &target) {
    auto config = ::dsv2::test::parse(fields);
    ImportOptions options;
    options.type = ComputeType::BF16;
    auto module = importModel(context, *config, nullptr, options);
    EXPECT_TRUE(succeeded(module));
    (**module)->setAttr(kTargetAttr, makeTargetAttr(&context, target));
    PassManager passes(&context);
    buildImportedToOptimizedPipeline(passes);
    buildOptimizedToPlannedPipeline(passes);
    EXPECT_TRUE(succeeded(passes.run(**module)));
    return std::move(*module);
  }

  std::vector<StepOp> opsOf(ModuleOp module) {
    return getStepOps(module.lookupSymbol<func::FuncOp>("step"));
  }

  MLIRContext context;
};

TEST_F(StepCostTest, ReleasedModels) {
  const TargetModel &h200 = *findBuiltinTarget("h200");
  struct Expected {
    Fields fields;
    double layers, gigaflops, perThousand, cacheBytes, oneByte, batchBytes;
  };
  // GFLOP a token (no embedding) and more for each 1000 of context; cache bytes a
  // token; bytes of a step after 1K for one sequence and for eight (all but the
  // activations).
  for (const Expected &expected :
       {Expected{v2Fields(), 60, 41.7, 16.71, 69120, 41.7e9 + 70e6, 0},
        Expected{v2LiteFields(), 27, 4.9, 0.94, 31104, 4.94e9, 18.2e9}}) {
    OwningOpRef<ModuleOp> module = plan(expected.fields, h200);
    std::vector<StepOp> ops = opsOf(*module);
    auto step = [&](double sequences, double prefix) {
      return getStepCost(ops, {.sequences = sequences, .prefix = prefix, .outputs = sequences});
    };
    EXPECT_NEAR(step(1, 0).dotFlops, expected.gigaflops * 1e9, 0.02 * expected.gigaflops * 1e9);
    EXPECT_NEAR(step(1, 1000).dotFlops - step(1, 0).dotFlops, expected.perThousand * 1e9,
                0.02 * expected.perThousand * 1e9);
    EXPECT_EQ(step(1, 1).cacheBytes - step(1, 0).cacheBytes, expected.cacheBytes);
    auto streamed = [&](const OpCost &cost) { return cost.weightBytes + cost.cacheBytes; };
    EXPECT_NEAR(streamed(step(1, 1023)), expected.oneByte, 0.01 * expected.oneByte);
    if (expected.batchBytes)
      EXPECT_NEAR(streamed(step(8, 1023)), expected.batchBytes, 0.01 * expected.batchBytes);
    // Each layer's ops are executed once a layer.
    for (const StepOp &part : ops)
      if (isa<LatentAttentionOp>(part.op))
        EXPECT_TRUE(part.executions == 1 || part.executions == expected.layers - 1);
  }
}

TEST_F(StepCostTest, SecondsAreAtLeastThoseOfTheBytes) {
  const TargetModel &h200 = *findBuiltinTarget("h200");
  OwningOpRef<ModuleOp> module = plan(v2LiteFields(), h200);
  std::vector<StepOp> ops = opsOf(*module);
  Workload decode{.prefix = 1023};
  double seconds = getStepSeconds(ops, decode, h200);
  // 971 tokens/s from the bytes alone on H200, fewer with launches.
  EXPECT_GT(seconds, 1 / 975.);
  EXPECT_LT(seconds, 3 / 971.);
  TargetModel free = h200;
  free.launchSeconds = 0;
  EXPECT_NEAR(1 / getStepSeconds(ops, decode, free), 971, 10);
}

TEST_F(StepCostTest, ClassifiesAsTheModuleDoes) {
  const TargetModel &znver4 = *findBuiltinTarget("znver4");
  OwningOpRef<ModuleOp> module = plan(v2LiteFields(), znver4);
  for (auto [tokens, prefix, absorbed] :
       {std::tuple(1, 4096, true), std::tuple(28, 0, true), std::tuple(29, 0, false),
        std::tuple(512, 0, false), std::tuple(512, 4096, false)}) {
    Workload workload{.newTokens = double(tokens), .prefix = double(prefix)};
    classify(workload, *module);
    EXPECT_EQ(workload.absorbed, absorbed) << tokens << " after " << prefix;
  }
}

TEST_F(StepCostTest, TheTargetIsAnAttributeOfTheModule) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  EXPECT_EQ(getTarget(*module)->name, kDefaultTarget);
  EXPECT_EQ(getTarget(*module, "h100")->name, "h100");
  TargetModel own = *findBuiltinTarget("znver5");
  (*module)->setAttr(kTargetAttr, makeTargetAttr(&context, own));
  EXPECT_TRUE(isa<StringAttr>((*module)->getAttr(kTargetAttr)));
  EXPECT_EQ(*getTarget(*module), own);
  own.memoryBandwidth /= 2; // the table's no longer
  (*module)->setAttr(kTargetAttr, makeTargetAttr(&context, own));
  EXPECT_TRUE(isa<DictionaryAttr>((*module)->getAttr(kTargetAttr)));
  EXPECT_EQ(*getTarget(*module), own);
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  own.peakF32 = -1;
  (*module)->setAttr(kTargetAttr, makeTargetAttr(&context, own));
  EXPECT_TRUE(failed(getTarget(*module)));
  EXPECT_TRUE(failed(getTarget(*module, "pentium")));
  (*module)->setAttr(kTargetAttr, UnitAttr::get(&context));
  EXPECT_TRUE(failed(getTarget(*module)));
}

} // namespace
