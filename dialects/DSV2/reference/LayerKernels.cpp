//===- LayerKernels.cpp - Reference of ops that every transformer has -----===//
//
// Specification section 3: norm, linear, rotary embedding, SwiGLU, add; and the
// greedy choice.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

DenseWeight::DenseWeight(const HostArray &weight, int64_t leading, int64_t n, int64_t k)
    : n(n), k(k) {
  bool packed = weight.rank() == leading + 4;
  if (!packed && weight.isContiguous()) {
    values = weight.data();
    return;
  }
  std::vector<double> flat = weight.flatten();
  if (packed) {
    int64_t blocks = weight.size(leading), pairs = weight.size(leading + 1);
    int64_t block = weight.size(leading + 2), pair = weight.size(leading + 3);
    int64_t count = leading ? weight.size(0) : 1;
    unpacked.resize(count * n * k);
    for (int64_t m = 0; m < count; ++m)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < k; ++j)
          unpacked[(m * n + i) * k + j] =
              flat[(((m * blocks + i / block) * pairs + j / pair) * block + i % block) * pair +
                   j % pair];
  } else {
    unpacked = std::move(flat);
  }
  values = unpacked.data();
}

LogicalResult mlir::dsv2::reference::evaluate(ZerosOp op, const KernelArguments &args) {
  const HostArray &out = args.outs[0];
  out.assign(HostArray::make(out.elementType(), out.shape(), 0));
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(SelectOutputsOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &out = args.outs[0];
  for (auto [r, token] : llvm::enumerate(args.env.batch(op.getBatch()).outputRows)) {
    Row from = x.row(token), to = out.row(r);
    for (int64_t i = 0; i < to.size; ++i)
      to[i] = from[i];
  }
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(EmbedOp op, const KernelArguments &args) {
  const HostArray &ids = args[op.getIds()], &table = args[op.getTable()], &out = args.outs[0];
  for (int64_t t = 0; t < ids.size(0); ++t) {
    double id = ids.at(t);
    if (!(id >= 0 && id < double(table.size(0))))
      return op.emitOpError("id ") << int64_t(id) << " is not one of " << table.size(0);
    Row from = table.row(int64_t(id)), to = out.row(t);
    for (int64_t i = 0; i < to.size; ++i)
      to[i] = from[i];
  }
  return success();
}

/// Applies `f` to pairs of elements of two arrays of one shape.
template <typename Function>
static void zipElements(const HostArray &a, const HostArray &b, const HostArray &out, Function f) {
  std::vector<double> x = a.flatten(), y = b.flatten();
  HostArray result = HostArray::make(out.elementType(), out.shape());
  for (size_t i = 0; i < x.size(); ++i)
    result.data()[i] = f(x[i], y[i]);
  out.assign(result);
}

/// The rounded sum of two arrays of one shape.
static void addElements(const HostArray &x, const HostArray &y, const HostArray &out,
                        Precision precision) {
  zipElements(x, y, out,
              [&](double a, double b) { return round(a + b, out.elementType(), precision); });
}

LogicalResult mlir::dsv2::reference::evaluate(AddOp op, const KernelArguments &args) {
  addElements(args[op.getLhs()], args[op.getRhs()], args.outs[0], args.precision);
  return success();
}

double mlir::dsv2::reference::swiglu(double gate, double up, Type type, Precision precision) {
  double silu = round(gate / (1 + std::exp(-gate)), type, precision);
  return round(silu * up, type, precision);
}

LogicalResult mlir::dsv2::reference::evaluate(SwigluOp op, const KernelArguments &args) {
  Type type = args.outs[0].elementType();
  zipElements(args[op.getGate()], args[op.getUp()], args.outs[0],
              [&](double gate, double up) { return swiglu(gate, up, type, args.precision); });
  return success();
}

void mlir::dsv2::reference::evaluateGated(const DenseWeight &gate, const DenseWeight &up,
                                          int64_t m, const std::vector<double> &x, const Row &to,
                                          Type type, Precision precision) {
  for (int64_t i = 0; i < to.size; ++i)
    to[i] = swiglu(round(gate.dot(m, i, x), type, precision),
                   round(up.dot(m, i, x), type, precision), type, precision);
}

LogicalResult mlir::dsv2::reference::evaluate(GatedLinearOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &out = args.outs[0];
  DenseWeight gate(args[op.getGate()], 0, out.size(1), x.size(1));
  DenseWeight up(args[op.getUp()], 0, out.size(1), x.size(1));
  for (int64_t t = 0; t < x.size(0); ++t)
    evaluateGated(gate, up, 0, gather(x.row(t)), out.row(t), out.elementType(), args.precision);
  return success();
}

void mlir::dsv2::reference::normalize(std::vector<double> &row, const std::vector<double> &weight,
                                      double eps, Type type, Precision precision) {
  int64_t n = weight.size();
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += row[i] * row[i];
  double factor = roundF32(1 / std::sqrt(sum / n + eps), precision);
  for (int64_t i = 0; i < n; ++i)
    row[i] = round(weight[i] * round(row[i] * factor, type, precision), type, precision);
}

/// Norms every row of `x`, which may be `out`.
static void normalizeRows(const HostArray &x, const HostArray &weight, const APFloat &eps,
                          const HostArray &out, Precision precision) {
  std::vector<double> factors = weight.flatten();
  for (int64_t t = 0; t < x.size(0); ++t) {
    std::vector<double> row = gather(x.row(t));
    normalize(row, factors, eps.convertToDouble(), out.elementType(), precision);
    scatter(row, out.row(t));
  }
}

LogicalResult mlir::dsv2::reference::evaluate(RmsNormOp op, const KernelArguments &args) {
  normalizeRows(args[op.getX()], args[op.getWeight()], op.getEps(), args.outs[0], args.precision);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(AddRmsNormOp op, const KernelArguments &args) {
  addElements(args[op.getX()], args[op.getDelta()], args.outs[0], args.precision);
  normalizeRows(args.outs[0], args[op.getWeight()], op.getEps(), args.outs[1], args.precision);
  return success();
}

/// Rows of `x` times `weight`, plus `bias` unless that is empty.
static void multiply(const HostArray &x, const HostArray &packed, const std::vector<double> &bias,
                     const HostArray &out, Precision precision) {
  DenseWeight weight(packed, 0, out.size(1), x.size(1));
  for (int64_t t = 0; t < x.size(0); ++t) {
    std::vector<double> row = gather(x.row(t));
    Row to = out.row(t);
    for (int64_t i = 0; i < to.size; ++i)
      to[i] = round(weight.dot(0, i, row) + (bias.empty() ? 0 : bias[i]), out.elementType(),
                    precision);
  }
}

LogicalResult mlir::dsv2::reference::evaluate(LinearOp op, const KernelArguments &args) {
  std::vector<double> bias;
  if (op.getBias())
    bias = args[op.getBias()].flatten();
  multiply(args[op.getX()], args[op.getWeight()], bias, args.outs[0], args.precision);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(LinearsOp op, const KernelArguments &args) {
  for (auto [weight, out] : llvm::zip_equal(op.getWeights(), args.outs))
    multiply(args[op.getX()], args[weight], {}, out, args.precision);
  return success();
}

/// Column of the largest of each row, of equals the first; -1 where the row has a
/// NaN or an infinite maximum.
static void choose(const HostArray &logits, const HostArray &out) {
  for (int64_t t = 0; t < logits.size(0); ++t) {
    Row row = logits.row(t);
    int64_t best = 0;
    bool undefined = false;
    for (int64_t i = 0; i < row.size; ++i) {
      undefined |= std::isnan(row[i]);
      if (row[i] > row[best])
        best = i;
    }
    out.at(t) = undefined || !std::isfinite(row[best]) ? -1 : double(best);
  }
}

LogicalResult mlir::dsv2::reference::evaluate(ArgmaxOp op, const KernelArguments &args) {
  choose(args[op.getLogits()], args.outs[0]);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(NormLinearsOp op, const KernelArguments &args) {
  HostArray x = args[op.getX()];
  unsigned first = op.getFirstProduct();
  if (op.getDelta()) {
    addElements(x, args[op.getDelta()], args.outs[0], args.precision);
    x = args.outs[0];
  }
  const HostArray &normed = args.outs[first - 1];
  normalizeRows(x, args[op.getNorm()], op.getEps(), normed, args.precision);
  for (auto [weight, out] : llvm::zip(op.getWeights(), args.outs.drop_front(first)))
    multiply(normed, args[weight], {}, out, args.precision);
  if (op.getChoose())
    choose(args.outs[first], args.outs[first + 1]);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(RopeTableOp op, const KernelArguments &args) {
  const HostArray &out = args.outs[0];
  double scale = op.getScale().convertToDouble();
  for (auto [t, position] : llvm::enumerate(args.env.batch(op.getBatch()).positions))
    for (auto [i, frequency] : llvm::enumerate(op.getFrequencies())) {
      // The product is f32 in f64 evaluation too: its rounding is part of the
      // model at long positions (specification section 3, "f32 angle").
      float angle = float(position) * frequency;
      Row to = out.row(t, i);
      to[0] = roundF32(scale * std::cos(double(angle)), args.precision);
      to[1] = roundF32(scale * std::sin(double(angle)), args.precision);
    }
  return success();
}

void mlir::dsv2::reference::rotate(std::vector<double> &row, const HostArray &table, int64_t t,
                                   Type type, Precision precision) {
  int64_t pairs = table.size(1), first = int64_t(row.size()) - 2 * pairs;
  for (int64_t i = 0; i < pairs; ++i) {
    Row angle = table.row(t, i);
    double a = row[first + 2 * i], b = row[first + 2 * i + 1];
    row[first + 2 * i] = round(a * angle[0] - b * angle[1], type, precision);
    row[first + 2 * i + 1] = round(b * angle[0] + a * angle[1], type, precision);
  }
}

LogicalResult mlir::dsv2::reference::evaluate(RopeOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &table = args[op.getTable()], &out = args.outs[0];
  int64_t heads = x.rank() == 3 ? x.size(1) : 1;
  for (int64_t t = 0; t < x.size(0); ++t) {
    if (op.getBatch() && !args.env.batch(op.getBatch()).covers(op.getRange(), t))
      continue;
    for (int64_t h = 0; h < heads; ++h) {
      std::vector<double> row = gather(x.rank() == 3 ? x.row(t, h) : x.row(t));
      rotate(row, table, t, out.elementType(), args.precision);
      scatter(row, x.rank() == 3 ? out.row(t, h) : out.row(t));
    }
  }
  return success();
}
