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
  if (Status status = session.loadModel(); !status.ok())
    return status;
  int64_t longest = 1;
  std::vector<TensorSpec> tensors;
  int64_t vocabulary = session.bundle().manifest().vocabulary;
  for (size_t i = 0; i < schedule->sequences.size(); ++i) {
    int64_t length = static_cast<int64_t>(schedule->sequences[i].size());
    longest = std::max(longest, length);
    tensors.push_back(
        {"logits." + std::to_string(i), DType::F32, {length, vocabulary}});
  }
  if (Status status = session.reserveCache(
          std::max<size_t>(1, schedule->sequences.size()), longest);
      !status.ok())
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
  if (Status status = session.loadModel(); !status.ok())
    return status;
  int64_t length = static_cast<int64_t>(tokens->size());
  if (Status status = session.reserveCache(1, length); !status.ok())
    return status;
  Expected<SafetensorsWriter> writer = SafetensorsWriter::create(
      options.output,
      {{"logits",
        DType::F32,
        {length, session.bundle().manifest().vocabulary}}});
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
