//===- Pipelines.cpp - Stages of the compiler as pipelines ----------------===//
//
// The order of passes, and why.
//
//===----------------------------------------------------------------------===//

#include "passes/Pipelines.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::buildVerifyImportedPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  pm.addPass(createVerifyImportedPass());
}

namespace {

/// Adds optimizations, which may be left out, to a pipeline. Legalizations are
/// added to the pipeline itself.
class Optimizations {
public:
  Optimizations(OpPassManager &pm, const OptimizeOptions &options) : pm(pm), options(options) {}

  void add(std::unique_ptr<Pass> pass) {
    names.push_back(pass->getArgument());
    if (llvm::is_contained(options.disabled, pass->getArgument()))
      return;
    if (std::optional<StringRef> anchor = pass->getOpName(); anchor && *anchor != pm.getOpName())
      pm.nest(*anchor).addPass(std::move(pass));
    else
      pm.addPass(std::move(pass));
  }

  /// Pass arguments of all, left out or not.
  ArrayRef<StringRef> getNames() const { return names; }

private:
  OpPassManager &pm;
  const OptimizeOptions &options;
  SmallVector<StringRef> names;
};

/// Adds the pipeline; returns the arguments of its optimizations.
SmallVector<StringRef> addImportedToOptimized(OpPassManager &pm, const OptimizeOptions &options) {
  Optimizations optimizations(pm, options);
  // What the importer, or a file, promises.
  buildVerifyImportedPipeline(pm);
  pm.addNestedPass<func::FuncOp>(createGroupExpertsPass());
  // On unpacked weights, in this order: each needs what the ones before it make.
  optimizations.add(createFuseSwigluPass());
  optimizations.add(createFuseCombinePass());
  optimizations.add(createFuseSharedExpertsPass());
  SkipDispatchPassOptions skip;
  skip.tokens = options.unsortedTokens;
  optimizations.add(createSkipDispatchPass(skip));
  AbsorbMLAProjectionsPassOptions absorb;
  absorb.form = options.attention;
  absorb.query = options.query;
  absorb.output = options.output;
  absorb.threshold = options.threshold;
  pm.addPass(createAbsorbMLAProjectionsPass(absorb));
  optimizations.add(createFuseAddNormPass());
  optimizations.add(createFuseAppendPass());
  // What makes more of a linear than a product comes before this.
  optimizations.add(createFuseSiblingLinearsPass());
  // On what those two made.
  optimizations.add(createFuseNormLinearPass());
  // On a product with its norm.
  optimizations.add(createFuseArgmaxPass());
  // On the forms of attention.
  optimizations.add(createFuseQueryRopePass());
  // After every rewrite that makes or merges weights.
  pm.addNestedPass<func::FuncOp>(createPackWeightsPass());
  pm.addPass(createHoistWeightOpsPass());
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  pm.addPass(createVerifyOptimizedPass());
  return llvm::to_vector(optimizations.getNames());
}

} // namespace

SmallVector<StringRef> dsv2::getOptimizations() {
  OpPassManager pm(ModuleOp::getOperationName());
  return addImportedToOptimized(pm, OptimizeOptions());
}

LogicalResult dsv2::verifyOptions(const OptimizeOptions &options,
                                  function_ref<LogicalResult(const Twine &)> emitError) {
  SmallVector<StringRef> known = getOptimizations();
  for (const std::string &name : options.disabled)
    if (!llvm::is_contained(known, name))
      return emitError("no optimization is called \"" + name + "\"; expected " +
                       (known.empty() ? "none: there are none" : "one of " + llvm::join(known, ", ")));
  return success();
}

void dsv2::buildImportedToOptimizedPipeline(OpPassManager &pm, const OptimizeOptions &options) {
  addImportedToOptimized(pm, options);
}

void dsv2::buildOptimizedToPlannedPipeline(OpPassManager &pm) {
  pm.addPass(createStripWeightProgramPass());
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  // No CSE from here to bufferization: it would merge destinations.
  pm.addPass(createToDestinationPassingPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  options.useEncodingForMemorySpace = true; // the cache's layout survives
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanMemoryPass());
  // After the plan: two temporaries in one place depend on each other too.
  pm.addPass(createInsertBarriersPass());
  // Before CSE, which makes one view of two temporaries in one place.
  pm.addPass(createVerifyMemoryPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyPlannedPass());
}

namespace {

/// `OptimizeOptions` as text.
struct OptimizePipelineOptions : PassPipelineOptions<OptimizePipelineOptions> {
  Option<AttentionForm> attention{
      *this, "attention", llvm::cl::desc("Form of all attention ops."),
      llvm::cl::init(AttentionForm::Auto),
      llvm::cl::values(clEnumValN(AttentionForm::Auto, "auto", "by cost"),
                       clEnumValN(AttentionForm::Split, "split", "by sequence"),
                       clEnumValN(AttentionForm::Factored, "factored", "absorbed"),
                       clEnumValN(AttentionForm::Merged, "merged", "absorbed, projections merged"),
                       clEnumValN(AttentionForm::Expanded, "expanded", "keys and values rebuilt"))};
  Option<ProjectionForm> query{*this, "query", llvm::cl::desc("How W_UK is applied."),
                               llvm::cl::init(ProjectionForm::Auto), projectionForms()};
  Option<ProjectionForm> output{*this, "output", llvm::cl::desc("How W_UV is applied."),
                                llvm::cl::init(ProjectionForm::Auto), projectionForms()};
  Option<int64_t> threshold{
      *this, "threshold", llvm::cl::init(-1),
      llvm::cl::desc("New tokens up to which a sequence is absorbed.")};
  Option<int64_t> unsortedTokens{
      *this, "unsorted-tokens", llvm::cl::init(-1),
      llvm::cl::desc("Most tokens of a step whose experts are not sorted; -1: by cost.")};
  ListOption<std::string> disable{*this, "disable",
                                  llvm::cl::desc("Optimizations that are left out.")};

  static llvm::cl::ValuesClass projectionForms() {
    return llvm::cl::values(
        clEnumValN(ProjectionForm::Auto, "auto", "by cost"),
        clEnumValN(ProjectionForm::Factored, "factored", "by itself"),
        clEnumValN(ProjectionForm::Merged, "merged", "within the neighbouring projection"));
  }

  OptimizeOptions get() const {
    return {attention,      query,
            output,         threshold,
            unsortedTokens, {disable.begin(), disable.end()}};
  }
};

} // namespace

void dsv2::registerDSV2Pipelines() {
  // Not by PassPipelineRegistration: options can be wrong in their meaning.
  registerPassPipeline(
      "dsv2-imported-to-optimized", "grouped experts, attention's form, packed and hoisted weights",
      [](OpPassManager &pm, StringRef text, function_ref<LogicalResult(const Twine &)> emitError) {
        OptimizePipelineOptions parsed;
        if (failed(parsed.parseFromString(text)))
          return failure();
        OptimizeOptions options = parsed.get();
        if (failed(verifyOptions(options, emitError)))
          return failure();
        buildImportedToOptimizedPipeline(pm, options);
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)> visit) {
        visit(OptimizePipelineOptions());
      });
  PassPipelineRegistration<>("dsv2-optimized-to-planned",
                             "destinations, buffers, arena, barriers",
                             buildOptimizedToPlannedPipeline);
}
