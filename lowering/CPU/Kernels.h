//===- Kernels.h - One lowering for each planned op -------------*- C++ -*-===//
//
// Each function emits the SPMD region of one op in buffer form at the
// builder's insertion point. Every thread runs it; regions need no barrier of
// their own unless they say so. The op is erased by the caller.
//
// What an op's verifier leaves open and a lowering cannot do is an error on the
// op, and failure: the module is then half converted.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_KERNELS_H
#define LOWERING_CPU_KERNELS_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

// Rows.cpp: row by row, no weights to stream.
void lowerEmbed(EmbedOp op, KernelBuilder &k);
void lowerZeros(ZerosOp op, KernelBuilder &k);
void lowerAdd(AddOp op, KernelBuilder &k);
void lowerRmsNorm(RmsNormOp op, KernelBuilder &k);
void lowerAddRmsNorm(AddRmsNormOp op, KernelBuilder &k);
void lowerSwiglu(SwigluOp op, KernelBuilder &k);
void lowerSelectOutputs(SelectOutputsOp op, KernelBuilder &k);

// Argmax.cpp
void lowerArgmax(ArgmaxOp op, KernelBuilder &k);

// Rope.cpp
void lowerRopeTable(RopeTableOp op, KernelBuilder &k);
void lowerRope(RopeOp op, KernelBuilder &k);

// Linear.cpp, NormLinears.cpp, HeadLinear.cpp, GroupedLinear.cpp: packed weights.
LogicalResult lowerLinear(LinearOp op, KernelBuilder &k);
LogicalResult lowerLinears(LinearsOp op, KernelBuilder &k);
// Has a barrier of its own where rows are many, and two around a choice.
LogicalResult lowerNormLinears(NormLinearsOp op, KernelBuilder &k);
LogicalResult lowerHeadLinear(HeadLinearOp op, KernelBuilder &k);
LogicalResult lowerGroupedLinear(GroupedLinearOp op, KernelBuilder &k);

// GatedLinear.cpp, GroupedGatedLinear.cpp, GroupedCombine.cpp: products and what
// follows them.
LogicalResult lowerGatedLinear(GatedLinearOp op, KernelBuilder &k);
LogicalResult lowerGroupedGatedLinear(GroupedGatedLinearOp op, KernelBuilder &k);
LogicalResult lowerGroupedCombine(GroupedCombineOp op, KernelBuilder &k);

// Experts.cpp
void lowerSelectExperts(SelectExpertsOp op, KernelBuilder &k);
void lowerDispatch(DispatchOp op, KernelBuilder &k);
void lowerCombine(CombineOp op, KernelBuilder &k);

// LatentAttention.cpp, ExpandedAttention.cpp
void lowerAppendLatent(AppendLatentOp op, KernelBuilder &k);
// Has barriers of its own where threads share a context.
void lowerLatentAttention(LatentAttentionOp op, KernelBuilder &k);
LogicalResult lowerExpandedAttention(ExpandedAttentionOp op, KernelBuilder &k);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_KERNELS_H
