//===- TargetModelTest.cpp - The table of machines ------------------------===//
//
// Figures that the table must hold, and that no entry is half filled.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/TargetModel.h"
#include "gtest/gtest.h"
#include <set>

using namespace mlir::dsv2;

namespace {

TEST(TargetModel, EveryEntryIsWhole) {
  std::set<std::string> names;
  for (const TargetModel &target : getBuiltinTargets()) {
    SCOPED_TRACE(target.name);
    EXPECT_TRUE(names.insert(target.name).second);
    EXPECT_EQ(findBuiltinTarget(target.name), &target);
    EXPECT_GT(target.units, 0);
    EXPECT_GT(target.cacheBandwidth, target.memoryBandwidth);
    EXPECT_GT(target.memoryBandwidth, 1e10);
    // A narrower type is never slower.
    EXPECT_GT(target.peakF32, 0);
    EXPECT_GE(target.peakBF16, target.peakF32);
    EXPECT_GE(target.peakInt8, target.peakBF16);
    EXPECT_GE(target.peakFP8, target.peakF32);
    EXPECT_LT(target.l1Bytes, target.l2Bytes);
    EXPECT_LE(target.l2Bytes, target.lastLevelBytes);
    EXPECT_GT(target.launchSeconds, 0);
    EXPECT_GT(target.memoryBytes, target.lastLevelBytes);
  }
  for (const char *name : {"x86-64-v3", "x86-64-v4", "avx512bf16", "znver4", "znver5",
                           "sapphirerapids", "h800", "h100", "h200"})
    EXPECT_TRUE(names.count(name)) << name;
  EXPECT_EQ(findBuiltinTarget("pentium"), nullptr);
}

TEST(TargetModel, Hopper) {
  const TargetModel &h800 = *findBuiltinTarget("h800"), &h100 = *findBuiltinTarget("h100"),
                    &h200 = *findBuiltinTarget("h200");
  // "Ridge ~295" (specification §3.1).
  EXPECT_NEAR(h100.ridge(NumberType::BF16), 295, 0.5);
  EXPECT_NEAR(h800.ridge(NumberType::FP8), 590.7, 0.5);
  EXPECT_EQ(h200.memoryBandwidth, 4.8e12);
  EXPECT_EQ(h100.memoryBandwidth, 3.35e12);
  // NVLink, one way: half of 400 and of 900 GB/s.
  EXPECT_EQ(h800.linkBandwidth, 200e9);
  EXPECT_EQ(h100.linkBandwidth, 450e9);
  EXPECT_EQ(h100.kind, TargetKind::GPU);
}

TEST(TargetModel, CPUsComputeTypesWithoutInstructionsInF32) {
  const TargetModel &v3 = *findBuiltinTarget("x86-64-v3");
  EXPECT_EQ(v3.kind, TargetKind::CPU);
  EXPECT_EQ(v3.peak(NumberType::BF16), v3.peak(NumberType::F32));
  EXPECT_NEAR(v3.peakF32 / double(v3.units), 78.4e9, 1e6); // 2 FMA x 8 x 2.45 GHz
  const TargetModel &znver4 = *findBuiltinTarget("znver4");
  EXPECT_EQ(znver4.peak(NumberType::BF16), 2 * znver4.peak(NumberType::F32));
  EXPECT_EQ(znver4.peak(NumberType::FP8), znver4.peak(NumberType::F32));
}

} // namespace
