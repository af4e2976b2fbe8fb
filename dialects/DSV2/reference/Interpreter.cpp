//===- Interpreter.cpp - Executes dsv2 IR by reference semantics ----------===//
//
// Control, calls, weights, and the forms of planned ops. A value is moved out
// of its name at its last use, so that the cache is never copied.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/Interpreter.h"
#include "dialects/DSV2/reference/Kernels.h"
#include "dialects/DSV2/reference/RowChecks.h"
#include "dialects/DSV2/reference/ShapeOps.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// Calls in calls: a step has two levels, and recursion must end somewhere.
static constexpr unsigned kMaxDepth = 64;

Interpreter::Interpreter(ModuleOp module, InterpreterOptions options)
    : symbols(module), options(std::move(options)) {}

const llvm::BitVector &Interpreter::lastUses(Operation *op) {
  if (auto found = lastUsesOf.find(op); found != lastUsesOf.end())
    return found->second;
  llvm::DenseSet<Value> used;
  for (Operation &each : llvm::reverse(*op->getBlock())) {
    llvm::BitVector last(each.getNumOperands());
    for (unsigned i = each.getNumOperands(); i-- > 0;)
      if (used.insert(each.getOperand(i)).second)
        last.set(i);
    lastUsesOf[&each] = std::move(last);
  }
  return lastUsesOf[op];
}

RuntimeValue Interpreter::takeOperand(OpOperand &operand, Environment &env) {
  if (lastUses(operand.getOwner()).test(operand.getOperandNumber()))
    return env.take(operand.get());
  return env.get(operand.get());
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::call(func::FuncOp function,
                                                       SmallVector<RuntimeValue> arguments) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("interpreter: expected a function of one block");
  if (depth == kMaxDepth)
    return function.emitError("interpreter: calls nest deeper than ") << kMaxDepth;
  ++depth;
  llvm::scope_exit leave([&] { --depth; });
  Environment env;
  for (auto [argument, value] : llvm::zip_equal(function.getArguments(), arguments))
    env.set(argument, std::move(value));
  arguments.clear();
  for (Operation &op : function.front().without_terminator()) {
    if (failed(evaluateOp(&op, env)))
      return failure();
    const llvm::BitVector &last = lastUses(&op);
    for (unsigned i : last.set_bits())
      env.drop(op.getOperand(i));
  }
  Operation *terminator = function.front().getTerminator();
  SmallVector<RuntimeValue> results;
  for (OpOperand &operand : terminator->getOpOperands())
    results.push_back(takeOperand(operand, env));
  return results;
}

LogicalResult Interpreter::evaluateOp(Operation *op, Environment &env) {
  LogicalResult done =
      TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](PlannedOpInterface o) { return evaluatePlanned(o, env); })
          .Case([&](func::CallOp o) { return bindCall(o, env); })
          .Case([&](MakeBatchOp o) { return bindBatch(o, env); })
          .Case([&](BatchCountOp o) { return bindCount(o, env); })
          .Case([&](BarrierOp) { return success(); })
          .Case([&](CheckpointOp o) { return bindCheckpoint(o, env); })
          .Case([&](WeightOp o) { return bindWeight(o, env); })
          .Case([&](ProbeOp o) { return showProbe(o, env); })
          .Case([&](StoreWeightOp o) {
            slots[o.getSlot()] = env.array(o.getValue());
            return success();
          })
          .Case<ConvertOp, TransposeOp, MergeOp, PackOp>(
              [&](auto o) { return evaluateWeightOp(o, env); })
          .Default([&](Operation *o) { return evaluateShapeOp(o, env); });
  return done;
}

LogicalResult Interpreter::bindCall(func::CallOp op, Environment &env) {
  auto callee = symbols.lookup<func::FuncOp>(op.getCallee());
  if (!callee)
    return op.emitError("interpreter: no function @") << op.getCallee();
  SmallVector<RuntimeValue> arguments;
  for (OpOperand &operand : op->getOpOperands())
    arguments.push_back(takeOperand(operand, env));
  FailureOr<SmallVector<RuntimeValue>> results = call(callee, std::move(arguments));
  if (failed(results))
    return failure();
  for (auto [name, value] : llvm::zip_equal(op.getResults(), *results))
    env.set(name, std::move(value));
  return success();
}

/// The elements of an i32 array.
static std::vector<int64_t> integers(const HostArray &array) {
  std::vector<double> values = array.flatten();
  return std::vector<int64_t>(values.begin(), values.end());
}

LogicalResult Interpreter::bindBatch(MakeBatchOp op, Environment &env) {
  auto batch = std::make_shared<BatchValue>();
  batch->positions = integers(env.array(op.getPositions()));
  batch->sequence = integers(env.array(op.getSequence()));
  batch->starts = integers(env.array(op.getStarts()));
  batch->prefix = integers(env.array(op.getPrefix()));
  batch->outputRows = integers(env.array(op.getOutputRows()));
  batch->absorbed = op.getAbsorbed();
  const HostArray &pages = env.array(op.getPageTable());
  std::vector<int64_t> flat = integers(pages);
  for (int64_t s = 0; s < pages.size(0); ++s)
    batch->pageTable.emplace_back(flat.begin() + s * pages.size(1),
                                  flat.begin() + (s + 1) * pages.size(1));
  std::string wrong = batch->inconsistency(op.getBatch().getType());
  if (!wrong.empty())
    return op.emitOpError() << wrong;
  env.set(op, std::shared_ptr<const BatchValue>(std::move(batch)));
  return success();
}

LogicalResult Interpreter::bindCount(BatchCountOp op, Environment &env) {
  const BatchValue &batch = env.batch(op.getBatch());
  StringRef count = op.getCount();
  if (count == "pages")
    return op.emitError("interpreter: a batch does not know how many pages the cache has");
  env.set(op, count == "tokens"      ? batch.tokens()
              : count == "sequences" ? batch.sequences()
                                     : batch.outputs());
  return success();
}

bool Interpreter::reserves(const HostArray &weight) {
  int64_t bytes = weight.numElements() * sizeof(double);
  if (bytes > options.keptWeightBytes - keptBytes)
    return false;
  keptBytes += bytes;
  return true;
}

void Interpreter::observeResults(Operation *op, const Environment &env) {
  if (!options.observe)
    return;
  SmallVector<HostArray> results;
  for (Value result : op->getResults())
    results.push_back(env.array(result));
  options.observe(op, results);
}

LogicalResult Interpreter::bindCheckpoint(CheckpointOp op, Environment &env) {
  HostArray value;
  if (auto found = tensors.find(op.getName()); found != tensors.end()) {
    value = found->second;
  } else {
    if (!options.readCheckpoint)
      return op.emitError("interpreter: there is no checkpoint to read");
    FailureOr<HostArray> tensor = options.readCheckpoint(op);
    if (failed(tensor))
      return failure();
    value = std::move(*tensor);
    if (reserves(value))
      tensors[op.getName()] = value;
  }
  if (value.shape() != op.getType().getShape())
    return op.emitError("interpreter: expected the shape of other uses of \"")
           << op.getName() << "\"";
  env.set(op, std::move(value));
  observeResults(op, env);
  return success();
}

LogicalResult Interpreter::showProbe(ProbeOp op, Environment &env) {
  if (!options.probe)
    return success();
  std::optional<int64_t> layer;
  if (Value number = op.getLayer())
    layer = env.integer(number);
  options.probe(op, layer, env.array(op.getValue()));
  return success();
}

LogicalResult Interpreter::bindWeight(WeightOp op, Environment &env) {
  HostArray value;
  if (auto found = slots.find(op.getSlot()); found != slots.end()) {
    value = found->second;
  } else {
    FailureOr<HostArray> contents = failure();
    if (auto store = stores.find(op.getSlot()); store != stores.end())
      contents = computeSlot(store->second);
    else if (options.readWeight)
      contents = options.readWeight(op);
    else
      return op.emitError("interpreter: no weight program stores slot ")
             << op.getSlot() << " (\"" << op.getName() << "\")";
    if (failed(contents))
      return failure();
    value = std::move(*contents);
    if (reserves(value))
      slots[op.getSlot()] = value;
  }
  auto type = cast<ShapedType>(op.getType());
  if (value.shape() != type.getShape())
    return op.emitError("interpreter: the weight program stores another shape");
  env.set(op, std::move(value));
  observeResults(op, env);
  return success();
}

LogicalResult Interpreter::evaluateWeightOp(Operation *op, Environment &env) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  HostArray out = HostArray::make(type.getElementType(), type.getShape());
  KernelArguments args{env, out, options.precision};
  LogicalResult done = TypeSwitch<Operation *, LogicalResult>(op)
                           .Case<ConvertOp, TransposeOp, MergeOp, PackOp>(
                               [&](auto o) { return evaluate(o, args); });
  env.set(op->getResult(0), std::move(out));
  observeResults(op, env);
  return done;
}

/// Rows of the i-th result, which its type leaves open.
static int64_t leadingSize(PlannedOpInterface op, const Environment &env) {
  StringRef count = op.getResultCount();
  if (count.empty())
    return env.array(op->getOperand(0)).size(0);
  for (Value operand : op->getOperands())
    if (isa<BatchType>(operand.getType()))
      return count == "outputs" ? env.batch(operand).outputs() : env.batch(operand).tokens();
  llvm_unreachable("ops whose results a batch counts take a batch");
}

LogicalResult Interpreter::evaluatePlanned(PlannedOpInterface op, Environment &env) {
  MutableOperandRange inits = op.getInitsMutable();
  bool buffers = op->getNumResults() == 0;
  SmallVector<HostArray> outs;
  for (unsigned i = 0; i < getNumPlannedResults(op); ++i) {
    if (buffers) {
      outs.push_back(env.array(inits[i].get()));
      continue;
    }
    if (op.readsInits()) {
      OpOperand &init = inits[i];
      bool elsewhere = llvm::count(op->getOperands(), init.get()) > 1;
      outs.push_back(
          std::get<HostArray>(elsewhere ? env.get(init.get()) : takeOperand(init, env)));
      if (!outs.back().isUnique()) {
        outs.back() = outs.back().copy();
        ++copies;
      }
      continue;
    }
    // The destination's contents do not count: undefined, to show who reads
    // what nobody wrote.
    ShapedType type = getPlannedResultType(op, i);
    SmallVector<int64_t> sizes(type.getShape());
    for (int64_t &size : sizes)
      if (ShapedType::isDynamic(size))
        size = leadingSize(op, env);
    outs.push_back(HostArray::make(type.getElementType(), sizes));
  }
  if (failed(checkRows(op, env, outs)))
    return failure();
  KernelArguments args{env, outs, options.precision};
  LogicalResult done =
      TypeSwitch<Operation *, LogicalResult>(op)
          .Case<ZerosOp, SelectOutputsOp, EmbedOp, AddOp, RmsNormOp, AddRmsNormOp, LinearOp,
                LinearsOp, NormLinearsOp, ArgmaxOp, RopeTableOp, RopeOp, SwigluOp, AppendLatentOp, MlaAttentionOp, HeadLinearOp, LatentAttentionOp,
                ExpandedAttentionOp, RouteOp, SelectExpertsOp, ExpertMlpOp, DispatchOp,
                GroupedLinearOp, CombineOp, GatedLinearOp, GroupedGatedLinearOp, GroupedCombineOp>(
              [&](auto o) { return evaluate(o, args); })
          .Default([](Operation *o) {
            return o->emitError("interpreter: op has no reference semantics");
          });
  if (failed(done))
    return failure();
  if (options.observe)
    options.observe(op, outs);
  for (auto [name, value] : llvm::zip(op->getResults(), outs))
    env.set(name, std::move(value));
  return success();
}

LogicalResult Interpreter::runWeightProgram(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("dsv2.weight_program")) {
      if (function.getNumArguments())
        return function.emitError("interpreter: a weight program takes no arguments");
      if (failed(call(function, {})))
        return failure();
    }
  tensors.clear(); // what the step needs of it is in the slots
  return success();
}

LogicalResult Interpreter::useWeightProgram(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("dsv2.weight_program")) {
      if (function.getNumArguments() || function.isExternal() || !function.getBody().hasOneBlock())
        return function.emitError(
            "interpreter: expected a weight program of one block without arguments");
      function.walk([&](StoreWeightOp store) { stores[store.getSlot()] = store; });
    }
  return success();
}

FailureOr<HostArray> Interpreter::computeSlot(StoreWeightOp store) {
  // What the stored value depends on, in order, with the uses in there.
  llvm::DenseMap<Value, unsigned> uses;
  SmallVector<Operation *> slice, pending{store};
  llvm::DenseSet<Operation *> seen{store};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    for (Value operand : op->getOperands()) {
      ++uses[operand];
      if (Operation *definition = operand.getDefiningOp(); seen.insert(definition).second) {
        slice.push_back(definition);
        pending.push_back(definition);
      }
    }
  }
  llvm::sort(slice, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  Environment env;
  for (Operation *op : slice) {
    if (failed(evaluateOp(op, env)))
      return failure();
    for (Value operand : op->getOperands())
      if (--uses[operand] == 0)
        env.drop(operand);
  }
  return env.array(store.getValue());
}
