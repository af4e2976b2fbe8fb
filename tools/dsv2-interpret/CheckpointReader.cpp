//===- CheckpointReader.cpp - Checkpoint tensors for the interpreter ------===//
//
// Bytes of bf16, f16 and f32 to doubles.
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-interpret/CheckpointReader.h"
#include "llvm/ADT/APFloat.h"

#include <bit>
#include <cstring>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// The type that a checkpoint gives elements of `type`.
static ::dsv2::DType storedType(Type type) {
  if (type.isBF16())
    return ::dsv2::DType::BF16;
  return type.isF16() ? ::dsv2::DType::F16 : ::dsv2::DType::F32;
}

/// Decodes little-endian elements.
static void decode(const std::vector<char> &bytes, Type type, double *to) {
  if (type.isF32()) {
    for (size_t i = 0; i * 4 < bytes.size(); ++i) {
      float value;
      std::memcpy(&value, &bytes[i * 4], 4);
      to[i] = value;
    }
    return;
  }
  for (size_t i = 0; i * 2 < bytes.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, &bytes[i * 2], 2);
    if (type.isBF16())
      to[i] = std::bit_cast<float>(uint32_t(bits) << 16);
    else
      to[i] = APFloat(APFloat::IEEEhalf(), APInt(16, bits)).convertToDouble();
  }
}

/// Fills the op's array tensor by tensor: `read` gives the bytes of a name.
template <typename Read>
static FailureOr<HostArray> readTensors(CheckpointOp op, Read read) {
  RankedTensorType type = op.getType();
  ArrayRef<int64_t> member = type.getShape().drop_front(op.isStacked() ? 1 : 0);
  int64_t count = op.isStacked() ? type.getDimSize(0) : 1;
  HostArray result = HostArray::make(type.getElementType(), type.getShape());
  for (int64_t i = 0; i < count; ++i) {
    std::string name = op.isStacked() ? op.getStackedName(i) : op.getName().str();
    FailureOr<std::vector<char>> bytes = read(name, member);
    if (failed(bytes))
      return failure();
    decode(*bytes, type.getElementType(), result.data() + i * (result.numElements() / count));
  }
  return result;
}

FailureOr<HostArray> mlir::dsv2::readCheckpoint(CheckpointOp op,
                                                const ::dsv2::Checkpoint &checkpoint) {
  RankedTensorType type = op.getType();
  auto read = [&](const std::string &name,
                  ArrayRef<int64_t> member) -> FailureOr<std::vector<char>> {
    const ::dsv2::TensorInfo *tensor = checkpoint.find(name);
    if (!tensor)
      return op.emitError("checkpoint has no tensor \"") << name << "\"";
    if (ArrayRef<int64_t>(tensor->shape) != member ||
        tensor->dtype != storedType(type.getElementType()))
      return op.emitError("checkpoint holds \"")
             << name << "\" as " << ::dsv2::dtypeName(tensor->dtype)
             << ::dsv2::formatShape(tensor->shape) << ", expected "
             << RankedTensorType::get(member, type.getElementType());
    std::vector<char> bytes(tensor->bytes);
    if (::dsv2::Status status = checkpoint.read(*tensor, 0, bytes.size(), bytes.data());
        !status.ok())
      return op.emitError(status.message());
    return bytes;
  };
  return readTensors(op, read);
}

FailureOr<HostArray> mlir::dsv2::readRandom(CheckpointOp op, uint64_t seed) {
  Type type = op.getType().getElementType();
  if (!type.isBF16() && !type.isF32())
    return op.emitError("random weights are bf16 or f32, got ") << type;
  ::dsv2::weights::ElementType element = type.isF32() ? ::dsv2::weights::ElementType::F32
                                                      : ::dsv2::weights::ElementType::BF16;
  ::dsv2::weights::RandomSource source(seed, element);
  auto read = [&](const std::string &name,
                  ArrayRef<int64_t> member) -> FailureOr<std::vector<char>> {
    int64_t count = llvm::product_of(member);
    std::vector<char> bytes(count * elementBytes(element));
    if (::dsv2::Status status = source.read(name, member.vec(), 0, count, bytes.data());
        !status.ok())
      return op.emitError(status.message());
    return bytes;
  };
  return readTensors(op, read);
}
