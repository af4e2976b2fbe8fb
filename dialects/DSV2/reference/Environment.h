//===- Environment.h - Values of SSA names ----------------------*- C++ -*-===//
//
// What the interpreter binds in one activation of a function.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_ENVIRONMENT_H
#define DIALECTS_DSV2_REFERENCE_ENVIRONMENT_H

#include "dialects/DSV2/reference/BatchValue.h"
#include "dialects/DSV2/reference/HostArray.h"
#include "llvm/ADT/DenseMap.h"

#include <variant>

namespace mlir::dsv2::reference {

/// An index or integer, an array (tensor or memref), or a batch.
using RuntimeValue =
    std::variant<std::monostate, int64_t, HostArray, std::shared_ptr<const BatchValue>>;

class Environment {
public:
  void set(Value name, RuntimeValue value) { values[name] = std::move(value); }
  const RuntimeValue &get(Value name) const { return values.find(name)->second; }
  const HostArray &array(Value name) const { return std::get<HostArray>(get(name)); }
  int64_t integer(Value name) const { return std::get<int64_t>(get(name)); }
  const BatchValue &batch(Value name) const {
    return *std::get<std::shared_ptr<const BatchValue>>(get(name));
  }
  /// Unbinds.
  RuntimeValue take(Value name) {
    auto found = values.find(name);
    RuntimeValue value = std::move(found->second);
    values.erase(found);
    return value;
  }
  void drop(Value name) { values.erase(name); }

private:
  llvm::DenseMap<Value, RuntimeValue> values;
};

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_ENVIRONMENT_H
