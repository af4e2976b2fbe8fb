//===- VectorMathTest.cpp - Elementary functions on f32 vectors -----------===//
//
// Emits a loop around each function, executes it on every variant, and
// compares with f64.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/VectorMath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "test/unit/lowering/KernelHarness.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace dsv2::test;
using namespace mlir;

using Function = Value (*)(mlir::dsv2::KernelBuilder &, Value);

/// Text of `@f(x, y)` with `y[i] = function(x[i])` for `n` values, vectors of
/// the variant's width and, for the last element, a scalar.
static std::string emitLoop(Function function, int64_t n, const mlir::dsv2::CPUTarget &target) {
  MLIRContext context;
  context.loadDialect<func::FuncDialect, arith::ArithDialect, scf::SCFDialect,
                      memref::MemRefDialect, vector::VectorDialect, LLVM::LLVMDialect>();
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  auto b = ImplicitLocOpBuilder::atBlockBegin(loc, module->getBody());
  auto type = MemRefType::get({n}, b.getF32Type());
  auto f = func::FuncOp::create(b, "f", b.getFunctionType({type, type}, {}));
  Block *entry = f.addEntryBlock();
  b.setInsertionPointToStart(entry);
  int64_t scratch = 0;
  mlir::dsv2::KernelBuilder k(b, target, {}, {}, {}, scratch);
  Value x = entry->getArgument(0), y = entry->getArgument(1);
  k.forEachVector(n - 1, [&](Value i, int64_t lanes) {
    k.storeF32(function(k, k.loadF32(x, {i}, lanes)), y, {i});
  });
  Value last = k.index(n - 1);
  k.store(function(k, k.load(x, {last})), y, {last});
  func::ReturnOp::create(b);
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  return text;
}

static std::vector<float> apply(Function function, std::vector<float> x, const char *variant) {
  auto module = KernelModule::compile(
      emitLoop(function, x.size(), *mlir::dsv2::findCPUTarget(variant)), variant);
  EXPECT_TRUE(module);
  std::vector<float> y(x.size());
  TestBatch::Sequence sequence{0, 1};
  TestBatch batch(sequence);
  if (module)
    module->call("f", batch.batch, {x.data(), y.data()});
  return y;
}

/// Distance of `y` from `exp(x)` in units of `y`'s last place.
static double ulps(float y, float x) {
  double exact = std::exp(double(x));
  float rounded = float(exact);
  double unit = std::nextafter(rounded, std::numeric_limits<float>::infinity()) - double(rounded);
  return std::abs(y - exact) / unit;
}

static std::vector<float> ramp(float from, float to, int n) {
  std::vector<float> x;
  for (int i = 0; i < n; ++i)
    x.push_back(from + (to - from) * i / (n - 1));
  return x;
}

class VectorMath : public testing::TestWithParam<const char *> {
  void SetUp() override {
    if (!KernelModule::runs(GetParam()))
      GTEST_SKIP() << "this CPU cannot run " << GetParam();
  }
};

TEST_P(VectorMath, ExpIsWithinTwoUlps) {
  std::vector<float> x = ramp(-103.9f, 88.7f, 40003);
  std::vector<float> y = apply(mlir::dsv2::emitExp, x, GetParam());
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_LE(ulps(y[i], x[i]), 2) << x[i];
}

TEST_P(VectorMath, ExpAtTheEnds) {
  float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  std::vector<float> x = {-inf, -1e30f, -200, -105, 0, -0.0f, 89, 1e30f, inf, nan, 1};
  std::vector<float> y = apply(mlir::dsv2::emitExp, x, GetParam());
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(y[i], 0) << x[i];
  EXPECT_EQ(y[4], 1);
  EXPECT_EQ(y[5], 1);
  for (int i = 6; i < 9; ++i)
    EXPECT_EQ(y[i], inf) << x[i];
  EXPECT_TRUE(std::isnan(y[9]));
  EXPECT_FLOAT_EQ(y[10], float(M_E));
}

TEST_P(VectorMath, ExpNonPositive) {
  float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  std::vector<float> x = ramp(-87.336f, 0, 40003);
  std::vector<float> y = apply(mlir::dsv2::emitExpNonPositive, x, GetParam());
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_LE(ulps(y[i], x[i]), 2) << x[i];
  y = apply(mlir::dsv2::emitExpNonPositive, {-inf, -1e38f, -88, 0, nan, -1000}, GetParam());
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], 0);
  EXPECT_EQ(y[3], 1);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], 0);
}

INSTANTIATE_TEST_SUITE_P(Variants, VectorMath,
                         testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"));
