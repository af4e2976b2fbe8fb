//===- OutlineKernels.cpp - One function for each distinct op -------------===//
//
// Layers of different kinds share most of their ops. Each distinct planned op
// (name, attributes, types) becomes a private function that all of them call,
// so that it is lowered and compiled once and has a name in a profile.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/analysis/CallOrder.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// The count that is the leading dynamic size of `buffer`; null when static.
FailureOr<StringAttr> getCount(Value buffer) {
  if (cast<MemRefType>(buffer.getType()).hasStaticShape())
    return StringAttr();
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(buffer)) {
      auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
      auto count = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "dsv2.count");
      if (!count)
        return function.emitError("argument #")
               << argument.getArgNumber() << " has a dynamic size without dsv2.count";
      return count;
    }
    if (auto view = buffer.getDefiningOp<memref::ViewOp>()) {
      auto count = view.getSizes().size() == 1
                       ? view.getSizes()[0].getDefiningOp<BatchCountOp>()
                       : BatchCountOp();
      if (!count)
        return view.emitError("has a size that is no count of the batch");
      return count.getCountAttr();
    }
    auto view = buffer.getDefiningOp<ViewLikeOpInterface>();
    if (!view)
      return emitError(buffer.getLoc(), "has a size of unknown origin");
    buffer = view.getViewSource();
  }
}

struct OutlineKernels : public dsv2::impl::OutlineKernelsPassBase<OutlineKernels> {
  /// What makes two ops one kernel.
  using Key = std::pair<StringRef, Attribute>;

  LogicalResult outline(Operation *op, SymbolTable &symbols) {
    OpBuilder b(op);
    SmallVector<Attribute> identity{op->getDiscardableAttrDictionary(),
                                    op->getPropertiesAsAttribute()};
    SmallVector<StringAttr> counts;
    for (Value operand : op->getOperands()) {
      identity.push_back(TypeAttr::get(operand.getType()));
      StringAttr count;
      if (isa<MemRefType>(operand.getType())) {
        FailureOr<StringAttr> found = getCount(operand);
        if (failed(found))
          return failure();
        count = *found;
      }
      counts.push_back(count);
      identity.push_back(count ? Attribute(count) : b.getUnitAttr());
    }
    for (Attribute &part : identity)
      if (!part)
        part = b.getUnitAttr();
    func::FuncOp &kernel = kernels[{op->getName().getStringRef(), b.getArrayAttr(identity)}];
    if (!kernel) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(op->getParentOfType<func::FuncOp>());
      kernel = func::FuncOp::create(b, op->getLoc(), op->getName().stripDialect(),
                                    b.getFunctionType(op->getOperandTypes(), {}));
      kernel.setPrivate();
      kernel.setNoInline(true);
      symbols.insert(kernel);
      Block *body = kernel.addEntryBlock();
      for (auto [i, count] : llvm::enumerate(counts))
        if (count)
          kernel.setArgAttr(i, "dsv2.count", count);
      b.setInsertionPointToStart(body);
      Operation *clone = b.clone(*op);
      clone->setOperands(body->getArguments());
      func::ReturnOp::create(b, op->getLoc());
    }
    func::CallOp::create(b, op->getLoc(), kernel, op->getOperands());
    op->erase();
    return success();
  }

  void runOnOperation() override {
    kernels.clear();
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : getStepFunctions(getOperation()))
      for (Operation &op : llvm::make_early_inc_range(function.front()))
        if (isa<PlannedOpInterface>(op) && failed(outline(&op, symbols)))
          return signalPassFailure();
  }

  llvm::MapVector<Key, func::FuncOp> kernels;
};

} // namespace
