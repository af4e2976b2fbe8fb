//===- RowsTest.cpp - Lowering of row-wise ops ----------------------------===//
//
// Executes each op and compares with its definition.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include "gtest/gtest.h"

using namespace dsv2::test;

TEST(Rows, AddRoundsOnce) {
  const char *text = R"(
    func.func @f(%x: memref<?x19xbf16> {dsv2.count = "tokens"}, %y: memref<?x19xbf16> {dsv2.count = "tokens"},
                 %z: memref<?x19xbf16> {dsv2.count = "tokens"}) {
      dsv2.add %x, %y outs(%z) : (memref<?x19xbf16>, memref<?x19xbf16>, memref<?x19xbf16>) -> ()
      return
    })";
  for (const char *variant : {"x86-64-v3", "x86-64-v4", "avx512bf16"}) {
    if (!KernelModule::runs(variant))
      continue;
    auto module = KernelModule::compile(text, variant);
    ASSERT_TRUE(module);
    TestBatch batch({{0, 5}, {3, 2}});
    std::vector<uint16_t> x(7 * 19), y(7 * 19), z(7 * 19);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = toBF16(0.37f * i);
      y[i] = toBF16(1.0f / (i + 1));
    }
    module->call("f", batch.batch, {x.data(), y.data(), z.data()}, 2);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(z[i], toBF16(fromBF16(x[i]) + fromBF16(y[i]))) << i;
  }
}
