//===- PackWeights.h - Copies into packed weights ---------------*- C++ -*-===//
//
// The part of a weight program that is copies alone, in parallel and in bounded
// memory.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_PACKWEIGHTS_H
#define RUNTIME_WEIGHTS_PACKWEIGHTS_H

#include "runtime/weights/Execute.h"
#include <span>

namespace dsv2::weights {

/// Called with the bytes of each part that is done; calls do not overlap.
using BytesDone = std::function<void(int64_t)>;

/// Makes validated weights whose sources `source` has, temporaries included.
Status packWeights(std::span<const Weight> weights, WeightSource &source,
                   WeightSink &sink, int threads, const BytesDone &bytesDone);

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_PACKWEIGHTS_H
