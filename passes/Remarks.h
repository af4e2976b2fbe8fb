//===- Remarks.h - Where a pass's remark belongs ----------------*- C++ -*-===//
//
// Remarks of all passes name the pass, the kind of decision and the function, so
// that readers of the file can group them.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_REMARKS_H
#define PASSES_REMARKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace mlir::dsv2 {

/// A decision of the kind `name` by `pass` about `op`, which must still be in its
/// function (or be one).
inline remark::RemarkOpts remarkOn(Operation *op, StringRef name, StringRef pass) {
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function)
    function = op->getParentOfType<func::FuncOp>();
  return remark::RemarkOpts::name(name).category(pass).function(
      function ? function.getName() : StringRef());
}

} // namespace mlir::dsv2

#endif // PASSES_REMARKS_H
