//===- OptionValues.h - Sizes and ids on a command line ---------*- C++ -*-===//
//
// Every number that is written is either the number that is read or refused.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_OPTIONVALUES_H
#define RUNTIME_LAUNCHER_OPTIONVALUES_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <string>
#include <vector>

namespace dsv2::launcher {

/// Bytes from "4096", "512M", "1.5G", "16GiB" (powers of 1024), at most 10^18.
Expected<uint64_t> parseSize(const std::string &text);

/// Ids from "1,2,3", with spaces and line ends between.
Expected<std::vector<int32_t>> parseIds(const std::string &text);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_OPTIONVALUES_H
