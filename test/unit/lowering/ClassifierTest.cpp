//===- ClassifierTest.cpp - The classifier of sequences as code -----------===//
//
// Calls the compiled rule through the type of the ABI, 64 bits of result
// included, beside the rule itself.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/AttentionForms.h"
#include "test/unit/lowering/TypedBuffer.h"

using namespace dsv2::test;

namespace {

TEST(Classifier, AnswersAsTheRuleInAllBits) {
  mlir::dsv2::AbsorptionRule rule{512, 3};
  auto module = KernelModule::compile(R"(
    func.func @absorbs(%tokens: index, %prefix: index) -> i1 attributes {dsv2.classifier} {
      %numerator = arith.constant 512 : index
      %denominator = arith.constant 3 : index
      %twice = arith.addi %prefix, %prefix : index
      %span = arith.addi %tokens, %twice : index
      %area = arith.muli %tokens, %span : index
      %lhs = arith.muli %area, %denominator : index
      %rhs = arith.muli %prefix, %numerator : index
      %answer = arith.cmpi sle, %lhs, %rhs : index
      return %answer : i1
    })", "x86-64-v3");
  ASSERT_TRUE(module);
  for (int64_t tokens : {1, 2, 15, 16, 17, 85, 86, 512, 100000})
    for (int64_t prefix : {0, 1, 64, 1000, 163840})
      EXPECT_EQ(module->absorbs(tokens, prefix), int64_t(rule.absorbs(tokens, prefix)))
          << tokens << " new tokens after " << prefix;
}

TEST(Classifier, MayBeConstant) {
  auto module = KernelModule::compile(R"(
    func.func @absorbs(%tokens: index, %prefix: index) -> i1 attributes {dsv2.classifier} {
      %answer = arith.constant true
      return %answer : i1
    })", "x86-64-v3");
  ASSERT_TRUE(module);
  EXPECT_EQ(module->absorbs(512, 0), 1);
}

} // namespace
