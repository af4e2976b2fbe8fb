//===- VerifyLinearCache.cpp - The cache is threaded linearly -------------===//
//
// Checks every cache value of a function in tensor form.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "passes/Passes.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_VERIFYLINEARCACHEPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

bool isCache(Value value) {
  return isa<RankedTensorType>(value.getType()) && getCacheLayout(value.getType());
}

/// Whether this use hands the cache on.
bool consumes(OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<func::CallOp, func::ReturnOp>(op))
    return true;
  auto planned = dyn_cast<PlannedOpInterface>(op);
  return planned && llvm::any_of(planned.getInitsMutable(),
                                 [&](OpOperand &init) { return &init == &use; });
}

struct VerifyLinearCache
    : public dsv2::impl::VerifyLinearCachePassBase<VerifyLinearCache> {
  LogicalResult check(Value cache, Location loc) {
    Operation *consumer = nullptr;
    for (OpOperand &use : cache.getUses()) {
      Operation *user = use.getOwner();
      if (user->getBlock() != cache.getParentBlock())
        return user->emitError("uses a cache inside of a region");
      if (!consumes(use))
        continue;
      if (consumer) {
        // Uses come in no order.
        Operation *first = user->isBeforeInBlock(consumer) ? user : consumer;
        Operation *second = first == user ? consumer : user;
        InFlightDiagnostic diag = second->emitError("consumes a cache a second time");
        diag.attachNote(first->getLoc()) << "consumed here";
        return diag;
      }
      consumer = user;
    }
    if (!consumer)
      return emitError(loc, "an updated cache is dropped");
    for (Operation *user : cache.getUsers())
      if (user != consumer && consumer->isBeforeInBlock(user)) {
        InFlightDiagnostic diag = user->emitError("reads a cache after it was consumed");
        diag.attachNote(consumer->getLoc()) << "consumed here";
        return diag;
      }
    return success();
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    bool ok = true;
    for (BlockArgument argument : function.getArguments())
      if (isCache(argument))
        ok &= succeeded(check(argument, function.getLoc()));
    function.walk([&](Operation *op) {
      for (Value result : op->getResults()) {
        if (!isCache(result))
          continue;
        if (!isa<PlannedOpInterface, func::CallOp>(op)) {
          op->emitError("makes a cache of its own");
          ok = false;
          continue;
        }
        ok &= succeeded(check(result, op->getLoc()));
      }
    });
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
