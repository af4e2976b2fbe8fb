//===- Import.cpp - A model as dsv2 IR ------------------------------------===//
//
// Options and checkpoint to types and values, and the function `@step`.
//
//===----------------------------------------------------------------------===//

#include "frontend/Import.h"
#include "frontend/CheckpointTypes.h"
#include "frontend/LayerBuilder.h"
#include "frontend/Rope.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::dsv2;

static Type elementType(MLIRContext &context, FloatKind kind) {
  switch (kind) {
  case FloatKind::BF16:
    return BFloat16Type::get(&context);
  case FloatKind::F16:
    return Float16Type::get(&context);
  case FloatKind::F32:
    return Float32Type::get(&context);
  }
  llvm_unreachable("every kind is listed");
}

namespace {
class StepBuilder {
public:
  StepBuilder(ModuleOp module, const ModelConfig &config, const StepTypes &types,
              const CheckpointTypes *stored, bool probes)
      : module(module), config(config), types(types), stored(stored), probes(probes),
        builder(OpBuilder::atBlockEnd(module.getBody())) {}

  void build();

private:
  Location at(StringRef path) { return namedLocation(module.getContext(), path); }
  /// The value of a spec with its full name, in the compute type.
  Value weight(const WeightSpec &spec);
  func::FuncOp declare();
  void probe(Value value, StringRef name) {
    if (probes)
      ProbeOp::create(builder, at("model"), value, name, /*layer=*/Value());
  }

  ModuleOp module;
  const ModelConfig &config;
  const StepTypes &types;
  const CheckpointTypes *stored; // null when weights are random
  bool probes;
  OpBuilder builder;
};
} // namespace

Value StepBuilder::weight(const WeightSpec &spec) {
  auto type = RankedTensorType::get(spec.shape, types.element);
  RankedTensorType storedType = type;
  if (stored)
    storedType = type.clone(
        elementType(*module.getContext(), stored->bySpec.lookup(spec.name)));
  Location loc = at(spec.name);
  Value value = CheckpointOp::create(builder, loc, storedType, spec.name);
  if (storedType != type)
    value = ConvertOp::create(builder, loc, type, value);
  return value;
}

/// `@step(ids, batch, cache) -> (logits, choices, cache)`, without a body.
func::FuncOp StepBuilder::declare() {
  auto ids = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto logits =
      RankedTensorType::get({ShapedType::kDynamic, config.vocabSize}, builder.getF32Type());
  auto choices = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto function = func::FuncOp::create(
      builder, at("model"), "step",
      builder.getFunctionType({ids, types.batch, types.cache}, {logits, choices, types.cache}));
  StringAttr outputs = builder.getStringAttr("outputs"), pages = builder.getStringAttr("pages");
  function.setArgAttr(0, kCountAttrName, builder.getStringAttr("tokens"));
  function.setArgAttr(2, kCountAttrName, pages);
  function.setResultAttr(0, kCountAttrName, outputs);
  function.setResultAttr(1, kCountAttrName, outputs);
  function.setResultAttr(2, kCountAttrName, pages);
  return function;
}

void StepBuilder::build() {
  func::FuncOp step = declare();
  // Layer functions follow the step, where the reader meets them in order.
  func::FuncOp layers[2];
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    bool moe = config.isMoELayer(layer);
    if (!layers[moe])
      layers[moe] =
          buildLayer(module, moe ? "moe_layer" : "dense_layer", config, types, moe, probes);
  }

  Block *body = step.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value ids = body->getArgument(0), batch = body->getArgument(1), cache = body->getArgument(2);

  Value embedding = weight({kEmbeddingName, {config.vocabSize, config.hiddenSize}});
  Value residual = EmbedOp::create(builder, at("model.embed_tokens"), types.hidden, ids,
                                   embedding, ValueRange())
                       .getResult(0);
  probe(residual, kEmbeddingProbe);
  Value delta =
      ZerosOp::create(builder, at("model"), types.hidden, batch, ValueRange()).getResult(0);
  std::vector<float> frequencies = rotaryFrequencies(config.rope, config.ropeDim);
  Value table = RopeTableOp::create(builder, at("model.rotary_emb"), types.table, batch,
                                    ValueRange(), frequencies, APFloat(rotaryScale(config.rope)))
                    .getResult(0);

  for (int64_t layer = 0; layer < config.layers; ++layer) {
    bool moe = config.isMoELayer(layer);
    std::string prefix = layerPrefix(layer);
    Location loc = at(StringRef(prefix).drop_back());
    Value number = arith::ConstantIndexOp::create(builder, loc, layer);
    SmallVector<Value> arguments{residual, delta, batch, cache, number, table};
    for (WeightSpec &spec : layerWeights(config, moe)) {
      spec.name = prefix + spec.name;
      arguments.push_back(weight(spec));
    }
    auto call = func::CallOp::create(builder, loc, layers[moe], arguments);
    residual = call.getResult(0);
    delta = call.getResult(1);
    cache = call.getResult(2);
  }

  Value x = AddOp::create(builder, at("model.norm"), types.hidden, residual, delta, ValueRange())
                .getResult(0);
  x = SelectOutputsOp::create(builder, at("model.norm"), types.hidden, x, batch, ValueRange())
          .getResult(0);
  Value normWeight = weight({kFinalNormName, {config.hiddenSize}});
  x = RmsNormOp::create(builder, at("model.norm"), types.hidden, x, normWeight, ValueRange(),
                        APFloat(config.normEps))
          .getResult(0);
  Value head = config.tiedEmbeddings
                   ? embedding
                   : weight({kHeadName, {config.vocabSize, config.hiddenSize}});
  Value logits = LinearOp::create(builder, at("lm_head"), step.getResultTypes()[0], x, head,
                                  /*bias=*/Value(), ValueRange())
                     .getResult(0);
  probe(logits, kLogitsProbe);
  Value choices = ArgmaxOp::create(builder, at("lm_head"), step.getResultTypes()[1], logits,
                                   ValueRange())
                      .getResult(0);
  func::ReturnOp::create(builder, at("model"), ValueRange{logits, choices, cache});
}

/// The batch's maxima, checked.
static FailureOr<BatchType> batchType(Location loc, const ModelConfig &config,
                                      const ImportOptions &options) {
  auto within = [&](StringRef name, int64_t value, int64_t maximum) -> LogicalResult {
    if (value >= 1 && value <= maximum)
      return success();
    return emitError(loc) << name << ": expected 1 to " << maximum << ", got " << value;
  };
  // Beyond these, products of counts with row sizes could leave 63 bits.
  constexpr int64_t maxTokens = 1 << 20, maxSequences = 1 << 16;
  int64_t span = options.maxContext ? options.maxContext : config.maxPositions;
  int64_t outputs = options.maxOutputs ? options.maxOutputs : options.maxStepTokens;
  if (failed(within("max-context", span, config.maxPositions)) ||
      failed(within("max-batch", options.maxBatch, maxSequences)) ||
      failed(within("max-step-tokens", options.maxStepTokens, maxTokens)) ||
      failed(within("max-outputs", outputs, options.maxStepTokens)))
    return failure();
  return BatchType::get(loc.getContext(), options.maxStepTokens, options.maxBatch, outputs, span);
}

/// The compute type, with a remark where it is not that of the weights.
static Type computeType(Location loc, const ImportOptions &options, FloatKind stored) {
  MLIRContext &context = *loc.getContext();
  switch (options.type) {
  case ComputeType::BF16:
    return BFloat16Type::get(&context);
  case ComputeType::F32:
    return Float32Type::get(&context);
  case ComputeType::Auto:
    break;
  }
  if (stored != FloatKind::F16)
    return elementType(context, stored);
  emitRemark(loc) << "the model's type is f16, compiled as bf16 (f16 activations overflow)";
  return BFloat16Type::get(&context);
}

FailureOr<OwningOpRef<ModuleOp>> mlir::dsv2::importModel(MLIRContext &context,
                                                   const ModelConfig &config,
                                                   const ::dsv2::Checkpoint *checkpoint,
                                                   const ImportOptions &options) {
  context.loadDialect<DSV2Dialect, func::FuncDialect, arith::ArithDialect,
                      tensor::TensorDialect>();
  Location loc = UnknownLoc::get(&context);
  std::optional<CheckpointTypes> stored;
  if (checkpoint) {
    ::dsv2::Expected<CheckpointTypes> checked = checkCheckpoint(config, *checkpoint);
    if (!checked.ok())
      return emitError(loc) << checked.message();
    stored = std::move(*checked);
    for (const std::string &note : stored->notes)
      emitRemark(loc) << note;
  }
  FailureOr<BatchType> batch = batchType(loc, config, options);
  if (failed(batch))
    return failure();
  Type element = computeType(loc, options, stored ? stored->main : config.type);

  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  StepTypes types(config, element, *batch);
  StepBuilder(*module, config, types, stored ? &*stored : nullptr, options.probes).build();
  if (failed(verify(*module)))
    return failure();
  return module;
}
