//===- VerifyMemory.cpp - No temporary is overwritten, no access races ----===//
//
// Plays one step from its entry through all calls, op by op, and keeps for
// every byte of the arena who wrote it last and who touched it since the last
// barrier. Shares nothing with the passes that plan memory and insert barriers:
// no live ranges, no frames, no summaries of functions.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include <map>

namespace mlir::dsv2 {
#define GEN_PASS_DEF_VERIFYMEMORYPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// A temporary: a view of the arena in one activation of its function.
struct Temporary {
  Operation *view = nullptr;
  int64_t activation = -1;

  bool operator==(const Temporary &other) const = default;
};

/// Bytes of one memory during a step.
struct Place {
  enum Memory { Arena, Argument, Weight };
  Memory memory;
  int64_t number;     // which argument or slot; zero for the arena
  int64_t begin, end; // all of it unless in the arena
  Temporary temporary;

  bool overlaps(const Place &other) const {
    return memory == other.memory && number == other.number && begin < other.end &&
           other.begin < end;
  }
};

/// An execution of an op, between two barriers.
struct Event {
  Operation *op = nullptr;
  int64_t phase = -1;
};

/// Bytes `[key, end)` with one history.
struct Segment {
  int64_t end;
  Temporary owner; // who wrote last
  Event written, read;
};

/// Plays one public function.
class StepPlayer {
public:
  explicit StepPlayer(SymbolTable &symbols) : symbols(symbols) {}

  LogicalResult play(func::FuncOp entry);

private:
  using Environment = DenseMap<Value, Place>;

  LogicalResult execute(func::FuncOp function, Environment arguments);
  LogicalResult access(Operation *op, const Environment &environment, int64_t activation);
  LogicalResult checkRead(Operation *op, const Place &place, const Segment &segment);
  LogicalResult checkWrite(Operation *op, const Segment &segment);
  FailureOr<Place> locate(Value buffer, const Environment &environment, int64_t activation);
  FailureOr<Place> locateView(memref::ViewOp view, const Place &arena, int64_t activation);
  /// The segments of exactly `place`.
  SmallVector<Segment *> segmentsOf(const Place &place);

  SymbolTable &symbols;
  std::map<std::pair<int, int64_t>, std::map<int64_t, Segment>> memories;
  llvm::SmallPtrSet<Operation *, 4> active;
  int64_t activations = 0, phase = 0;
};

LogicalResult StepPlayer::play(func::FuncOp entry) {
  Environment arguments;
  for (BlockArgument argument : entry.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type)
      continue;
    int64_t number = argument.getArgNumber();
    if (!entry.getArgAttr(number, "dsv2.arena")) {
      arguments[argument] = {Place::Argument, number, 0, INT64_MAX, {}};
      continue;
    }
    if (!type.hasStaticShape() || type.getRank() != 1 || !type.getElementType().isInteger(8))
      return entry.emitError("expected an arena of bytes, got ") << type;
    arguments[argument] = {Place::Arena, 0, 0, type.getNumElements(), {}};
  }
  return execute(entry, std::move(arguments));
}

LogicalResult StepPlayer::execute(func::FuncOp function, Environment environment) {
  if (!active.insert(function).second)
    return function.emitError("calls itself");
  int64_t activation = activations++;
  for (Operation &op : function.front()) {
    if (isa<BarrierOp>(op)) {
      ++phase;
    } else if (isa<PlannedOpInterface>(op)) {
      if (failed(access(&op, environment, activation)))
        return failure();
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        return call.emitError("calls what cannot be checked");
      Environment arguments;
      for (auto [operand, argument] : llvm::zip(call.getOperands(), callee.getArguments())) {
        if (!isa<MemRefType>(operand.getType()))
          continue;
        FailureOr<Place> place = locate(operand, environment, activation);
        if (failed(place))
          return failure();
        arguments[argument] = *place;
      }
      if (failed(execute(callee, std::move(arguments))))
        return failure();
    }
  }
  active.erase(function);
  return success();
}

FailureOr<Place> StepPlayer::locateView(memref::ViewOp view, const Place &arena,
                                        int64_t activation) {
  if (arena.memory != Place::Arena || arena.temporary.view)
    return view.emitError("views bytes of something that is not the arena");
  std::optional<int64_t> begin = getConstantIntValue(view.getByteShift());
  if (!begin)
    return view.emitError("lies at no constant offset");
  MemRefType type = view.getType();
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape())
    bytes *= ShapedType::isDynamic(size) ? 1 : size;
  for (Value size : view.getSizes()) {
    auto count = size.getDefiningOp<BatchCountOp>();
    int64_t maximum = count ? count.getBatch().getType().getMaximum(count.getCount()) : -1;
    if (maximum < 0)
      return view.emitError("has a size that no count of the batch bounds");
    bytes *= maximum;
  }
  if (*begin < 0 || *begin + bytes > arena.end)
    return view.emitError("covers bytes ")
           << *begin << " to " << *begin + bytes << " of an arena of " << arena.end;
  return Place{Place::Arena, 0, *begin, *begin + bytes, {view, activation}};
}

FailureOr<Place> StepPlayer::locate(Value buffer, const Environment &environment,
                                    int64_t activation) {
  if (auto known = environment.find(buffer); known != environment.end())
    return known->second;
  if (auto weight = buffer.getDefiningOp<WeightOp>())
    return Place{Place::Weight, int64_t(weight.getSlot()), 0, INT64_MAX, {}};
  auto view = buffer.getDefiningOp<ViewLikeOpInterface>();
  if (!view)
    return emitError(buffer.getLoc(), "buffer of unknown origin");
  FailureOr<Place> source = locate(view.getViewSource(), environment, activation);
  auto placed = dyn_cast<memref::ViewOp>(view.getOperation());
  return succeeded(source) && placed ? locateView(placed, *source, activation) : source;
}

SmallVector<Segment *> StepPlayer::segmentsOf(const Place &place) {
  std::map<int64_t, Segment> &segments = memories[{place.memory, place.number}];
  if (segments.empty())
    segments[0] = {INT64_MAX, {}, {}, {}};
  auto splitAt = [&](int64_t byte) {
    auto segment = std::prev(segments.upper_bound(byte));
    if (segment->first == byte || byte == INT64_MAX)
      return;
    segments[byte] = segment->second;
    segment->second.end = byte;
  };
  splitAt(place.begin);
  splitAt(place.end);
  SmallVector<Segment *> result;
  for (auto it = segments.find(place.begin); it != segments.end() && it->first < place.end; ++it)
    result.push_back(&it->second);
  return result;
}

static LogicalResult report(Operation *op, const char *message, Operation *other,
                            const char *note) {
  InFlightDiagnostic diag = op->emitError(message);
  if (other)
    diag.attachNote(other->getLoc()) << note;
  return diag;
}

LogicalResult StepPlayer::checkRead(Operation *op, const Place &place, const Segment &segment) {
  if (place.memory == Place::Arena && !segment.written.op)
    return op->emitError("reads a temporary that nothing wrote");
  if (segment.owner != place.temporary && place.memory == Place::Arena)
    return report(op, "reads a temporary that another one has overwritten", segment.written.op,
                  "overwritten here");
  if (segment.written.op && segment.written.phase == phase)
    return report(op, "reads what another op wrote, with no barrier between", segment.written.op,
                  "written here");
  return success();
}

LogicalResult StepPlayer::checkWrite(Operation *op, const Segment &segment) {
  if (segment.written.op && segment.written.phase == phase)
    return report(op, "overwrites what another op wrote, with no barrier between",
                  segment.written.op, "written here");
  if (segment.read.op && segment.read.phase == phase)
    return report(op, "overwrites what another op reads, with no barrier between",
                  segment.read.op, "read here");
  return success();
}

LogicalResult StepPlayer::access(Operation *op, const Environment &environment,
                                 int64_t activation) {
  struct Access {
    Place place;
    bool reads, writes;
  };
  auto planned = cast<PlannedOpInterface>(op);
  MutableOperandRange inits = planned.getInitsMutable();
  SmallVector<Access> accesses;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    FailureOr<Place> place = locate(operand.get(), environment, activation);
    if (failed(place))
      return failure();
    bool init = llvm::any_of(inits, [&](OpOperand &other) { return &other == &operand; });
    if (init && place->memory == Place::Weight)
      return op->emitError("writes a weight");
    accesses.push_back({*place, !init || planned.readsInits(), init});
  }
  for (auto [i, a] : llvm::enumerate(accesses))
    for (const Access &b : ArrayRef(accesses).drop_front(i + 1))
      if ((a.writes || b.writes) && a.place.overlaps(b.place))
        return op->emitError("writes bytes of another of its operands");
  // Check against what came before, then record: an op is no race with itself.
  for (const Access &a : accesses)
    for (Segment *segment : segmentsOf(a.place))
      if ((a.reads && failed(checkRead(op, a.place, *segment))) ||
          (a.writes && failed(checkWrite(op, *segment))))
        return failure();
  for (const Access &a : accesses)
    for (Segment *segment : segmentsOf(a.place)) {
      if (a.reads)
        segment->read = {op, phase};
      if (a.writes) {
        segment->owner = a.place.temporary;
        segment->written = {op, phase};
      }
    }
  return success();
}

struct VerifyMemory : public dsv2::impl::VerifyMemoryPassBase<VerifyMemory> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          !function->hasAttr("dsv2.classifier") && failed(StepPlayer(symbols).play(function)))
        return signalPassFailure();
  }
};

} // namespace
