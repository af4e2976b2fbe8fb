//===- HostArray.h - Arrays that the interpreter computes with --*- C++ -*-===//
//
// A strided view of shared storage that holds every element as a double,
// whatever its type in the IR: f64 evaluation needs it, and all of bf16, f16,
// f32 and i32 are exact in it. Storage that stands for bytes (an arena) gives
// each byte a slot, and an element lives in the slot of its first byte.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_HOSTARRAY_H
#define DIALECTS_DSV2_REFERENCE_HOSTARRAY_H

#include "llvm/ADT/SmallBitVector.h"
#include "mlir/IR/BuiltinTypes.h"

#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace mlir::dsv2::reference {

/// What was never written: shows up in every result that depends on it.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// One row of an array: its last dimension.
struct Row {
  double *data;
  int64_t stride;
  int64_t size;

  double &operator[](int64_t i) const { return data[i * stride]; }
};

class HostArray {
public:
  HostArray() = default;

  /// Contiguous, filled with `value`.
  static HostArray make(Type element, ArrayRef<int64_t> sizes,
                        double value = kUndefined);

  Type elementType() const { return element; }
  int64_t rank() const { return sizes.size(); }
  int64_t size(int64_t i) const { return sizes[i]; }
  ArrayRef<int64_t> shape() const { return sizes; }
  int64_t numElements() const;
  /// Whether nobody else can see a write.
  bool isUnique() const { return storage.use_count() == 1; }
  /// Whether consecutive elements are consecutive in storage.
  bool isContiguous() const;
  double *data() const { return storage->data() + offset; }

  double &at(ArrayRef<int64_t> indices) const;
  /// The row at `indices`, all but the last.
  Row row(ArrayRef<int64_t> indices) const;
  Row row(int64_t i) const { return row(ArrayRef<int64_t>(i)); }
  Row row(int64_t i, int64_t j) const { return row({i, j}); }
  /// All elements in order, which need not be contiguous.
  std::vector<double> flatten() const;

  /// A fresh contiguous array with the same elements.
  HostArray copy() const;
  /// Writes all elements of `source`, of the same shape.
  void assign(const HostArray &source) const;

  /// The same elements under another shape with as many; nothing when rows do
  /// not follow each other in storage.
  std::optional<HostArray> reshape(ArrayRef<int64_t> newSizes) const;
  /// Elements from `start` on in steps, as tensor.extract_slice and
  /// memref.subview define them. The caller has checked the bounds.
  HostArray slice(ArrayRef<int64_t> start, ArrayRef<int64_t> newSizes,
                  ArrayRef<int64_t> steps) const;
  /// Without the dimensions in `dropped`, all of size one.
  HostArray dropDims(const llvm::SmallBitVector &dropped) const;
  /// Other offset and strides over the same allocation, in elements
  /// (memref.reinterpret_cast); nothing when that leaves the storage.
  std::optional<HostArray> reinterpret(int64_t newOffset,
                                       ArrayRef<int64_t> newSizes,
                                       ArrayRef<int64_t> newStrides) const;
  /// Typed elements over the bytes from `byte` on (memref.view); nothing when
  /// that leaves the storage.
  std::optional<HostArray> viewBytes(int64_t byte, Type type,
                                     ArrayRef<int64_t> newSizes) const;

private:
  bool fitsStorage() const;

  std::shared_ptr<std::vector<double>> storage;
  int64_t offset = 0; // slots
  int64_t base = 0;   // slot where the allocation, or view of bytes, begins
  int64_t unit = 1;   // slots of one element
  SmallVector<int64_t, 4> sizes, strides; // strides in slots
  Type element;
};

/// Row-major strides of a shape, in elements.
SmallVector<int64_t, 4> contiguousStrides(ArrayRef<int64_t> sizes);

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_HOSTARRAY_H
