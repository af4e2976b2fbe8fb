//===- Processors.h - How many threads to use -------------------*- C++ -*-===//
//
// Counts what this process may use: affinity, physical cores, quota.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_DEVICE_PROCESSORS_H
#define RUNTIME_DEVICE_PROCESSORS_H

namespace dsv2::device {

/// Logical processors within the process's affinity, at least 1.
int availableProcessors();

/// Physical cores within affinity, cut by the control group's quota (rounded
/// up), at least 1.
int defaultThreads();

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_PROCESSORS_H
