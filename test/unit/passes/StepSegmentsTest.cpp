//===- StepSegmentsTest.cpp - What lies between two barriers --------------===//
//
// Segments cross calls; what repeats is one segment that counts.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/StepSegments.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr const char *kModule = R"(
!X = memref<4x16xf32>
func.func private @layer(%x: !X, %y: !X) {
  dsv2.add %x, %x outs(%y) : (!X, !X, !X) -> ()
  dsv2.barrier 1
  dsv2.swiglu %y, %y outs(%x) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.swiglu %y, %y outs(%x) : (!X, !X, !X) -> ()
  return
}
func.func @step(%x: !X, %y: !X, %z: !X) {
  dsv2.add %x, %x outs(%z) : (!X, !X, !X) -> ()
  call @layer(%x, %y) : (!X, !X) -> ()
  call @layer(%x, %y) : (!X, !X) -> ()
  call @layer(%x, %y) : (!X, !X) -> ()
  dsv2.barrier 2
  return
})";

TEST(StepSegments, FollowCallsAndCount) {
  MLIRContext context;
  context.loadDialect<DSV2Dialect, func::FuncDialect, memref::MemRefDialect, arith::ArithDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kModule, &context);
  ASSERT_TRUE(module);
  std::string text;
  for (const StepSegment &segment :
       getStepSegments(module->lookupSymbol<func::FuncOp>("step"))) {
    text += std::to_string(segment.from) + ">" + std::to_string(segment.to) + ":";
    for (const SegmentOp &part : segment.ops)
      text += " " + std::to_string(part.executions) + " " +
              part.op->getName().stripDialect().str();
    text += "\n";
  }
  // Barrier 1 repeats: what runs from it to itself is the end of one layer and
  // the beginning of the next, twice. The barrier without a number ends nothing.
  EXPECT_EQ(text, "0>1: 1 add 1 add\n"
                  "1>1: 2 swiglu 2 swiglu 2 add\n"
                  "1>2: 1 swiglu 1 swiglu\n"
                  "2>0:\n");
}

} // namespace
