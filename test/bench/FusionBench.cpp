//===- FusionBench.cpp - Fused ops against the ops they stand for ---------===//
//
// Time of one execution at the widths of V2-Lite, barriers included. The two
// alternate, each call executes them many times, and the least of the
// repetitions is printed: on a shared machine that is what others disturb
// least. Weights are few enough to stay in the cache, so that what fusion
// saves is not lost in what memory takes.
//
// The head is measured by itself, also at its whole size: product and greedy
// choice, fused and apart, beside the product and the scan that sampling does.
// Medians, as it does not stay in any cache; on one thread of the time that it had
// a processor, so that a shared machine can be measured on.
//
//   FusionBench [variant [repetitions [head]]]
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"
#include "test/unit/lowering/TypedBuffer.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

using namespace dsv2::test;

namespace {

constexpr int kExecutions = 256;

struct Pair {
  const char *name;
  /// Arguments, and the bodies of both over them; the batch comes last.
  const char *arguments, *parts, *fused;
  std::vector<size_t> columns; // elements of a row of each argument; weights: 0
  std::vector<size_t> weights; // elements of each argument that is none of rows
};

constexpr const char *kAliases = R"(
!batch = !dsv2.batch<tokens = 512, sequences = 8, outputs = 8, span = 1024>
#cache = #dsv2.cache<latent = 512, rope = 64>
!x = memref<?x2048xbf16>
!kv = memref<?x576xbf16>
!q = memref<?x16x192xbf16>
!qc = memref<?x16x576xbf16>
!cs = memref<?x32x2xf32>
!w = memref<2048xbf16>
!a = memref<2x1024x64x2xbf16>
!b = memref<1x1024x64x2xbf16>
!ya = memref<?x128xbf16>
!yb = memref<?x64xbf16>
!wc = memref<512xbf16>
!uk = memref<16x8x64x64x2xbf16>
!cache = memref<1x?x64x576xbf16, #cache>
)";

const Pair kPairs[] = {
    {"add, norm",
     R"(%x: !x {dsv2.count = "tokens"}, %d: !x {dsv2.count = "tokens"}, %w: !w, %s: !x {dsv2.count = "tokens"}, %h: !x {dsv2.count = "tokens"})",
     R"(dsv2.add %x, %d outs(%s) : (!x, !x, !x) -> ()
        dsv2.barrier
        dsv2.rms_norm %s, %w eps = 1.0e-6 outs(%h) : (!x, !w, !x) -> ())",
     R"(dsv2.add_rms_norm %x, %d, %w eps = 1.0e-6 outs(%s, %h) : (!x, !x, !w, !x, !x) -> ())",
     {2048, 2048, 0, 2048, 2048},
     {2048}},
    {"linear, linear",
     R"(%x: !x {dsv2.count = "tokens"}, %v: !a, %w: !b, %y: !ya {dsv2.count = "tokens"}, %z: !yb {dsv2.count = "tokens"})",
     R"(dsv2.linear %x, %v outs(%y) : (!x, !a, !ya) -> ()
        dsv2.linear %x, %w outs(%z) : (!x, !b, !yb) -> ())",
     R"(dsv2.linears %x, (%v, %w) outs(%y, %z) : (!x, !a, !b, !ya, !yb) -> ())",
     {2048, 0, 0, 128, 64},
     {2048 * 128, 2048 * 64}},
    {"add + norm, linear",
     R"(%x: !x {dsv2.count = "tokens"}, %d: !x {dsv2.count = "tokens"}, %w: !w, %v: !a, %s: !x {dsv2.count = "tokens"}, %h: !x {dsv2.count = "tokens"}, %y: !ya {dsv2.count = "tokens"})",
     R"(dsv2.add_rms_norm %x, %d, %w eps = 1.0e-6 outs(%s, %h) : (!x, !x, !w, !x, !x) -> ()
        dsv2.barrier
        dsv2.linear %h, %v outs(%y) : (!x, !a, !ya) -> ())",
     R"(dsv2.norm_linears %x plus %d, %w eps = 1.0e-6, (%v) outs(%s, %h, %y) : (!x, !x, !w, !a, !x, !x, !ya) -> ())",
     {2048, 2048, 0, 0, 2048, 2048, 128},
     {2048, 2048 * 128}},
    {"norm, rope, append",
     R"(%x: !kv {dsv2.count = "tokens"}, %w: !wc, %cs: !cs {dsv2.count = "tokens"}, %a: !kv {dsv2.count = "tokens"}, %b: !kv {dsv2.count = "tokens"}, %c: !cache {dsv2.count = "pages"})",
     R"(%l = arith.constant 0 : index
        dsv2.rms_norm %x, %w eps = 1.0e-6 outs(%a) : (!kv, !wc, !kv) -> ()
        dsv2.barrier
        dsv2.rope %a, %cs outs(%b) : (!kv, !cs, !kv) -> ()
        dsv2.barrier
        dsv2.append_latent %b into %c[%l] at %batch : (!kv, !cache, index, !batch) -> ())",
     R"(%l = arith.constant 0 : index
        dsv2.append_latent %x norm %w eps = 1.0e-6 rope %cs into %c[%l] at %batch
          : (!kv, !wc, !cs, !cache, index, !batch) -> ())",
     {576, 0, 64, 576, 576, 576},
     {512}},
    {"rope, head_linear",
     R"(%x: !q {dsv2.count = "tokens"}, %w: !uk, %cs: !cs {dsv2.count = "tokens"}, %r: !q {dsv2.count = "tokens"}, %y: !qc {dsv2.count = "tokens"})",
     R"(dsv2.rope %x, %cs outs(%r) : (!q, !cs, !q) -> ()
        dsv2.barrier
        dsv2.head_linear %r, %w at %batch range = all through = 64 outs(%y) : (!q, !uk, !batch, !qc) -> ())",
     R"(dsv2.head_linear %x, %w at %batch range = all through = 64 rope %cs outs(%y)
          : (!q, !uk, !batch, !cs, !qc) -> ())",
     {16 * 192, 0, 64, 16 * 192, 16 * 576},
     {16 * 512 * 128}},
};

/// `@name` executes `body`, over `parameters`, many times.
std::string repeated(const std::string &name, const std::string &parameters,
                     const std::string &body, int executions = kExecutions) {
  std::string names, types;
  const std::string &text = parameters;
  for (size_t at = 0; (at = text.find('%', at)) != std::string::npos; ++at) {
    size_t colon = text.find(':', at), end = text.find_first_of(" ,", colon + 2);
    names += text.substr(at, colon - at) + ", ";
    types += text.substr(colon + 2, end - colon - 2) + ", ";
  }
  std::string arguments = parameters + ", %batch: !batch";
  std::string result = "func.func private @" + name + "_once(" + arguments + ") {\n" + body +
                       "\nreturn\n}\nfunc.func @" + name + "(" + arguments + ") {\n";
  for (int i = 0; i < executions; ++i)
    result += "call @" + name + "_once(" + names + "%batch) : (" + types + "!batch) -> ()\ndsv2.barrier\n";
  return result + "return\n}\n";
}

double seconds(llvm::function_ref<void()> body) {
  auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of the time that this process had a processor.
double processorSeconds(llvm::function_ref<void()> body) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
  };
  double start = now();
  body();
  return now() - start;
}

void measure(const std::string &variant, const Pair &pair, int repetitions) {
  auto module = KernelModule::compile(
      kAliases + repeated("parts", pair.arguments, pair.parts) +
          repeated("fused", pair.arguments, pair.fused),
      variant);
  if (!module)
    std::exit(1);
  for (int rows : {1, 4, 8, 128, 512}) {
    std::vector<TypedBuffer> buffers;
    size_t weight = 0;
    for (size_t columns : pair.columns)
      buffers.emplace_back("bf16", columns ? std::max(rows, 64) * columns * 2 : pair.weights[weight++],
                           unsigned(buffers.size() + 1), 0.02f);
    std::vector<void *> data;
    for (TypedBuffer &buffer : buffers)
      data.push_back(buffer.data());
    TestBatch batch(TestBatch::Sequence{0, rows});
    for (int threads : {1, 2}) {
      double parts = 1e9, fused = 1e9;
      for (int i = 0; i < repetitions; ++i) {
        parts = std::min(parts, seconds([&] { module->call("parts", batch.batch, data, threads); }));
        fused = std::min(fused, seconds([&] { module->call("fused", batch.batch, data, threads); }));
      }
      std::printf("%-11s %-20s rows %4d threads %d: %9.2f us, fused %9.2f us, %.3f\n", variant.c_str(),
                  pair.name, rows, threads, parts / kExecutions * 1e6, fused / kExecutions * 1e6,
                  fused / parts);
      std::fflush(stdout);
    }
  }
}

constexpr int kVocabulary = 102400; // of V2-Lite

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// The head over rows of `width` columns.
void measureHead(const std::string &variant, int width, int executions, int repetitions) {
  std::string arguments =
      R"(%x: !x {dsv2.count = "tokens"}, %n: !n, %w: !w, %h: !x {dsv2.count = "tokens"}, %y: !y {dsv2.count = "tokens"}, %c: !c {dsv2.count = "tokens"})";
  std::string product = "dsv2.norm_linears %x, %n eps = 1.0e-6, (%w) outs(%h, %y) : (!x, !n, !w, !x, !y) -> ()\n";
  std::string choice = "dsv2.argmax %y outs(%c) : (!y, !c) -> ()\n";
  auto module = KernelModule::compile(
      substitute(R"(
        !batch = !dsv2.batch<tokens = 512, sequences = 8, outputs = 8, span = 1024>
        !x = memref<?x$0xbf16>
        !n = memref<$0xbf16>
        !w = memref<1600x$1x64x2xbf16>
        !y = memref<?x102400xf32>
        !c = memref<?xi32>
      )", {std::to_string(width), std::to_string(width / 2)}) +
          repeated("product", arguments, product, executions) +
          repeated("choice", arguments, choice, executions) +
          repeated("apart", arguments, product + "dsv2.barrier\n" + choice, executions) +
          repeated("fused", arguments,
                   "dsv2.norm_linears %x, %n eps = 1.0e-6, (%w) choose outs(%h, %y, %c)"
                   " : (!x, !n, !w, !x, !y, !c) -> ()", executions),
      variant);
  if (!module)
    std::exit(1);
  constexpr int most = 32;
  TypedBuffer x("bf16", most * width, 1), n("bf16", width, 2), h("bf16", most * width);
  TypedBuffer w("bf16", size_t(kVocabulary) * width, 3, 0.02f), y("f32", size_t(most) * kVocabulary);
  std::vector<int32_t> c(most);
  std::vector<void *> data{x.data(), n.data(), w.data(), h.data(), y.data(), c.data()};
  const char *kinds[] = {"product", "choice", "apart", "fused"};
  for (int rows : {1, 8, 32})
    for (int threads : {1, 2}) {
      TestBatch batch(TestBatch::Sequence{0, rows});
      auto *time = threads == 1 ? processorSeconds : seconds;
      std::vector<double> times[5];
      for (int i = 0; i < repetitions; ++i) {
        for (int kind = 0; kind < 4; ++kind)
          times[kind].push_back(
              time([&] { module->call(kinds[kind], batch.batch, data, threads); }) / executions);
        times[4].push_back(processorSeconds([&] {
          for (int row = 0; row < rows; ++row) {
            std::span logits(static_cast<float *>(y.data()) + size_t(row) * kVocabulary, kVocabulary);
            if (*dsv2::sampling::sample(logits, {}, 0) != c[row])
              std::abort();
          }
        }));
      }
      std::printf("%-11s head of %4d     rows %4d threads %d: product %9.1f us, choice %7.1f us, "
                  "apart %9.1f us, fused %9.1f us, scan %7.1f us\n",
                  variant.c_str(), width, rows, threads, median(times[0]) * 1e6,
                  median(times[1]) * 1e6, median(times[2]) * 1e6, median(times[3]) * 1e6,
                  median(times[4]) * 1e6);
      std::fflush(stdout);
    }
}

} // namespace

int main(int argc, char **argv) {
  int repetitions = argc > 2 ? std::atoi(argv[2]) : 15;
  for (std::string variant : {"avx512bf16", "x86-64-v4", "x86-64-v3"}) {
    if ((argc > 1 && variant != argv[1]) || !KernelModule::hasInstructions(variant))
      continue;
    bool headAlone = argc > 3;
    for (const Pair &pair : kPairs)
      if (!headAlone)
        measure(variant, pair, repetitions);
    // Weights that stay in a cache, and those of V2-Lite.
    measureHead(variant, 64, /*executions=*/32, repetitions);
    measureHead(variant, 2048, /*executions=*/4, repetitions);
  }
}
