//===- LayerBuilder.cpp - One kind of layer as a function -----------------===//
//
// Specification section 3, steps 2 to 9, and section 4.
//
//===----------------------------------------------------------------------===//

#include "frontend/LayerBuilder.h"
#include "frontend/Rope.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Tokens of a page of the cache.
static constexpr int64_t kPageTokens = 64;
/// eps of the norms inside attention, whatever the configuration says: the
/// class default of the released code (specification section 3.2).
static constexpr double kInnerNormEps = 1e-6;

StepTypes::StepTypes(const ModelConfig &config, Type element, BatchType batch)
    : element(element), batch(batch) {
  hidden = rows({config.hiddenSize});
  auto layout = CacheAttr::get(element.getContext(), config.latentDim, config.ropeDim);
  cache = RankedTensorType::get(
      {config.layers, ShapedType::kDynamic, kPageTokens, config.cacheColumns()}, element, layout);
  table = RankedTensorType::get({ShapedType::kDynamic, config.ropeDim / 2, 2},
                                Float32Type::get(element.getContext()));
}

RankedTensorType StepTypes::rows(ArrayRef<int64_t> columns) const {
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  shape.append(columns.begin(), columns.end());
  return RankedTensorType::get(shape, element);
}

Location mlir::dsv2::namedLocation(MLIRContext *context, StringRef path) {
  return NameLoc::get(StringAttr::get(context, path));
}

namespace {
/// Builds the body of one layer function; each method is one module of the
/// released code and returns its result.
class LayerBuilder {
public:
  LayerBuilder(func::FuncOp function, const ModelConfig &config, const StepTypes &types);

  void build(bool moe, bool probes);

private:
  Location at(StringRef path) { return namedLocation(builder.getContext(), path); }
  RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
  Value weight(const Twine &name) { return weights.at(name.str()); }

  Value add(StringRef path, Value lhs, Value rhs);
  Value norm(StringRef path, Value x, double eps);
  /// `path`.weight applied to `x`, with its bias where there is one.
  Value linear(StringRef path, Value x);
  Value mlp(StringRef path, Value x);
  Value query(Value x);
  Value attention(Value x);
  Value experts(Value x);

  const ModelConfig &config;
  const StepTypes &types;
  OpBuilder builder;
  func::FuncOp function;
  Value residual, delta, batch, cache, layer, table;
  llvm::StringMap<Value> weights; // by name relative to the layer
};
} // namespace

LayerBuilder::LayerBuilder(func::FuncOp function, const ModelConfig &config,
                           const StepTypes &types)
    : config(config), types(types), builder(function.getContext()), function(function) {
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  residual = body->getArgument(0);
  delta = body->getArgument(1);
  batch = body->getArgument(2);
  cache = body->getArgument(3);
  layer = body->getArgument(4);
  table = body->getArgument(5);
}

Value LayerBuilder::add(StringRef path, Value lhs, Value rhs) {
  return AddOp::create(builder, at(path), lhs.getType(), lhs, rhs, ValueRange()).getResult(0);
}

Value LayerBuilder::norm(StringRef path, Value x, double eps) {
  return RmsNormOp::create(builder, at(path), x.getType(), x, weight(path + ".weight"),
                           ValueRange(), APFloat(eps))
      .getResult(0);
}

Value LayerBuilder::linear(StringRef path, Value x) {
  Value matrix = weight(path + ".weight");
  Value bias = weights.lookup((path + ".bias").str());
  return LinearOp::create(builder, at(path), types.rows({typeOf(matrix).getDimSize(0)}), x,
                          matrix, bias, ValueRange())
      .getResult(0);
}

/// down(swiglu(gate(x), up(x)))
Value LayerBuilder::mlp(StringRef path, Value x) {
  Value gate = linear((path + ".gate_proj").str(), x);
  Value up = linear((path + ".up_proj").str(), x);
  Value inner =
      SwigluOp::create(builder, at(path), gate.getType(), gate, up, ValueRange()).getResult(0);
  return linear((path + ".down_proj").str(), inner);
}

/// Queries `[tokens, heads, nope + rope]`, not yet rotated.
Value LayerBuilder::query(Value x) {
  Value flat;
  if (config.queryRank) {
    Value low = linear("self_attn.q_a_proj", x);
    flat = linear("self_attn.q_b_proj", norm("self_attn.q_a_layernorm", low, kInnerNormEps));
  } else {
    flat = linear("self_attn.q_proj", x);
  }
  Location loc = at("self_attn");
  Value tokens = BatchCountOp::create(builder, loc, builder.getIndexType(), batch, "tokens");
  SmallVector<OpFoldResult> shape{tokens, builder.getIndexAttr(config.heads),
                                  builder.getIndexAttr(config.queryDim())};
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  return tensor::ExpandShapeOp::create(builder, loc,
                                       types.rows({config.heads, config.queryDim()}), flat,
                                       groups, shape);
}

Value LayerBuilder::attention(Value x) {
  Location loc = at("self_attn"), rotary = at("self_attn.rotary_emb");
  Value q = query(x);
  q = RopeOp::create(builder, rotary, q.getType(), q, table, ValueRange()).getResult(0);

  // One row of the cache: the latent, normalized, and the rotary key beside it.
  Value rows = linear("self_attn.kv_a_proj_with_mqa", x);
  rows = norm("self_attn.kv_a_layernorm", rows, kInnerNormEps);
  rows = RopeOp::create(builder, rotary, rows.getType(), rows, table, ValueRange()).getResult(0);
  cache = AppendLatentOp::create(builder, loc, cache.getType(), rows, cache, layer, batch)
              .getResult(0);

  Value heads = MlaAttentionOp::create(builder, loc, types.rows({config.heads, config.valueDim}),
                                       q, cache, layer, weight("self_attn.kv_b_proj.weight"),
                                       batch, ValueRange(), APFloat(softmaxScale(config)))
                    .getResult(0);
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  Value flat = tensor::CollapseShapeOp::create(
      builder, loc, types.rows({config.heads * config.valueDim}), heads, groups);
  return linear("self_attn.o_proj", flat);
}

Value LayerBuilder::experts(Value x) {
  const ExpertConfig &moe = *config.experts;
  Type choices[] = {
      RankedTensorType::get({ShapedType::kDynamic, moe.perToken}, builder.getF32Type()),
      RankedTensorType::get({ShapedType::kDynamic, moe.perToken}, builder.getI32Type())};
  auto route = RouteOp::create(builder, at("mlp.gate"), TypeRange(choices), x,
                               weight("mlp.gate.weight"), ValueRange(), moe.groups,
                               moe.keptGroups, APFloat(float(moe.scale)), moe.normalize);
  Value routed =
      ExpertMlpOp::create(builder, at("mlp.experts"), types.hidden, x, route.getResult(0),
                          route.getResult(1), weight("mlp.experts.{}.gate_proj.weight"),
                          weight("mlp.experts.{}.up_proj.weight"),
                          weight("mlp.experts.{}.down_proj.weight"), ValueRange())
          .getResult(0);
  if (!moe.shared)
    return routed;
  Value shared = mlp("mlp.shared_experts", x);
  return add("mlp", routed, shared);
}

void LayerBuilder::build(bool moe, bool probes) {
  auto probe = [&](Value value, StringRef name) {
    if (probes)
      ProbeOp::create(builder, function.getLoc(), value, name, layer);
  };
  for (auto [spec, argument] :
       llvm::zip_equal(layerWeights(config, moe), function.getArguments().drop_front(6))) {
    weights[spec.name] = argument;
    argument.setLoc(at(spec.name));
  }
  Value x = add("input_layernorm", residual, delta);
  Value attended = attention(norm("input_layernorm", x, config.normEps));
  probe(attended, kAttentionProbe);
  Value y = add("post_attention_layernorm", x, attended);
  probe(y, kResidualProbe);
  Value inner = norm("post_attention_layernorm", y, config.normEps);
  Value out = moe ? experts(inner) : mlp("mlp", inner);
  probe(out, kMLPProbe);
  func::ReturnOp::create(builder, function.getLoc(), ValueRange{y, out, cache});
}

func::FuncOp mlir::dsv2::buildLayer(ModuleOp module, StringRef name, const ModelConfig &config,
                              const StepTypes &types, bool moe, bool probes) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> inputs{types.hidden, types.hidden, types.batch, types.cache,
                           builder.getIndexType(), types.table};
  for (const WeightSpec &spec : layerWeights(config, moe))
    inputs.push_back(RankedTensorType::get(spec.shape, types.element));
  Type results[] = {types.hidden, types.hidden, types.cache};
  auto function =
      func::FuncOp::create(builder, namedLocation(builder.getContext(), "model.layers"), name,
                           builder.getFunctionType(inputs, results));
  function.setPrivate();
  function.setNoInline(true);
  StringAttr tokens = builder.getStringAttr("tokens"), pages = builder.getStringAttr("pages");
  for (unsigned i : {0, 1, 5})
    function.setArgAttr(i, kCountAttrName, tokens);
  function.setArgAttr(3, kCountAttrName, pages);
  for (unsigned i : {0, 1})
    function.setResultAttr(i, kCountAttrName, tokens);
  function.setResultAttr(2, kCountAttrName, pages);
  LayerBuilder(function, config, types).build(moe, probes);
  return function;
}
