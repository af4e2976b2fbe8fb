//===- ExpertKernels.cpp - Reference of the mixture of experts ------------===//
//
// Specification section 4.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Kernels.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// The indices of the `k` highest scores, descending, lowest index first among
/// equals.
static std::vector<int64_t> highest(const std::vector<double> &scores, int64_t k) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  });
  order.resize(k);
  return order;
}

/// Softmax, group limit and choice of one token.
template <typename Op>
static void choose(Op op, std::vector<double> scores, const Row &weights, const Row &experts,
                   Precision precision) {
  double top = *std::max_element(scores.begin(), scores.end()), sum = 0;
  for (double &score : scores)
    sum += score = std::exp(score - top);
  for (double &score : scores)
    score = roundF32(score / sum, precision);

  int64_t groups = op.getGroups(), width = scores.size() / groups;
  std::vector<double> best(groups);
  for (int64_t g = 0; g < groups; ++g)
    best[g] = *std::max_element(scores.begin() + g * width, scores.begin() + (g + 1) * width);
  std::vector<double> masked(scores.size(), 0.0);
  for (int64_t g : highest(best, op.getKeptGroups()))
    std::copy_n(scores.begin() + g * width, width, masked.begin() + g * width);

  int64_t k = weights.size;
  std::vector<int64_t> chosen = highest(masked, k);
  double total = 0;
  for (int64_t id : chosen)
    total += masked[id];
  total = roundF32(roundF32(total, precision) + 1e-20, precision);
  double scale = op.getScale().convertToDouble();
  for (int64_t j = 0; j < k; ++j) {
    double score = masked[chosen[j]];
    weights[j] =
        roundF32(op.getNormalize() && k > 1 ? score / total : score * scale, precision);
    experts[j] = chosen[j];
  }
}

LogicalResult mlir::dsv2::reference::evaluate(RouteOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &gate = args[op.getGate()];
  DenseWeight weight(gate, 0, gate.size(0), gate.size(1));
  for (int64_t t = 0; t < x.size(0); ++t) {
    std::vector<double> row = gather(x.row(t)), logits(gate.size(0));
    for (int64_t e = 0; e < gate.size(0); ++e)
      logits[e] = roundF32(weight.dot(0, e, row), args.precision);
    choose(op, std::move(logits), args.outs[0].row(t), args.outs[1].row(t), args.precision);
  }
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(SelectExpertsOp op, const KernelArguments &args) {
  const HostArray &logits = args[op.getLogits()];
  for (int64_t t = 0; t < logits.size(0); ++t)
    choose(op, gather(logits.row(t)), args.outs[0].row(t), args.outs[1].row(t), args.precision);
  return success();
}

/// Expert ids of a row, checked.
static LogicalResult checkExpert(Operation *op, double id, int64_t experts) {
  if (id >= 0 && id < double(experts))
    return success();
  return op->emitOpError("expert ") << int64_t(id) << " is not one of " << experts;
}

LogicalResult mlir::dsv2::reference::evaluate(ExpertMlpOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &gateWeight = args[op.getGate()], &out = args.outs[0];
  const HostArray &weights = args[op.getWeights()], &experts = args[op.getExperts()];
  int64_t count = gateWeight.size(0), width = gateWeight.size(1), hidden = gateWeight.size(2);
  DenseWeight gate(gateWeight, 1, width, hidden), up(args[op.getUp()], 1, width, hidden),
      down(args[op.getDown()], 1, hidden, width);
  Type type = out.elementType();
  Precision precision = args.precision;
  for (int64_t t = 0; t < x.size(0); ++t) {
    std::vector<double> row = gather(x.row(t)), inner(width), sum(hidden, 0.0);
    for (int64_t j = 0; j < weights.size(1); ++j) {
      if (failed(checkExpert(op, experts.at({t, j}), count)))
        return failure();
      int64_t e = experts.at({t, j});
      for (int64_t i = 0; i < width; ++i)
        inner[i] = swiglu(round(gate.dot(e, i, row), type, precision),
                          round(up.dot(e, i, row), type, precision), type, precision);
      for (int64_t i = 0; i < hidden; ++i) {
        double output = round(down.dot(e, i, inner), type, precision);
        sum[i] = roundF32(sum[i] + roundF32(weights.at({t, j}) * output, precision), precision);
      }
    }
    Row to = out.row(t);
    for (int64_t i = 0; i < hidden; ++i)
      to[i] = round(sum[i], type, precision);
  }
  return success();
}

/// Whether a step of `tokens` tokens leaves its pairs unsorted.
static bool isUnsorted(std::optional<int64_t> limit, int64_t tokens) {
  return limit && tokens <= *limit;
}

LogicalResult mlir::dsv2::reference::evaluate(DispatchOp op, const KernelArguments &args) {
  HostArray experts = args[op.getExperts()].copy();
  if (isUnsorted(op.getUnsortedTokens(), experts.size(0)))
    return success();
  int64_t count = args.outs[0].size(0) - 1, pairs = experts.numElements();
  for (int64_t pair = 0; pair < pairs; ++pair)
    if (failed(checkExpert(op, experts.data()[pair], count)))
      return failure();
  std::vector<int64_t> sorted(pairs);
  std::iota(sorted.begin(), sorted.end(), 0);
  llvm::sort(sorted, [&](int64_t a, int64_t b) {
    return std::pair(experts.data()[a], a) < std::pair(experts.data()[b], b);
  });
  HostArray offsets = HostArray::make(args.outs[0].elementType(), {count + 1}, 0);
  for (int64_t pair = 0; pair < pairs; ++pair)
    ++offsets.data()[int64_t(experts.data()[pair]) + 1];
  std::partial_sum(offsets.data(), offsets.data() + count + 1, offsets.data());
  HostArray order = HostArray::make(experts.elementType(), experts.shape());
  HostArray places = HostArray::make(experts.elementType(), experts.shape());
  for (int64_t row = 0; row < pairs; ++row) {
    order.data()[row] = sorted[row];
    places.data()[sorted[row]] = row;
  }
  args.outs[0].assign(offsets);
  args.outs[1].assign(order);
  args.outs[2].assign(places);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(GroupedLinearOp op, const KernelArguments &args) {
  HostArray x = args[op.getX()].copy();
  const HostArray &out = args.outs[0];
  std::vector<double> offsets = args[op.getOffsets()].flatten();
  std::vector<double> order = args[op.getOrder()].flatten();
  int64_t k = x.shape().back(), n = out.size(2), choices = out.size(1), pairs = order.size();
  DenseWeight weight(args[op.getWeight()], 1, n, k);
  for (size_t e = 0; e + 1 < offsets.size(); ++e)
    for (int64_t i = offsets[e]; i < offsets[e + 1]; ++i) {
      if (i < 0 || i >= pairs || !(order[i] >= 0 && order[i] < double(pairs)))
        return op.emitOpError("row ") << i << " of expert " << e << " is not one of " << pairs;
      Row from = x.rank() == 2 ? x.row(int64_t(order[i]) / choices)
                               : x.row(i / choices, i % choices);
      std::vector<double> row = gather(from);
      Row to = out.row(i / choices, i % choices);
      for (int64_t c = 0; c < n; ++c)
        to[c] = round(weight.dot(e, c, row), out.elementType(), args.precision);
    }
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(CombineOp op, const KernelArguments &args) {
  HostArray y = args[op.getY()].copy();
  const HostArray &places = args[op.getPlaces()], &weights = args[op.getWeights()];
  const HostArray &out = args.outs[0];
  int64_t choices = y.size(1), pairs = y.size(0) * choices;
  for (int64_t t = 0; t < out.size(0); ++t) {
    std::vector<double> sum(out.size(1), 0.0);
    for (int64_t j = 0; j < choices; ++j) {
      double place = places.at({t, j});
      if (!(place >= 0 && place < double(pairs)))
        return op.emitOpError("place ") << int64_t(place) << " is not one of " << pairs;
      Row from = y.row(int64_t(place) / choices, int64_t(place) % choices);
      for (size_t i = 0; i < sum.size(); ++i)
        sum[i] = roundF32(sum[i] + roundF32(weights.at({t, j}) * from[i], args.precision),
                          args.precision);
    }
    Row to = out.row(t);
    for (size_t i = 0; i < sum.size(); ++i)
      to[i] = round(sum[i], out.elementType(), args.precision);
  }
  return success();
}

namespace {
/// A row of a grouped product: its pair and that pair's expert.
struct GroupedRow {
  int64_t pair, expert;
};
} // namespace

/// What the rows of grouped_gated_linear and grouped_combine are, in order.
template <typename Op>
static FailureOr<std::vector<GroupedRow>> getGroupedRows(Op op, const KernelArguments &args) {
  const HostArray &orderArray = args[op.getOrder()];
  std::vector<double> offsets = args[op.getOffsets()].flatten();
  int64_t count = offsets.size() - 1, pairs = orderArray.numElements();
  std::vector<GroupedRow> rows;
  if (isUnsorted(op.getUnsortedTokens(), orderArray.size(0))) {
    for (double expert : args[op.getExperts()].flatten()) {
      if (failed(checkExpert(op, expert, count)))
        return failure();
      rows.push_back({int64_t(rows.size()), int64_t(expert)});
    }
    return rows;
  }
  std::vector<double> order = orderArray.flatten();
  rows.resize(pairs, GroupedRow{0, -1});
  for (int64_t e = 0; e < count; ++e)
    for (int64_t i = offsets[e]; i < offsets[e + 1]; ++i) {
      if (i < 0 || i >= pairs || !(order[i] >= 0 && order[i] < double(pairs)))
        return op.emitOpError("row ") << i << " of expert " << e << " is not one of " << pairs;
      rows[i] = {int64_t(order[i]), e};
    }
  for (auto [i, row] : llvm::enumerate(rows))
    if (row.expert < 0)
      return op.emitOpError("row ") << int64_t(i) << " has no expert";
  return rows;
}

LogicalResult mlir::dsv2::reference::evaluate(GroupedGatedLinearOp op,
                                              const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &out = args.outs[0];
  FailureOr<std::vector<GroupedRow>> rows = getGroupedRows(op, args);
  if (failed(rows))
    return failure();
  int64_t k = x.size(1), n = out.size(2), choices = out.size(1);
  DenseWeight gate(args[op.getGate()], 1, n, k), up(args[op.getUp()], 1, n, k);
  for (auto [i, row] : llvm::enumerate(*rows))
    evaluateGated(gate, up, row.expert, gather(x.row(row.pair / choices)),
                  out.row(int64_t(i) / choices, int64_t(i) % choices), out.elementType(),
                  args.precision);
  if (!op.getSharedGate())
    return success();
  const HostArray &shared = args.outs[1];
  DenseWeight sharedGate(args[op.getSharedGate()], 0, shared.size(1), k);
  DenseWeight sharedUp(args[op.getSharedUp()], 0, shared.size(1), k);
  for (int64_t t = 0; t < x.size(0); ++t)
    evaluateGated(sharedGate, sharedUp, 0, gather(x.row(t)), shared.row(t), shared.elementType(),
                  args.precision);
  return success();
}

LogicalResult mlir::dsv2::reference::evaluate(GroupedCombineOp op, const KernelArguments &args) {
  const HostArray &x = args[op.getX()], &weights = args[op.getWeights()], &out = args.outs[0];
  FailureOr<std::vector<GroupedRow>> rows = getGroupedRows(op, args);
  if (failed(rows))
    return failure();
  int64_t k = x.size(2), n = out.size(1), choices = x.size(1);
  Type type = out.elementType();
  Precision precision = args.precision;
  DenseWeight down(args[op.getDown()], 1, n, k);
  std::vector<int64_t> rowOfPair(rows->size());
  for (auto [i, row] : llvm::enumerate(*rows))
    rowOfPair[row.pair] = i;
  HostArray result = HostArray::make(type, out.shape());
  for (int64_t t = 0; t < out.size(0); ++t) {
    std::vector<double> sum(n, 0.0);
    for (int64_t j = 0; j < choices; ++j) {
      int64_t i = rowOfPair[t * choices + j], expert = (*rows)[i].expert;
      std::vector<double> row = gather(x.row(i / choices, i % choices));
      double weight = weights.at({t, j});
      for (int64_t c = 0; c < n; ++c) {
        double product = round(down.dot(expert, c, row), type, precision);
        sum[c] = roundF32(sum[c] + roundF32(weight * product, precision), precision);
      }
    }
    Row to = result.row(t);
    for (int64_t c = 0; c < n; ++c)
      to[c] = round(sum[c], type, precision);
  }
  if (op.getSharedX()) {
    const HostArray &sharedX = args[op.getSharedX()];
    DenseWeight sharedDown(args[op.getSharedDown()], 0, n, sharedX.size(1));
    for (int64_t t = 0; t < out.size(0); ++t) {
      std::vector<double> row = gather(sharedX.row(t));
      Row to = result.row(t);
      for (int64_t c = 0; c < n; ++c)
        to[c] = round(to[c] + round(sharedDown.dot(0, c, row), type, precision), type, precision);
    }
  }
  out.assign(result);
  return success();
}
