//===- CallOrder.cpp - Functions of a module, callees first ---------------===//
//
// Depth-first over calls.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/CallOrder.h"
#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;

SmallVector<func::FuncOp> dsv2::getStepFunctions(ModuleOp module) {
  SymbolTable symbols(module);
  SmallVector<func::FuncOp> order;
  llvm::DenseSet<Operation *> seen;
  std::function<void(func::FuncOp)> visit = [&](func::FuncOp function) {
    if (!function || function.isExternal() || function->hasAttr("dsv2.weight_program") ||
        function->hasAttr("dsv2.classifier") || !seen.insert(function).second)
      return;
    function.walk([&](func::CallOp call) {
      visit(symbols.lookup<func::FuncOp>(call.getCallee()));
    });
    order.push_back(function);
  };
  for (auto function : module.getOps<func::FuncOp>())
    visit(function);
  return order;
}

Value dsv2::getBatchArgument(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (isa<BatchType>(argument.getType()))
      return argument;
  return {};
}
