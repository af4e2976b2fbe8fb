//===- AttentionChoice.h - What can be chosen about attention ---*- C++ -*-===//
//
// Values of options of `dsv2-absorb-mla-projections`.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ATTENTIONCHOICE_H
#define PASSES_ATTENTIONCHOICE_H

namespace mlir::dsv2 {

/// Forms that `dsv2-absorb-mla-projections` gives to an attention op.
enum class AttentionForm { Auto, Split, Factored, Merged, Expanded };

/// How an absorbed form applies one of its projections.
enum class ProjectionForm { Auto, Factored, Merged };

} // namespace mlir::dsv2

#endif // PASSES_ATTENTIONCHOICE_H
