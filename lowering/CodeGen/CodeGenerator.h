//===- CodeGenerator.h - LLVM dialect to machine code -----------*- C++ -*-===//
//
// Translation to LLVM IR, optimization and emission for one CPU variant.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CODEGEN_CODEGENERATOR_H
#define LOWERING_CODEGEN_CODEGENERATOR_H

#include "lowering/CPU/CPUTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace mlir::dsv2 {

enum class EmissionKind { Object, Assembly };

/// Code generation for one variant; not copyable, cheap to make.
class CodeGenerator {
public:
  /// Errors are diagnosed at `loc`'s context; null on failure.
  static std::unique_ptr<CodeGenerator> create(const CPUTarget &target, Location loc);

  /// LLVM IR of a module in the LLVM dialect, optimized for the variant.
  std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context);

  LogicalResult emit(llvm::Module &module, EmissionKind kind, llvm::raw_pwrite_stream &os);

  llvm::TargetMachine &getMachine() { return *machine; }

private:
  CodeGenerator(const CPUTarget &target, std::unique_ptr<llvm::TargetMachine> machine)
      : target(target), machine(std::move(machine)) {}

  void optimize(llvm::Module &module);

  const CPUTarget &target;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace mlir::dsv2

#endif // LOWERING_CODEGEN_CODEGENERATOR_H
