//===- Median.h - The middle of some measurements ---------------*- C++ -*-===//
//
// What benchmarks report: a machine that others use is slow now and then.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_MEDIAN_H
#define RUNTIME_LAUNCHER_MEDIAN_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace dsv2::launcher {

/// Zero of none.
inline double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle]
                           : (values[middle - 1] + values[middle]) / 2;
}

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_MEDIAN_H
