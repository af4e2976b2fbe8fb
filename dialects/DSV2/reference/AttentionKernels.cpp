//===- AttentionKernels.cpp - Reference of latent attention ---------------===//
//
// By definition over per-head keys and values, over the latent cache itself,
// and re-expanded: three names for one result (specification section 3.1).
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// Tokens of a page of the cache.
static constexpr int64_t kPageTokens = 64;

/// The row of position `p` of sequence `s`; nothing when the page table has
/// none.
static std::optional<Row> cacheRow(const HostArray &cache, int64_t layer, const BatchValue &batch,
                                   int64_t s, int64_t p) {
  const std::vector<int64_t> &pages = batch.pageTable[s];
  int64_t slot = p / kPageTokens;
  if (layer < 0 || layer >= cache.size(0) || slot >= int64_t(pages.size()) || pages[slot] < 0 ||
      pages[slot] >= cache.size(1))
    return std::nullopt;
  return cache.row({layer, pages[slot], p % kPageTokens});
}

static LogicalResult noSuchRow(Operation *op, int64_t layer, int64_t s, int64_t p) {
  return op->emitOpError("no row in the cache for layer ")
         << layer << ", position " << p << " of sequence " << s;
}

LogicalResult mlir::dsv2::reference::evaluate(AppendLatentOp op, const KernelArguments &args) {
  const HostArray &rows = args[op.getRows()], &cache = args.outs[0];
  const BatchValue &batch = args.env.batch(op.getBatch());
  int64_t layer = args.env.integer(op.getLayer());
  std::vector<double> norm;
  if (op.getNorm())
    norm = args[op.getNorm()].flatten();
  for (int64_t t = 0; t < batch.tokens(); ++t) {
    std::optional<Row> to = cacheRow(cache, layer, batch, batch.sequence[t], batch.positions[t]);
    if (!to)
      return noSuchRow(op, layer, batch.sequence[t], batch.positions[t]);
    std::vector<double> row = gather(rows.row(t));
    if (op.getNorm())
      normalize(row, norm, op.getEps()->convertToDouble(), cache.elementType(), args.precision);
    if (op.getTable())
      rotate(row, args[op.getTable()], t, cache.elementType(), args.precision);
    scatter(row, *to);
  }
  return success();
}

namespace {
/// Keys and values of one sequence, a row for each position.
struct SequenceContext {
  std::vector<std::vector<double>> keys, values;
};

/// What the three attention ops share: query against keys, softmax, values.
class Attention {
public:
  Attention(Operation *op, const HostArray &query, const HostArray &cache, int64_t layer,
            const BatchValue &batch, double scale, const KernelArguments &args)
      : op(op), query(query), cache(cache), layer(layer), batch(batch), scale(scale),
        precision(args.precision), out(args.outs[0]) {}

  /// `expand(row, head, key, value)` makes key and value of a head from a
  /// cached row.
  template <typename Expand> LogicalResult run(Range range, Expand expand) {
    for (int64_t s = 0; s < batch.sequences(); ++s) {
      int64_t begin = batch.starts[s], end = batch.starts[s + 1];
      if (begin == end || !batch.covers(range, begin))
        continue;
      int64_t length = batch.positions[end - 1] + 1;
      std::vector<std::vector<double>> rows;
      for (int64_t p = 0; p < length; ++p) {
        std::optional<Row> row = cacheRow(cache, layer, batch, s, p);
        if (!row)
          return noSuchRow(op, layer, s, p);
        rows.push_back(gather(*row));
      }
      for (int64_t h = 0; h < query.size(1); ++h) {
        SequenceContext context;
        for (const std::vector<double> &row : rows)
          expand(row, h, context.keys.emplace_back(), context.values.emplace_back());
        for (int64_t t = begin; t < end; ++t)
          attend(t, h, context);
      }
    }
    return success();
  }

private:
  void attend(int64_t t, int64_t h, const SequenceContext &context) {
    Type type = out.elementType();
    std::vector<double> q = gather(query.row(t, h));
    std::vector<double> weights(batch.positions[t] + 1);
    double highest = -INFINITY;
    for (size_t j = 0; j < weights.size(); ++j) {
      double dot = 0;
      for (size_t i = 0; i < q.size(); ++i)
        dot += q[i] * context.keys[j][i];
      weights[j] = round(round(dot, type, precision) * scale, type, precision);
      highest = std::max(highest, weights[j]);
    }
    double sum = 0;
    for (double &weight : weights)
      sum += weight = std::exp(weight - highest);
    for (double &weight : weights)
      weight = round(weight / sum, type, precision);
    Row to = out.row(t, h);
    for (int64_t i = 0; i < to.size; ++i) {
      double value = 0;
      for (size_t j = 0; j < weights.size(); ++j)
        value += weights[j] * context.values[j][i];
      to[i] = round(value, type, precision);
    }
  }

  Operation *op;
  const HostArray &query, &cache;
  int64_t layer;
  const BatchValue &batch;
  double scale;
  Precision precision;
  const HostArray &out;
};
} // namespace

/// Attention over keys and values that `keys` and `values` rebuild.
template <typename Op, typename Key, typename Val>
static LogicalResult expandAndAttend(Op op, Range range, const KernelArguments &args,
                                     int64_t keyDim, Key keyOf, Val valueOf) {
  const HostArray &query = args[op.getQuery()], &cache = args[op.getCache()];
  Type type = args.outs[0].elementType();
  int64_t latent = getCacheLayout(op.getCache().getType()).getLatent();
  int64_t valueDim = args.outs[0].size(2);
  Attention attention(op, query, cache, args.env.integer(op.getLayer()),
                      args.env.batch(op.getBatch()), op.getScale().convertToDouble(), args);
  return attention.run(range, [&](const std::vector<double> &row, int64_t h,
                                  std::vector<double> &key, std::vector<double> &value) {
    for (int64_t i = 0; i < keyDim; ++i)
      key.push_back(round(keyOf(h, i, row), type, args.precision));
    key.insert(key.end(), row.begin() + latent, row.end());
    for (int64_t i = 0; i < valueDim; ++i)
      value.push_back(round(valueOf(h, i, row), type, args.precision));
  });
}

LogicalResult mlir::dsv2::reference::evaluate(MlaAttentionOp op, const KernelArguments &args) {
  CacheAttr layout = getCacheLayout(op.getCache().getType());
  int64_t keyDim = args[op.getQuery()].size(2) - layout.getRope();
  int64_t both = keyDim + args.outs[0].size(2);
  DenseWeight weight(args[op.getKvB()], 0, args[op.getKvB()].size(0), layout.getLatent());
  return expandAndAttend(
      op, Range::All, args, keyDim,
      [&](int64_t h, int64_t i, const std::vector<double> &row) {
        return weight.dot(0, h * both + i, row);
      },
      [&](int64_t h, int64_t i, const std::vector<double> &row) {
        return weight.dot(0, h * both + keyDim + i, row);
      });
}

LogicalResult mlir::dsv2::reference::evaluate(ExpandedAttentionOp op, const KernelArguments &args) {
  CacheAttr layout = getCacheLayout(op.getCache().getType());
  int64_t keyDim = args[op.getQuery()].size(2) - layout.getRope();
  DenseWeight keys(args[op.getKeys()], 1, keyDim, layout.getLatent());
  DenseWeight values(args[op.getValues()], 1, args.outs[0].size(2), layout.getLatent());
  return expandAndAttend(
      op, op.getRange(), args, keyDim,
      [&](int64_t h, int64_t i, const std::vector<double> &row) { return keys.dot(h, i, row); },
      [&](int64_t h, int64_t i, const std::vector<double> &row) { return values.dot(h, i, row); });
}

LogicalResult mlir::dsv2::reference::evaluate(LatentAttentionOp op, const KernelArguments &args) {
  int64_t latent = getCacheLayout(op.getCache().getType()).getLatent();
  Attention attention(op, args[op.getQuery()], args[op.getCache()],
                      args.env.integer(op.getLayer()), args.env.batch(op.getBatch()),
                      op.getScale().convertToDouble(), args);
  return attention.run(op.getRange(), [&](const std::vector<double> &row, int64_t,
                                          std::vector<double> &key, std::vector<double> &value) {
    key = row;
    value.assign(row.begin(), row.begin() + latent);
  });
}

LogicalResult mlir::dsv2::reference::evaluate(HeadLinearOp op, const KernelArguments &args) {
  const HostArray &out = args.outs[0];
  HostArray x = args[op.getX()].copy();
  const BatchValue &batch = args.env.batch(op.getBatch());
  int64_t through = op.getThrough(), n = out.size(2) - through, k = x.size(2) - through;
  DenseWeight weight(args[op.getWeight()], 1, n, k);
  for (int64_t t = 0; t < x.size(0); ++t) {
    if (!batch.covers(op.getRange(), t))
      continue;
    for (int64_t h = 0; h < x.size(1); ++h) {
      std::vector<double> row = gather(x.row(t, h));
      Row to = out.row(t, h);
      for (int64_t i = 0; i < n; ++i)
        to[i] = round(weight.dot(h, i, row), out.elementType(), args.precision);
      if (op.getTable())
        rotate(row, args[op.getTable()], t, out.elementType(), args.precision);
      for (int64_t i = 0; i < through; ++i)
        to[n + i] = row[k + i];
    }
  }
  return success();
}
