//===- DSV2ExpertOps.cpp - Mixture of experts -----------------------------===//
//
// Verifiers.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

/// C2 and C3 of route and select_experts.
static LogicalResult verifyChoice(Operation *op, int64_t experts, int64_t groups,
                                  int64_t kept) {
  if (getNumPlannedResults(op) != 2)
    return op->emitOpError("has two results, weights and experts");
  ShapedType weights = getPlannedResultType(op, 0), ids = getPlannedResultType(op, 1);
  // C2
  if (weights.getRank() != 2 || ids.getShape() != weights.getShape() ||
      !weights.getElementType().isF32() || !ids.getElementType().isInteger(32))
    return op->emitOpError("results must be f32 and i32 of one shape, got ")
           << weights << " and " << ids;
  int64_t k = weights.getDimSize(1);
  if (k <= 0 || k > experts)
    return op->emitOpError("cannot choose ") << k << " of " << experts << " experts";
  // C3
  if (groups <= 0 || experts % groups)
    return op->emitOpError("groups = ") << groups << " does not divide " << experts << " experts";
  if (kept <= 0 || kept > groups)
    return op->emitOpError("kept_groups = ") << kept << " is not in 1.." << groups;
  if (experts / groups * kept < k)
    return op->emitOpError("kept groups hold ")
           << experts / groups * kept << " experts, fewer than " << k;
  return success();
}

LogicalResult RouteOp::verify() {
  ShapedType x = shaped(getX()), gate = shaped(getGate());
  // C1
  if (x.getRank() != 2 || gate.getRank() != 2 || x.getDimSize(1) != gate.getDimSize(1))
    return emitOpError("gate ") << gate << " does not take rows of " << x;
  return verifyChoice(*this, gate.getDimSize(0), getGroups(), getKeptGroups());
}

LogicalResult SelectExpertsOp::verify() {
  ShapedType logits = shaped(getLogits());
  // C1
  if (logits.getRank() != 2)
    return emitOpError("logits must be [tokens, experts], got ") << logits;
  return verifyChoice(*this, logits.getDimSize(1), getGroups(), getKeptGroups());
}

LogicalResult ExpertMlpOp::verify() {
  ShapedType x = shaped(getX()), weights = shaped(getWeights()),
             experts = shaped(getExperts()), gate = shaped(getGate()),
             up = shaped(getUp()), down = shaped(getDown());
  // C1
  if (x.getRank() != 2 || getPlannedResultType(*this).getShape() != x.getShape())
    return emitOpError("result ") << getPlannedResultType(*this)
                                  << " does not have the shape of " << x;
  // C2
  if (weights.getRank() != 2 || weights.getShape() != experts.getShape())
    return emitOpError("weights ") << weights << " and experts " << experts << " differ in shape";
  // C3
  if (gate.getRank() != 3 || gate.getShape() != up.getShape() || down.getRank() != 3 ||
      gate.getDimSize(2) != x.getDimSize(1) || down.getDimSize(0) != gate.getDimSize(0) ||
      down.getDimSize(1) != x.getDimSize(1) || down.getDimSize(2) != gate.getDimSize(1))
    return emitOpError("gate ") << gate << ", up " << up << " and down " << down
                                << " do not fit rows of " << x;
  return success();
}

LogicalResult DispatchOp::verify() {
  if (getNumPlannedResults(*this) != 3)
    return emitOpError("has three results: offsets, order, places");
  ShapedType experts = shaped(getExperts());
  // C1
  if (experts.getRank() != 2 ||
      getPlannedResultType(*this, 1).getShape() != experts.getShape() ||
      getPlannedResultType(*this, 2).getShape() != experts.getShape())
    return emitOpError("order ") << getPlannedResultType(*this, 1) << " and places "
                                 << getPlannedResultType(*this, 2)
                                 << " must have the shape of " << experts;
  // C2
  ShapedType offsets = getPlannedResultType(*this, 0);
  if (offsets.getRank() != 1 || !offsets.hasStaticShape() || offsets.getDimSize(0) < 2)
    return emitOpError("offsets must be [experts + 1], got ") << offsets;
  // C3
  if (std::optional<int64_t> tokens = getUnsortedTokens(); tokens && *tokens <= 0)
    return emitOpError("unsorted_tokens must be positive, got ") << *tokens;
  return success();
}

LogicalResult GroupedLinearOp::verify() {
  ShapedType x = shaped(getX()), offsets = shaped(getOffsets()),
             order = shaped(getOrder()), weight = shaped(getWeight()),
             result = getPlannedResultType(*this);
  // C2
  if (order.getRank() != 2 || result.getRank() != 3 ||
      result.getDimSize(1) != order.getDimSize(1) ||
      (x.getRank() != 2 && x.getRank() != 3) ||
      (x.getRank() == 3 && x.getDimSize(1) != order.getDimSize(1)))
    return emitOpError("rows of ") << x << " in order " << order << " do not give " << result;
  // C1
  int64_t experts = offsets.getDimSize(0) - 1;
  if (!isWeightShape(weight, {experts}, result.getDimSize(2), x.getShape().back()))
    return emitOpError("weight ") << weight << " does not take " << x << " to " << result
                                  << " for " << experts << " experts";
  return success();
}

LogicalResult CombineOp::verify() {
  ShapedType y = shaped(getY()), places = shaped(getPlaces()),
             weights = shaped(getWeights()), result = getPlannedResultType(*this);
  // C1
  if (y.getRank() != 3 || places.getShape() != weights.getShape() ||
      places.getRank() != 2 || places.getDimSize(1) != y.getDimSize(1) ||
      result.getRank() != 2 || result.getDimSize(1) != y.getDimSize(2))
    return emitOpError("cannot combine ") << y << " at " << places << " with " << weights
                                          << " to " << result;
  return success();
}

/// C4 of grouped_gated_linear and grouped_combine.
template <typename Op> static LogicalResult verifyUnsorted(Op op, ShapedType order) {
  std::optional<int64_t> tokens = op.getUnsortedTokens();
  if (bool(op.getExperts()) != tokens.has_value())
    return op.emitOpError("takes experts and unsorted_tokens together");
  if (!tokens)
    return success();
  if (shaped(op.getExperts()).getShape() != order.getShape())
    return op.emitOpError("experts ")
           << shaped(op.getExperts()) << " must have the shape of " << order;
  if (*tokens <= 0)
    return op.emitOpError("unsorted_tokens must be positive, got ") << *tokens;
  return success();
}

LogicalResult GroupedGatedLinearOp::verify() {
  ShapedType x = shaped(getX()), offsets = shaped(getOffsets()), order = shaped(getOrder()),
             gate = shaped(getGate()), up = shaped(getUp()), result = getPlannedResultType(*this);
  // C1
  if (x.getRank() != 2 || order.getRank() != 2 || result.getRank() != 3 ||
      result.getDimSize(1) != order.getDimSize(1) ||
      result.getElementType() != x.getElementType())
    return emitOpError("rows of ") << x << " in order " << order << " do not give " << result;
  // C2
  auto sameType = [](ShapedType a, ShapedType b) {
    return a.getShape() == b.getShape() && a.getElementType() == b.getElementType();
  };
  if (offsets.getRank() != 1 || !sameType(gate, up) ||
      !isWeightShape(gate, {offsets.getDimSize(0) - 1}, result.getDimSize(2), x.getDimSize(1)))
    return emitOpError("gate ") << gate << " and up " << up << " do not take " << x << " to "
                                << result << " for offsets " << offsets;
  // C3
  bool hasShared = bool(getSharedGate());
  if (hasShared != bool(getSharedUp()) || getNumPlannedResults(*this) != (hasShared ? 2u : 1u))
    return emitOpError("has a second result with both shared weights, and one without");
  if (hasShared) {
    ShapedType sharedGate = shaped(getSharedGate()), sharedUp = shaped(getSharedUp()),
               shared = getPlannedResultType(*this, 1);
    if (shared.getRank() != 2 || shared.getDimSize(0) != x.getDimSize(0) ||
        shared.getElementType() != x.getElementType() || !sameType(sharedGate, sharedUp) ||
        !isWeightShape(sharedGate, {}, shared.getDimSize(1), x.getDimSize(1)))
      return emitOpError("shared gate ") << sharedGate << " and up " << sharedUp
                                         << " do not take " << x << " to " << shared;
  }
  // C4
  return verifyUnsorted(*this, order);
}

LogicalResult GroupedCombineOp::verify() {
  ShapedType x = shaped(getX()), offsets = shaped(getOffsets()), order = shaped(getOrder()),
             weights = shaped(getWeights()), down = shaped(getDown()),
             result = getPlannedResultType(*this);
  // C1
  if (x.getRank() != 3 || order.getRank() != 2 || order.getDimSize(1) != x.getDimSize(1) ||
      weights.getShape() != order.getShape() || result.getRank() != 2 ||
      result.getElementType() != x.getElementType())
    return emitOpError("cannot combine rows of ")
           << x << " in order " << order << " with " << weights << " to " << result;
  // C2
  if (offsets.getRank() != 1 ||
      !isWeightShape(down, {offsets.getDimSize(0) - 1}, result.getDimSize(1), x.getDimSize(2)))
    return emitOpError("down ") << down << " does not take " << x << " to " << result
                                << " for offsets " << offsets;
  // C3
  if (bool(getSharedX()) != bool(getSharedDown()))
    return emitOpError("takes shared_x and shared_down together");
  if (getSharedX()) {
    ShapedType shared = shaped(getSharedX()), sharedDown = shaped(getSharedDown());
    if (shared.getRank() != 2 || shared.getElementType() != x.getElementType() ||
        !isWeightShape(sharedDown, {}, result.getDimSize(1), shared.getDimSize(1)))
      return emitOpError("shared down ")
             << sharedDown << " does not take " << shared << " to " << result;
  }
  // C4
  return verifyUnsorted(*this, order);
}
