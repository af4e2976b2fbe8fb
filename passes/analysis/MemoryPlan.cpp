//===- MemoryPlan.cpp - Offsets of temporaries in one arena ---------------===//
//
// Largest first, lowest gap; a callee's frame lies above what its callers keep
// alive across the call.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/MemoryPlan.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::dsv2;

FailureOr<int64_t> dsv2::getMaximumBytes(MemRefType type, ValueRange sizes) {
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes *= size;
  for (Value size : sizes) {
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, size, /*stopCondition=*/nullptr,
        /*closedUB=*/true);
    if (failed(bound))
      return failure();
    bytes *= *bound;
  }
  return bytes;
}

/// Extends the buffer's live range over all uses of it and of its views.
static LogicalResult computeLiveRange(PlannedBuffer &buffer,
                                      const DenseMap<Operation *, int64_t> &position) {
  SmallVector<Value> work{buffer.alloc};
  while (!work.empty()) {
    for (Operation *user : work.pop_back_val().getUsers()) {
      if (isa<func::ReturnOp>(user))
        return user->emitError("returns a temporary");
      buffer.first = std::min(buffer.first, position.at(user));
      buffer.last = std::max(buffer.last, position.at(user));
      if (isa<ViewLikeOpInterface>(user))
        llvm::append_range(work, user->getResults());
    }
  }
  return success();
}

/// Gives each buffer of the frame its offset.
static void placeBuffers(PlannedFrame &frame) {
  SmallVector<PlannedBuffer *> bySize;
  for (PlannedBuffer &buffer : frame.buffers)
    bySize.push_back(&buffer);
  llvm::stable_sort(bySize, [](PlannedBuffer *a, PlannedBuffer *b) { return a->bytes > b->bytes; });
  SmallVector<PlannedBuffer *> placed;
  for (PlannedBuffer *buffer : bySize) {
    SmallVector<std::pair<int64_t, int64_t>> busy;
    for (PlannedBuffer *other : placed)
      if (other->first <= buffer->last && buffer->first <= other->last)
        busy.push_back({other->offset, other->offset + other->bytes});
    llvm::sort(busy);
    int64_t offset = frame.base;
    for (auto [begin, end] : busy) {
      if (offset + buffer->bytes <= begin)
        break;
      offset = std::max(offset, end);
    }
    buffer->offset = offset;
    placed.push_back(buffer);
    frame.end = std::max(frame.end, offset + buffer->bytes);
  }
}

FailureOr<MemoryPlan> MemoryPlan::compute(ModuleOp module) {
  MemoryPlan plan;
  SymbolTable symbols(module);
  DenseMap<Operation *, int64_t> base;
  DenseMap<Operation *, SmallVector<int64_t>> liveBytes; // at each op
  SmallVector<func::FuncOp> order = getStepFunctions(module);
  for (func::FuncOp function : llvm::reverse(order)) {
    DenseMap<Operation *, int64_t> position;
    int64_t count = 0;
    for (Operation &op : function.front())
      position[&op] = count++;
    PlannedFrame &frame = plan.frames[function];
    frame.base = frame.end = base.lookup(function);
    for (auto alloc : function.front().getOps<memref::AllocOp>()) {
      FailureOr<int64_t> bytes = getMaximumBytes(alloc.getType(), alloc.getDynamicSizes());
      if (failed(bytes))
        return alloc.emitError("size has no constant maximum");
      PlannedBuffer buffer{alloc, int64_t(llvm::alignTo(*bytes, 64)), INT64_MAX, -1};
      if (failed(computeLiveRange(buffer, position)))
        return failure();
      frame.buffers.push_back(buffer);
    }
    placeBuffers(frame);
    plan.arenaBytes = std::max(plan.arenaBytes, frame.end);
    SmallVector<int64_t> &live = liveBytes[function];
    live.resize(count);
    for (const PlannedBuffer &buffer : frame.buffers)
      for (int64_t i = buffer.first; i <= buffer.last; ++i)
        live[i] += buffer.bytes;
    frame.livePeak = live.empty() ? 0 : *llvm::max_element(live);
    for (auto call : function.front().getOps<func::CallOp>()) {
      int64_t top = frame.base, at = position[call];
      for (const PlannedBuffer &buffer : frame.buffers)
        if (buffer.first <= at && at <= buffer.last)
          top = std::max(top, buffer.offset + buffer.bytes);
      int64_t &calleeBase = base[symbols.lookup(call.getCallee())];
      calleeBase = std::max(calleeBase, top);
    }
  }
  for (func::FuncOp function : order) { // callees first
    int64_t &bound = plan.frames[function].lowerBound;
    for (auto [op, bytes] : llvm::zip(function.front(), liveBytes[function])) {
      int64_t inside = 0;
      if (auto call = dyn_cast<func::CallOp>(op))
        inside = plan.frames.lookup(symbols.lookup(call.getCallee())).lowerBound;
      bound = std::max(bound, bytes + inside);
    }
  }
  return plan;
}
