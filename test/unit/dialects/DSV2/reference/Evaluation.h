//===- Evaluation.h - Running snippets of IR in tests -----------*- C++ -*-===//
//
// Parses a module and calls its function `@f` with the interpreter.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_DIALECTS_DSV2_REFERENCE_EVALUATION_H
#define TEST_UNIT_DIALECTS_DSV2_REFERENCE_EVALUATION_H

#include "dialects/DSV2/reference/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dsv2::test {

using namespace mlir::dsv2::reference;

/// A module, its context, and what it complained about.
struct Snippet {
  explicit Snippet(llvm::StringRef text) {
    context.loadDialect<mlir::dsv2::DSV2Dialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::memref::MemRefDialect,
                        mlir::tensor::TensorDialect>();
    context.getDiagEngine().registerHandler(
        [this](mlir::Diagnostic &diagnostic) { diagnostics += diagnostic.str() + "\n"; });
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << diagnostics;
  }

  /// Results of `@f`, flattened; nothing after a failure.
  std::vector<std::vector<double>> run(Precision precision = Precision::F64) {
    std::vector<std::vector<double>> values;
    if (!module)
      return values;
    Interpreter interpreter(*module, {precision, nullptr, nullptr});
    auto results =
        interpreter.call(module->lookupSymbol<mlir::func::FuncOp>("f"), {});
    copies = interpreter.destinationCopies();
    if (failed(results))
      return values;
    for (const RuntimeValue &value : *results) {
      if (auto *array = std::get_if<HostArray>(&value))
        values.push_back(array->flatten());
      else
        values.push_back({double(std::get<int64_t>(value))});
    }
    return values;
  }
  /// The only result.
  std::vector<double> value(Precision precision = Precision::F64) {
    auto values = run(precision);
    EXPECT_EQ(values.size(), 1u) << diagnostics;
    return values.empty() ? std::vector<double>() : values[0];
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string diagnostics;
  int64_t copies = 0;
};

/// Two sequences: three new tokens of the first, one of the second, which has
/// one in the cache already. Pages 2 and 0.
inline const std::string twoSequences = R"(
  %pos = arith.constant dense<[0, 1, 2, 1]> : tensor<4xi32>
  %seq = arith.constant dense<[0, 0, 0, 1]> : tensor<4xi32>
  %starts = arith.constant dense<[0, 3, 4]> : tensor<3xi32>
  %prefix = arith.constant dense<[0, 1]> : tensor<2xi32>
  %pages = arith.constant dense<[[2], [0]]> : tensor<2x1xi32>
  %rows = arith.constant dense<[3, 2]> : tensor<2xi32>
  %batch = dsv2.make_batch %pos, %seq, %starts, %prefix, %pages, %rows absorbed = 1
    : (tensor<4xi32>, tensor<4xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>)
    -> !batch
)";
inline const std::string aliases =
    "!batch = !dsv2.batch<tokens = 4, sequences = 2, outputs = 2, span = 64>\n"
    "#cache = #dsv2.cache<latent = 2, rope = 2>\n";

} // namespace dsv2::test

#endif // TEST_UNIT_DIALECTS_DSV2_REFERENCE_EVALUATION_H
