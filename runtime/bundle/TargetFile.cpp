//===- TargetFile.cpp - A machine's figures as JSON -----------------------===//
//
// One list of fields serves writing, reading and the refusal of unknown ones.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/TargetFile.h"

#include <algorithm>

namespace dsv2::bundle {

static constexpr int64_t TargetFileVersion = 1;
/// No machine of today comes near; keeps sums of figures finite.
static constexpr double MaxFigure = 1e15;

namespace {
enum class Need { Positive, MayBeZero };
} // namespace

/// Numbers under their keys; nested ones as "group.key".
template <typename Figures, typename Visitor>
static void visitNumbers(Figures &figures, Visitor visit) {
  visit("units", figures.units, Need::Positive);
  visit("memory_gbps", figures.memoryGBs, Need::Positive);
  visit("cache_gbps", figures.cacheGBs, Need::Positive);
  visit("peak_f32_gflops", figures.peakF32, Need::Positive);
  visit("peak_bf16_gflops", figures.peakBF16, Need::Positive);
  visit("peak_int8_gops", figures.peakInt8, Need::MayBeZero);
  visit("peak_fp8_gflops", figures.peakFP8, Need::MayBeZero);
  visit("l1_bytes", figures.l1Bytes, Need::Positive);
  visit("l2_bytes", figures.l2Bytes, Need::Positive);
  visit("last_level_bytes", figures.lastLevelBytes, Need::Positive);
  visit("launch_us", figures.launchMicroseconds, Need::Positive);
  visit("link_gbps", figures.linkGBs, Need::MayBeZero);
  visit("link_latency_us", figures.linkLatencyMicroseconds, Need::MayBeZero);
  visit("memory_bytes", figures.memoryBytes, Need::Positive);
}

void writeTargetFigures(JsonWriter &json, const TargetFigures &figures) {
  json.beginObject();
  json.member("version", TargetFileVersion);
  json.member("name", figures.name);
  json.member("kind", figures.kind);
  visitNumbers(figures, [&](const char *key, const auto &value, Need) {
    json.member(key, value);
  });
  json.endObject();
}

/// A number that satisfies `need`, into an integer or a double.
static Status readNumber(const JsonCursor &at, int64_t &value, Need need) {
  Expected<int64_t> read = at.integer(need == Need::Positive, int64_t(MaxFigure));
  if (read.ok())
    value = *read;
  return read.status();
}
static Status readNumber(const JsonCursor &at, double &value, Need need) {
  Expected<double> read = at.number();
  if (!read.ok())
    return read.status();
  if (!(*read >= 0) || *read > MaxFigure || (need == Need::Positive && *read == 0))
    return at.expected(need == Need::Positive ? "a number above 0, at most 1e15"
                                              : "a number from 0 to 1e15");
  value = *read;
  return Status::success();
}

Expected<TargetFigures> readTargetFigures(const JsonCursor &at) {
  Expected<const JsonObject *> object = at.object();
  if (!object.ok())
    return object.status();
  if (Expected<int64_t> version = at["version"].integer(TargetFileVersion, TargetFileVersion);
      !version.ok())
    return version.status();
  std::vector<std::string> known = {"version", "name", "kind"};
  TargetFigures figures;
  for (auto [key, text] : {std::pair("name", &figures.name), std::pair("kind", &figures.kind)}) {
    Expected<std::string_view> read = at[key].string();
    if (!read.ok())
      return read.status();
    *text = *read;
  }
  if (figures.name.empty())
    return at["name"].expected("a name");
  if (figures.kind != "cpu" && figures.kind != "gpu")
    return at["kind"].expected("cpu or gpu");
  Status status = Status::success();
  visitNumbers(figures, [&](const char *key, auto &value, Need need) {
    known.push_back(key);
    if (status.ok())
      status = readNumber(at[key], value, need);
  });
  if (!status.ok())
    return status;
  for (const JsonMember &member : **object)
    if (std::find(known.begin(), known.end(), member.key) == known.end())
      return at[member.key].error("is no figure of a target");
  return figures;
}

std::string writeTargetFile(const TargetFigures &figures) {
  JsonWriter json;
  writeTargetFigures(json, figures);
  return json.text() + "\n";
}

Expected<TargetFigures> parseTargetFile(const std::string &text, const std::string &path) {
  Expected<JsonValue> tree = parseJson(text, path);
  if (!tree.ok())
    return tree.status();
  return readTargetFigures(JsonCursor(*tree, path));
}

} // namespace dsv2::bundle
