//===- MemoryReport.h - Planned and resident memory, printed ----*- C++ -*-===//
//
// The memory plan as a table, and beside what the kernel counts.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_MEMORYREPORT_H
#define RUNTIME_LAUNCHER_MEMORYREPORT_H

#include "runtime/launcher/Session.h"

namespace dsv2::launcher {

/// The lines of `info`: the plan of `request`, and what fits into
/// `cacheBytes`, which the user gave or which is what the machine has left.
std::string memoryTable(const engine::MemoryFacts &facts,
                        const engine::MemoryRequest &request,
                        uint64_t cacheBytes, bool given);

/// The member `memory` of a command that has run: the plan of the session's
/// model and what is resident now, both in bytes. `planned` and `resident`
/// count private memory, mapped weights stand apart. Null where the kernel
/// does not say.
void writeMemoryReport(JsonWriter &json, const Session &session);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_MEMORYREPORT_H
