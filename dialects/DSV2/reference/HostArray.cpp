//===- HostArray.cpp - Arrays that the interpreter computes with ----------===//
//
// Views and copies.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/HostArray.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::dsv2::reference;

SmallVector<int64_t, 4>
mlir::dsv2::reference::contiguousStrides(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t, 4> strides(sizes.size(), 1);
  for (int64_t i = int64_t(sizes.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * sizes[i + 1];
  return strides;
}

HostArray HostArray::make(Type element, ArrayRef<int64_t> sizes, double value) {
  HostArray array;
  array.element = element;
  array.sizes.assign(sizes.begin(), sizes.end());
  array.strides = contiguousStrides(sizes);
  array.storage = std::make_shared<std::vector<double>>(array.numElements(), value);
  return array;
}

int64_t HostArray::numElements() const { return llvm::product_of(sizes); }

bool HostArray::isContiguous() const {
  int64_t expected = 1;
  for (int64_t i = rank() - 1; i >= 0; --i) {
    if (sizes[i] != 1 && strides[i] != expected)
      return false;
    expected *= sizes[i];
  }
  return true;
}

double &HostArray::at(ArrayRef<int64_t> indices) const {
  int64_t slot = 0;
  for (auto [index, stride] : llvm::zip_equal(indices, strides))
    slot += index * stride;
  return data()[slot];
}

Row HostArray::row(ArrayRef<int64_t> indices) const {
  int64_t slot = 0;
  for (auto [index, stride] : llvm::zip(indices, strides))
    slot += index * stride;
  return {data() + slot, strides.back(), sizes.back()};
}

/// Calls `visit` with the slot of every element, relative to the offset.
template <typename Visit>
static void forEachSlot(ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides,
                        Visit visit) {
  if (llvm::is_contained(sizes, 0))
    return;
  SmallVector<int64_t, 4> index(sizes.size(), 0);
  int64_t slot = 0;
  while (true) {
    visit(slot);
    int64_t i = int64_t(sizes.size()) - 1;
    for (; i >= 0; --i) {
      slot += strides[i];
      if (++index[i] < sizes[i])
        break;
      slot -= strides[i] * sizes[i];
      index[i] = 0;
    }
    if (i < 0)
      return;
  }
}

std::vector<double> HostArray::flatten() const {
  if (isContiguous())
    return std::vector<double>(data(), data() + numElements());
  std::vector<double> values;
  values.reserve(numElements());
  forEachSlot(sizes, strides, [&](int64_t slot) { values.push_back(data()[slot]); });
  return values;
}

HostArray HostArray::copy() const {
  HostArray result = make(element, {});
  *result.storage = flatten();
  result.sizes = sizes;
  result.strides = contiguousStrides(sizes);
  return result;
}

void HostArray::assign(const HostArray &source) const {
  // Through a copy: the two may overlap.
  std::vector<double> values = source.flatten();
  size_t next = 0;
  forEachSlot(sizes, strides, [&](int64_t slot) { data()[slot] = values[next++]; });
}

std::optional<HostArray> HostArray::reshape(ArrayRef<int64_t> newSizes) const {
  // A view of bytes is contiguous in units of its elements.
  HostArray inElements = *this;
  for (int64_t &stride : inElements.strides)
    stride /= unit;
  if (!inElements.isContiguous())
    return std::nullopt;
  HostArray result = *this;
  result.sizes.assign(newSizes.begin(), newSizes.end());
  result.strides = contiguousStrides(newSizes);
  for (int64_t &stride : result.strides)
    stride *= unit;
  return result;
}

HostArray HostArray::slice(ArrayRef<int64_t> start, ArrayRef<int64_t> newSizes,
                           ArrayRef<int64_t> steps) const {
  HostArray result = *this;
  for (int64_t i = 0; i < rank(); ++i) {
    result.offset += start[i] * strides[i];
    result.strides[i] = strides[i] * steps[i];
    result.sizes[i] = newSizes[i];
  }
  return result;
}

HostArray HostArray::dropDims(const llvm::SmallBitVector &dropped) const {
  HostArray result = *this;
  result.sizes.clear();
  result.strides.clear();
  for (int64_t i = 0; i < rank(); ++i)
    if (!dropped.test(i)) {
      result.sizes.push_back(sizes[i]);
      result.strides.push_back(strides[i]);
    }
  return result;
}

bool HostArray::fitsStorage() const {
  int64_t first = offset, last = offset;
  for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
    if (size == 0)
      return true;
    (stride < 0 ? first : last) += (size - 1) * stride;
  }
  return first >= 0 && last + unit <= int64_t(storage->size());
}

std::optional<HostArray>
HostArray::reinterpret(int64_t newOffset, ArrayRef<int64_t> newSizes,
                       ArrayRef<int64_t> newStrides) const {
  HostArray result = *this;
  result.offset = base + newOffset * unit;
  result.sizes.assign(newSizes.begin(), newSizes.end());
  result.strides.clear();
  for (int64_t stride : newStrides)
    result.strides.push_back(stride * unit);
  if (!result.fitsStorage())
    return std::nullopt;
  return result;
}

std::optional<HostArray> HostArray::viewBytes(int64_t byte, Type type,
                                              ArrayRef<int64_t> newSizes) const {
  HostArray result = *this;
  result.element = type;
  result.unit = type.getIntOrFloatBitWidth() / 8;
  result.offset += byte;
  result.base = result.offset;
  result.sizes.assign(newSizes.begin(), newSizes.end());
  result.strides = contiguousStrides(newSizes);
  for (int64_t &stride : result.strides)
    stride *= result.unit;
  if (byte < 0 || !result.fitsStorage())
    return std::nullopt;
  return result;
}
