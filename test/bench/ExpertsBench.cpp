//===- ExpertsBench.cpp - Speed of the experts of one layer ---------------===//
//
// One layer's experts at V2-Lite's widths, as separate ops and with each fusion
// added: time of each form over that of the first. Forms alternate in random
// order; medians of the ratios are printed, of processor time and (in brackets)
// of elapsed time, because on a shared machine nothing else carries over. The
// first form counts twice: `again` is what the others are sure to. Routing (the router's
// product, the choice and the sort) stands beside them.
//
//   ExpertsBench [variant [repetitions [tokens]]]
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <random>

using namespace dsv2::test;

namespace {

struct Time {
  double processor, elapsed;
};

Time measure(llvm::function_ref<void()> body) {
  auto processor = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
  };
  auto start = std::chrono::steady_clock::now();
  double used = processor();
  body();
  used = processor() - used;
  return {used, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// A function of the module under a name of its own.
struct Form {
  const char *name, *symbol = nullptr;
  const char *function() const { return symbol ? symbol : name; }
};

/// Names of types and operands that the forms share.
const std::pair<const char *, const char *> names[] = {
    {"$ARGUMENTS", "%x: $X, %e: $I, %w: $W, %g: $G, %u: $G, %d: $D, %sg: $SG, %su: $SG, %sd: $SD, "
                   "%o: $O, %r: $I, %p: $I, %a: $H, %b: $H, %h: $H, %z: $Z, %sa: $S, %sb: $S, "
                   "%s: $S, %y: $X, %t: $X, %out: $X"},
    {"$X", "memref<?x2048xbf16> {dsv2.count = \"tokens\"}"},
    {"$I", "memref<?x6xi32> {dsv2.count = \"tokens\"}"},
    {"$W", "memref<?x6xf32> {dsv2.count = \"tokens\"}"},
    {"$H", "memref<?x6x1408xbf16> {dsv2.count = \"tokens\"}"},
    {"$Z", "memref<?x6x2048xbf16> {dsv2.count = \"tokens\"}"},
    {"$SG", "memref<44x1024x64x2xbf16>"},
    {"$SD", "memref<32x1408x64x2xbf16>"},
    {"$S", "memref<?x2816xbf16> {dsv2.count = \"tokens\"}"},
    {"$G", "memref<64x22x1024x64x2xbf16>"},
    {"$D", "memref<64x32x704x64x2xbf16>"},
    {"$O", "memref<65xi32>"},
    // The same without attributes, in the types of ops.
    {"@X", "memref<?x2048xbf16>"},
    {"@I", "memref<?x6xi32>"},
    {"@W", "memref<?x6xf32>"},
    {"@H", "memref<?x6x1408xbf16>"},
    {"@Z", "memref<?x6x2048xbf16>"},
    {"@SG", "memref<44x1024x64x2xbf16>"},
    {"@SD", "memref<32x1408x64x2xbf16>"},
    {"@S", "memref<?x2816xbf16>"},
    {"@G", "memref<64x22x1024x64x2xbf16>"},
    {"@D", "memref<64x32x704x64x2xbf16>"},
    {"@O", "memref<65xi32>"}};

const char *const forms = R"(
func.func @route(%x: $X, %g: memref<1x1024x64x2xbf16>, %l: memref<?x64xf32> {dsv2.count = "tokens"},
                 %w: $W, %e: $I, %o: $O, %r: $I, %p: $I) {
  dsv2.linear %x, %g outs(%l) : (@X, memref<1x1024x64x2xbf16>, memref<?x64xf32>) -> ()
  dsv2.barrier 0
  dsv2.select_experts %l groups = 1 kept_groups = 1 scale = 1.0 outs(%w, %e) : (memref<?x64xf32>, @W, @I) -> ()
  dsv2.barrier 0
  dsv2.dispatch %e outs(%o, %r, %p) : (@I, @O, @I, @I) -> ()
  return
}
func.func @separate($ARGUMENTS) {
  dsv2.dispatch %e outs(%o, %r, %p) : (@I, @O, @I, @I) -> ()
  dsv2.linear %x, %sg outs(%sa) : (@X, @SG, @S) -> ()
  dsv2.linear %x, %su outs(%sb) : (@X, @SG, @S) -> ()
  dsv2.barrier 0
  dsv2.grouped_linear %x, %o, %r, %g outs(%a) : (@X, @O, @I, @G, @H) -> ()
  dsv2.grouped_linear %x, %o, %r, %u outs(%b) : (@X, @O, @I, @G, @H) -> ()
  dsv2.swiglu %sa, %sb outs(%s) : (@S, @S, @S) -> ()
  dsv2.barrier 0
  dsv2.swiglu %a, %b outs(%h) : (@H, @H, @H) -> ()
  dsv2.linear %s, %sd outs(%t) : (@S, @SD, @X) -> ()
  dsv2.barrier 0
  dsv2.grouped_linear %h, %o, %r, %d outs(%z) : (@H, @O, @I, @D, @Z) -> ()
  dsv2.barrier 0
  dsv2.combine %z, %p, %w outs(%y) : (@Z, @I, @W, @X) -> ()
  dsv2.barrier 0
  dsv2.add %y, %t outs(%out) : (@X, @X, @X) -> ()
  return
}
func.func @swiglu($ARGUMENTS) {
  dsv2.dispatch %e outs(%o, %r, %p) : (@I, @O, @I, @I) -> ()
  dsv2.gated_linear %x, %sg, %su outs(%s) : (@X, @SG, @SG, @S) -> ()
  dsv2.barrier 0
  dsv2.grouped_gated_linear %x, %o, %r, %g, %u outs(%h) : (@X, @O, @I, @G, @G, @H) -> ()
  dsv2.linear %s, %sd outs(%t) : (@S, @SD, @X) -> ()
  dsv2.barrier 0
  dsv2.grouped_linear %h, %o, %r, %d outs(%z) : (@H, @O, @I, @D, @Z) -> ()
  dsv2.barrier 0
  dsv2.combine %z, %p, %w outs(%y) : (@Z, @I, @W, @X) -> ()
  dsv2.barrier 0
  dsv2.add %y, %t outs(%out) : (@X, @X, @X) -> ()
  return
}
func.func @combine($ARGUMENTS) {
  dsv2.dispatch %e outs(%o, %r, %p) : (@I, @O, @I, @I) -> ()
  dsv2.gated_linear %x, %sg, %su outs(%s) : (@X, @SG, @SG, @S) -> ()
  dsv2.barrier 0
  dsv2.grouped_gated_linear %x, %o, %r, %g, %u outs(%h) : (@X, @O, @I, @G, @G, @H) -> ()
  dsv2.linear %s, %sd outs(%t) : (@S, @SD, @X) -> ()
  dsv2.barrier 0
  dsv2.grouped_combine %h, %o, %r, %w, %d outs(%y) : (@H, @O, @I, @W, @D, @X) -> ()
  dsv2.barrier 0
  dsv2.add %y, %t outs(%out) : (@X, @X, @X) -> ()
  return
}
func.func @shared($ARGUMENTS) {
  dsv2.dispatch %e outs(%o, %r, %p) : (@I, @O, @I, @I) -> ()
  dsv2.barrier 0
  dsv2.grouped_gated_linear %x, %o, %r, %g, %u shared %sg, %su outs(%h, %s)
    : (@X, @O, @I, @G, @G, @SG, @SG, @H, @S) -> ()
  dsv2.barrier 0
  dsv2.grouped_combine %h, %o, %r, %w, %d shared %s, %sd outs(%out)
    : (@H, @O, @I, @W, @D, @S, @SD, @X) -> ()
  return
}
func.func @unsorted($ARGUMENTS) {
  dsv2.grouped_gated_linear %x, %o, %r, %g, %u shared %sg, %su unsorted %e up_to = 16 outs(%h, %s)
    : (@X, @O, @I, @G, @G, @SG, @SG, @I, @H, @S) -> ()
  dsv2.barrier 0
  dsv2.grouped_combine %h, %o, %r, %w, %d shared %s, %sd unsorted %e up_to = 16 outs(%out)
    : (@H, @O, @I, @W, @D, @S, @SD, @I, @X) -> ()
  return
})";

std::vector<uint16_t> randomBF16(size_t size) {
  std::vector<uint16_t> values(size);
  uint32_t state = 1;
  for (uint16_t &value : values) {
    state = state * 1664525 + 1013904223;
    value = toBF16((float(state >> 8) / (1 << 24) - 0.5f) / 16);
  }
  return values;
}

} // namespace

int main(int argc, char **argv) {
  const char *variant = argc > 1 ? argv[1] : "avx512bf16";
  int repetitions = argc > 2 ? std::atoi(argv[2]) : 7;
  if (!KernelModule::hasInstructions(variant)) {
    std::printf("this CPU does not run %s: nothing to measure\n", variant);
    return 0;
  }
  std::string text = forms;
  for (auto &[name, value] : names)
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;)
      text.replace(at, std::string(name).size(), value);
  auto module = KernelModule::compile(text, variant);
  if (!module)
    return 1;

  constexpr int experts = 64, hidden = 2048, width = 1408, shared = 2816, most = 512, k = 6;
  auto gate = randomBF16(size_t(experts) * width * hidden), up = gate, down = gate;
  auto sharedGate = randomBF16(size_t(shared) * hidden), sharedUp = sharedGate, sharedDown = sharedGate;
  auto x = randomBF16(size_t(most) * hidden);
  for (uint16_t &value : x)
    value += 4 << 7; // times 16
  std::vector<uint16_t> rows[3], wide(size_t(most) * k * hidden), narrow[3], result[3];
  for (auto &buffer : rows)
    buffer.resize(size_t(most) * k * width);
  for (auto &buffer : narrow)
    buffer.resize(size_t(most) * shared);
  for (auto &buffer : result)
    buffer.resize(size_t(most) * hidden);
  std::vector<float> weights(most * k, 1.0f / k);
  std::vector<int32_t> chosen(most * k), offsets(experts + 1), order(most * k), places(most * k);
  std::mt19937 generator(1);
  for (int t = 0; t < most; ++t) {
    int all[experts];
    for (int e = 0; e < experts; ++e)
      all[e] = e;
    std::shuffle(all, all + experts, generator);
    std::copy(all, all + k, &chosen[t * k]);
  }
  // The router's results are not used: choices are even here.
  std::vector<float> logits(size_t(most) * experts), routeWeights(most * k);
  std::vector<int32_t> routeOffsets(experts + 1), routed[3];
  for (auto &buffer : routed)
    buffer.resize(most * k);
  std::vector<void *> routeBuffers = {x.data(), sharedGate.data(), logits.data(), routeWeights.data(),
                                      routed[0].data(), routeOffsets.data(), routed[1].data(),
                                      routed[2].data()};
  std::vector<void *> buffers = {
      x.data(), chosen.data(), weights.data(), gate.data(), up.data(), down.data(),
      sharedGate.data(), sharedUp.data(), sharedDown.data(), offsets.data(), order.data(),
      places.data(), rows[0].data(), rows[1].data(), rows[2].data(), wide.data(), narrow[0].data(),
      narrow[1].data(), narrow[2].data(), result[0].data(), result[1].data(), result[2].data()};

  std::vector<int> counts = {1, 2, 8, 128, 512};
  if (argc > 3)
    counts = {std::clamp(std::atoi(argv[3]), 1, most)};
  for (int tokens : counts)
    for (int threads : {1, 2}) {
      TestBatch batch(TestBatch::Sequence{0, tokens});
      std::map<std::string, std::vector<double>> processor, elapsed;
      std::vector<Form> all = {{"separate"}, {"swiglu"}, {"combine"}, {"shared"}, {"again", "separate"}};
      if (tokens <= 16)
        all.push_back({"unsorted"});
      std::vector<Form> turns = all;
      std::vector<double> base, route;
      for (int i = 0; i <= repetitions; ++i) {
        std::map<std::string, Time> times;
        // Each form follows each other one about as often: what it finds in caches is theirs.
        std::shuffle(turns.begin(), turns.end(), generator);
        for (const Form &form : turns)
          times[form.name] = measure([&] { module->call(form.function(), batch.batch, buffers, threads); });
        double routing = measure([&] { module->call("route", batch.batch, routeBuffers, threads); }).elapsed;
        if (i == 0)
          continue; // first touch
        route.push_back(routing);
        base.push_back(times["separate"].elapsed);
        for (const Form &form : all) {
          processor[form.name].push_back(times[form.name].processor / times["separate"].processor);
          elapsed[form.name].push_back(times[form.name].elapsed / times["separate"].elapsed);
        }
      }
      std::printf("%3d tokens, %d thread%s: routing %.3f ms; separate %.2f ms", tokens, threads,
                  threads > 1 ? "s" : "", 1e3 * median(route), 1e3 * median(base));
      for (const Form &form : llvm::drop_begin(all))
        std::printf("; %s %.3f (%.3f)", form.name, median(processor[form.name]), median(elapsed[form.name]));
      std::printf("\n");
      std::fflush(stdout);
    }
}
