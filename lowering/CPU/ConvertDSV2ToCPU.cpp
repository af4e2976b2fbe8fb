//===- ConvertDSV2ToCPU.cpp - Planned dsv2 to SPMD loops ------------------===//
//
// The pass: functions get the ABI of a step, ops are lowered one by one
// (Kernels.h), and what remains of dsv2 becomes loads from the context.
//
// Every buffer that crosses a function is contiguous, so it crosses as a bare
// pointer; its one dynamic size is a count of the batch (`dsv2.count`).
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/Passes.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_CONVERTDSV2TOCPUPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

BatchField getCountField(StringRef count) {
  return llvm::StringSwitch<BatchField>(count)
      .Case("tokens", BatchField::Tokens)
      .Case("sequences", BatchField::Sequences)
      .Case("outputs", BatchField::Outputs)
      .Default(BatchField::Pages);
}

/// What all kernels take for granted and the ops' verifiers leave open.
LogicalResult checkKernelOperands(Operation *op) {
  for (Type type : op->getOperandTypes()) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref)
      continue;
    Type element = memref.getElementType();
    if (isa<FloatType>(element) && !element.isBF16() && !element.isF32())
      return op->emitOpError("is lowered for bf16 and f32, got ") << memref;
  }
  int64_t rank = getPlannedResultType(op).getRank();
  if (isa<AddOp, SwigluOp, ZerosOp>(op) && rank != 2 && rank != 3)
    return op->emitOpError("is lowered for rows of tokens or of their heads, got ")
           << getPlannedResultType(op);
  return success();
}

/// The cache's encoding, its memory space until here, means nothing to LLVM.
void dropCacheLayout(Value value) {
  if (!isa<MemRefType>(value.getType()) || !getCacheLayout(value.getType()))
    return;
  auto type = cast<MemRefType>(value.getType());
  value.setType(MemRefType::get(type.getShape(), type.getElementType(), type.getLayout()));
}

struct ConvertDSV2ToCPU
    : public dsv2::impl::ConvertDSV2ToCPUPassBase<ConvertDSV2ToCPU> {
  using ConvertDSV2ToCPUPassBase::ConvertDSV2ToCPUPassBase;

  /// A contiguous memref over `pointer`; `count` is its leading dynamic size.
  Value makeMemRef(KernelBuilder &k, MemRefType type, Value pointer, Value count) {
    ImplicitLocOpBuilder &b = k.b;
    auto descriptor = MemRefDescriptor::poison(b, b.getLoc(), converter->convertType(type));
    descriptor.setAllocatedPtr(b, b.getLoc(), pointer);
    descriptor.setAlignedPtr(b, b.getLoc(), pointer);
    descriptor.setConstantOffset(b, b.getLoc(), 0);
    auto constant = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(value));
    };
    Value stride = constant(1);
    for (int64_t i = type.getRank() - 1; i >= 0; --i) {
      Value size = type.isDynamicDim(i)
                       ? arith::IndexCastOp::create(b, b.getI64Type(), count).getResult()
                       : constant(type.getDimSize(i));
      descriptor.setSize(b, b.getLoc(), i, size);
      descriptor.setStride(b, b.getLoc(), i, stride);
      if (i)
        stride = LLVM::MulOp::create(b, b.getI64Type(), stride, size);
    }
    return UnrealizedConversionCastOp::create(b, type, Value(descriptor)).getResult(0);
  }

  /// Address of a contiguous buffer. Views are followed to what they view, so
  /// that functions of calls alone need no memref.
  Value getPointer(ImplicitLocOpBuilder &b, Value buffer) {
    if (Value pointer = pointers.lookup(buffer))
      return pointer;
    auto type = LLVM::LLVMPointerType::get(b.getContext());
    if (auto view = buffer.getDefiningOp<memref::ViewOp>()) {
      Value base = getPointer(b, view->getOperand(0)); // no memref any more
      Value shift = arith::IndexCastOp::create(b, b.getI64Type(), view.getByteShift());
      return LLVM::GEPOp::create(b, type, b.getI8Type(), base, ValueRange{shift});
    }
    if (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
      return getPointer(b, view->getOperand(0));
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, buffer);
    Value integer = arith::IndexCastOp::create(b, b.getI64Type(), address);
    return LLVM::IntToPtrOp::create(b, type, integer);
  }

  /// Whether `function` computes; otherwise it only hands buffers to calls.
  static bool hasKernel(func::FuncOp function) {
    return !llvm::all_of(function.front(), [](Operation &op) {
      return isa<WeightOp, BatchCountOp, BarrierOp, func::CallOp, func::ReturnOp,
                 arith::ConstantOp, ViewLikeOpInterface>(op);
    });
  }

  /// Which field of the context holds this argument of `@step`.
  FailureOr<ContextField> getStepField(func::FuncOp step, unsigned i, MemRefType type) {
    if (step.getArgAttr(i, "dsv2.arena"))
      return ContextField::Arena;
    if (step.getArgAttr(i, "dsv2.destination"))
      return type.getElementType().isInteger(32) ? ContextField::Choices : ContextField::Logits;
    if (type.getElementType().isInteger(32))
      return ContextField::Ids;
    if (type.getRank() == 4)
      return ContextField::Cache;
    return step.emitError("argument #") << i << " of @step has no place in the context";
  }

  /// Gives `function` its ABI: `(context, thread, threads, pointers and
  /// indices...)`, or for `@step` the first three alone.
  LogicalResult convertSignature(func::FuncOp function, const CPUTarget &target) {
    MLIRContext *context = &getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    auto index = IndexType::get(context);
    Block &entry = function.front();
    bool isStep = function.isPublic() && function.getName() == "step";
    unsigned old = function.getNumArguments();
    Value ctx = entry.insertArgument(0u, pointer, function.getLoc());
    Value thread = entry.insertArgument(1u, index, function.getLoc());
    Value threads = entry.insertArgument(2u, index, function.getLoc());
    auto b = ImplicitLocOpBuilder::atBlockBegin(function.getLoc(), &entry);
    KernelBuilder k(b, target, ctx, thread, threads, scratchBytes);

    bool kernel = kernels.contains(function);
    llvm::BitVector drop(entry.getNumArguments());
    for (unsigned i = 0; i < old; ++i) {
      BlockArgument argument = entry.getArgument(i + 3);
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type) {
        if (isa<BatchType>(argument.getType()))
          drop.set(i + 3); // reached through the context
        else if (isStep || !argument.getType().isIndex())
          return function.emitError("argument #") << i << " has type " << argument.getType()
                                                  << ", which the ABI does not know";
        continue;
      }
      Value address, count;
      auto counted = function.getArgAttrOfType<StringAttr>(i, "dsv2.count");
      if (!type.hasStaticShape()) {
        if (!counted)
          return function.emitError("argument #") << i << " has a dynamic size without dsv2.count";
        if (type.getNumDynamicDims() != 1)
          return function.emitError("argument #")
                 << i << " has more than one dynamic size: " << type;
        count = k.batchCount(getCountField(counted));
      }
      if (isStep) {
        FailureOr<ContextField> field = getStepField(function, i, type);
        if (failed(field))
          return failure();
        address = k.contextField(*field, pointer);
        drop.set(i + 3);
        if (!kernel) {
          pointers[argument] = address;
          continue;
        }
        argument.replaceAllUsesWith(makeMemRef(k, type, address, count));
        continue;
      }
      if (!kernel) {
        argument.setType(pointer);
        pointers[argument] = argument;
        continue;
      }
      argument.setType(pointer);
      SmallVector<Operation *> users(argument.getUsers());
      Value memref = makeMemRef(k, type, argument, count);
      argument.replaceUsesWithIf(memref, [&](OpOperand &use) {
        return llvm::is_contained(users, use.getOwner());
      });
    }
    // Batch arguments of ops about to be lowered.
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (drop.test(i))
        erased[function].push_back(i);
    function.setArgAttrsAttr(nullptr);
    return success();
  }

  /// Erases the arguments that nothing uses once all ops are lowered.
  void dropArguments(func::FuncOp function) {
    Block &entry = function.front();
    for (unsigned i : llvm::reverse(erased[function]))
      entry.eraseArgument(i);
    function.setType(FunctionType::get(&getContext(), entry.getArgumentTypes(),
                                       function.getResultTypes()));
    if (function.isPublic()) {
      if (function.getName() == "step")
        function.setName("dsv2_" + function.getName().str());
      return;
    }
    // func-to-llvm would export it, and LLVM would inline it.
    function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(&getContext(),
                                                             LLVM::Linkage::Internal));
    function->setAttr("passthrough", ArrayAttr::get(&getContext(),
                                                    {StringAttr::get(&getContext(), "noinline")}));
  }

  /// `Dsv2Absorbs` returns 64 bits: of an i1, the register's others would be
  /// undefined.
  void convertClassifier(func::FuncOp function) {
    function.setName("dsv2_" + function.getName().str());
    auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
    OpBuilder b(terminator);
    terminator->setOperand(0, arith::ExtUIOp::create(b, terminator.getLoc(), b.getI64Type(),
                                                     terminator.getOperand(0)));
    function.setFunctionType(b.getFunctionType(function.getArgumentTypes(), b.getI64Type()));
  }

  void lowerCall(func::CallOp call, Value ctx, Value thread, Value threads) {
    ImplicitLocOpBuilder b(call.getLoc(), call);
    SmallVector<Value> operands{ctx, thread, threads};
    for (Value operand : call.getOperands()) {
      if (isa<BatchType>(operand.getType()))
        continue;
      operands.push_back(isa<MemRefType>(operand.getType()) ? getPointer(b, operand) : operand);
    }
    func::CallOp::create(b, call.getCallee(), TypeRange{}, operands);
    call.erase();
  }

  LogicalResult lowerOp(Operation *op, KernelBuilder &k) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](EmbedOp o) { return lowerEmbed(o, k), success(); })
        .Case([&](ZerosOp o) { return lowerZeros(o, k), success(); })
        .Case([&](AddOp o) { return lowerAdd(o, k), success(); })
        .Case([&](RmsNormOp o) { return lowerRmsNorm(o, k), success(); })
        .Case([&](AddRmsNormOp o) { return lowerAddRmsNorm(o, k), success(); })
        .Case([&](SwigluOp o) { return lowerSwiglu(o, k), success(); })
        .Case([&](SelectOutputsOp o) { return lowerSelectOutputs(o, k), success(); })
        .Case([&](ArgmaxOp o) { return lowerArgmax(o, k), success(); })
        .Case([&](RopeTableOp o) { return lowerRopeTable(o, k), success(); })
        .Case([&](RopeOp o) { return lowerRope(o, k), success(); })
        .Case([&](LinearOp o) { return lowerLinear(o, k); })
        .Case([&](LinearsOp o) { return lowerLinears(o, k); })
        .Case([&](NormLinearsOp o) { return lowerNormLinears(o, k); })
        .Case([&](HeadLinearOp o) { return lowerHeadLinear(o, k); })
        .Case([&](GroupedLinearOp o) { return lowerGroupedLinear(o, k); })
        .Case([&](GatedLinearOp o) { return lowerGatedLinear(o, k); })
        .Case([&](GroupedGatedLinearOp o) { return lowerGroupedGatedLinear(o, k); })
        .Case([&](GroupedCombineOp o) { return lowerGroupedCombine(o, k); })
        .Case([&](SelectExpertsOp o) { return lowerSelectExperts(o, k), success(); })
        .Case([&](DispatchOp o) { return lowerDispatch(o, k), success(); })
        .Case([&](CombineOp o) { return lowerCombine(o, k), success(); })
        .Case([&](AppendLatentOp o) { return lowerAppendLatent(o, k), success(); })
        .Case([&](LatentAttentionOp o) { return lowerLatentAttention(o, k), success(); })
        .Case([&](ExpandedAttentionOp o) { return lowerExpandedAttention(o, k); })
        .Default([](Operation *other) {
          return other->emitOpError("has no lowering to the CPU; run the passes of the "
                                    "optimized stage first");
        });
  }

  LogicalResult lowerBody(func::FuncOp function, const CPUTarget &target) {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Block &entry = function.front();
    Value ctx = entry.getArgument(0), thread = entry.getArgument(1), threads = entry.getArgument(2);
    bool kernel = kernels.contains(function);
    for (Operation &op : llvm::make_early_inc_range(entry)) {
      ImplicitLocOpBuilder b(op.getLoc(), &op);
      KernelBuilder k(b, target, ctx, thread, threads, scratchBytes);
      if (auto call = dyn_cast<func::CallOp>(&op)) {
        lowerCall(call, ctx, thread, threads);
      } else if (auto count = dyn_cast<BatchCountOp>(&op)) {
        count.replaceAllUsesWith(k.batchCount(getCountField(count.getCount())));
        op.erase();
      } else if (auto weight = dyn_cast<WeightOp>(&op)) {
        Value table = k.contextField(ContextField::Weights, pointer);
        Value slot = LLVM::GEPOp::create(b, pointer, pointer, table,
                                         ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(int32_t(weight.getSlot()))});
        auto address = LLVM::LoadOp::create(b, pointer, slot);
        address.setInvariant(true);
        if (kernel)
          weight.replaceAllUsesWith(
              makeMemRef(k, cast<MemRefType>(weight.getType()), address, {}));
        else
          pointers[weight] = address;
      } else if (auto barrier = dyn_cast<BarrierOp>(&op)) {
        k.barrier(barrier.getNumber());
        op.erase();
      } else if (isa<PlannedOpInterface>(&op)) {
        if (failed(checkKernelOperands(&op)) || failed(lowerOp(&op, k)))
          return failure();
        op.erase();
      }
    }
    // Weights, and the views that only calls used.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(entry)))
      if (isa<WeightOp>(op) || (isa<ViewLikeOpInterface>(op) && op.use_empty()))
        op.erase();
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const CPUTarget *target = findCPUTarget(variant);
    if (!target) {
      module.emitError("unknown CPU variant \"") << variant << "\"";
      return signalPassFailure();
    }
    LLVMTypeConverter typeConverter(&getContext());
    converter = &typeConverter;
    scratchBytes = 0;
    erased.clear();
    pointers.clear();

    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function->hasAttr("dsv2.classifier")) {
        convertClassifier(function);
        continue;
      }
      if (!function.isExternal())
        functions.push_back(function);
    }
    for (func::FuncOp function : functions) {
      for (Value argument : function.getArguments())
        dropCacheLayout(argument);
      function.walk([](Operation *op) { llvm::for_each(op->getResults(), dropCacheLayout); });
    }
    // For the interpreter alone.
    module.walk([](ProbeOp probe) { probe.erase(); });
    kernels.clear();
    for (func::FuncOp function : functions)
      if (hasKernel(function))
        kernels.insert(function);
    for (func::FuncOp function : functions)
      if (failed(convertSignature(function, *target)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(lowerBody(function, *target)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      dropArguments(function);

    auto b = ImplicitLocOpBuilder::atBlockBegin(module.getLoc(), module.getBody());
    LLVM::GlobalOp::create(b, b.getI64Type(), /*isConstant=*/true, LLVM::Linkage::Internal,
                           "dsv2_scratch_bytes", b.getI64IntegerAttr(scratchBytes));
    module->setAttr("dsv2.scratch_bytes", b.getI64IntegerAttr(scratchBytes));
  }

  LLVMTypeConverter *converter = nullptr;
  int64_t scratchBytes = 0;
  llvm::DenseSet<Operation *> kernels; // functions that compute
  DenseMap<Value, Value> pointers; // of buffers in functions that only call
  llvm::DenseMap<Operation *, SmallVector<unsigned>> erased;
};

} // namespace
