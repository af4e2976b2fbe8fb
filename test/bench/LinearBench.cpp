//===- LinearBench.cpp - Speed of products with packed weights ------------===//
//
// Decode (one row, weights far larger than the caches) against a probe of the
// read bandwidth; prefill (many rows) against a probe of the arithmetic peak.
// Probe and kernel alternate, time is CPU time, and medians of the ratio are
// printed: on a shared machine nothing else carries over.
//
//   LinearBench [variant [repetitions]]
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <immintrin.h>
#include <thread>

using namespace dsv2::test;

namespace {

/// CPU time of all threads.
double seconds(llvm::function_ref<void()> body) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
  };
  double start = now();
  body();
  return now() - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void onThreads(int threads, llvm::function_ref<void(int)> body) {
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back([body, i] { body(i); });
  body(0);
  for (std::thread &thread : others)
    thread.join();
}

volatile float sink;

/// Sums bytes at full width: the bandwidth that a reader can have.
__attribute__((target("avx2"))) void readAll(const char *data, size_t bytes) {
  __m256 sums[8] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
#pragma unroll
    for (int j = 0; j < 8; ++j)
      sums[j] = _mm256_xor_ps(
          sums[j], _mm256_loadu_ps(reinterpret_cast<const float *>(data + i) + 8 * j));
  for (__m256 &sum : sums)
    sink = sum[0];
}

constexpr int64_t kPeakSteps = 2000000;

/// Multiply-adds on registers alone; returns floating-point operations.
__attribute__((target("avx512f,avx512bf16"))) double peakDot() {
  __m512 sums[24] = {};
  __m512bh x{}, w{};
  for (int64_t i = 0; i < kPeakSteps; ++i)
#pragma unroll
    for (int j = 0; j < 24; ++j) {
      sums[j] = _mm512_dpbf16_ps(sums[j], x, w);
      asm volatile("" : "+v"(sums[j]));
    }
  for (__m512 &sum : sums)
    sink = sum[0];
  return 24.0 * kPeakSteps * 64;
}
__attribute__((target("avx512f"))) double peakFMA512() {
  __m512 sums[24] = {}, x{}, w{};
  for (int64_t i = 0; i < kPeakSteps; ++i)
#pragma unroll
    for (int j = 0; j < 24; ++j) {
      sums[j] = _mm512_fmadd_ps(x, w, sums[j]);
      asm volatile("" : "+v"(sums[j]));
    }
  for (__m512 &sum : sums)
    sink = sum[0];
  return 24.0 * kPeakSteps * 32;
}
__attribute__((target("avx2,fma"))) double peakFMA256() {
  __m256 sums[12] = {}, x{}, w{};
  for (int64_t i = 0; i < kPeakSteps; ++i)
#pragma unroll
    for (int j = 0; j < 12; ++j) {
      sums[j] = _mm256_fmadd_ps(x, w, sums[j]);
      asm volatile("" : "+x"(sums[j]));
    }
  for (__m256 &sum : sums)
    sink = sum[0];
  return 12.0 * kPeakSteps * 16;
}

/// Operations of one thread's probe.
double peak(const std::string &variant, bool bf16) {
  if (variant == "avx512bf16" && bf16)
    return peakDot();
  return variant == "x86-64-v3" ? peakFMA256() : peakFMA512();
}

struct Shape {
  int64_t n, k, rows;
  bool bf16;
};

void measure(const std::string &variant, Shape shape, int repetitions) {
  auto [n, k, rows, bf16] = shape;
  int64_t pair = bf16 ? 2 : 1, size = 4 / pair;
  std::string type = bf16 ? "xbf16>" : "xf32>", count = " {dsv2.count = \"tokens\"}";
  std::string x = "memref<?x" + std::to_string(k) + type;
  std::string y = "memref<?x" + std::to_string(n) + type;
  std::string w = "memref<" + std::to_string(n / 64) + "x" + std::to_string(k / pair) + "x64x" +
                  std::to_string(pair) + type;
  auto module = KernelModule::compile(
      "func.func @f(%x: " + x + count + ", %w: " + w + ", %y: " + y + count +
          ") {\n dsv2.linear %x, %w outs(%y) : (" + x + ", " + w + ", " + y + ") -> ()\n return\n}",
      variant);
  if (!module)
    std::exit(1);
  auto allocate = [](size_t bytes) {
    void *data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    std::memset(data, 0x3c, bytes); // ordinary numbers
    return static_cast<char *>(data);
  };
  size_t weightBytes = n * k * size;
  char *weights = allocate(weightBytes), *input = allocate(rows * k * size);
  char *output = allocate(rows * n * size);
  TestBatch batch({{0, int32_t(rows)}}, 1);
  for (int threads : {1, 2}) {
    std::vector<double> bandwidths, ratios, speeds;
    for (int i = 0; i <= repetitions; ++i) {
      double probe, operations = 0;
      if (rows == 1) {
        size_t part = weightBytes / threads;
        probe = threads * weightBytes / seconds([&] {
          onThreads(threads, [&](int t) { readAll(weights + t * part, part); });
        });
      } else {
        double time = seconds([&] {
          onThreads(threads, [&](int t) {
            double mine = peak(variant, bf16);
            if (t == 0)
              operations = mine * threads;
          });
        });
        probe = threads * operations / time;
      }
      double time = seconds(
          [&] { module->call("f", batch.batch, {input, weights, output}, threads); });
      double speed = threads * (rows == 1 ? weightBytes : 2.0 * rows * n * k) / time;
      if (i == 0)
        continue; // cold
      speeds.push_back(speed);
      ratios.push_back(speed / probe);
    }
    std::printf("%-11s %-4s rows %4ld n %6ld k %5ld threads %d: %7.1f %s, %.2f of the probe\n",
                variant.c_str(), bf16 ? "bf16" : "f32", long(rows), long(n), long(k), threads,
                median(speeds) / 1e9, rows == 1 ? "GB/s" : "GF/s", median(ratios));
    std::fflush(stdout);
  }
  std::free(weights);
  std::free(input);
  std::free(output);
}

} // namespace

int main(int argc, char **argv) {
  int repetitions = argc > 2 ? std::atoi(argv[2]) : 9;
  for (std::string variant : {"avx512bf16", "x86-64-v4", "x86-64-v3"}) {
    if ((argc > 1 && variant != argv[1]) || !KernelModule::hasInstructions(variant))
      continue;
    for (Shape shape : {Shape{65536, 2048, 1, true}, Shape{16384, 10944, 1, true},
                        Shape{10944, 2048, 512, true}, Shape{2048, 10944, 512, true},
                        Shape{1408, 2048, 512, true}, Shape{32768, 2048, 1, false},
                        Shape{2048, 2048, 512, false}})
      measure(variant, shape, repetitions);
  }
}
