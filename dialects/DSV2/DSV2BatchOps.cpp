//===- DSV2BatchOps.cpp - The batch of a step -----------------------------===//
//
// Verifiers of ops that make or question a batch, and the bounds of counts.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult MakeBatchOp::verify() {
  BatchType batch = getBatch().getType();
  int64_t tokens = getPositions().getType().getDimSize(0);
  int64_t sequences = getPrefix().getType().getDimSize(0);
  auto dynamic = [](int64_t size) { return ShapedType::isDynamic(size); };
  // C1
  if (getSequence().getType().getDimSize(0) != tokens)
    return emitOpError("positions and sequence must have equal length, got ")
           << getPositions().getType() << " and " << getSequence().getType();
  int64_t starts = getStarts().getType().getDimSize(0);
  if (!dynamic(sequences) && !dynamic(starts) && starts != sequences + 1)
    return emitOpError("starts must be one longer than prefix, got ")
           << starts << " and " << sequences;
  if (getPageTable().getType().getDimSize(0) != sequences)
    return emitOpError("page table needs ") << sequences << " rows, got "
                                            << getPageTable().getType();
  // C2
  auto within = [&](int64_t size, int64_t maximum, StringRef name) -> LogicalResult {
    if (!dynamic(size) && size > maximum)
      return emitOpError() << name << " may be at most " << maximum << ", got "
                           << size;
    return success();
  };
  if (failed(within(tokens, batch.getTokens(), "tokens")) ||
      failed(within(sequences, batch.getSequences(), "sequences")))
    return failure();
  return within(getOutputRows().getType().getDimSize(0), batch.getOutputs(),
                "outputs");
}

LogicalResult BatchCountOp::verify() {
  // C1
  if (!BatchType::isCount(getCount()))
    return emitOpError("expected tokens, sequences, outputs or pages, got \"")
           << getCount() << "\"";
  return success();
}

void BatchCountOp::populateBoundsForIndexValue(Value value,
                                               ValueBoundsConstraintSet &set) {
  set.bound(value) >= 0;
  int64_t maximum = getBatch().getType().getMaximum(getCount());
  if (maximum >= 0)
    set.bound(value) <= maximum;
}

LogicalResult SelectOutputsOp::verify() {
  auto x = cast<ShapedType>(getX().getType());
  ShapedType result = getPlannedResultType(*this);
  // C1
  if (x.getElementType() != result.getElementType() ||
      x.getShape().drop_front() != result.getShape().drop_front())
    return emitOpError("result ") << result << " does not hold rows of " << x;
  return success();
}
