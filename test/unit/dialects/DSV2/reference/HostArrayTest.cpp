//===- HostArrayTest.cpp - Arrays that the interpreter computes with ------===//
//
// Views, bounds, and rounding.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>
#include <numeric>

using namespace dsv2::test;
using testing::ElementsAre;

namespace {
class HostArrayTest : public testing::Test {
protected:
  HostArray counting(llvm::ArrayRef<int64_t> sizes) {
    HostArray array = HostArray::make(mlir::Float32Type::get(&context), sizes);
    std::iota(array.data(), array.data() + array.numElements(), 0);
    return array;
  }
  mlir::MLIRContext context;
};
} // namespace

TEST_F(HostArrayTest, SlicesAndReshapes) {
  HostArray array = counting({3, 4});
  HostArray part = array.slice({1, 0}, {2, 2}, {1, 2});
  EXPECT_THAT(part.flatten(), ElementsAre(4, 6, 8, 10));
  EXPECT_FALSE(part.isContiguous());
  EXPECT_FALSE(part.reshape({4}));
  EXPECT_THAT(part.copy().reshape({4})->flatten(), ElementsAre(4, 6, 8, 10));
  EXPECT_EQ(array.reshape({2, 6})->at({1, 5}), 11);
  EXPECT_EQ(part.row(1)[1], 10);
  EXPECT_FALSE(array.isUnique());
}

TEST_F(HostArrayTest, AssignmentMayOverlap) {
  HostArray array = counting({4});
  array.slice({1}, {3}, {1}).assign(array.slice({0}, {3}, {1}));
  EXPECT_THAT(array.flatten(), ElementsAre(0, 0, 1, 2));
}

TEST_F(HostArrayTest, ViewsOfBytes) {
  HostArray arena = HostArray::make(mlir::IntegerType::get(&context, 8), 64);
  mlir::Type f32 = mlir::Float32Type::get(&context);
  std::optional<HostArray> view = arena.viewBytes(16, f32, {3, 4});
  ASSERT_TRUE(view);
  view->assign(counting({3, 4}));
  EXPECT_EQ(view->at({2, 3}), 11);
  EXPECT_EQ(view->reshape({12})->at(7), 7);
  EXPECT_EQ(arena.data()[16 + 4 * 5], 5);
  EXPECT_FALSE(arena.viewBytes(20, f32, {3, 4}));
  EXPECT_FALSE(arena.viewBytes(-4, f32, {1}));
  EXPECT_FALSE(view->reinterpret(9, {4}, {1}));
  EXPECT_THAT(view->reinterpret(1, {2}, {5})->flatten(), ElementsAre(1, 6));
}

TEST_F(HostArrayTest, Rounding) {
  mlir::Type bf16 = mlir::BFloat16Type::get(&context), f16 = mlir::Float16Type::get(&context),
             f32 = mlir::Float32Type::get(&context);
  EXPECT_EQ(roundTo(1.00390625, bf16), 1.0);        // a tie, to even
  EXPECT_EQ(roundTo(1.01171875, bf16), 1.015625);   // a tie, to even
  EXPECT_EQ(roundTo(1.0040, bf16), 1.0078125);
  EXPECT_EQ(roundTo(3.4e38, bf16), INFINITY);
  EXPECT_EQ(roundTo(-INFINITY, bf16), -INFINITY);
  EXPECT_TRUE(std::isnan(roundTo(NAN, bf16)));
  EXPECT_EQ(roundTo(0.1, f32), double(0.1f));
  EXPECT_EQ(roundTo(2049.0, f16), 2048.0);
  EXPECT_EQ(round(0.1, bf16, Precision::F64), 0.1);
}
