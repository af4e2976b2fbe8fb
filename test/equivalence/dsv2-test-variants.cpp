//===- dsv2-test-variants.cpp - Models times ways to compile them ---------===//
//
//   dsv2-test-variants DIR...
//
// Interprets the model of each config.json, on random weights, at the stages
// of every way to optimize it: each optimization left out, each alone, all
// left out, and each form of attention. Prints a line for each model; exits
// with 1 and says which way is wrong, and the pass, where one is.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "frontend/Import.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "passes/Bufferization.h"
#include "test/equivalence/PipelineCheck.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct Variant {
  std::string name;
  OptimizeOptions options;
};

std::vector<Variant> allVariants() {
  std::vector<Variant> variants{{"as usual", {}}};
  std::vector<std::string> all;
  for (StringRef name : getOptimizations())
    all.push_back(name.str());
  auto without = [&](const Twine &name, std::vector<std::string> disabled) {
    variants.push_back({name.str(), {}});
    variants.back().options.disabled = std::move(disabled);
  };
  without("no optimization", all);
  for (const std::string &name : all) {
    without("without " + name, {name});
    std::vector<std::string> others;
    llvm::copy_if(all, std::back_inserter(others), [&](auto &other) { return other != name; });
    without(name + " alone", others);
  }
  auto attention = [&](const Twine &name, AttentionForm form, ProjectionForm query,
                       ProjectionForm output) {
    for (const std::vector<std::string> &disabled : {std::vector<std::string>(), all}) {
      OptimizeOptions options;
      options.attention = form;
      options.query = query;
      options.output = output;
      options.disabled = disabled;
      variants.push_back(
          {(name + (disabled.empty() ? "" : ", no optimization")).str(), options});
    }
  };
  for (int64_t tokens : {0, 3, 1000}) {
    variants.push_back({"unsorted up to " + std::to_string(tokens), {}});
    variants.back().options.unsortedTokens = tokens;
  }
  constexpr ProjectionForm factored = ProjectionForm::Factored, merged = ProjectionForm::Merged;
  attention("split", AttentionForm::Split, factored, factored);
  attention("expanded", AttentionForm::Expanded, factored, factored);
  attention("factored", AttentionForm::Factored, factored, factored);
  attention("merged query", AttentionForm::Factored, merged, factored);
  attention("merged output", AttentionForm::Factored, factored, merged);
  attention("merged", AttentionForm::Factored, merged, merged);
  return variants;
}

/// Whether all variants of one model agree.
bool check(MLIRContext &context, const std::string &folder, ArrayRef<Variant> variants) {
  ::dsv2::Expected<ModelConfig> config = loadModelConfig(folder);
  if (!config.ok()) {
    llvm::errs() << config.message() << "\n";
    return false;
  }
  ImportOptions import;
  import.probes = true;
  import.maxStepTokens = 70;
  import.maxBatch = 3;
  import.maxContext = std::min<int64_t>(config->maxPositions, 192);
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(context, *config, nullptr, import);
  if (failed(module))
    return false;
  ::dsv2::test::PipelineCheck pipelines(**module, /*seed=*/1, /*crossPage=*/false);
  bool ok = true;
  for (const Variant &variant : variants)
    if (std::string wrong = pipelines.run(variant.options); !wrong.empty()) {
      llvm::errs() << folder << ", " << variant.name << ": " << wrong << "\n";
      ok = false;
    }
  if (ok)
    llvm::outs() << folder << ": " << variants.size() << " variants agree\n";
  return ok;
}

} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<DSV2Dialect>();
  registerBufferization(registry);
  std::vector<Variant> variants = allVariants();
  bool ok = argc > 1;
  for (int i = 1; i < argc; ++i) {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    ok &= check(context, argv[i], variants);
  }
  return !ok;
}
