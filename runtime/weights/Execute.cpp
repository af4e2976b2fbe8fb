//===- Execute.cpp - Runs a weight program --------------------------------===//
//
// Weights are made in order, as many at once as need no new temporary. A
// temporary is made when the first weight needs it and dropped after the last.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Execute.h"

#include "runtime/weights/Merge.h"
#include "runtime/weights/PackWeights.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace dsv2::weights {

WeightSource::~WeightSource() = default;
WeightSink::~WeightSink() = default;

Status MemorySink::write(int64_t offset, const void *data, int64_t bytes) {
  std::memcpy(base + offset, data, bytes);
  return Status::success();
}

namespace {
/// Numbers of temporaries that something needs, directly or not.
using Needs = std::set<size_t>;

class ProgramExecutor {
public:
  ProgramExecutor(const WeightProgram &program, WeightSource &source,
                  WeightSink &sink, int threads, const Progress &progress)
      : program(program), source(source), sink(sink), threads(threads),
        progress(progress) {
    for (size_t i = 0; i < program.temporaries.size(); ++i)
      numbers[program.temporaries[i].name] = i;
  }

  Status run();

private:
  void collect(const Weight &weight, Needs &needs) const;
  Status make(const Needs &needs);

  const WeightProgram &program;
  TemporarySource source;
  WeightSink &sink;
  int threads;
  const Progress &progress;
  std::map<std::string, size_t> numbers; // of temporaries
};
} // namespace

void ProgramExecutor::collect(const Weight &weight, Needs &needs) const {
  for (const WeightCopy &copy : weight.copies) {
    if (!isTemporary(copy.source))
      continue;
    size_t number = numbers.at(copy.source);
    if (!needs.insert(number).second)
      continue;
    collect(program.temporaries[number].lhs, needs);
    collect(program.temporaries[number].rhs, needs);
  }
}

/// Makes what is missing. Operands of a temporary come before it in order.
Status ProgramExecutor::make(const Needs &needs) {
  for (size_t number : needs) {
    const Temporary &temporary = program.temporaries[number];
    if (source.holds(temporary.name))
      continue;
    if (Status status = source.make(temporary, threads); !status.ok())
      return status;
  }
  return Status::success();
}

Status ProgramExecutor::run() {
  const std::vector<Weight> &weights = program.weights;
  std::vector<Needs> needs(weights.size());
  std::vector<size_t> lastUse(program.temporaries.size(), 0);
  for (size_t i = 0; i < weights.size(); ++i) {
    collect(weights[i], needs[i]);
    for (size_t number : needs[i])
      lastUse[number] = i;
  }
  int64_t done = 0;
  BytesDone report = [&](int64_t bytes) {
    done += bytes;
    if (progress)
      progress(done, program.bytes);
  };
  for (size_t first = 0; first < weights.size();) {
    if (Status status = make(needs[first]); !status.ok())
      return status;
    size_t last = first + 1;
    while (last < weights.size() && needs[last] == needs[first])
      ++last;
    if (Status status = packWeights(
            std::span(weights).subspan(first, last - first), source, sink,
            threads, report);
        !status.ok())
      return status;
    for (size_t number : needs[first])
      if (lastUse[number] < last)
        source.drop(program.temporaries[number].name);
    first = last;
  }
  // Gaps between weights are done too.
  if (progress && done != program.bytes)
    progress(program.bytes, program.bytes);
  return Status::success();
}

Status executeWeightProgram(const WeightProgram &program, WeightSource &source,
                            WeightSink &sink, int threads,
                            const Progress &progress) {
  return ProgramExecutor(program, source, sink, threads, progress).run();
}

} // namespace dsv2::weights
