//===- InterpreterTest.cpp - Executes dsv2 IR by reference semantics ------===//
//
// Forms, calls, views, the cache in place, and what is refused.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>

using namespace dsv2::test;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Interpreter, ThreeFormsOneResult) {
  auto values = Snippet(R"(
  func.func @f() -> (tensor<2x2xf32>, tensor<2x2xf32>, memref<2x2xf32>) {
    %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %a = dsv2.add %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    %e = tensor.empty() : tensor<2x2xf32>
    %b = dsv2.add %x, %x outs(%e)
      : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    %arena = memref.alloc() : memref<128xi8>
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %two = arith.constant 2 : index
    %m = memref.view %arena[%c64][%two] : memref<128xi8> to memref<?x2xf32>
    %n = memref.cast %m : memref<?x2xf32> to memref<2x2xf32>
    %z = memref.view %arena[%c0][] : memref<128xi8> to memref<2x2xf32>
    dsv2.barrier
    dsv2.add %n, %n outs(%z) : (memref<2x2xf32>, memref<2x2xf32>, memref<2x2xf32>) -> ()
    return %a, %b, %z : tensor<2x2xf32>, tensor<2x2xf32>, memref<2x2xf32>
  })")
                    .run();
  ASSERT_EQ(values.size(), 3u);
  EXPECT_THAT(values[0], ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(values[1], values[0]);
  // Nobody wrote the operand: undefined, not zero.
  EXPECT_TRUE(std::isnan(values[2][0]));
}

static const char *const updates = R"(
  %empty = tensor.empty() : tensor<1x3x64x4xf32, #cache>
  %new = arith.constant dense<1.0> : tensor<4x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = dsv2.append_latent %new into %empty[%c0] at %batch
    : (tensor<4x4xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch) -> tensor<1x3x64x4xf32, #cache>
  %c2 = call @layer(%c1, %batch) : (tensor<1x3x64x4xf32, #cache>, !batch)
    -> tensor<1x3x64x4xf32, #cache>
  %c3 = call @layer(%c2, %batch) : (tensor<1x3x64x4xf32, #cache>, !batch)
    -> tensor<1x3x64x4xf32, #cache>
)";
static const char *const layer = R"(
func.func private @layer(%c: tensor<1x3x64x4xf32, #cache>, %batch: !batch)
    -> tensor<1x3x64x4xf32, #cache> {
  %c0 = arith.constant 0 : index
  %new = arith.constant dense<2.0> : tensor<4x4xf32>
  %r = dsv2.append_latent %new into %c[%c0] at %batch
    : (tensor<4x4xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch) -> tensor<1x3x64x4xf32, #cache>
  return %r : tensor<1x3x64x4xf32, #cache>
}
)";

TEST(Interpreter, CacheIsUpdatedInPlace) {
  Snippet snippet(aliases + "func.func @f() -> tensor<1x3x64x4xf32, #cache> {" + twoSequences +
                  updates + "return %c3 : tensor<1x3x64x4xf32, #cache> }" + layer);
  EXPECT_EQ(snippet.value().size(), 768u) << snippet.diagnostics;
  EXPECT_EQ(snippet.copies, 0);
}

TEST(Interpreter, ValuesThatAreStillUsedAreNotOverwritten) {
  Snippet snippet(aliases +
                  "func.func @f() -> (tensor<1x3x64x4xf32, #cache>, "
                  "tensor<1x3x64x4xf32, #cache>) {" +
                  twoSequences + updates +
                  "return %c1, %c3 : tensor<1x3x64x4xf32, #cache>, tensor<1x3x64x4xf32, #cache> }" +
                  layer);
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  EXPECT_EQ(values[0][2 * 64 * 4], 1);
  EXPECT_EQ(values[1][2 * 64 * 4], 2);
  EXPECT_EQ(snippet.copies, 1);
}

TEST(Interpreter, ScalarsFold) {
  Snippet snippet(R"(func.func @f() -> (index, i1) {
    %a = arith.constant 7 : index
    %b = arith.constant 3 : index
    %c = arith.ceildivsi %a, %b : index
    %d = arith.maxsi %c, %b : index
    %e = arith.muli %d, %a : index
    %p = arith.cmpi slt, %e, %a : index
    return %e, %p : index, i1
  })");
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  EXPECT_EQ(values[0][0], 21);
  EXPECT_EQ(values[1][0], 0);
}

TEST(Interpreter, SlicesAndConcatenation) {
  Snippet snippet(R"(func.func @f() -> tensor<2x3xf32> {
    %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
    %a = tensor.extract_slice %x[0, 1] [2, 2] [1, 1] : tensor<2x3xf32> to tensor<2x2xf32>
    %b = tensor.extract_slice %x[0, 0] [2, 1] [1, 1] : tensor<2x3xf32> to tensor<2x1xf32>
    %c = tensor.concat dim(1) %a, %b : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
    return %c : tensor<2x3xf32>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(2, 3, 1, 5, 6, 4)) << snippet.diagnostics;
}

TEST(Interpreter, WeightProgramFillsSlots) {
  Snippet snippet(R"(
  func.func @f() -> tensor<2xf32> {
    %w = dsv2.weight "b" slot 4 : tensor<2xf32>
    return %w : tensor<2xf32>
  }
  func.func private @weights() attributes {dsv2.weight_program} {
    %c = dsv2.checkpoint "b" : tensor<2xf32>
    dsv2.store_weight %c, "b" slot 4 : tensor<2xf32>
    return
  })");
  int reads = 0;
  Interpreter interpreter(*snippet.module,
                          {Precision::F64,
                           [&](mlir::dsv2::CheckpointOp op) -> mlir::FailureOr<HostArray> {
                             ++reads;
                             return HostArray::make(op.getType().getElementType(), 2, 5);
                           },
                           nullptr});
  auto f = snippet.module->lookupSymbol<mlir::func::FuncOp>("f");
  EXPECT_TRUE(failed(interpreter.call(f, {})));
  EXPECT_THAT(snippet.diagnostics, HasSubstr("no weight program stores slot 4"));
  ASSERT_TRUE(succeeded(interpreter.runWeightProgram(*snippet.module)));
  auto results = interpreter.call(f, {});
  ASSERT_TRUE(succeeded(results));
  EXPECT_THAT(std::get<HostArray>((*results)[0]).flatten(), ElementsAre(5, 5));
  EXPECT_EQ(reads, 1);
}

TEST(Interpreter, ComputesSlotsWhenTheyAreRead) {
  Snippet snippet(R"(
  func.func @f() -> tensor<2xf32> {
    %w = dsv2.weight "b" slot 4 : tensor<2xf32>
    return %w : tensor<2xf32>
  }
  func.func private @weights() attributes {dsv2.weight_program} {
    %a = dsv2.checkpoint "a" : tensor<2xf32>
    %b = dsv2.checkpoint "b" : tensor<2xf32>
    dsv2.store_weight %a, "a" slot 3 : tensor<2xf32>
    dsv2.store_weight %b, "b" slot 4 : tensor<2xf32>
    return
  })");
  for (bool kept : {true, false}) {
    std::vector<std::string> reads;
    mlir::dsv2::reference::InterpreterOptions options;
    options.readCheckpoint = [&](mlir::dsv2::CheckpointOp op) -> mlir::FailureOr<HostArray> {
      reads.push_back(op.getName().str());
      return HostArray::make(op.getType().getElementType(), 2, 5);
    };
    options.keptWeightBytes = kept ? 1000 : 8;
    Interpreter interpreter(*snippet.module, options);
    ASSERT_TRUE(succeeded(interpreter.useWeightProgram(*snippet.module)));
    EXPECT_TRUE(reads.empty());
    auto f = snippet.module->lookupSymbol<mlir::func::FuncOp>("f");
    for (int step = 0; step < 2; ++step) {
      auto results = interpreter.call(f, {});
      ASSERT_TRUE(succeeded(results));
      EXPECT_THAT(std::get<HostArray>((*results)[0]).flatten(), ElementsAre(5, 5));
    }
    if (kept)
      EXPECT_THAT(reads, ElementsAre("b"));
    else
      EXPECT_THAT(reads, ElementsAre("b", "b"));
  }
}

TEST(Interpreter, RefusesWhatItCannotRun) {
  auto refusal = [](const char *body) {
    Snippet snippet(body);
    EXPECT_TRUE(snippet.run().empty());
    return snippet.diagnostics;
  };
  EXPECT_THAT(refusal("func.func @f() { call @f() : () -> () return }"),
              HasSubstr("calls nest deeper than 64"));
  EXPECT_THAT(refusal(R"(func.func @f() -> tensor<?xf32> {
    %n = arith.constant -1 : index
    %e = tensor.empty(%n) : tensor<?xf32>
    return %e : tensor<?xf32> })"),
              HasSubstr("negative size"));
  EXPECT_THAT(refusal(R"(func.func @f() -> tensor<?xf32> {
    %n = arith.constant 1000000000000000000 : index
    %e = tensor.empty(%n) : tensor<?xf32>
    return %e : tensor<?xf32> })"),
              HasSubstr("too large"));
  EXPECT_THAT(refusal(R"(func.func @f() -> memref<2x2xf32> {
    %arena = memref.alloc() : memref<8xi8>
    %c0 = arith.constant 0 : index
    %z = memref.view %arena[%c0][] : memref<8xi8> to memref<2x2xf32>
    return %z : memref<2x2xf32> })"),
              HasSubstr("view leaves the buffer"));
  EXPECT_THAT(refusal(R"(func.func @f() -> tensor<5x1xf32> {
    %n = arith.constant 4 : index
    %e = tensor.empty(%n) : tensor<?x1xf32>
    %c = tensor.cast %e : tensor<?x1xf32> to tensor<5x1xf32>
    return %c : tensor<5x1xf32> })"),
              HasSubstr("does not have type"));
  EXPECT_THAT(refusal(R"(func.func @f() -> tensor<?x2xf32> {
    %n = arith.constant 4 : index
    %m = arith.constant 3 : index
    %x = tensor.empty(%n) : tensor<?x2xf32>
    %t = tensor.empty(%m) : tensor<?x1x2xf32>
    %y = dsv2.rope %x, %t : (tensor<?x2xf32>, tensor<?x1x2xf32>) -> tensor<?x2xf32>
    return %y : tensor<?x2xf32> })"),
              HasSubstr("an operand has 3 rows, expected 4"));
  EXPECT_THAT(refusal(R"(func.func @f() -> tensor<?x?xf32> {
    %n = arith.constant 4 : index
    %x = tensor.empty(%n, %n) : tensor<?x?xf32>
    %y = dsv2.add %x, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
    return %y : tensor<?x?xf32> })"),
              HasSubstr("more than the rows"));
  EXPECT_THAT(refusal(R"(func.func @f() -> f32 {
    %x = arith.constant 1.0 : f32
    %y = arith.addf %x, %x : f32
    return %y : f32 })"),
              HasSubstr("not supported"));
}
