//===- SeededWeights.cpp - Weights of a model that need no file -----------===//
//
// The generator of the runtime, read in f32 and rounded to the stored type.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/SeededWeights.h"
#include "dialects/DSV2/reference/Precision.h"
#include "runtime/weights/RandomWeights.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;
namespace weights = ::dsv2::weights;

HostArray SeededWeights::make(StringRef name, ShapedType type, int64_t count,
                              llvm::function_ref<std::string(int64_t)> nameOf) {
  std::string key;
  llvm::raw_string_ostream(key) << name << " " << type;
  HostArray &array = made[key];
  if (array.rank() || array.elementType())
    return array;
  array = HostArray::make(type.getElementType(), type.getShape());
  int64_t size = array.numElements() / std::max<int64_t>(count, 1);
  std::vector<int64_t> member(type.getShape().begin() + (count > 1 ? 1 : 0),
                              type.getShape().end());
  weights::RandomSource source(seed, weights::ElementType::F32);
  std::vector<float> values(size);
  for (int64_t i = 0; i < count; ++i) {
    // Cannot fail: nothing is read from anywhere.
    (void)source.read(nameOf(i), member, 0, size, values.data());
    for (int64_t j = 0; j < size; ++j)
      array.data()[i * size + j] = roundTo(values[j], type.getElementType());
  }
  return array;
}

HostArray SeededWeights::checkpoint(CheckpointOp op) {
  int64_t count = op.isStacked() ? op.getType().getDimSize(0) : 1;
  return make(op.getName(), op.getType(), count, [&](int64_t i) {
    return op.isStacked() ? op.getStackedName(i) : op.getName().str();
  });
}

HostArray SeededWeights::slot(WeightOp op) {
  auto type = cast<ShapedType>(op.getType());
  return make(op.getName(), type.clone(type.getShape()), 1,
              [&](int64_t) { return op.getName().str(); });
}
