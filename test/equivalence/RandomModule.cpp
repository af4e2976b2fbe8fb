//===- RandomModule.cpp - Imported modules nobody would write -------------===//
//
// Edits work on any op of their kind; new values join the old ones where types
// allow.
//
//===----------------------------------------------------------------------===//

#include "test/equivalence/RandomModule.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace ::dsv2::test;

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

static std::optional<YarnConfig> randomYarn(Draw &draw) {
  if (draw.oneIn(2))
    return {};
  YarnConfig yarn;
  yarn.factor = draw.pick({1.0, 2.0, 40.0});
  yarn.originalPositions = draw.pick<int64_t>({6, 64, 4096});
  yarn.betaFast = draw.pick({32.0, 16.0});
  yarn.betaSlow = draw.pick({1.0, 2.0});
  yarn.mscale = draw.pick({1.0, 0.707});
  yarn.mscaleAllDim = draw.pick({0.0, 0.707, 1.0});
  return yarn;
}

static ExpertConfig randomExperts(Draw &draw, int64_t layers) {
  ExpertConfig experts;
  experts.groups = draw.oneIn(2) ? 1 : draw.between(2, 4);
  experts.keptGroups = draw.between(1, experts.groups);
  int64_t each = draw.between(1, 4);
  experts.routed = experts.groups * each;
  experts.perToken = draw.between(1, std::min<int64_t>(4, experts.keptGroups * each));
  experts.shared = draw.between(0, 2);
  experts.width = draw.between(1, 24);
  experts.scale = draw.pick({1.0, 2.5, 16.0});
  experts.normalize = draw.oneIn(2);
  experts.firstLayer = draw.between(0, layers);
  experts.layerStep = draw.oneIn(3) ? draw.between(2, 3) : 1;
  return experts;
}

namespace dsv2::test {
ModelConfig randomConfig(Draw &draw) {
  ModelConfig config;
  // Mostly odd things, now and then what kernels like.
  auto width = [&](int64_t most) {
    return draw.oneIn(4) ? draw.pick<int64_t>({8, 16, 32}) : draw.between(1, most);
  };
  config.hiddenSize = draw.between(4, 40);
  config.layers = draw.between(1, 4);
  config.heads = draw.between(1, 4);
  config.vocabSize = draw.between(2, 130);
  config.maxPositions = 4096;
  if (draw.oneIn(2))
    config.queryRank = width(24);
  config.latentDim = width(24);
  config.nopeDim = width(20);
  config.ropeDim = 2 * draw.between(1, 6);
  config.valueDim = width(20);
  config.denseWidth = width(40);
  if (!draw.oneIn(6))
    config.experts = randomExperts(draw, config.layers);
  config.normEps = draw.pick({1e-6, 1e-5, 1e-3});
  config.rope.theta = draw.pick({10000.0, 500.0});
  config.rope.yarn = randomYarn(draw);
  config.attentionBias = draw.oneIn(3);
  config.tiedEmbeddings = draw.oneIn(4);
  config.type = draw.pick({FloatKind::BF16, FloatKind::F32});
  return config;
}

ImportOptions randomImport(Draw &draw, bool crossPage) {
  ImportOptions options;
  options.probes = !draw.oneIn(4);
  options.maxContext = crossPage ? 128 : draw.between(1, 200);
  options.maxStepTokens = crossPage ? 70 : draw.between(1, 24);
  options.maxBatch = draw.between(1, 4);
  options.maxOutputs = draw.between(1, options.maxStepTokens);
  return options;
}
} // namespace dsv2::test

//===----------------------------------------------------------------------===//
// Edits
//===----------------------------------------------------------------------===//

namespace {
class Mutator {
public:
  Mutator(ModuleOp module, Draw &draw) : module(module), draw(draw) {}

  void run();

private:
  template <typename T> T any(ArrayRef<T> values) {
    return values[draw.between(0, int64_t(values.size()) - 1)];
  }
  /// Ops of `function` that fulfil `condition`.
  SmallVector<Operation *> opsWhere(func::FuncOp function,
                                    llvm::function_ref<bool(Operation *)> condition);
  /// Results and arguments with a row of a float type for each token or output.
  SmallVector<Value> rowsOf(func::FuncOp function);
  /// Right after where `value` is made.
  OpBuilder after(Value value);
  /// The value stands for `old` in some of the uses that it dominates.
  void useInPlaces(Value old, Value value);
  static bool isRows(Value value);
  static bool isPure(Operation *op);

  void addProbe(func::FuncOp function);
  void addUnused(func::FuncOp function);
  void addSum(func::FuncOp function);
  void copyOp(func::FuncOp function);
  void addSibling(func::FuncOp function);
  void swapOperands(func::FuncOp function);
  void changeEps(func::FuncOp function);
  void reorder(func::FuncOp function);
  void splitLayers();
  void permuteLayers();
  void repeatLayer();
  void convertWeights();

  ModuleOp module;
  Draw &draw;
  int64_t names = 0;
};
} // namespace

SmallVector<Operation *> Mutator::opsWhere(func::FuncOp function,
                                           llvm::function_ref<bool(Operation *)> condition) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.front())
    if (condition(&op))
      ops.push_back(&op);
  return ops;
}

bool Mutator::isRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0) && !type.getEncoding() &&
         isa<FloatType>(type.getElementType());
}

/// Value form, and no update of anything.
bool Mutator::isPure(Operation *op) {
  auto planned = dyn_cast<PlannedOpInterface>(op);
  return planned && !planned.readsInits();
}

SmallVector<Value> Mutator::rowsOf(func::FuncOp function) {
  SmallVector<Value> values;
  for (Value argument : function.getArguments())
    if (isRows(argument))
      values.push_back(argument);
  for (Operation &op : function.front())
    for (Value result : op.getResults())
      if (isRows(result))
        values.push_back(result);
  return values;
}

OpBuilder Mutator::after(Value value) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfterValue(value);
  return builder;
}

void Mutator::useInPlaces(Value old, Value value) {
  DominanceInfo dominance(module);
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : old.getUses())
    if (use.getOwner() != value.getDefiningOp() &&
        dominance.properlyDominates(value, use.getOwner()))
      uses.push_back(&use);
  for (OpOperand *use : uses)
    if (draw.oneIn(2))
      use->set(value);
}

/// Everything below probes no other way than the frontend: with a name of its
/// own, and the function's layer if it has one.
void Mutator::addProbe(func::FuncOp function) {
  Value value = any<Value>(rowsOf(function));
  OpBuilder builder = after(value);
  Value layer;
  for (Value argument : function.getArguments())
    if (argument.getType().isIndex())
      layer = argument;
  ProbeOp::create(builder, value.getLoc(), value, "random." + std::to_string(names++), layer);
}

void Mutator::addUnused(func::FuncOp function) {
  Value value = any<Value>(rowsOf(function));
  OpBuilder builder = after(value);
  AddOp::create(builder, value.getLoc(), value.getType(), value, value, ValueRange());
}

void Mutator::addSum(func::FuncOp function) {
  SmallVector<Value> values = rowsOf(function);
  Value value = any<Value>(values);
  // Another of the type, or itself: `outputs` and `tokens` must not meet.
  SmallVector<Value> others{value};
  DominanceInfo dominance(module);
  if (function.isPrivate())
    for (Value other : values)
      if (other.getType() == value.getType() && other != value &&
          (isa<BlockArgument>(other) || (value.getDefiningOp() && dominance.properlyDominates(
                                                                      other, value.getDefiningOp()))))
        others.push_back(other);
  OpBuilder builder = after(value);
  Value other = any<Value>(others);
  Value sum = AddOp::create(builder, value.getLoc(), value.getType(), value, other, ValueRange())
                  .getResult(0);
  useInPlaces(value, sum);
}

void Mutator::copyOp(func::FuncOp function) {
  SmallVector<Operation *> ops = opsWhere(function, isPure);
  Operation *op = any<Operation *>(ops);
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  Operation *copy = builder.clone(*op);
  for (auto [old, value] : llvm::zip(op->getResults(), copy->getResults()))
    useInPlaces(old, value);
}

/// Another projection of what a linear reads, with any weight that fits.
void Mutator::addSibling(func::FuncOp function) {
  SmallVector<Operation *> linears =
      opsWhere(function, [](Operation *op) { return isa<LinearOp>(op); });
  if (linears.empty())
    return;
  auto linear = cast<LinearOp>(any<Operation *>(linears));
  auto x = cast<RankedTensorType>(linear.getX().getType());
  SmallVector<Value> fitting;
  DominanceInfo dominance(module);
  for (Operation *other : linears) {
    Value weight = cast<LinearOp>(other).getWeight();
    auto type = cast<RankedTensorType>(weight.getType());
    if (type.getDimSize(1) == x.getDimSize(1) && dominance.properlyDominates(weight, linear))
      fitting.push_back(weight);
  }
  Value weight = any<Value>(fitting);
  int64_t columns = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  OpBuilder builder(linear);
  if (draw.oneIn(2))
    builder.setInsertionPointAfter(linear);
  auto type = RankedTensorType::get({ShapedType::kDynamic, columns}, x.getElementType());
  Value sibling = LinearOp::create(builder, linear.getLoc(), type, linear.getX(), weight,
                                   /*bias=*/Value(), ValueRange())
                      .getResult(0);
  SmallVector<Value> same;
  for (Value value : rowsOf(function))
    if (value.getType() == type && value.getDefiningOp() && value != sibling &&
        value.getDefiningOp()->isBeforeInBlock(sibling.getDefiningOp()) && function.isPrivate())
      same.push_back(value);
  if (same.empty())
    return;
  // The sum takes the place of the earlier value from here on.
  Value old = any<Value>(same);
  OpBuilder sumBuilder = after(sibling);
  Value sum = AddOp::create(sumBuilder, linear.getLoc(), type, old, sibling, ValueRange())
                  .getResult(0);
  useInPlaces(old, sum);
}

void Mutator::swapOperands(func::FuncOp function) {
  SmallVector<Operation *> ops =
      opsWhere(function, [](Operation *op) { return isa<AddOp, SwigluOp>(op); });
  if (ops.empty())
    return;
  Operation *op = any<Operation *>(ops);
  Value first = op->getOperand(0);
  op->setOperand(0, op->getOperand(1));
  op->setOperand(1, first);
}

void Mutator::changeEps(func::FuncOp function) {
  SmallVector<Operation *> norms =
      opsWhere(function, [](Operation *op) { return isa<RmsNormOp>(op); });
  if (!norms.empty())
    cast<RmsNormOp>(any<Operation *>(norms)).setEps(APFloat(draw.pick({1e-6, 1e-4, 0.5})));
}

/// Any order that keeps definitions before uses, and readers of a cache before
/// whoever takes it on.
void Mutator::reorder(func::FuncOp function) {
  Block &block = function.front();
  SmallVector<Operation *> left;
  for (Operation &op : block.without_terminator())
    left.push_back(&op);
  DenseMap<Operation *, SmallVector<Operation *>> needs;
  for (Operation *op : left)
    for (OpOperand &operand : op->getOpOperands()) {
      if (Operation *maker = operand.get().getDefiningOp())
        needs[op].push_back(maker);
      bool takes = isa<func::CallOp>(op);
      if (auto planned = dyn_cast<PlannedOpInterface>(op))
        takes = planned.readsInits();
      if (!takes || !getCacheLayout(operand.get().getType()))
        continue;
      for (Operation *reader : operand.get().getUsers())
        if (reader != op)
          needs[op].push_back(reader);
    }
  llvm::DenseSet<Operation *> placed;
  while (!left.empty()) {
    SmallVector<size_t> ready;
    for (auto [i, op] : llvm::enumerate(left))
      if (llvm::all_of(needs[op], [&](Operation *need) { return placed.contains(need); }))
        ready.push_back(i);
    size_t next = any<size_t>(ready);
    Operation *op = left[next];
    op->moveBefore(block.getTerminator());
    placed.insert(op);
    left.erase(left.begin() + next);
  }
}

/// One call gets a copy of its function.
void Mutator::splitLayers() {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  SmallVector<Operation *> calls =
      opsWhere(step, [](Operation *op) { return isa<func::CallOp>(op); });
  if (calls.empty())
    return;
  auto call = cast<func::CallOp>(any<Operation *>(calls));
  // A function that nobody calls any more would belong to no step.
  if (llvm::count_if(calls, [&](Operation *other) {
        return cast<func::CallOp>(other).getCallee() == call.getCallee();
      }) == 1)
    return;
  auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
  auto copy = callee.clone();
  copy.setName((callee.getName() + "." + std::to_string(names++)).str());
  module.push_back(copy);
  call.setCallee(copy.getName());
}

/// Layers keep their rows in each other's places of the cache.
void Mutator::permuteLayers() {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  SmallVector<OpOperand *> numbers;
  for (auto call : step.front().getOps<func::CallOp>())
    for (OpOperand &operand : call->getOpOperands())
      if (operand.get().getType().isIndex())
        numbers.push_back(&operand);
  if (numbers.size() < 2)
    return;
  OpOperand *a = any<OpOperand *>(numbers), *b = any<OpOperand *>(numbers);
  // At the front, where they precede both calls.
  for (OpOperand *number : {a, b})
    number->get().getDefiningOp()->moveBefore(&step.front(), step.front().begin());
  Value first = a->get();
  a->set(b->get());
  b->set(first);
}

/// A layer runs twice; the second time it overwrites its rows.
void Mutator::repeatLayer() {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  SmallVector<Operation *> calls =
      opsWhere(step, [](Operation *op) { return isa<func::CallOp>(op); });
  if (calls.empty() || calls.size() > 4)
    return;
  auto call = cast<func::CallOp>(any<Operation *>(calls));
  OpBuilder builder(call);
  builder.setInsertionPointAfter(call);
  auto again = cast<func::CallOp>(builder.clone(*call));
  for (Value result : call.getResults())
    result.replaceUsesWithIf(again.getResult(cast<OpResult>(result).getResultNumber()),
                             [&](OpOperand &use) { return !isa<ProbeOp>(use.getOwner()); });
  // residual, delta and cache go in and come out.
  SmallVector<unsigned> places;
  for (auto [i, operand] : llvm::enumerate(call.getOperands()))
    if (isRows(operand) || getCacheLayout(operand.getType()))
      places.push_back(i);
  for (auto [i, result] : llvm::enumerate(call.getResults()))
    again->setOperand(places[i], result);
}

/// Some tensors are stored in another type than the step computes in.
void Mutator::convertWeights() {
  FloatType types[] = {Float32Type::get(module.getContext()),
                       Float16Type::get(module.getContext()),
                       BFloat16Type::get(module.getContext())};
  llvm::StringMap<FloatType> stored; // all uses of a tensor agree
  SmallVector<CheckpointOp> tensors;
  module.walk([&](CheckpointOp op) { tensors.push_back(op); });
  for (CheckpointOp op : tensors) {
    auto [place, isNew] = stored.try_emplace(op.getName());
    if (isNew)
      place->second = draw.oneIn(3) ? types[draw.between(0, 2)]
                                    : cast<FloatType>(op.getType().getElementType());
    RankedTensorType wanted = op.getType();
    if (place->second == wanted.getElementType())
      continue;
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    auto convert = ConvertOp::create(builder, op.getLoc(), wanted, op.getResult());
    op.getResult().replaceAllUsesExcept(convert, convert);
    op.getResult().setType(wanted.clone(place->second));
  }
}

void Mutator::run() {
  if (draw.oneIn(3))
    splitLayers();
  if (draw.oneIn(4))
    permuteLayers();
  if (draw.oneIn(6))
    repeatLayer();
  if (draw.oneIn(4))
    convertWeights();
  for (auto function : module.getOps<func::FuncOp>()) {
    using Edit = void (Mutator::*)(func::FuncOp);
    constexpr Edit edits[] = {&Mutator::addProbe,     &Mutator::addUnused, &Mutator::addSum,
                              &Mutator::copyOp,       &Mutator::addSibling,
                              &Mutator::swapOperands, &Mutator::changeEps};
    for (int64_t i = draw.between(0, 4); i > 0; --i)
      (this->*edits[draw.between(0, std::size(edits) - 1)])(function);
    if (draw.oneIn(2))
      reorder(function);
  }
}

namespace dsv2::test {
void mutate(ModuleOp module, Draw &draw) { Mutator(module, draw).run(); }
} // namespace dsv2::test
