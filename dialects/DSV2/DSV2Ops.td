//===- DSV2Ops.td - All dsv2 ops, by theme ------------------*- tablegen -*-===//
//
// Include-only umbrella.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2OPS_TD
#define DIALECTS_DSV2_DSV2OPS_TD

include "dialects/DSV2/DSV2AttentionOps.td"
include "dialects/DSV2/DSV2BatchOps.td"
include "dialects/DSV2/DSV2ExpertOps.td"
include "dialects/DSV2/DSV2LayerOps.td"
include "dialects/DSV2/DSV2ProbeOps.td"
include "dialects/DSV2/DSV2WeightOps.td"

#endif // DIALECTS_DSV2_DSV2OPS_TD
