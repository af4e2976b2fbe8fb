//===- OptionValues.cpp - Sizes and ids on a command line -----------------===//

#include "runtime/launcher/OptionValues.h"

#include <charconv>
#include <cmath>

namespace dsv2::launcher {

Expected<uint64_t> parseSize(const std::string &text) {
  Status wrong = Status::error("expected a size such as 4096, 512M or 1.5G, "
                               "got '" + text + "'");
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0))
    return wrong;
  std::string unit(end, text.data() + text.size());
  for (char &c : unit)
    c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
  if (unit.ends_with("IB"))
    unit.resize(unit.size() - 2);
  else if (unit.ends_with("B"))
    unit.resize(unit.size() - 1);
  const std::string units = "KMGT";
  if (!unit.empty()) {
    size_t power = units.find(unit);
    if (unit.size() != 1 || power == std::string::npos)
      return wrong;
    value *= std::pow(1024.0, double(power + 1));
  }
  if (value > 1e18)
    return wrong;
  return static_cast<uint64_t>(value);
}

Expected<std::vector<int32_t>> parseIds(const std::string &text) {
  std::vector<int32_t> ids;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    while (at < end && (*at == ' ' || *at == '\n'))
      ++at;
    int32_t id;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0)
      return Status::error("expected token ids such as 1,2,3, got '" +
                           text.substr(0, 60) + "'");
    ids.push_back(id);
    at = next;
    while (at < end && (*at == ' ' || *at == '\n'))
      ++at;
    if (at < end && (*at != ',' || ++at == end))
      return Status::error("expected token ids separated by commas, got '" +
                           text.substr(0, 60) + "'");
  }
  return ids;
}

} // namespace dsv2::launcher
