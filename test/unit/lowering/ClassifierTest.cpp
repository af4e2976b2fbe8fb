//===- ClassifierTest.cpp - The classifier of sequences as code -----------===//
//
// Calls the compiled rule through the type of the ABI, 64 bits of result
// included, beside the rule itself.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/absorption/Classifier.h"
#include "passes/cost/TargetModel.h"
#include "test/unit/lowering/TypedBuffer.h"

using namespace dsv2::test;
using namespace mlir::dsv2;

namespace {

class Classifier : public testing::Test {
protected:
  Classifier() {
    context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect>();
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  }

  std::unique_ptr<KernelModule> compile(const Classification &classification) {
    function = addClassifier(*module, classification);
    std::string text;
    llvm::raw_string_ostream os(text);
    function.print(os);
    return KernelModule::compile(text, "x86-64-v3");
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
};

TEST_F(Classifier, AnswersAsTheRuleInAllBits) {
  AttentionShape v2 = {128, 128, 64, 128, 512};
  AbsorptionRule rule = getAbsorptionRule(v2, *findBuiltinTarget("h100"), NumberType::BF16);
  auto compiled = compile(rule);
  ASSERT_TRUE(compiled);
  int64_t absorbed = 0, asked = 0;
  for (int64_t tokens : {1, 2, 15, 16, 17, 85, 86, 150, 200, 512, 100000})
    for (int64_t prefix : {0, 1, 64, 1000, 163840})
      for (int64_t batch : {0, 1, 8, 1000}) {
        int64_t expected = rule.absorbs(tokens, prefix, batch);
        absorbed += expected;
        ++asked;
        EXPECT_EQ(compiled->absorbs(tokens, prefix, batch), expected)
            << tokens << " new tokens after " << prefix << " beside " << batch;
        EXPECT_EQ(evaluateClassifier(function, tokens, prefix, batch), bool(expected));
      }
  EXPECT_GT(absorbed, asked / 4);
  EXPECT_LT(absorbed, asked * 4 / 5);
}

TEST_F(Classifier, MayBeForced) {
  auto always = compile(EverySequence{true});
  ASSERT_TRUE(always);
  EXPECT_EQ(always->absorbs(512, 0, 0), 1);
  EXPECT_EQ(evaluateClassifier(function, 512, 0, 0), true);
}

TEST_F(Classifier, MayBeANumberOfTokens) {
  auto upTo40 = compile(UpToTokens{40});
  ASSERT_TRUE(upTo40);
  EXPECT_EQ(upTo40->absorbs(40, 0, 0), 1);
  EXPECT_EQ(upTo40->absorbs(41, 1 << 20, 9), 0);
}

} // namespace
