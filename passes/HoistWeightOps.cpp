//===- HoistWeightOps.cpp - Move weight ops into the weight program -------===//
//
// Out of private functions to their callers, callees first, and from public
// functions into the one function that makes all slots of the weight table.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/analysis/WeightValues.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include <unordered_set>

namespace mlir::dsv2 {
#define GEN_PASS_DEF_HOISTWEIGHTOPSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;
using func::CallOp;
using func::FuncOp;

namespace {

/// Equal ops on equal operands are one op.
struct OpHash {
  size_t operator()(Operation *op) const {
    return OperationEquivalence::computeHash(
        op, OperationEquivalence::directHashValue,
        OperationEquivalence::ignoreHashValue, OperationEquivalence::IgnoreLocations);
  }
};
struct OpEqual {
  bool operator()(Operation *a, Operation *b) const {
    return OperationEquivalence::isEquivalentTo(a, b,
                                                OperationEquivalence::IgnoreLocations);
  }
};
using OpSet = std::unordered_set<Operation *, OpHash, OpEqual>;

//===----------------------------------------------------------------------===//
// The call graph
//===----------------------------------------------------------------------===//

/// Functions with a body, callees before callers, and the calls of each.
struct CallGraph {
  SmallVector<FuncOp> calleesFirst;
  DenseMap<Operation *, SmallVector<CallOp>> callsTo;

  /// Fails, with an error, when functions call each other in a cycle.
  LogicalResult build(ModuleOp module) {
    SymbolTable symbols(module);
    DenseMap<Operation *, SmallVector<FuncOp>> callees;
    for (FuncOp function : module.getOps<FuncOp>())
      function.walk([&](CallOp call) {
        if (auto callee = symbols.lookup<FuncOp>(call.getCallee())) {
          callsTo[callee].push_back(call);
          callees[function].push_back(callee);
        }
      });
    enum State { Open = 1, Done };
    DenseMap<Operation *, int> state;
    std::function<LogicalResult(FuncOp)> visit = [&](FuncOp function) -> LogicalResult {
      if (state[function] == Done)
        return success();
      if (state[function] == Open)
        return function.emitError("calls itself: weights cannot be hoisted");
      state[function] = Open;
      for (FuncOp callee : callees[function])
        if (failed(visit(callee)))
          return failure();
      state[function] = Done;
      if (!function.isExternal())
        calleesFirst.push_back(function);
      return success();
    };
    for (FuncOp function : module.getOps<FuncOp>())
      if (failed(visit(function)))
        return failure();
    return success();
  }
};

/// The values of a module that depend on the checkpoint alone.
class WeightValues {
public:
  /// Takes arguments of private functions for weights until a call disagrees.
  WeightValues(ModuleOp module, const CallGraph &graph) {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, module);
    for (FuncOp function : graph.calleesFirst) {
      if (!function.isPrivate() || !graph.callsTo.contains(function) ||
          !llvm::all_of(users.getUsers(function), llvm::IsaPred<CallOp>))
        continue;
      for (BlockArgument argument : function.getArguments())
        if (isWeightType(argument.getType()))
          arguments.insert(argument);
    }
    // Callers first, one pass settles everything: an argument of a caller is
    // decided before the calls in its body are looked at.
    for (FuncOp function : llvm::reverse(graph.calleesFirst))
      for (BlockArgument argument : function.getArguments())
        if (arguments.contains(argument) &&
            !llvm::all_of(graph.callsTo.lookup(function), [&](CallOp call) {
              return contains(call.getOperand(argument.getArgNumber()));
            }))
          arguments.erase(argument);
  }

  bool contains(Value value) const {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return arguments.contains(argument);
    return isWeightOp(value.getDefiningOp()) &&
           llvm::all_of(value.getDefiningOp()->getOperands(),
                        [&](Value operand) { return contains(operand); });
  }
  /// Whether `op` makes a weight.
  bool makes(Operation *op) const {
    return op->getNumResults() == 1 && contains(op->getResult(0));
  }
  void insert(BlockArgument argument) { arguments.insert(argument); }
  void erase(BlockArgument argument) { arguments.erase(argument); }

private:
  DenseSet<BlockArgument> arguments;
};

//===----------------------------------------------------------------------===//
// From private functions to their callers
//===----------------------------------------------------------------------===//

/// The first argument that `value` is made from, or null.
BlockArgument getRootArgument(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument;
  for (Value operand : value.getDefiningOp()->getOperands())
    if (BlockArgument root = getRootArgument(operand))
      return root;
  return {};
}

/// Clones what makes `value` before `call`, each op once, with the call's
/// operands for arguments.
Value cloneAtCall(Value value, CallOp call, IRMapping &mapping, OpBuilder &builder) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return call.getOperand(argument.getArgNumber());
  if (Value done = mapping.lookupOrNull(value))
    return done;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    mapping.map(operand, cloneAtCall(operand, call, mapping, builder));
  return builder.clone(*op, mapping)->getResult(0);
}

/// Moves the weight ops of a private function into its callers: what remains
/// takes their results as arguments.
void hoistToCallers(FuncOp function, ArrayRef<CallOp> calls, WeightValues &weights) {
  // What is made here, equal values once, and what of it other ops use.
  SetVector<Operation *> made;
  OpSet known;
  llvm::MapVector<BlockArgument, SmallVector<Value>> derived;
  function.walk([&](Operation *op) {
    if (!weights.makes(op))
      return;
    auto [first, isNew] = known.insert(op);
    if (!isNew)
      op->replaceAllUsesWith(*first);
    made.insert(op);
  });
  if (made.empty())
    return;
  auto isOther = [&](Operation *user) { return !made.contains(user); };
  for (Operation *op : made)
    if (llvm::any_of(op->getUsers(), isOther))
      derived[getRootArgument(op->getResult(0))].push_back(op->getResult(0));

  // The new arguments: each kept one, followed by what is derived from it.
  SmallVector<Value> plan;
  for (BlockArgument argument : function.getArguments()) {
    bool replaced = weights.contains(argument) &&
                    llvm::none_of(argument.getUsers(), isOther);
    if (!replaced)
      plan.push_back(argument);
    llvm::append_range(plan, derived.lookup(argument));
  }
  llvm::append_range(plan, derived.lookup(BlockArgument()));

  OpBuilder builder(function.getContext());
  for (CallOp call : calls) {
    IRMapping mapping;
    builder.setInsertionPoint(call);
    SmallVector<Value> operands;
    for (Value value : plan)
      operands.push_back(cloneAtCall(value, call, mapping, builder));
    call->setOperands(operands);
  }

  unsigned old = function.getNumArguments();
  SmallVector<unsigned> positions(plan.size(), old);
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  SmallVector<Location> locations;
  for (Value value : plan) {
    auto argument = dyn_cast<BlockArgument>(value);
    types.push_back(value.getType());
    attributes.push_back(argument ? function.getArgAttrDict(argument.getArgNumber())
                                  : DictionaryAttr());
    locations.push_back(value.getLoc());
  }
  // Cannot fail: a func.func takes any argument.
  (void)function.insertArguments(positions, types, attributes, locations);
  for (auto [i, value] : llvm::enumerate(plan)) {
    BlockArgument argument = function.getArgument(old + i);
    if (weights.contains(value))
      weights.insert(argument);
    value.replaceUsesWithIf(argument, [&](OpOperand &use) {
      return isOther(use.getOwner());
    });
  }
  for (Operation *op : llvm::reverse(made.getArrayRef()))
    op->erase();
  for (BlockArgument argument : function.getArguments().take_front(old))
    weights.erase(argument);
  llvm::BitVector erased(function.getNumArguments());
  erased.set(0, old);
  (void)function.eraseArguments(erased);
}

//===----------------------------------------------------------------------===//
// From public functions to the weight program
//===----------------------------------------------------------------------===//

/// Builds the weight program, one slot for each distinct value.
class ProgramBuilder {
public:
  ProgramBuilder(ModuleOp module, FuncOp program)
      : program(program), builder(module.getContext()) {
    builder.setInsertionPointToEnd(program.addEntryBlock());
  }

  /// The slot that holds `value`, a weight of a public function.
  StoreWeightOp getSlot(Value value) {
    Value made = clone(value);
    StoreWeightOp &store = slots[made];
    if (!store)
      store = StoreWeightOp::create(builder, value.getLoc(), made,
                                    builder.getStringAttr(getUniqueName(made)),
                                    builder.getI64IntegerAttr(numSlots++));
    return store;
  }

  /// Ends the program and tells what is stored in more than one layout.
  void finish() {
    func::ReturnOp::create(builder, program.getLoc());
    llvm::MapVector<Value, SmallVector<StoreWeightOp>> layouts;
    for (StoreWeightOp store : program.getOps<StoreWeightOp>())
      layouts[stripLayout(store.getValue())].push_back(store);
    // One remark for each kind of tensor, not for each layer.
    llvm::StringMap<unsigned> indices;
    struct Kind {
      StoreWeightOp first;
      std::string slots;
      int64_t tensors = 0, bytes = 0;
    };
    SmallVector<Kind> found;
    for (auto &[value, stores] : layouts) {
      if (stores.size() < 2)
        continue;
      std::string pattern = dropNumbers(stores.front().getName());
      auto [entry, isNew] = indices.try_emplace(pattern, found.size());
      if (isNew) {
        found.emplace_back();
        found.back().first = stores.front();
        for (StoreWeightOp store : stores)
          found.back().slots += (found.back().slots.empty() ? "" : ", ") +
                                store.getName().str();
      }
      Kind &kind = found[entry->second];
      ++kind.tensors;
      for (StoreWeightOp store : ArrayRef(stores).drop_front())
        kind.bytes += getBytes(store);
    }
    for (Kind &kind : found)
      remark::passed(kind.first.getLoc(),
                     remarkOn(kind.first, "stored-twice", "dsv2-hoist-weight-ops"))
          << std::to_string(kind.tensors) + " tensor" + (kind.tensors > 1 ? "s" : "") +
                 " stored in several layouts (" + kind.slots + "): " +
                 std::to_string(kind.bytes) + " bytes more";
  }

private:
  Value clone(Value value) {
    if (Value done = mapping.lookupOrNull(value))
      return done;
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      clone(operand);
    Operation *copy = builder.clone(*op, mapping);
    auto [first, isNew] = known.insert(copy);
    if (!isNew) {
      mapping.map(value, (*first)->getResult(0));
      copy->erase();
    }
    return mapping.lookup(value);
  }

  std::string getUniqueName(Value value) {
    std::string name = describeWeight(value);
    if (names.insert(name).second)
      return name;
    if (value.getDefiningOp<PackOp>() && names.insert(name + ".packed").second)
      return name + ".packed";
    for (int64_t i = 2;; ++i)
      if (std::string next = name + "." + std::to_string(i); names.insert(next).second)
        return next;
  }

  static int64_t getBytes(StoreWeightOp store) {
    auto type = cast<RankedTensorType>(store.getValue().getType());
    return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
  }

  /// `name` with its layer number left out.
  static std::string dropNumbers(StringRef name) {
    std::string result;
    for (char c : name)
      if (!llvm::isDigit(c))
        result += c;
    return result;
  }

  FuncOp program;
  OpBuilder builder;
  IRMapping mapping;
  OpSet known;
  DenseMap<Value, StoreWeightOp> slots;
  llvm::StringSet<> names;
  int64_t numSlots = 0;
};

/// Replaces the weights that a public function uses by slots of the program,
/// in the order in which a step uses them.
class SlotAssignment {
public:
  SlotAssignment(const CallGraph &graph, const WeightValues &weights, ProgramBuilder &program)
      : weights(weights), program(program) {
    for (FuncOp function : graph.calleesFirst)
      recordOrder(function);
  }

  void rewrite(FuncOp function) {
    llvm::MapVector<Value, Operation *> slots;
    OpBuilder builder(function.getContext());
    function.walk([&](Operation *op) {
      if (weights.makes(op)) {
        made.push_back(op);
        return;
      }
      for (OpOperand *operand : getOperandsInOrder(op)) {
        if (!weights.contains(operand->get()))
          continue;
        StoreWeightOp store = program.getSlot(operand->get());
        Operation *&slot = slots[store.getValue()];
        if (!slot) {
          builder.setInsertionPoint(getPlace(op, function));
          slot = WeightOp::create(builder, operand->get().getLoc(),
                                  operand->get().getType(), store.getNameAttr(),
                                  store.getSlotAttr());
        }
        operand->set(slot->getResult(0));
      }
    });
  }

  /// Erases what the program now makes. Last, because the program remembers
  /// its values by address.
  void eraseReplaced() {
    for (Operation *op : llvm::reverse(made))
      op->erase();
    made.clear();
  }

private:
  /// Where a slot is read so that all of `function` may use it.
  static Operation *getPlace(Operation *op, FuncOp function) {
    while (op->getParentOp() != function)
      op = op->getParentOp();
    return op->getBlock()->isEntryBlock() ? op : &function.front().front();
  }

  SmallVector<OpOperand *> getOperandsInOrder(Operation *op) {
    SmallVector<OpOperand *> operands;
    auto call = dyn_cast<CallOp>(op);
    auto order = call ? orders.find(call.getCalleeAttr().getAttr()) : orders.end();
    if (order == orders.end()) {
      for (OpOperand &operand : op->getOpOperands())
        operands.push_back(&operand);
      return operands;
    }
    for (unsigned i : order->second)
      operands.push_back(&op->getOpOperand(i));
    return operands;
  }

  /// The arguments of `function`, first used first; callees are recorded
  /// already.
  void recordOrder(FuncOp function) {
    SetVector<unsigned> order;
    function.walk([&](Operation *op) {
      for (OpOperand *operand : getOperandsInOrder(op))
        if (auto argument = dyn_cast<BlockArgument>(operand->get());
            argument && argument.getOwner() == &function.front())
          order.insert(argument.getArgNumber());
    });
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
      order.insert(i);
    orders[function.getSymNameAttr()] = order.takeVector();
  }

  const WeightValues &weights;
  ProgramBuilder &program;
  DenseMap<StringAttr, SmallVector<unsigned>> orders;
  SmallVector<Operation *> made;
};

struct HoistWeightOps : public dsv2::impl::HoistWeightOpsPassBase<HoistWeightOps> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (Operation *taken = module.lookupSymbol("weights")) {
      taken->emitError("takes the name of the weight program");
      return signalPassFailure();
    }
    CallGraph graph;
    if (failed(graph.build(module)))
      return signalPassFailure();
    WeightValues weights(module, graph);
    for (FuncOp function : graph.calleesFirst)
      if (function.isPrivate() && graph.callsTo.contains(function))
        hoistToCallers(function, graph.callsTo[function], weights);

    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto programFunction = FuncOp::create(builder, module.getLoc(), "weights",
                                          builder.getFunctionType({}, {}));
    programFunction.setPrivate();
    programFunction->setAttr(kWeightProgramAttr, builder.getUnitAttr());
    ProgramBuilder program(module, programFunction);
    SlotAssignment slots(graph, weights, program);
    for (FuncOp function : module.getOps<FuncOp>())
      if (function.isPublic() && !function.isExternal())
        slots.rewrite(function);
    slots.eraseReplaced();
    program.finish();
  }
};

} // namespace
