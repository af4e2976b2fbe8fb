//===- Bufferization.cpp - How dsv2 ops become buffer ops -----------------===//
//
// One model serves all planned ops in destination form: clone with buffers.
// The value form is refused: `dsv2-to-destination-passing` comes first.
//
//===----------------------------------------------------------------------===//

#include "passes/Bufferization.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::bufferization;

namespace {

bool isInit(Operation *op, OpOperand &operand) {
  MutableOperandRange inits = cast<PlannedOpInterface>(op).getInitsMutable();
  return llvm::any_of(inits, [&](OpOperand &init) { return &init == &operand; });
}

template <typename OpT>
struct PlannedModel
    : public BufferizableOpInterface::ExternalModel<PlannedModel<OpT>, OpT> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !isInit(op, operand) || cast<PlannedOpInterface>(op).readsInits();
  }
  bool bufferizesToMemoryWrite(Operation *op, OpOperand &operand,
                               const AnalysisState &) const {
    return isInit(op, operand);
  }
  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &) const {
    if (!isInit(op, operand))
      return {};
    MutableOperandRange inits = cast<PlannedOpInterface>(op).getInitsMutable();
    unsigned first = inits.begin()->getOperandNumber();
    return {{op->getResult(operand.getOperandNumber() - first),
             BufferRelation::Equivalent}};
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    if (cast<PlannedOpInterface>(op).getInitsMutable().empty())
      return op->emitOpError("has no destination: run dsv2-to-destination-passing "
                             "before bufferization");
    SmallVector<Value> operands, outs;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<TensorType>(operand.get().getType())) {
        operands.push_back(operand.get());
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
      if (isInit(op, operand))
        outs.push_back(*buffer);
    }
    mlir::clone(rewriter, op, TypeRange{}, operands);
    replaceOpWithBufferizedValues(rewriter, op, outs);
    return success();
  }
};

struct WeightModel
    : public BufferizableOpInterface::ExternalModel<WeightModel, WeightOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(MemRefType::get(type.getShape(), type.getElementType()));
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &, BufferizationState &) const {
    auto weight = cast<WeightOp>(op);
    auto type = cast<RankedTensorType>(weight.getType());
    auto buffer = WeightOp::create(rewriter, op->getLoc(),
                                   MemRefType::get(type.getShape(), type.getElementType()),
                                   weight.getNameAttr(), weight.getSlotAttr());
    replaceOpWithBufferizedValues(rewriter, op, buffer.getResult());
    return success();
  }
};

/// Reads its value, in either form.
struct ProbeModel : public BufferizableOpInterface::ExternalModel<ProbeModel, ProbeOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const {
    return {};
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    auto probe = cast<ProbeOp>(op);
    FailureOr<Value> buffer = getBuffer(rewriter, probe.getValue(), options, state);
    if (failed(buffer))
      return failure();
    rewriter.modifyOpInPlace(probe, [&] { probe.getValueMutable().assign(*buffer); });
    return success();
  }
};

template <typename... Ops> void attachPlanned(MLIRContext *context) {
  (Ops::template attachInterface<PlannedModel<Ops>>(*context), ...);
}

} // namespace

void dsv2::registerBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, DSV2Dialect *) {
    attachPlanned<AddOp, AddRmsNormOp, AppendLatentOp, ArgmaxOp, CombineOp, DispatchOp, EmbedOp,
                  ExpandedAttentionOp, ExpertMlpOp, GatedLinearOp, GroupedCombineOp,
                  GroupedGatedLinearOp, GroupedLinearOp, HeadLinearOp, LatentAttentionOp, LinearOp,
                  LinearsOp, MlaAttentionOp, NormLinearsOp, RmsNormOp, RopeOp, RopeTableOp, RouteOp,
                  SelectExpertsOp,
                  SelectOutputsOp, SwigluOp, ZerosOp>(context);
    ProbeOp::attachInterface<ProbeModel>(*context);
    WeightOp::attachInterface<WeightModel>(*context);
  });
}
