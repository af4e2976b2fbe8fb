//===- CostTarget.h - The machine that a compilation decides by -*- C++ -*-===//
//
// From `--cost-target`, or `--target`, to the cost model's figures, and from
// these to the manifest's.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_COSTTARGET_H
#define TOOLS_DRIVER_COSTTARGET_H

#include "mlir/IR/Location.h"
#include "passes/cost/TargetModel.h"
#include "runtime/bundle/TargetFile.h"

namespace mlir::dsv2 {

/// The machine called `option`: a built-in one or, where there is none of that
/// name, a file. With an empty option the first of `targets` (what `--target`
/// listed) that is a built-in machine, else the best of `variants`. Never a
/// measurement. Errors: a diagnostic.
FailureOr<TargetModel> resolveCostTarget(const std::string &option,
                                         llvm::ArrayRef<std::string> targets,
                                         llvm::ArrayRef<std::string> variants, Location loc);

/// The figures of a machine, in the units of files.
::dsv2::bundle::TargetFigures figuresOf(const TargetModel &target);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_COSTTARGET_H
