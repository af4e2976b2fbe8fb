//===- Logits.cpp - The command logits ------------------------------------===//
//
// Writes safetensors: `logits` of one text, or `logits.<i>` of a schedule.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Generator.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/launcher/Commands.h"

#include <algorithm>

namespace dsv2::launcher {

static Status writeSchedule(Session &session, const Options &options) {
  Expected<std::string> text = readFile(*options.schedule, size_t(64) << 20);
  if (!text.ok())
    return text.status();
  Expected<engine::Schedule> schedule =
      engine::parseSchedule(*text, *options.schedule);
  if (!schedule.ok())
    return schedule.status();
  int64_t longest = 1;
  std::vector<TensorSpec> tensors;
  int64_t vocabulary = session.bundle().manifest().vocabulary;
  for (size_t i = 0; i < schedule->sequences.size(); ++i) {
    int64_t length = static_cast<int64_t>(schedule->sequences[i].size());
    longest = std::max(longest, length);
    tensors.push_back(
        {"logits." + std::to_string(i), DType::F32, {length, vocabulary}});
  }
  // Every token of a step has its logits written.
  int64_t outputs = 1;
  for (const std::vector<engine::Schedule::Part> &step : schedule->steps) {
    int64_t tokens = 0;
    for (const engine::Schedule::Part &part : step)
      tokens += part.count;
    outputs = std::max(outputs, tokens);
  }
  CacheNeed need = {
      std::max<int64_t>(1, static_cast<int64_t>(schedule->sequences.size())),
      longest};
  if (Status status = session.start({&need, 1}, outputs); !status.ok())
    return status;
  Expected<std::vector<std::vector<float>>> logits =
      engine::runSchedule(session.model(), *schedule);
  if (!logits.ok())
    return logits.status();
  Expected<SafetensorsWriter> writer =
      SafetensorsWriter::create(options.output, tensors);
  if (!writer.ok())
    return writer.status();
  for (const std::vector<float> &rows : *logits)
    if (Status status = writer->append(rows.data(), rows.size() * 4);
        !status.ok())
      return status;
  return writer->finish();
}

Status runLogits(Session &session, const Options &options) {
  if (options.schedule)
    return writeSchedule(session, options);
  Expected<std::vector<int32_t>> tokens = session.inputTokens();
  if (!tokens.ok())
    return tokens.status();
  if (tokens->empty())
    return Status::error("there are no tokens to compute logits of");
  int64_t length = static_cast<int64_t>(tokens->size());
  const bundle::Manifest &manifest = session.bundle().manifest();
  CacheNeed need = {1, length};
  int64_t outputs = std::min(length, manifest.maxStepTokens);
  if (options.chunk)
    outputs = std::min(outputs, options.chunk);
  if (Status status = session.start({&need, 1}, outputs); !status.ok())
    return status;
  Expected<SafetensorsWriter> writer = SafetensorsWriter::create(
      options.output,
      {{"logits",
        DType::F32,
        {length, manifest.vocabulary}}});
  if (!writer.ok())
    return writer.status();
  Status status = engine::computeLogits(
      session.model(), *tokens, options.chunk,
      [&](std::span<const float> rows) {
        return writer->append(rows.data(), rows.size_bytes());
      });
  return status.ok() ? writer->finish() : status;
}

} // namespace dsv2::launcher
