//===- OpCost.cpp - Bytes, FLOPs and time of one op -----------------------===//
//
// Finds an op's cost by its type.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/OpCost.h"
#include "passes/cost/OpCosts.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::dsv2;

namespace {

template <typename... Ops> struct OpList {
  static std::optional<OpCost> getCost(Operation *op, const Sizes &sizes) {
    std::optional<OpCost> result;
    auto attempt = [&]<typename Op>(Op *) {
      auto typed = dyn_cast<Op>(op);
      if (typed)
        result = cost::getCost(typed, sizes);
      return bool(typed);
    };
    (void)(attempt(static_cast<Ops *>(nullptr)) || ...);
    return result;
  }
  static bool contains(TypeID id) { return ((id == TypeID::get<Ops>()) || ...); }
};

/// Every op that has a cost.
using KnownOps =
    OpList<ZerosOp, SelectOutputsOp, EmbedOp, AddOp, RmsNormOp, LinearOp, AddRmsNormOp,
           LinearsOp, NormLinearsOp, ArgmaxOp, RopeTableOp, RopeOp, SwigluOp, AppendLatentOp, MlaAttentionOp, HeadLinearOp, LatentAttentionOp,
           ExpandedAttentionOp, RouteOp, SelectExpertsOp, ExpertMlpOp, DispatchOp,
           GroupedLinearOp, CombineOp, GatedLinearOp, GroupedGatedLinearOp, GroupedCombineOp>;

} // namespace

OpCost &OpCost::operator+=(const OpCost &other) {
  if (other.dotFlops > dotFlops)
    dotType = other.dotType;
  weightBytes += other.weightBytes;
  expertBytes += other.expertBytes;
  cacheBytes += other.cacheBytes;
  activationBytes += other.activationBytes;
  dotFlops += other.dotFlops;
  vectorFlops += other.vectorFlops;
  return *this;
}

StringRef mlir::dsv2::stringifyBound(Bound bound) {
  return bound == Bound::Memory ? "memory" : bound == Bound::Compute ? "compute" : "launch";
}

std::optional<OpCost> mlir::dsv2::getOpCost(Operation *op, const Workload &workload) {
  return KnownOps::getCost(op, Sizes(workload));
}

bool mlir::dsv2::hasOpCost(OperationName name) { return KnownOps::contains(name.getTypeID()); }

Prediction mlir::dsv2::predict(const OpCost &cost, const TargetModel &target, bool launches) {
  bool cached = cost.activationBytes <= double(target.lastLevelBytes);
  double memory =
      (cost.weightBytes + cost.cacheBytes) / target.memoryBandwidth +
      cost.activationBytes / (cached ? target.cacheBandwidth : target.memoryBandwidth);
  double arithmetic =
      cost.dotFlops / target.peak(cost.dotType) + cost.vectorFlops / target.peakF32;
  double launch = launches ? target.launchSeconds : 0;
  double work = std::max(memory, arithmetic);
  return {work + launch, launch >= work       ? Bound::Launch
                         : memory > arithmetic ? Bound::Memory
                                               : Bound::Compute};
}
