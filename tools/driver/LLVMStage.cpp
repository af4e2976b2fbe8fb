//===- LLVMStage.cpp - A planned module as code for one variant -----------===//
//
// Everything below the planned stage, for one CPU variant.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/LLVMStage.h"
#include "lowering/CPU/LLVMPipeline.h"
#include "lowering/CodeGen/CodeGenerator.h"
#include "lowering/CodeGen/ModuleLinker.h"
#include "lowering/Pipelines.h"

using namespace mlir;
using namespace mlir::dsv2;

FailureOr<OwningOpRef<ModuleOp>> mlir::dsv2::lowerForVariant(ModuleOp planned, StringRef variant,
                                                       bool toLLVM, Configure configure) {
  OwningOpRef<ModuleOp> module = planned.clone();
  PassManager pm(planned.getContext());
  if (failed(configure(pm)))
    return failure();
  buildPlannedToCPUPipeline(pm, variant);
  if (toLLVM)
    buildCPUToLLVMPipeline(pm);
  if (failed(pm.run(*module)))
    return failure();
  return module;
}

FailureOr<std::string> mlir::dsv2::emitText(ModuleOp lowered, StringRef variant, Stage stage) {
  std::unique_ptr<CodeGenerator> generator =
      CodeGenerator::create(*findCPUTarget(variant), lowered.getLoc());
  if (!generator)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = generator->translate(lowered, context);
  if (!module)
    return failure();
  if (stage == Stage::LLVM) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os, nullptr);
    return text;
  }
  SmallVector<char> assembly;
  llvm::raw_svector_ostream os(assembly);
  if (failed(generator->emit(*module, EmissionKind::Assembly, os)))
    return lowered.emitError("no assembly can be emitted for ") << variant;
  return std::string(assembly.begin(), assembly.end());
}

FailureOr<std::string> mlir::dsv2::emitImage(ModuleOp lowered, StringRef variant,
                                       Dsv2ModuleDescriptor description) {
  std::unique_ptr<CodeGenerator> generator =
      CodeGenerator::create(*findCPUTarget(variant), lowered.getLoc());
  if (!generator)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = generator->translate(lowered, context);
  if (!module)
    return failure();
  description.scratchBytes =
      lowered->getAttrOfType<IntegerAttr>("dsv2.scratch_bytes").getInt();
  if (failed(addModuleDescriptor(*module, description, lowered.getLoc())))
    return failure();
  SmallVector<char> object;
  llvm::raw_svector_ostream os(object);
  if (failed(generator->emit(*module, EmissionKind::Object, os)))
    return lowered.emitError("no code can be emitted for ") << variant;
  return linkModule(StringRef(object.data(), object.size()), lowered.getLoc());
}
