//===- ShapeOps.cpp - Upstream ops that the interpreter knows -------------===//
//
// Sizes that come from operands are checked: the module may be any file.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/ShapeOps.h"
#include "dialects/DSV2/reference/RowChecks.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dsv2::reference;

/// Elements that an array of the interpreter may have.
static constexpr int64_t kMaxElements = int64_t(1) << 32;

static SmallVector<int64_t> resolve(ArrayRef<OpFoldResult> values, const Environment &env) {
  return llvm::map_to_vector(values, [&](OpFoldResult value) {
    if (auto constant = getConstantIntValue(value))
      return *constant;
    return env.integer(cast<Value>(value));
  });
}

/// Sizes of `type` with its `?` taken from `dynamic`.
static SmallVector<int64_t> sizesOf(ShapedType type, ValueRange dynamic, const Environment &env) {
  SmallVector<int64_t> sizes(type.getShape());
  unsigned next = 0;
  for (int64_t &size : sizes)
    if (ShapedType::isDynamic(size))
      size = env.integer(dynamic[next++]);
  return sizes;
}

static LogicalResult checkSizes(Operation *op, ArrayRef<int64_t> sizes) {
  int64_t elements = 1;
  for (int64_t size : sizes) {
    if (size < 0 || size > kMaxElements / std::max<int64_t>(elements, 1))
      return op->emitError("interpreter: array is too large or has a negative size");
    elements *= size;
  }
  return success();
}

/// Binds a fresh array of the only result's type.
static LogicalResult allocate(Operation *op, ValueRange dynamic, Environment &env) {
  auto type = cast<ShapedType>(op->getResult(0).getType());
  SmallVector<int64_t> sizes = sizesOf(type, dynamic, env);
  if (failed(checkSizes(op, sizes)))
    return failure();
  env.set(op->getResult(0), HostArray::make(type.getElementType(), sizes));
  return success();
}

/// Binds `source` under another shape. Tensors may be copied, buffers not.
static LogicalResult reshape(Operation *op, Value source, ArrayRef<int64_t> sizes,
                             Environment &env) {
  const HostArray &array = env.array(source);
  if (failed(checkSizes(op, sizes)))
    return failure();
  if (llvm::product_of(sizes) != array.numElements())
    return op->emitError("interpreter: ")
           << array.numElements() << " elements do not fill the result";
  std::optional<HostArray> result = array.reshape(sizes);
  if (!result && isa<TensorType>(source.getType()))
    result = array.copy().reshape(sizes);
  if (!result)
    return op->emitError("interpreter: the buffer is not contiguous");
  env.set(op->getResult(0), std::move(*result));
  return success();
}

/// The part of `source` that an offset-size-stride op names.
template <typename Op>
static FailureOr<HostArray> slice(Op op, Value source, const Environment &env) {
  const HostArray &array = env.array(source);
  SmallVector<int64_t> start = resolve(op.getMixedOffsets(), env),
                       sizes = resolve(op.getMixedSizes(), env),
                       steps = resolve(op.getMixedStrides(), env);
  for (int64_t i = 0; i < array.rank(); ++i)
    if (start[i] < 0 || sizes[i] < 0 || steps[i] < 1 || sizes[i] > array.size(i) ||
        start[i] > array.size(i) ||
        (sizes[i] && start[i] + (sizes[i] - 1) * steps[i] >= array.size(i)))
      return op->emitError("interpreter: slice leaves dimension ")
             << i << " of size " << array.size(i);
  return array.slice(start, sizes, steps).dropDims(op.getDroppedDims());
}

/// Sizes of a collapsed shape.
template <typename Op>
static SmallVector<int64_t> collapsedSizes(Op op, Value source, const Environment &env) {
  SmallVector<int64_t> sizes;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t size = 1;
    for (int64_t dim : group)
      size *= env.array(source).size(dim);
    sizes.push_back(size);
  }
  return sizes;
}

/// Binds the operands side by side along a dimension.
static LogicalResult concatenate(tensor::ConcatOp op, Environment &env) {
  int64_t dim = op.getDim();
  SmallVector<int64_t> sizes(env.array(op.getInputs().front()).shape());
  sizes[dim] = 0;
  for (Value input : op.getInputs())
    sizes[dim] += env.array(input).size(dim);
  if (failed(checkSizes(op, sizes)))
    return failure();
  HostArray whole = HostArray::make(op.getType().getElementType(), sizes);
  SmallVector<int64_t> start(sizes.size(), 0), steps(sizes.size(), 1);
  for (Value input : op.getInputs()) {
    const HostArray &part = env.array(input);
    whole.slice(start, part.shape(), steps).assign(part);
    start[dim] += part.size(dim);
  }
  env.set(op, std::move(whole));
  return success();
}

/// A constant as an array: every element as a double.
static LogicalResult bindConstant(arith::ConstantOp op, Environment &env) {
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue())) {
    env.set(op, integer.getInt());
    return success();
  }
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitError("interpreter: constant of this kind is not supported");
  if (failed(checkSizes(op, elements.getType().getShape())))
    return failure();
  Type type = elements.getElementType();
  HostArray array = HostArray::make(type, elements.getType().getShape());
  int64_t next = 0;
  if (isa<FloatType>(type)) {
    for (APFloat value : elements.getValues<APFloat>()) {
      bool inexact;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      array.data()[next++] = value.convertToDouble();
    }
  } else if (type.isInteger(32) || type.isInteger(8)) {
    for (APInt value : elements.getValues<APInt>())
      array.data()[next++] = double(value.getSExtValue());
  } else {
    return op.emitError("interpreter: constant of this kind is not supported");
  }
  env.set(op, std::move(array));
  return success();
}

/// Scalars: what the op folds to when its operands are constants.
static LogicalResult evaluateScalar(Operation *op, Environment &env) {
  auto isScalar = [](Type type) { return type.isIntOrIndex(); };
  if (op->getNumRegions() || !op->getNumResults() ||
      !llvm::all_of(op->getOperandTypes(), isScalar) ||
      !llvm::all_of(op->getResultTypes(), isScalar))
    return op->emitError("interpreter: op is not supported");
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands())
    operands.push_back(IntegerAttr::get(operand.getType(), env.integer(operand)));
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) || results.size() != op->getNumResults())
    return op->emitError("interpreter: op does not evaluate on these operands");
  for (auto [result, folded] : llvm::zip(op->getResults(), results)) {
    if (auto value = dyn_cast<Value>(folded))
      env.set(result, env.integer(value));
    else if (auto integer = dyn_cast<IntegerAttr>(cast<Attribute>(folded)))
      env.set(result, integer.getInt());
    else
      return op->emitError("interpreter: op does not evaluate to an integer");
  }
  return success();
}

/// Binds the size of a dimension.
static LogicalResult bindDim(Operation *op, Value source, Value index, Environment &env) {
  const HostArray &array = env.array(source);
  int64_t i = env.integer(index);
  if (i < 0 || i >= array.rank())
    return op->emitError("interpreter: no dimension ") << i;
  env.set(op->getResult(0), array.size(i));
  return success();
}

LogicalResult mlir::dsv2::reference::evaluateShapeOp(Operation *op, Environment &env) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::ConstantOp o) { return bindConstant(o, env); })
      .Case([&](tensor::EmptyOp o) { return allocate(o, o.getDynamicSizes(), env); })
      .Case([&](memref::AllocOp o) { return allocate(o, o.getDynamicSizes(), env); })
      .Case([&](memref::DeallocOp) { return success(); })
      .Case<tensor::DimOp, memref::DimOp>(
          [&](auto o) { return bindDim(o, o.getSource(), o.getIndex(), env); })
      .Case<tensor::CastOp, memref::CastOp>([&](auto o) -> LogicalResult {
        const HostArray &array = env.array(o.getSource());
        auto type = cast<ShapedType>(o->getResult(0).getType());
        if (!hasShape(array, type))
          return o.emitError("interpreter: the value does not have type ") << type;
        HostArray same = array;
        env.set(o, std::move(same));
        return success();
      })
      .Case<tensor::ExpandShapeOp, memref::ExpandShapeOp>([&](auto o) {
        return reshape(o, o.getSrc(), resolve(o.getMixedOutputShape(), env), env);
      })
      .Case<tensor::CollapseShapeOp, memref::CollapseShapeOp>([&](auto o) {
        return reshape(o, o.getSrc(), collapsedSizes(o, o.getSrc(), env), env);
      })
      .Case<tensor::ExtractSliceOp, memref::SubViewOp>([&](auto o) -> LogicalResult {
        auto part = slice(o, o.getSource(), env);
        if (failed(part))
          return failure();
        env.set(o, std::move(*part));
        return success();
      })
      .Case([&](tensor::InsertSliceOp o) -> LogicalResult {
        HostArray whole = env.array(o.getDest()).copy();
        env.set(o, whole);
        auto part = slice(o, o.getResult(), env);
        if (failed(part))
          return failure();
        part->assign(env.array(o.getSource()));
        return success();
      })
      .Case([&](tensor::ConcatOp o) { return concatenate(o, env); })
      .Case([&](memref::CopyOp o) {
        env.array(o.getTarget()).assign(env.array(o.getSource()));
        return success();
      })
      .Case([&](memref::ViewOp o) -> LogicalResult {
        SmallVector<int64_t> sizes = sizesOf(o.getType(), o.getSizes(), env);
        if (failed(checkSizes(o, sizes)))
          return failure();
        auto view = env.array(o.getSource())
                        .viewBytes(env.integer(o.getByteShift()), o.getType().getElementType(),
                                   sizes);
        if (!view)
          return o.emitError("interpreter: view leaves the buffer");
        env.set(o, std::move(*view));
        return success();
      })
      .Case([&](memref::ReinterpretCastOp o) -> LogicalResult {
        auto view = env.array(o.getSource())
                        .reinterpret(resolve(o.getMixedOffsets(), env).front(),
                                     resolve(o.getMixedSizes(), env),
                                     resolve(o.getMixedStrides(), env));
        if (!view)
          return o.emitError("interpreter: reinterpreted buffer leaves the allocation");
        env.set(o, std::move(*view));
        return success();
      })
      .Default([&](Operation *o) { return evaluateScalar(o, env); });
}
