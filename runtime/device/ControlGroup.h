//===- ControlGroup.h - Limits that a container sets ------------*- C++ -*-===//
//
// Reads the limits of this process's control group and its parents, versions 1
// and 2. Whatever cannot be read limits nothing.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_DEVICE_CONTROLGROUP_H
#define RUNTIME_DEVICE_CONTROLGROUP_H

#include <cstdint>
#include <string>

namespace dsv2::device {

/// CPUs that the quota allows, possibly a fraction; 0 without a quota. `root`
/// stands before /proc and /sys in tests.
double controlGroupCpus(const std::string &root = "");

/// Bytes that the limit leaves beyond what is in use; 0 without a limit.
uint64_t controlGroupMemory(const std::string &root = "");

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_CONTROLGROUP_H
