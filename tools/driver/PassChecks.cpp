//===- PassChecks.cpp - dsv2-compile --check-passes -----------------------===//
//
// In a context of its own: neither threads nor remarks of the compilation are
// touched.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/PassChecks.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "passes/Pipelines.h"
#include "tools/driver/WidthReducedTwin.h"
#include "tools/equivalence/EquivalenceChecker.h"

using namespace mlir;
using namespace mlir::dsv2;

/// The type that the compilation settled on.
static ComputeType computeTypeOf(ModuleOp module) {
  for (Type type : module.lookupSymbol<func::FuncOp>("step").getArgumentTypes())
    if (getCacheLayout(type))
      return cast<ShapedType>(type).getElementType().isF32() ? ComputeType::F32
                                                             : ComputeType::BF16;
  llvm_unreachable("a step has a cache");
}

/// Options that may lead where cost decided to go.
static SmallVector<OptimizeOptions> waysToDecide(ModuleOp optimized, OptimizeOptions options) {
  optimized.walk([&](DispatchOp op) {
    options.unsortedTokens = op.getUnsortedTokens().value_or(0);
  });
  SmallVector<OptimizeOptions> ways{options};
  auto add = [&](AttentionForm form, ProjectionForm query, ProjectionForm output) {
    OptimizeOptions &way = ways.emplace_back(options);
    way.attention = form;
    way.query = query;
    way.output = output;
  };
  for (AttentionForm form : {AttentionForm::Split, AttentionForm::Expanded})
    add(form, ProjectionForm::Auto, ProjectionForm::Auto);
  for (ProjectionForm query : {ProjectionForm::Factored, ProjectionForm::Merged})
    for (ProjectionForm output : {ProjectionForm::Factored, ProjectionForm::Merged})
      add(AttentionForm::Factored, query, output);
  return ways;
}

/// The options under which `twin`, imported, becomes what `optimized` is.
static FailureOr<OptimizeOptions> forceDecisions(ModuleOp twin, ModuleOp optimized,
                                                 const OptimizeOptions &options) {
  Skeleton expected = skeletonOf(optimized);
  for (const OptimizeOptions &way : waysToDecide(optimized, options)) {
    OwningOpRef<ModuleOp> copy = twin.clone();
    PassManager pm(twin.getContext());
    buildImportedToOptimizedPipeline(pm, way);
    if (succeeded(pm.run(*copy)) && skeletonOf(*copy) == expected)
      return way;
  }
  return twin.emitError("the passes do not decide on the twin of small widths as they did on "
                        "the model, whatever they are asked for");
}

LogicalResult mlir::dsv2::checkPasses(ModuleOp optimized, const ModelConfig &config,
                                      const ::dsv2::Checkpoint *checkpoint,
                                      const CompileOptions &options) {
  MLIRContext &outer = *optimized.getContext();
  MLIRContext context(outer.getDialectRegistry(), MLIRContext::Threading::DISABLED);
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success();
    llvm::raw_string_ostream os(messages);
    os << (messages.empty() ? "" : "; ");
    if (!isa<UnknownLoc>(diagnostic.getLocation()))
      os << diagnostic.getLocation() << ": ";
    os << diagnostic;
    return success();
  });
  auto fail = [&] {
    return emitError(UnknownLoc::get(&outer)) << "--check-passes: " << messages;
  };

  bool small = isSmall(config);
  ImportOptions import = options.import;
  import.type = computeTypeOf(optimized);
  import.probes = true;
  ModelConfig model = small ? config : reduceWidths(config);
  FailureOr<OwningOpRef<ModuleOp>> imported =
      importModel(context, model, small ? checkpoint : nullptr, import);
  if (failed(imported))
    return fail();
  // What passes decide for, in this context.
  for (NamedAttribute attribute : optimized->getDiscardableAttrs()) {
    std::string text;
    llvm::raw_string_ostream(text) << attribute.getValue();
    (**imported)->setAttr(attribute.getName().getValue(), parseAttribute(text, &context));
  }
  OptimizeOptions decided = options.optimize;
  if (!small) {
    FailureOr<OptimizeOptions> forced = forceDecisions(**imported, optimized, options.optimize);
    if (failed(forced))
      return fail();
    decided = *forced;
  }

  EquivalenceChecker checker({.seed = options.seed});
  PassManager pm(&context);
  buildImportedToOptimizedPipeline(pm, decided);
  buildOptimizedToPlannedPipeline(pm);
  checker.attach(pm);
  if (failed(pm.run(**imported)))
    return fail();
  llvm::errs() << "check-passes: " << checker.evaluations() << " evaluations agree, on "
               << (small ? "the model itself" : "a twin of small widths") << "\n";
  return success();
}
