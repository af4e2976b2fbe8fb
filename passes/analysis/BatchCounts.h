//===- BatchCounts.h - The count behind every dynamic size ------*- C++ -*-===//
//
// Every `?` of a tensor type is a count of the batch. It is named by
// `dsv2.count` on arguments and results of functions, and follows from the op
// everywhere else.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ANALYSIS_BATCHCOUNTS_H
#define PASSES_ANALYSIS_BATCHCOUNTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::dsv2 {

/// Counts of the values of one module. Asks the IR anew each time, so that a
/// pass may rewrite between two questions (but neither add nor rename functions).
class BatchCounts {
public:
  explicit BatchCounts(ModuleOp module) : symbols(module) {}

  /// The name of the count that is the one `?` of `value`, a tensor of dynamic
  /// shape. Errors: a diagnostic that says where the derivation ends.
  FailureOr<StringRef> get(Value value);

  /// Checks that every dynamic size in `function` is a count, and that what
  /// meets in an op, a call or a return has the same one.
  LogicalResult verify(func::FuncOp function);

private:
  LogicalResult verifyType(Operation *op, Type type);
  LogicalResult verifyOperands(Operation *op);
  LogicalResult verifyCall(func::CallOp call);

  SymbolTable symbols;
};

} // namespace mlir::dsv2

#endif // PASSES_ANALYSIS_BATCHCOUNTS_H
