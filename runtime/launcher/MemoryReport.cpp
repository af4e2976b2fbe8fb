//===- MemoryReport.cpp - Planned and resident memory, printed ------------===//
//
// Figures come from engine::planMemory and the kernel; here they get names.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/MemoryReport.h"

#include "runtime/launcher/Output.h"

namespace dsv2::launcher {

static std::string count(int64_t number, const char *what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

static std::string row(const std::string &name, const std::string &value,
                       const std::string &note) {
  char line[160];
  snprintf(line, sizeof(line), "  %-18s%12s  %s", name.c_str(), value.c_str(),
           note.c_str());
  std::string text = line;
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

static std::string partsTable(const engine::MemoryFacts &facts,
                              const engine::MemoryRequest &request,
                              const engine::MemoryPlan &plan) {
  std::string text;
  auto part = [&](const char *name, uint64_t bytes, const std::string &note) {
    if (bytes)
      text += row(name, formatBytes(double(bytes)), note);
  };
  auto each = [](uint64_t bytes, const char *what) {
    return formatBytes(double(bytes)) + " " + what;
  };
  part("private weights", plan.privateWeights, "random");
  part("cache", plan.cache,
       each(facts.cacheTokenBytes(), "a token, ") +
           each(facts.cachePageBytes(), "a page, ") +
           count(plan.pages, "page"));
  part("arena", plan.arena, "temporaries of a step");
  part("scratch", plan.scratch,
       each(static_cast<uint64_t>(facts.module.scratchBytes), "a thread"));
  part("logits", plan.logits, count(request.outputs, "row"));
  part("tables", plan.tables, "of batch, pages and weights");
  part("tokenizer", plan.tokenizer, "estimated");
  part("program", plan.program, "data, libraries, stacks");
  part("other", plan.other, "");
  part("together", plan.privateBytes(), "private memory");
  part("mapped weights", plan.mappedWeights, "of the file, shared");
  return text;
}

std::string memoryTable(const engine::MemoryFacts &facts,
                        const engine::MemoryRequest &request,
                        uint64_t cacheBytes, bool given) {
  engine::MemoryPlan plan = engine::planMemory(facts, request);
  std::string text = "memory              for " + count(request.texts, "text") +
                     " of " + count(request.tokens, "token") + ", " +
                     count(request.threads, "thread") + "\n";
  text += partsTable(facts, request, plan);
  text += "what fits           into " + formatBytes(double(cacheBytes)) +
          " of cache" +
          (given ? "" : ", which this machine has left; see --cache-memory") +
          "\n";
  engine::CacheFits fits = engine::largestFits(facts, cacheBytes);
  for (const engine::CacheFit &fit : fits.byTexts)
    text += row(count(fit.texts, "text"), std::to_string(fit.tokens),
                "tokens each");
  for (const engine::CacheFit &fit : fits.byTokens)
    text += row(count(fit.tokens, "token"), std::to_string(fit.texts),
                fit.texts == 1 ? "text" : "texts");
  return text;
}

void writeMemoryReport(JsonWriter &json, const Session &session) {
  Expected<device::ResidentMemory> resident = device::residentMemory();
  const engine::MemoryPlan &plan = session.memoryPlan();
  json.key("memory");
  if (!resident.ok()) {
    json.null();
    return;
  }
  json.beginObject();
  json.member("planned", plan.privateBytes());
  json.member("resident", resident->anonymous + resident->shared);
  json.member("resident_file", resident->file);
  json.key("plan").beginObject();
  writeMemoryPlan(json, session.memoryRequest(), plan);
  json.endObject();
  json.endObject();
}

} // namespace dsv2::launcher
