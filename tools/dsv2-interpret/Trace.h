//===- Trace.h - Statistics of every value of a run -------------*- C++ -*-===//
//
// One line for each array that an op computes or reads: readable text, or JSON
// for programs (docs/Interpreter.md).
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DSV2_INTERPRET_TRACE_H
#define TOOLS_DSV2_INTERPRET_TRACE_H

#include "dialects/DSV2/reference/HostArray.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace mlir::dsv2 {

enum class TraceFormat { None, Text, Json };

/// Of the finite elements; NaN where there are none. A NaN is what was never
/// written, or computed as one.
struct Statistics {
  double min, max, mean, rms;
  int64_t nan = 0, infinite = 0;
};

Statistics statisticsOf(const reference::HostArray &array);

class Trace {
public:
  /// `program` holds the weight program; the step's module, or another.
  Trace(TraceFormat format, raw_ostream &os, ModuleOp module, ModuleOp program)
      : format(format), os(os), state(module), programState(program), program(program) {}

  /// Begins the step of this number.
  void beginStep(int64_t number);
  /// An op with its results (in buffer form: its destinations).
  void see(Operation *op, ArrayRef<reference::HostArray> results);
  /// A named value, of a layer where it has one.
  void seeProbe(ProbeOp op, std::optional<int64_t> layer, const reference::HostArray &value);

private:
  struct Line;
  void print(const Line &line, const reference::HostArray &array);
  std::string nameOf(Value value);

  TraceFormat format;
  raw_ostream &os;
  AsmState state, programState;
  ModuleOp program;
  int64_t step = 0;
  llvm::DenseMap<Operation *, int64_t> calls; // of each op in this step
};

} // namespace mlir::dsv2

#endif // TOOLS_DSV2_INTERPRET_TRACE_H
