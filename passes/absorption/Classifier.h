//===- Classifier.h - Which sequences of a step are absorbed ----*- C++ -*-===//
//
// The function `@absorbs`, by which compiled code tells the forms of attention
// apart, as IR.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ABSORPTION_CLASSIFIER_H
#define PASSES_ABSORPTION_CLASSIFIER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/cost/AttentionForms.h"
#include <variant>

namespace mlir::dsv2 {

inline constexpr llvm::StringLiteral kClassifier = "absorbs";
inline constexpr llvm::StringLiteral kClassifierAttr = "dsv2.classifier";

/// Every sequence or none; up to so many new tokens; by predicted time.
struct EverySequence {
  bool absorbed;
};
struct UpToTokens {
  int64_t tokens;
};
using Classification = std::variant<EverySequence, UpToTokens, AbsorptionRule>;

/// Appends `@absorbs(tokens, prefix, batch) -> i1` to `module`.
func::FuncOp addClassifier(ModuleOp module, const Classification &classification);

/// The function of `module` that classifies, or null.
func::FuncOp findClassifier(ModuleOp module);

/// What `classifier` answers, by folding its ops. Nothing where one does not
/// fold.
std::optional<bool> evaluateClassifier(func::FuncOp classifier, int64_t tokens, int64_t prefix,
                                       int64_t batch);

} // namespace mlir::dsv2

#endif // PASSES_ABSORPTION_CLASSIFIER_H
