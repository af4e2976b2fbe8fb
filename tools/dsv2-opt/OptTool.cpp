//===- OptTool.cpp - mlir-opt with checks of equivalence ------------------===//
//
// Adds an instrumentation to the pass manager that mlir-opt makes.
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-opt/OptTool.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "tools/equivalence/EquivalenceChecker.h"

using namespace mlir;
using namespace mlir::dsv2;

static llvm::cl::opt<bool> checkEquivalence(
    "dsv2-check-equivalence",
    llvm::cl::desc("Interpret @step before and after each pass and fail where a dsv2.probe "
                   "or the result differs"));
static llvm::cl::opt<bool> judgeDivergence(
    "dsv2-judge-divergence",
    llvm::cl::desc("As --dsv2-check-equivalence, but print nothing and exit with 1 only where a "
                   "value differs: for dsv2-reduce"));
static llvm::cl::opt<uint64_t> equivalenceSeed(
    "dsv2-check-equivalence-seed", llvm::cl::init(0),
    llvm::cl::desc("Seed of the weights and steps of --dsv2-check-equivalence (0)"));

int mlir::dsv2::runOptTool(int argc, char **argv, DialectRegistry &registry) {
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "dsv2 pass driver\n", registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  bool check = checkEquivalence || judgeDivergence;
  if (!check || config.shouldListPasses() || config.shouldShowDialects())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));

  llvm::InitLLVM init(argc, argv);
  // One for each module: --split-input-file makes several.
  std::vector<std::unique_ptr<EquivalenceChecker>> checkers;
  MlirOptMainConfig inner = config;
  config.setPassPipelineSetupFn([&](PassManager &pm) -> LogicalResult {
    if (failed(inner.setupPassPipeline(pm)))
      return failure();
    EquivalenceOptions options;
    options.seed = equivalenceSeed;
    checkers.push_back(std::make_unique<EquivalenceChecker>(options));
    checkers.back()->attach(pm);
    return success();
  });
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &error);
  std::unique_ptr<llvm::ToolOutputFile> out = file ? openOutputFile(output, &error) : nullptr;
  if (!out) {
    llvm::errs() << error << "\n";
    return 1;
  }
  if (judgeDivergence)
    (void)!freopen("/dev/null", "w", stderr);
  LogicalResult result = MlirOptMain(out->os(), std::move(file), registry, config);
  if (judgeDivergence)
    return llvm::any_of(checkers, [](auto &checker) { return checker->hasDiverged(); });
  if (failed(result))
    return 1;
  out->keep();
  return 0;
}
