//===- AttentionBench.cpp - Speed of attention over the latent cache ------===//
//
// One thread at V2-Lite's and V2's widths, as a share of the bf16 peak that a
// probe measures between the calls. Processor time, so that neighbours on a
// busy machine matter less.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <immintrin.h>

using namespace dsv2::test;

static double processorSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

/// FLOP/s of independent products of bf16 pairs.
__attribute__((target("avx512f,avx512bf16"))) static double probePeak() {
  constexpr int kChains = 20, kRounds = 200000;
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm512_set1_ps(float(i));
  __m512i ones = _mm512_set1_epi32(0x3f803f80);
  double start = processorSeconds();
  for (int round = 0; round < kRounds; ++round) {
    asm volatile("" : "+v"(ones));
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm512_dpbf16_ps(sums[i], __m512bh(ones), __m512bh(ones));
  }
  double seconds = processorSeconds() - start;
  for (int i = 0; i < kChains; ++i)
    asm volatile("" ::"v"(sums[i]));
  return 64.0 * kChains * kRounds / seconds;
}

static std::vector<uint16_t> randomBF16(size_t size) {
  std::vector<uint16_t> values(size);
  uint32_t state = 1;
  for (uint16_t &value : values) {
    state = state * 1664525 + 1013904223;
    value = toBF16((float(state >> 8) / (1 << 24) - 0.5f));
  }
  return values;
}

/// Medians of the speed and of its ratio to the probes around it.
template <typename Call> static void measure(const char *what, double flops, Call call) {
  call();
  std::vector<double> speeds, ratios;
  for (int i = 0; i < 9; ++i) {
    double peak = probePeak(), start = processorSeconds();
    call();
    double speed = flops / (processorSeconds() - start);
    speeds.push_back(speed);
    ratios.push_back(speed / (0.5 * (peak + probePeak())));
  }
  std::sort(speeds.begin(), speeds.end());
  std::sort(ratios.begin(), ratios.end());
  std::printf("%-48s %6.0f GFLOP/s, %.2f of bf16 peak\n", what, speeds[4] / 1e9, ratios[4]);
  std::fflush(stdout);
}

/// Pairs of query and cached token in the batch.
static double pairsOf(const TestBatch &batch) {
  double pairs = 0;
  for (int32_t position : batch.positions)
    pairs += position + 1;
  return pairs;
}

static std::string substitute(std::string text,
                              std::initializer_list<std::pair<std::string, int>> values) {
  for (auto &[name, value] : values)
    for (size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, name.size(), std::to_string(value));
  return text;
}

static void benchLatent(int heads, int sequences, int prefix, int tokens) {
  auto module = KernelModule::compile(substitute(R"(
    func.func @f(%q: memref<?x$Hx576xbf16> {dsv2.count = "tokens"},
                 %c: memref<1x?x64x576xbf16, #dsv2.cache<latent = 512, rope = 64>> {dsv2.count = "pages"},
                 %b: !dsv2.batch<tokens = 512, sequences = 64, outputs = 64, span = 65536>,
                 %o: memref<?x$Hx512xbf16> {dsv2.count = "tokens"}) {
      %l = arith.constant 0 : index
      dsv2.latent_attention %q, %c[%l] at %b range = all scale = 0.1 outs(%o)
        : (memref<?x$Hx576xbf16>, memref<1x?x64x576xbf16, #dsv2.cache<latent = 512, rope = 64>>,
           index, !dsv2.batch<tokens = 512, sequences = 64, outputs = 64, span = 65536>,
           memref<?x$Hx512xbf16>) -> ()
      return
    })", {{"$H", heads}}), "avx512bf16");
  std::vector<TestBatch::Sequence> list(sequences, {prefix, tokens});
  TestBatch batch(list);
  auto query = randomBF16(batch.positions.size() * heads * 576),
       cache = randomBF16(size_t(batch.batch.pages) * 64 * 576),
       result = randomBF16(batch.positions.size() * heads * 512);
  char what[100];
  std::snprintf(what, sizeof what, "latent: %d heads, %d x %d tokens after %d", heads, sequences,
                tokens, prefix);
  measure(what, 2176.0 * heads * pairsOf(batch), [&] {
    module->call("f", batch.batch, {query.data(), cache.data(), result.data()});
  });
}

static void benchExpanded(int heads, int prefix, int tokens) {
  auto module = KernelModule::compile(substitute(R"(
    func.func @f(%q: memref<?x$Hx192xbf16> {dsv2.count = "tokens"},
                 %c: memref<1x?x64x576xbf16, #dsv2.cache<latent = 512, rope = 64>> {dsv2.count = "pages"},
                 %k: memref<$Hx2x256x64x2xbf16>, %v: memref<$Hx2x256x64x2xbf16>,
                 %b: !dsv2.batch<tokens = 512, sequences = 64, outputs = 64, span = 65536>,
                 %o: memref<?x$Hx128xbf16> {dsv2.count = "tokens"}) {
      %l = arith.constant 0 : index
      dsv2.expanded_attention %q, %c[%l], %k, %v at %b range = all scale = 0.1 outs(%o)
        : (memref<?x$Hx192xbf16>, memref<1x?x64x576xbf16, #dsv2.cache<latent = 512, rope = 64>>,
           index, memref<$Hx2x256x64x2xbf16>, memref<$Hx2x256x64x2xbf16>,
           !dsv2.batch<tokens = 512, sequences = 64, outputs = 64, span = 65536>,
           memref<?x$Hx128xbf16>) -> ()
      return
    })", {{"$H", heads}}), "avx512bf16");
  TestBatch::Sequence sequence{prefix, tokens};
  TestBatch batch(sequence);
  auto query = randomBF16(batch.positions.size() * heads * 192),
       cache = randomBF16(size_t(batch.batch.pages) * 64 * 576),
       keys = randomBF16(size_t(heads) * 128 * 512), values = keys,
       result = randomBF16(batch.positions.size() * heads * 128);
  char what[100];
  std::snprintf(what, sizeof what, "expanded: %d heads, %d tokens after %d", heads, tokens, prefix);
  double rebuilt = 2.0 * 512 * 256 * heads * (prefix + tokens);
  measure(what, rebuilt + 640.0 * heads * pairsOf(batch), [&] {
    module->call("f", batch.batch,
                 {query.data(), cache.data(), keys.data(), values.data(), result.data()});
  });
}

int main() {
  if (!KernelModule::hasInstructions("avx512bf16")) {
    std::puts("this CPU has no product of bf16: nothing to measure");
    return 0;
  }
  benchLatent(16, 16, 1023, 1);
  benchLatent(16, 8, 4095, 1);
  benchLatent(32, 8, 4095, 1);
  benchLatent(128, 2, 4095, 1);
  benchLatent(16, 1, 0, 256);
  benchExpanded(16, 0, 512);
  benchExpanded(4, 2048, 512);
}
