//===- OpCostTest.cpp - Bytes, FLOPs and time of one op -------------------===//
//
// The figures of specification §3.1 and §4, counted on the IR of the released
// models, in value form and in buffer form.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/OpCost.h"
#include "frontend/Import.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "test/unit/frontend/Configurations.h"
#include "tools/registration/Registration.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using ::dsv2::test::Fields;
using ::dsv2::test::v2Fields;
using ::dsv2::test::v2LiteFields;

namespace {

class OpCostTest : public testing::Test {
protected:
  OpCostTest() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The first two layers (one dense, one with experts) of a released model.
  OwningOpRef<ModuleOp> import(const Fields &fields) {
    auto config = ::dsv2::test::parse(fields);
    EXPECT_TRUE(config.ok());
    config->layers = 2;
    ImportOptions options;
    options.type = ComputeType::BF16;
    auto module = importModel(context, *config, nullptr, options);
    EXPECT_TRUE(succeeded(module));
    return std::move(*module);
  }

  OwningOpRef<ModuleOp> optimize(const Fields &fields, AttentionForm form = AttentionForm::Auto,
                                 std::vector<std::string> disabled = {}) {
    OwningOpRef<ModuleOp> module = import(fields);
    PassManager passes(&context);
    OptimizeOptions options;
    options.attention = form;
    options.disabled = std::move(disabled);
    buildImportedToOptimizedPipeline(passes, options);
    EXPECT_TRUE(succeeded(passes.run(*module)));
    return module;
  }

  /// Sum over the ops of a function for which `wanted`.
  static OpCost sum(ModuleOp module, StringRef function, const Workload &workload,
                    llvm::function_ref<bool(Operation *)> wanted = [](Operation *) { return true; }) {
    OpCost total;
    module.lookupSymbol<func::FuncOp>(function).walk([&](Operation *op) {
      if (std::optional<OpCost> cost = getOpCost(op, workload); cost && wanted(op))
        total += *cost;
    });
    return total;
  }

  OpCost parse(StringRef text, const Workload &workload) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    OpCost total;
    module->walk([&](Operation *op) {
      if (std::optional<OpCost> cost = getOpCost(op, workload))
        total += *cost;
    });
    return total;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

Workload decode(double prefix, double sequences = 1) {
  return {.sequences = sequences, .newTokens = 1, .prefix = prefix, .outputs = sequences};
}
Workload prefill(double tokens, double prefix = 0) {
  return {.newTokens = tokens, .prefix = prefix, .absorbed = false};
}

/// The names of all optimizations: without them, ops are those of the
/// specification's formulas.
std::vector<std::string> allOptimizations() {
  std::vector<std::string> names;
  for (StringRef name : getOptimizations())
    names.push_back(name.str());
  return names;
}

/// Products that belong to attention: those in front of the add that stands
/// before the layer's experts.
bool isAttention(Operation *op) {
  if (isa<HeadLinearOp, LatentAttentionOp, ExpandedAttentionOp, MlaAttentionOp>(op))
    return true;
  if (!isa<LinearOp>(op))
    return false;
  // The first add of the block is that of the layer before.
  Operation *add = nullptr;
  for (Operation &other : *op->getBlock())
    if (isa<AddOp>(other))
      if (std::exchange(add, &other))
        break;
  return op->isBeforeInBlock(add);
}

TEST_F(OpCostTest, EveryPlannedOpHasACost) {
  int64_t planned = 0;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (!name.hasInterface<PlannedOpInterface>())
      continue;
    ++planned;
    EXPECT_TRUE(hasOpCost(name)) << name.getStringRef().str();
  }
  EXPECT_GT(planned, 15);
}

TEST_F(OpCostTest, ProjectionsAndPairsOfAttention) {
  // MFLOP a token and layer: V2 298.5 + 0.0819 S (A) or 0.2785 S (B), Lite 27.5
  // + 0.01024 S or 0.0348 S (specification §3.1).
  for (auto [fields, projections, absorbed, expanded] :
       {std::tuple(v2Fields(), 298.5e6, 0.2785e6, 0.0819e6),
        std::tuple(v2LiteFields(), 27.5e6, 0.0348e6, 0.01024e6)}) {
    OwningOpRef<ModuleOp> module = optimize(fields, AttentionForm::Split, allOptimizations());
    auto flops = [&](const Workload &workload) {
      return sum(*module, "moe_layer", workload, isAttention).dotFlops;
    };
    EXPECT_NEAR(flops(decode(0)), projections + absorbed, projections * 1e-3);
    EXPECT_NEAR(flops(decode(1000)) - flops(decode(0)), 1000 * absorbed, absorbed);
    // Expanded, every new token has its keys rebuilt once: the same projections.
    double tokens = 512, pairs = contextPairs(tokens, 0);
    EXPECT_NEAR(flops(prefill(tokens)), tokens * projections + pairs * expanded,
                tokens * projections * 1e-3);
    // The imported definition costs what the expanded form does.
    OwningOpRef<ModuleOp> imported = import(fields);
    EXPECT_EQ(sum(*imported, "moe_layer", prefill(512), isAttention).dotFlops,
              flops(prefill(512)));
  }
}

TEST_F(OpCostTest, MergedFormAddsWhatTheSpecificationSays) {
  for (auto [fields, extra] : {std::pair(v2Fields(), 620.8e6), std::pair(v2LiteFields(), 46.1e6)}) {
    auto flops = [&](AttentionForm form) {
      OwningOpRef<ModuleOp> module = optimize(fields, form, allOptimizations());
      return sum(*module, "moe_layer", decode(100)).dotFlops;
    };
    EXPECT_NEAR(flops(AttentionForm::Merged) - flops(AttentionForm::Factored), extra, 0.05e6);
  }
}

TEST_F(OpCostTest, BytesOfAttention) {
  // Attention weights 298 MB and 27.5 MB a layer, 919 and 74 merged; 1152 bytes
  // of cache for a cached token.
  for (auto [fields, factored, merged] :
       {std::tuple(v2Fields(), 298e6, 919e6), std::tuple(v2LiteFields(), 27.5e6, 74e6)}) {
    for (auto [form, bytes] : {std::pair(AttentionForm::Factored, factored),
                               std::pair(AttentionForm::Merged, merged)}) {
      OwningOpRef<ModuleOp> module = optimize(fields, form, allOptimizations());
      OpCost cost = sum(*module, "moe_layer", decode(999), isAttention);
      EXPECT_NEAR(cost.weightBytes, bytes, bytes * 0.01);
      EXPECT_EQ(cost.cacheBytes, 1152 * 1000);
    }
  }
}

TEST_F(OpCostTest, DistinctExperts) {
  // Specification §4.
  const double tokens[] = {1, 2, 4, 8, 16, 32, 64, 128};
  const double v2[] = {6, 11.8, 22.7, 42.2, 73.2, 112.9, 146.1, 158.8};
  const double lite[] = {6, 11.4, 20.8, 34.9, 50.8, 61.3, 63.9, 64.0};
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(expectedDistinctExperts(160, 6, tokens[i]), v2[i], 0.051);
    EXPECT_NEAR(expectedDistinctExperts(64, 6, tokens[i]), lite[i], 0.051);
  }
}

TEST_F(OpCostTest, Experts) {
  // MFLOP of an expert 47.2 and 17.3, eight active and shared; MB the same.
  const std::string shared = "dsv2-fuse-shared-experts", swiglu = "dsv2-fuse-swiglu",
                    combine = "dsv2-fuse-combine";
  for (auto [fields, expert, experts] :
       {std::tuple(v2Fields(), 47.2e6, 160), std::tuple(v2LiteFields(), 17.3e6, 64)})
    // Routed experts fused, and as separate ops; they cost the same.
    for (std::vector<std::string> disabled : {std::vector{shared}, {swiglu, combine}}) {
      OwningOpRef<ModuleOp> imported = import(fields),
                            module = optimize(fields, AttentionForm::Auto, disabled);
      auto grouped = [](Operation *op) {
        return isa<GroupedLinearOp, GroupedGatedLinearOp, GroupedCombineOp, ExpertMlpOp>(op);
      };
      for (double sequences : {1., 8., 64.}) {
        OpCost cost = sum(*module, "moe_layer", decode(0, sequences), grouped);
        double distinct = expectedDistinctExperts(experts, 6, sequences);
        EXPECT_NEAR(cost.dotFlops, sequences * 6 * expert, sequences * 6 * expert * 2e-3);
        EXPECT_NEAR(cost.weightBytes, distinct * expert, distinct * expert * 2e-3);
        OpCost definition = sum(*imported, "moe_layer", decode(0, sequences), grouped);
        EXPECT_NEAR(cost.dotFlops, definition.dotFlops, 1);
        EXPECT_NEAR(cost.weightBytes, definition.weightBytes, 1);
      }
    }
}

TEST_F(OpCostTest, FusedExpertsCostWhatTheirPartsDo) {
  for (const Fields &fields : {v2Fields(), v2LiteFields()}) {
    OwningOpRef<ModuleOp> fused = optimize(fields);
    OwningOpRef<ModuleOp> separate = optimize(
        fields, AttentionForm::Auto,
        {"dsv2-fuse-swiglu", "dsv2-fuse-combine", "dsv2-fuse-shared-experts"});
    for (const Workload &workload : {decode(4096), decode(0, 8), prefill(512, 100)}) {
      OpCost whole = sum(*fused, "moe_layer", workload), parts = sum(*separate, "moe_layer", workload);
      EXPECT_NEAR(whole.dotFlops, parts.dotFlops, 1);
      EXPECT_NEAR(whole.weightBytes, parts.weightBytes, 1);
      EXPECT_NEAR(whole.vectorFlops, parts.vectorFlops, 1);
      EXPECT_LT(whole.activationBytes, parts.activationBytes);
    }
  }
}

TEST_F(OpCostTest, AFusedChoiceReadsNoLogits) {
  OwningOpRef<ModuleOp> fused = optimize(v2LiteFields());
  OwningOpRef<ModuleOp> apart =
      optimize(v2LiteFields(), AttentionForm::Auto, {"dsv2-fuse-argmax"});
  Workload workload = decode(4096, 3);
  OpCost whole = sum(*fused, "step", workload), parts = sum(*apart, "step", workload);
  EXPECT_EQ(whole.weightBytes, parts.weightBytes);
  EXPECT_EQ(whole.dotFlops, parts.dotFlops);
  EXPECT_EQ(whole.vectorFlops, parts.vectorFlops);
  EXPECT_EQ(whole.activationBytes, parts.activationBytes - 3. * 102400 * 4);
}

TEST_F(OpCostTest, UnsortedTokensReadTheirExpertsEach) {
  auto cost = [&](double tokens) {
    return parse(R"(func.func @f(%x: tensor<?x64xbf16>, %e: tensor<?x2xi32>, %g: tensor<8x32x64xbf16>)
                        -> tensor<?x2x32xbf16> {
      %o, %r, %p = dsv2.dispatch %e unsorted up_to = 3
        : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
      %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g unsorted %e up_to = 3
        : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>,
           tensor<8x32x64xbf16>, tensor<?x2xi32>) -> tensor<?x2x32xbf16>
      return %h : tensor<?x2x32xbf16>
    })", decode(0, tokens));
  };
  double expert = 2 * 2 * 32 * 64;
  EXPECT_EQ(cost(3).weightBytes, 3 * 2 * expert);
  EXPECT_NEAR(cost(4).weightBytes, expectedDistinctExperts(8, 2, 4) * expert, 1e-6);
}

TEST_F(OpCostTest, BufferFormCostsWhatValueFormDoes) {
  for (const Fields &fields : {v2Fields(), v2LiteFields()}) {
    OwningOpRef<ModuleOp> module = optimize(fields);
    OwningOpRef<ModuleOp> planned = module->clone();
    PassManager passes(&context);
    buildOptimizedToPlannedPipeline(passes);
    ASSERT_TRUE(succeeded(passes.run(*planned)));
    for (const Workload &workload : {decode(4096, 8), prefill(512, 100)})
      for (StringRef name : {"step", "dense_layer", "moe_layer"}) {
        OpCost value = sum(*module, name, workload), buffer = sum(*planned, name, workload);
        EXPECT_GT(value.bytes(), 0);
        EXPECT_EQ(value.weightBytes, buffer.weightBytes);
        EXPECT_EQ(value.cacheBytes, buffer.cacheBytes);
        EXPECT_EQ(value.activationBytes, buffer.activationBytes);
        EXPECT_EQ(value.dotFlops, buffer.dotFlops);
        EXPECT_EQ(value.vectorFlops, buffer.vectorFlops);
      }
  }
}

TEST_F(OpCostTest, OptimizationsKeepProductsAndBytes) {
  for (const Fields &fields : {v2Fields(), v2LiteFields()}) {
    OwningOpRef<ModuleOp> fused = optimize(fields);
    OwningOpRef<ModuleOp> plain = optimize(fields, AttentionForm::Auto, allOptimizations());
    for (const Workload &workload : {decode(4096), decode(4096, 8), prefill(512, 100)})
      for (StringRef name : {"step", "dense_layer", "moe_layer"}) {
        OpCost before = sum(*plain, name, workload), after = sum(*fused, name, workload);
        EXPECT_NEAR(after.dotFlops, before.dotFlops, 1);
        EXPECT_NEAR(after.weightBytes, before.weightBytes, 1);
        EXPECT_NEAR(after.expertBytes, before.expertBytes, 1);
        EXPECT_EQ(after.cacheBytes, before.cacheBytes);
        EXPECT_LE(after.activationBytes, before.activationBytes);
      }
  }
}

TEST_F(OpCostTest, LogitsAreOfTheOutputRows) {
  OwningOpRef<ModuleOp> module =
      optimize(v2LiteFields(), AttentionForm::Auto, allOptimizations());
  auto isHead = [](Operation *op) { return isa<LinearOp>(op); };
  Workload workload = prefill(512);
  workload.outputs = 3;
  EXPECT_EQ(sum(*module, "step", workload, isHead).dotFlops, 3 * 2. * 2048 * 102400);
}

TEST(Prediction, IsTheSlowerOfMemoryAndArithmetic) {
  TargetModel target;
  target.memoryBandwidth = 1e9;
  target.cacheBandwidth = 1e10;
  target.peakF32 = 1e10;
  target.peakBF16 = 4e10;
  target.lastLevelBytes = 1000;
  target.launchSeconds = 1e-6;
  OpCost cost;
  EXPECT_EQ(predict(cost, target).seconds, 1e-6);
  EXPECT_EQ(predict(cost, target).bound, Bound::Launch);
  EXPECT_EQ(predict(cost, target, /*launches=*/false).seconds, 0);
  cost.weightBytes = 6e6;
  cost.cacheBytes = 4e6;
  EXPECT_DOUBLE_EQ(predict(cost, target, false).seconds, 10e-3);
  EXPECT_EQ(predict(cost, target).bound, Bound::Memory);
  cost.activationBytes = 1000; // from the cache, one more from memory
  EXPECT_DOUBLE_EQ(predict(cost, target, false).seconds, 10e-3 + 1e-7);
  cost.activationBytes = 1001;
  EXPECT_DOUBLE_EQ(predict(cost, target, false).seconds, 10e-3 + 1.001e-6);
  cost.dotFlops = 8e8;
  cost.vectorFlops = 1e8;
  EXPECT_DOUBLE_EQ(predict(cost, target, false).seconds, 30e-3);
  EXPECT_EQ(predict(cost, target).bound, Bound::Compute);
  cost.dotType = NumberType::F32;
  EXPECT_DOUBLE_EQ(predict(cost, target, false).seconds, 90e-3);
}

} // namespace
