//===- StepSchedule.cpp - Steps that exercise a module --------------------===//
//
// Lengths are fixed by the step's purpose and shortened where the batch's
// maxima ask for it; ids, order, pages and outputs are drawn.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/StepSchedule.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace mlir::dsv2;

static constexpr int64_t kPageTokens = 64;
static constexpr int64_t kSequences = 3;

namespace {
/// SplitMix64: the same numbers with every standard library.
class Draw {
public:
  explicit Draw(uint64_t seed) : state(seed) {}

  /// Below `bound`.
  int64_t operator()(int64_t bound) {
    uint64_t z = (state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return int64_t((z ^ (z >> 31)) % uint64_t(bound));
  }
  template <typename T> void shuffle(std::vector<T> &values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[(*this)(int64_t(i))]);
  }

private:
  uint64_t state;
};
} // namespace

StepSchedule mlir::dsv2::makeSchedule(BatchType type, int64_t vocabulary,
                                      const ScheduleOptions &options) {
  Draw draw(options.seed);
  int64_t sequences = std::min(type.getSequences(), kSequences);
  // New tokens of each sequence, by step. The second step mixes decode, a
  // chunk and prefill; the third decodes, the last a single token.
  // Three short of a page: the chunk of the fourth step crosses its end.
  int64_t first = options.crossPage ? kPageTokens - 3 : 4 + draw(4);
  const int64_t plan[][kSequences] = {{first, 2 + draw(4), 0},
                                      {1, 3 + draw(4), 2 + draw(4)},
                                      {1, 1, 1},
                                      {4 + draw(3), 0, 1},
                                      {0, 1, 0}};

  StepSchedule schedule;
  std::vector<int64_t> cached(sequences, 0);
  int64_t pagesEach = 2;
  schedule.pages = pagesEach * sequences + 1; // one that nobody has
  std::vector<int64_t> pages(schedule.pages);
  std::iota(pages.begin(), pages.end(), 0);
  draw.shuffle(pages);
  for (const auto &lengths : plan) {
    ScheduledStep step;
    reference::BatchValue &batch = step.batch;
    std::vector<int64_t> order(sequences);
    std::iota(order.begin(), order.end(), 0);
    draw.shuffle(order);
    for (int64_t s : order) {
      int64_t length = std::min({lengths[s], type.getTokens() - batch.tokens(),
                                 type.getSpan() - cached[s],
                                 pagesEach * kPageTokens - cached[s]});
      if (length <= 0)
        continue;
      batch.starts.push_back(batch.tokens());
      batch.prefix.push_back(cached[s]);
      for (int64_t i = 0; i < length; ++i) {
        batch.positions.push_back(cached[s] + i);
        batch.sequence.push_back(batch.sequences() - 1);
        step.ids.push_back(int32_t(draw(vocabulary)));
      }
      batch.pageTable.emplace_back(pages.begin() + s * pagesEach,
                                   pages.begin() + (s + 1) * pagesEach);
      cached[s] += length;
    }
    if (!batch.tokens())
      continue;
    batch.starts.push_back(batch.tokens());
    batch.absorbed = draw(batch.sequences() + 1);
    // The last row of every sequence, and others, as many as there may be.
    std::vector<int64_t> rows;
    for (int64_t s = 0; s < batch.sequences(); ++s)
      rows.push_back(batch.starts[s + 1] - 1);
    for (int64_t t = 0; t < batch.tokens(); ++t)
      if (draw(4) == 0 && !llvm::is_contained(rows, t))
        rows.push_back(t);
    if (int64_t(rows.size()) > type.getOutputs())
      rows.resize(type.getOutputs());
    draw.shuffle(rows);
    batch.outputRows = std::move(rows);
    schedule.steps.push_back(std::move(step));
  }
  return schedule;
}
