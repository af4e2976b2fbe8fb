//===- Passes.td - Passes from planned dsv2 downwards -------*- tablegen -*-===//
//
// Declarations, in the order in which the pipelines run them.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_PASSES_TD
#define LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"dsv2-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "makes one function of each distinct planned op";
  let description = [{
    Before: a planned op in each layer function. After: calls of a private
    function that holds the op, shared by all ops of equal name, attributes and
    types. Code size and compile time then follow the distinct ops.

    Requires: the planned stage with its barriers (they stay where they are).
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def ConvertDSV2ToCPUPass : Pass<"convert-dsv2-to-cpu", "::mlir::ModuleOp"> {
  let summary = "turns planned ops into loops and vectors that every thread runs";
  let description = [{
    Each planned op becomes an SPMD region of `scf`, `vector` and `arith`, cut
    by shape only, so that no bit depends on the number of threads. Functions
    gain three trailing arguments: the context of the step, the thread and the
    number of threads. Batch counts, batch arrays and weights become loads from
    the context (`runtime/abi/Module.h`); `@step` becomes `dsv2_step`.

    Requires: the planned stage. Ensures: no dsv2 op is left.
  }];
  let options = [
    Option<"variant", "variant", "std::string", /*default=*/"\"x86-64-v3\"",
           "CPU variant: x86-64-v3, x86-64-v4 or avx512bf16.">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::x86vector::X86VectorDialect"];
}

#endif // LOWERING_PASSES_TD
