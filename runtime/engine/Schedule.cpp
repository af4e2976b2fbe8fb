//===- Schedule.cpp - Reading a schedule of steps -------------------------===//
//
// Checks that the steps compute every token of every sequence once, in order.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Generator.h"
#include "runtime/io/JsonCursor.h"

#include <algorithm>
#include <limits>

namespace dsv2::engine {

static Status readSequences(const JsonCursor &at, Schedule &schedule) {
  Expected<const JsonArray *> all = at.array();
  if (!all.ok())
    return all.status();
  for (size_t i = 0; i < (*all)->size(); ++i) {
    Expected<const JsonArray *> ids = at.at(i).array();
    if (!ids.ok())
      return ids.status();
    std::vector<int32_t> &sequence = schedule.sequences.emplace_back();
    for (size_t j = 0; j < (*ids)->size(); ++j) {
      Expected<int64_t> id =
          at.at(i).at(j).integer(0, std::numeric_limits<int32_t>::max());
      if (!id.ok())
        return id.status();
      sequence.push_back(static_cast<int32_t>(*id));
    }
  }
  return Status::success();
}

/// Reads one step and advances `done`.
static Status readStep(const JsonCursor &at, Schedule &schedule,
                       std::vector<int64_t> &done) {
  Expected<const JsonArray *> parts = at.array();
  if (!parts.ok())
    return parts.status();
  std::vector<Schedule::Part> &step = schedule.steps.emplace_back();
  for (size_t i = 0; i < (*parts)->size(); ++i) {
    JsonCursor part = at.at(i);
    Expected<int64_t> sequence =
        part.at(0).integer(0, static_cast<int64_t>(done.size()) - 1);
    if (!sequence.ok())
      return sequence.status();
    int64_t left =
        static_cast<int64_t>(schedule.sequences[*sequence].size()) -
        done[*sequence];
    Expected<int64_t> count = part.at(1).integer(1, left);
    if (!count.ok())
      return count.status();
    std::optional<bool> absorbed;
    if (part.at(2).present()) {
      Expected<bool> given = part.at(2).boolean();
      if (!given.ok())
        return given.status();
      absorbed = *given;
    }
    if (std::any_of(step.begin(), step.end(), [&](const auto &other) {
          return other.sequence == *sequence;
        }))
      return part.error("sequence " + std::to_string(*sequence) +
                        " stands twice in one step");
    done[*sequence] += *count;
    step.push_back({*sequence, *count, absorbed});
  }
  return Status::success();
}

Expected<Schedule> parseSchedule(const std::string &text,
                                 const std::string &source) {
  Expected<JsonValue> tree = parseJson(text, source);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, source);
  Schedule schedule;
  if (Status status = readSequences(root["sequences"], schedule); !status.ok())
    return status;
  Expected<const JsonArray *> steps = root["steps"].array();
  if (!steps.ok())
    return steps.status();
  std::vector<int64_t> done(schedule.sequences.size(), 0);
  for (size_t i = 0; i < (*steps)->size(); ++i)
    if (Status status = readStep(root["steps"].at(i), schedule, done);
        !status.ok())
      return status;
  for (size_t i = 0; i < done.size(); ++i)
    if (done[i] != static_cast<int64_t>(schedule.sequences[i].size()))
      return root["steps"].error(
          "sequence " + std::to_string(i) + " is computed to token " +
          std::to_string(done[i]) + " of " +
          std::to_string(schedule.sequences[i].size()));
  return schedule;
}

} // namespace dsv2::engine
