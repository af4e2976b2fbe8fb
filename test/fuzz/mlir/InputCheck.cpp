//===- InputCheck.cpp - One text through parser, printer, passes ----------===//
//
// Diagnostics are counted and not shown.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/mlir/InputCheck.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace dsv2::test;

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(false));
  return text;
}

/// Reads `text` and says whether it is the module that prints as `wanted`.
static void readBack(MLIRContext &context, StringRef text, const std::string &wanted,
                     StringRef form, std::string &problem) {
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  if (!again)
    problem = "what was accepted does not read back from " + form.str();
  else if (print(*again) != wanted)
    problem = "what was accepted reads back differently from " + form.str();
}

static void checkRoundTrip(MLIRContext &context, ModuleOp module, std::string &problem) {
  std::string text = print(module);
  readBack(context, text, text, "its text", problem);
  if (!problem.empty())
    return;
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (failed(writeBytecodeToFile(module, stream)))
    problem = "what was accepted does not write to bytecode";
  else
    readBack(context, bytes, text, "its bytecode", problem);
}

Reached dsv2::test::checkInput(MLIRContext &context, const std::string &text,
                               const std::string &pipeline, std::string &problem) {
  bool complained = false;
  ScopedDiagnosticHandler quiet(&context, [&](Diagnostic &diagnostic) {
    complained |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  if (!module) {
    if (!complained)
      problem = "a text is refused without a diagnostic";
    return Reached::Refused;
  }
  checkRoundTrip(context, *module, problem);
  if (!problem.empty() || pipeline.empty())
    return Reached::Parsed;
  PassManager passes(&context, ModuleOp::getOperationName(), OpPassManager::Nesting::Implicit);
  if (failed(parsePassPipeline(pipeline, passes, llvm::nulls()))) {
    problem = "no such pipeline: " + pipeline;
    return Reached::Parsed;
  }
  complained = false;
  if (succeeded(passes.run(*module)))
    return Reached::Passed;
  if (!complained)
    problem = "a pass fails without a diagnostic";
  return Reached::PassFailed;
}
