//===- KernelBuilder.cpp - Emits the body of one SPMD kernel --------------===//
//
// Index arithmetic, loops, batch access, vectors over bf16 and f32 memory.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/KernelBuilder.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/abi/Module.h"

using namespace mlir;
using namespace mlir::dsv2;

//===----------------------------------------------------------------------===//
// Index arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}
Value KernelBuilder::add(Value lhs, Value rhs) {
  return b.createOrFold<arith::AddIOp>(lhs, rhs);
}
Value KernelBuilder::sub(Value lhs, Value rhs) {
  return b.createOrFold<arith::SubIOp>(lhs, rhs);
}
Value KernelBuilder::mul(Value lhs, Value rhs) {
  return b.createOrFold<arith::MulIOp>(lhs, rhs);
}
Value KernelBuilder::div(Value lhs, int64_t rhs) {
  return rhs == 1 ? lhs : div(lhs, index(rhs));
}
Value KernelBuilder::div(Value lhs, Value rhs) {
  return b.createOrFold<arith::DivUIOp>(lhs, rhs);
}
Value KernelBuilder::rem(Value lhs, int64_t rhs) {
  return rem(lhs, index(rhs));
}
Value KernelBuilder::rem(Value lhs, Value rhs) {
  return b.createOrFold<arith::RemUIOp>(lhs, rhs);
}
Value KernelBuilder::min(Value lhs, Value rhs) {
  return b.createOrFold<arith::MinUIOp>(lhs, rhs);
}
Value KernelBuilder::max(Value lhs, Value rhs) {
  return b.createOrFold<arith::MaxUIOp>(lhs, rhs);
}
Value KernelBuilder::ceilDiv(Value lhs, int64_t rhs) {
  return div(add(lhs, rhs - 1), rhs);
}
Value KernelBuilder::less(Value lhs, Value rhs) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> KernelBuilder::fold(Value lower, Value upper, int64_t step,
                                       ValueRange inits, Fold body) {
  auto loop = scf::ForOp::create(b, lower, upper, index(step), inits);
  OpBuilder::InsertionGuard guard(b);
  if (inits.empty())
    loop.getBody()->getTerminator()->erase();
  b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, results);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void KernelBuilder::forEach(Value lower, Value upper, int64_t step, Body body) {
  fold(lower, upper, step, {}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void KernelBuilder::forEach(int64_t lower, int64_t upper, int64_t step, Body body) {
  forEach(index(lower), index(upper), step, body);
}

void KernelBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void KernelBuilder::forEachPiece(Value n, Body body) {
  auto loop = scf::ForOp::create(b, thread, n, threads);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value KernelBuilder::forEachPiece(Value first, Value n, Body body) {
  auto loop = scf::ForOp::create(b, first, n, threads);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }
  // first < threads, so that nothing wraps.
  Value taken = div(sub(add(n, sub(threads, index(1))), first), threads);
  return sub(add(first, mul(taken, threads)), n);
}

void KernelBuilder::forEachRow(Value memref,
                               llvm::function_ref<void(SmallVector<Value>)> body) {
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  assert((rank == 2 || rank == 3) && "rows of tokens, or of their heads or experts");
  if (rank == 2)
    return forEachPiece(dim(memref, 0), [&](Value token) { body({token}); });
  Value inner = dim(memref, 1);
  forEachPiece(mul(dim(memref, 0), inner),
               [&](Value row) { body({div(row, inner), rem(row, inner)}); });
}

void KernelBuilder::onFirstThread(llvm::function_ref<void()> body) {
  ifThen(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread, index(0)), body);
}

void KernelBuilder::forEachVector(int64_t n,
                                  llvm::function_ref<void(Value, int64_t)> body) {
  int64_t lanes = target.lanes(), full = n / lanes * lanes;
  if (full)
    forEach(0, full, lanes, [&](Value column) { body(column, lanes); });
  for (int64_t column = full; column < n;) {
    int64_t width = llvm::bit_floor(uint64_t(n - column));
    body(index(column), width);
    column += width;
  }
}

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

Value KernelBuilder::field(Value pointer, int32_t index, Type type) {
  Value address = LLVM::GEPOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                      b.getI64Type(), pointer,
                                      ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(index)});
  auto load = LLVM::LoadOp::create(b, type, address);
  load.setInvariant(true); // a step's context does not change while it runs
  return load;
}

Value KernelBuilder::contextField(ContextField which, Type type) {
  return field(context, int32_t(which), type);
}

Value KernelBuilder::batchField(BatchField which, Type type) {
  Value batch = contextField(ContextField::Batch, LLVM::LLVMPointerType::get(b.getContext()));
  return field(batch, int32_t(which), type);
}

Value KernelBuilder::batchCount(BatchField which) {
  return arith::IndexCastOp::create(b, b.getIndexType(), batchField(which, b.getI64Type()));
}

Value KernelBuilder::batchElement(BatchField array, Value i) {
  Value pointer = batchField(array, LLVM::LLVMPointerType::get(b.getContext()));
  Value offset = arith::IndexCastOp::create(b, b.getI64Type(), i);
  Value address = LLVM::GEPOp::create(b, pointer.getType(), b.getI32Type(), pointer,
                                      ValueRange{offset});
  auto load = LLVM::LoadOp::create(b, b.getI32Type(), address);
  load.setInvariant(true);
  return arith::IndexCastUIOp::create(b, b.getIndexType(), load);
}

Value KernelBuilder::cachePage(Value sequence, Value position) {
  Value row = mul(sequence, batchCount(BatchField::PageStride));
  return batchElement(BatchField::PageTable, add(row, div(position, DSV2_PAGE_TOKENS)));
}

Value KernelBuilder::scratch(int64_t bytes, Value owner) {
  bytes = llvm::alignTo(bytes, 64);
  scratchBytes = std::max(scratchBytes, bytes);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value base = contextField(ContextField::Scratch, pointer);
  // The stride between threads is known when the whole module is lowered: a
  // global that ConvertDSV2ToCPU defines.
  Value stride = LLVM::LoadOp::create(
      b, b.getI64Type(), LLVM::AddressOfOp::create(b, pointer, "dsv2_scratch_bytes"));
  Value offset = arith::MulIOp::create(
      b, arith::IndexCastOp::create(b, b.getI64Type(), owner ? owner : thread), stride);
  Value mine = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ValueRange{offset});
  auto type = MemRefType::get({bytes}, b.getI8Type());
  LLVMTypeConverter converter(b.getContext());
  Value descriptor = MemRefDescriptor::fromStaticShape(b, b.getLoc(), converter, type, mine);
  return UnrealizedConversionCastOp::create(b, type, descriptor).getResult(0);
}

void KernelBuilder::barrier(int64_t number) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value function = LLVM::LoadOp::create(b, pointer, contextField(ContextField::Functions, pointer));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointer, b.getI64Type()});
  Value name = LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(number));
  LLVM::CallOp::create(b, type, ValueRange{function, context, name});
}

Value KernelBuilder::scratchView(Value scratch, int64_t offset, MemRefType type) {
  return memref::ViewOp::create(b, type, scratch, index(offset), ValueRange{});
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

VectorType KernelBuilder::f32Vector(int64_t lanes) {
  return VectorType::get({lanes}, b.getF32Type());
}
Value KernelBuilder::f32(double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
}
Value KernelBuilder::splat(double value, int64_t lanes) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(f32Vector(lanes), b.getF32FloatAttr(float(value)).getValue()));
}
Value KernelBuilder::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, scalar.getType()), scalar);
}
Value KernelBuilder::fma(Value x, Value y, Value z) {
  if (isa<VectorType>(x.getType()))
    return vector::FMAOp::create(b, x, y, z);
  return LLVM::FMAOp::create(b, x, y, z);
}
Value KernelBuilder::dim(Value memref, int64_t i) {
  int64_t size = staticDim(memref, i);
  if (!ShapedType::isDynamic(size))
    return index(size);
  return memref::DimOp::create(b, memref, i);
}
int64_t KernelBuilder::staticDim(Value memref, int64_t i) {
  return cast<MemRefType>(memref.getType()).getDimSize(i);
}
Value KernelBuilder::load(Value memref, ValueRange indices) {
  return memref::LoadOp::create(b, memref, indices);
}
Value KernelBuilder::loadIndex(Value memref, ValueRange indices) {
  return arith::IndexCastUIOp::create(b, b.getIndexType(), load(memref, indices));
}
void KernelBuilder::store(Value scalar, Value memref, ValueRange indices) {
  memref::StoreOp::create(b, scalar, memref, indices);
}

/// `type` with its element type replaced: of a scalar or a vector.
static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return VectorType::get(vector.getShape(), element);
  return element;
}

static Value integerConstant(ImplicitLocOpBuilder &b, Type type, uint64_t value) {
  auto element = cast<IntegerType>(getElementTypeOrSelf(type));
  APInt bits(element.getWidth(), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, bits));
  return arith::ConstantOp::create(b, b.getIntegerAttr(element, bits));
}

Value KernelBuilder::fromBF16(Value value) {
  Type i16 = withElement(value.getType(), b.getI16Type());
  Type i32 = withElement(value.getType(), b.getI32Type());
  Type f32 = withElement(value.getType(), b.getF32Type());
  Value bits = arith::ExtUIOp::create(b, i32, arith::BitcastOp::create(b, i16, value));
  return arith::BitcastOp::create(
      b, f32, arith::ShLIOp::create(b, bits, integerConstant(b, i32, 16)));
}

Value KernelBuilder::toBF16(Value value) {
  Type bf16 = withElement(value.getType(), b.getBF16Type());
  auto vector = dyn_cast<VectorType>(value.getType());
  if (target.bf16Dot && vector && vector.getDimSize(0) >= 4)
    return arith::TruncFOp::create(b, bf16, value);
  Type i16 = withElement(value.getType(), b.getI16Type());
  Type i32 = withElement(value.getType(), b.getI32Type());
  // A NaN must not round to infinity. Chosen before the rounding: a choice
  // between bf16 values would be lowered through library calls.
  Value nan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  Value quiet = arith::BitcastOp::create(b, value.getType(), integerConstant(b, i32, 0x7fc00000));
  value = arith::SelectOp::create(b, nan, quiet, value);
  Value bits = arith::BitcastOp::create(b, i32, value);
  Value sixteen = integerConstant(b, i32, 16);
  Value odd = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, sixteen),
                                    integerConstant(b, i32, 1));
  Value bias = arith::AddIOp::create(b, odd, integerConstant(b, i32, 0x7fff));
  Value rounded = arith::ShRUIOp::create(b, arith::AddIOp::create(b, bits, bias), sixteen);
  return arith::BitcastOp::create(b, bf16, arith::TruncIOp::create(b, i16, rounded));
}

Value KernelBuilder::roundTo(Type type, Value value) {
  return type.isF32() ? value : fromBF16(toBF16(value));
}

Value KernelBuilder::loadF32(Value memref, ValueRange indices, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value value = vector::LoadOp::create(b, VectorType::get({lanes}, element), memref, indices);
  return element.isF32() ? value : fromBF16(value);
}
Value KernelBuilder::loadScalarF32(Value memref, ValueRange indices) {
  Value value = load(memref, indices);
  return value.getType().isF32() ? value : fromBF16(value);
}
void KernelBuilder::prefetch(Value memref, ValueRange indices, int64_t count) {
  constexpr int64_t cacheLineBits = 64 * 8;
  int64_t line = cacheLineBits / cast<MemRefType>(memref.getType()).getElementTypeBitWidth();
  SmallVector<Value> place(indices);
  for (int64_t i = 0; i < count; i += line) {
    place.back() = add(indices.back(), i);
    memref::PrefetchOp::create(b, memref, place, /*isWrite=*/false, /*localityHint=*/3,
                               /*isDataCache=*/true);
  }
}
void KernelBuilder::storeF32(Value vector, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  vector::StoreOp::create(b, element.isF32() ? vector : toBF16(vector), memref, indices);
}
void KernelBuilder::storeScalarF32(Value scalar, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  store(element.isF32() ? scalar : toBF16(scalar), memref, indices);
}
