//===- Passes.td - Passes from dsv2 to dsv2 -----------------*- tablegen -*-===//
//
// Declarations, in the order in which the pipelines run them.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PASSES_TD
#define PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyLinearCachePass : Pass<"dsv2-verify-linear-cache", "::mlir::func::FuncOp"> {
  let summary = "checks that the cache is threaded linearly";
  let description = [{
    A cache value has exactly one consuming use (an append, a call or the
    return), every reader stands before it, and none is inside a region. So
    bufferization updates the cache in place, across calls.

    Changes nothing.
  }];
}

#endif // PASSES_PASSES_TD
