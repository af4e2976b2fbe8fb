//===- Interpreter.h - Executes dsv2 IR by reference semantics --*- C++ -*-===//
//
// Any stage above loops: imported and optimized (value form), with
// destinations, planned (buffers and an arena). Straight-line functions of
// dsv2, func, tensor, memref and arith.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_INTERPRETER_H
#define DIALECTS_DSV2_REFERENCE_INTERPRETER_H

#include "dialects/DSV2/reference/Environment.h"
#include "dialects/DSV2/reference/Precision.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <functional>
#include <map>

namespace mlir::dsv2::reference {

struct InterpreterOptions {
  Precision precision = Precision::F64;
  /// The tensor of one `dsv2.checkpoint`, or a diagnostic on it. Asked once for
  /// each name, and again for those that are not kept.
  std::function<FailureOr<HostArray>(CheckpointOp)> readCheckpoint;
  /// Sees every op that computes or reads arrays, with its results (in buffer
  /// form: its destinations). Views and reshapes compute nothing.
  std::function<void(Operation *, ArrayRef<HostArray>)> observe;
  /// Sees the value of every probe, with its layer where it has one. The value
  /// is the module's own: whoever keeps it copies it.
  std::function<void(ProbeOp, std::optional<int64_t> layer, const HostArray &)> probe;
  /// The contents of a slot that no weight program has filled, or a diagnostic
  /// on the op. Asked once for each slot.
  std::function<FailureOr<HostArray>(WeightOp)> readWeight;
  /// Bytes of weights, 8 for each element, that are kept from one use to the
  /// next. What exceeds them is read, or computed by the weight program, anew.
  int64_t keptWeightBytes = std::numeric_limits<int64_t>::max();
};

class Interpreter {
public:
  Interpreter(ModuleOp module, InterpreterOptions options);

  /// Runs the function with `dsv2.weight_program` of `module`, if it has one,
  /// which fills the slots that `dsv2.weight` reads. The module may be another
  /// than that of the step.
  LogicalResult runWeightProgram(ModuleOp module);

  /// Takes up that function without running it: a slot is computed when
  /// `dsv2.weight` reads it. `module` must outlive the calls.
  LogicalResult useWeightProgram(ModuleOp module);

  /// Calls a function. Arguments that are moved in and unique are updated in
  /// place by ops with destinations; others are copied first.
  FailureOr<SmallVector<RuntimeValue>> call(func::FuncOp function,
                                            SmallVector<RuntimeValue> arguments);

  /// Destinations that were copied because something else still used them.
  int64_t destinationCopies() const { return copies; }

private:
  LogicalResult evaluateOp(Operation *op, Environment &env);
  LogicalResult evaluatePlanned(PlannedOpInterface op, Environment &env);
  LogicalResult evaluateWeightOp(Operation *op, Environment &env);
  LogicalResult bindCall(func::CallOp op, Environment &env);
  LogicalResult bindBatch(MakeBatchOp op, Environment &env);
  LogicalResult bindCount(BatchCountOp op, Environment &env);
  LogicalResult bindWeight(WeightOp op, Environment &env);
  LogicalResult bindCheckpoint(CheckpointOp op, Environment &env);
  LogicalResult showProbe(ProbeOp op, Environment &env);

  /// What the weight program stores, computed from what it alone depends on.
  FailureOr<HostArray> computeSlot(StoreWeightOp store);
  /// Whether there is room to keep one more weight; takes it if so.
  bool reserves(const HostArray &weight);
  /// Shows the observer what an op has bound to its results.
  void observeResults(Operation *op, const Environment &env);

  /// Operands of `op` that nothing after it in its block uses.
  const llvm::BitVector &lastUses(Operation *op);
  /// The value of an operand, moved out when this is its last use.
  RuntimeValue takeOperand(OpOperand &operand, Environment &env);

  SymbolTable symbols;
  InterpreterOptions options;
  llvm::DenseMap<Operation *, llvm::BitVector> lastUsesOf;
  // By slot; a DenseMap reserves two numbers.
  std::map<int64_t, HostArray> slots;
  std::map<int64_t, StoreWeightOp> stores; // of a program in use
  llvm::StringMap<HostArray> tensors; // of the checkpoint, by name
  int64_t keptBytes = 0;
  unsigned depth = 0;
  int64_t copies = 0;
};

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_INTERPRETER_H
