//===- Trace.cpp - Statistics of every value of a run ---------------------===//
//
// Sums are taken row by row, so that a large weight is not copied.
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-interpret/Trace.h"
#include "llvm/Support/Format.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/io/JsonWriter.h"

#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

Statistics mlir::dsv2::statisticsOf(const HostArray &array) {
  Statistics result;
  double least = INFINITY, most = -INFINITY, sum = 0, squares = 0;
  int64_t finite = 0;
  auto add = [&](double value) {
    if (std::isnan(value)) {
      ++result.nan;
    } else if (std::isinf(value)) {
      ++result.infinite;
    } else {
      ++finite;
      least = std::min(least, value);
      most = std::max(most, value);
      sum += value;
      squares += value * value;
    }
  };
  if (array.rank() == 0)
    add(array.at({}));
  int64_t rows = array.rank() ? llvm::product_of(array.shape().drop_back()) : 0;
  SmallVector<int64_t> index(std::max<int64_t>(array.rank() - 1, 0), 0);
  for (int64_t r = 0; r < rows; ++r) {
    Row row = array.row(index);
    for (int64_t i = 0; i < row.size; ++i)
      add(row[i]);
    for (int64_t d = int64_t(index.size()) - 1; d >= 0 && ++index[d] == array.size(d); --d)
      index[d] = 0;
  }
  result.min = finite ? least : kUndefined;
  result.max = finite ? most : kUndefined;
  result.mean = finite ? sum / finite : kUndefined;
  result.rms = finite ? std::sqrt(squares / finite) : kUndefined;
  return result;
}

/// What identifies an array, besides the step.
struct Trace::Line {
  Operation *op;
  int64_t call;               // how often the op ran in this step before
  std::string value;          // its name in the IR
  StringRef name;             // of a weight or a probe
  std::optional<int64_t> layer; // of a probe
};

void Trace::beginStep(int64_t number) {
  step = number;
  calls.clear();
}

std::string Trace::nameOf(Value value) {
  std::string name;
  llvm::raw_string_ostream os(name);
  bool ofProgram = value.getParentRegion()->getParentOfType<ModuleOp>() == program;
  value.printAsOperand(os, ofProgram ? programState : state);
  return name;
}

static StringRef functionOf(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  return function ? function.getName() : "";
}

void Trace::print(const Line &line, const HostArray &array) {
  Statistics s = statisticsOf(array);
  std::string type;
  llvm::raw_string_ostream(type) << array.elementType();
  StringRef function = functionOf(line.op), op = line.op->getName().getStringRef();
  if (format == TraceFormat::Json) {
    ::dsv2::JsonWriter json;
    json.beginObject().member("step", step).member("function", std::string_view(function));
    json.member("call", line.call).member("value", std::string_view(line.value));
    json.member("op", std::string_view(op));
    if (!line.name.empty())
      json.member("name", std::string_view(line.name));
    if (line.layer)
      json.member("layer", *line.layer);
    json.key("shape").beginArray();
    for (int64_t size : array.shape())
      json.value(size);
    json.endArray().member("type", std::string_view(type));
    json.member("min", s.min).member("max", s.max).member("mean", s.mean).member("rms", s.rms);
    json.member("nan", s.nan).member("inf", s.infinite).endObject();
    os << json.text() << "\n";
    return;
  }
  os << "step " << step << " @" << function << "#" << line.call << " " << line.value << " = " << op;
  if (!line.name.empty())
    os << " \"" << line.name << "\"";
  if (line.layer)
    os << " layer " << *line.layer;
  os << " [";
  llvm::interleave(array.shape(), os, "x");
  os << "] " << type
     << llvm::format("  min %.6g max %.6g mean %.6g rms %.6g", s.min, s.max, s.mean, s.rms);
  if (s.nan)
    os << " nan " << s.nan;
  if (s.infinite)
    os << " inf " << s.infinite;
  os << "\n";
}

void Trace::see(Operation *op, ArrayRef<HostArray> results) {
  int64_t call = calls[op]++;
  StringRef name;
  if (auto checkpoint = dyn_cast<CheckpointOp>(op))
    name = checkpoint.getName();
  else if (auto weight = dyn_cast<WeightOp>(op))
    name = weight.getName();
  // In buffer form a value is the buffer that receives it.
  auto planned = dyn_cast<PlannedOpInterface>(op);
  bool buffers = planned && op->getNumResults() == 0;
  for (auto [i, array] : llvm::enumerate(results)) {
    Value value = buffers ? planned.getInitsMutable()[i].get() : op->getResult(i);
    print({op, call, nameOf(value), name, std::nullopt}, array);
  }
}

void Trace::seeProbe(ProbeOp op, std::optional<int64_t> layer, const HostArray &value) {
  print({op, calls[op]++, nameOf(op.getValue()), op.getName(), layer}, value);
}
