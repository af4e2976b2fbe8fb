//===- JsonLines.cpp - One JSON value a line ------------------------------===//
//
// Pieces of text come in as they are read; a line that is not complete waits.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonLines.h"

#include "runtime/io/File.h"

#include <array>

using namespace dsv2;

namespace {

class LineReader {
public:
  LineReader(const std::string &source, const JsonLineVisitor &visit,
             const JsonLinesLimits &limits)
      : source(source), visit(visit), limits(limits) {}

  Status push(std::string_view piece) {
    for (size_t end; (end = piece.find('\n')) != piece.npos;
         piece.remove_prefix(end + 1))
      if (Status status = endLine(piece.substr(0, end)); !status.ok())
        return status;
    if (waiting.size() + piece.size() > mostBytes())
      return tooLong();
    waiting += piece;
    return Status::success();
  }

  Status finish() { return endLine({}); }

private:
  /// One more for the \r of a line's end.
  size_t mostBytes() const { return limits.line.maxBytes + 1; }

  std::string place() const { return source + ":" + std::to_string(number + 1); }

  Status tooLong() const {
    return Status::error(place() + ": expected a line of at most " +
                         std::to_string(limits.line.maxBytes) +
                         " bytes, got more");
  }

  /// Ends the line whose last bytes are `rest`.
  Status endLine(std::string_view rest) {
    if (waiting.size() + rest.size() > mostBytes())
      return tooLong();
    std::string_view line = rest;
    if (!waiting.empty())
      line = waiting += rest;
    Status status = readLine(line);
    waiting.clear();
    ++number;
    return status;
  }

  Status readLine(std::string_view line) {
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.find_first_not_of(" \t\r") == line.npos)
      return Status::success();
    if (line.size() > limits.line.maxBytes)
      return tooLong();
    if (++values > limits.maxLines)
      return Status::error(place() + ": expected at most " +
                           std::to_string(limits.maxLines) + " lines");
    Expected<JsonValue> tree = parseJsonLine(line, place(), limits.line);
    if (!tree.ok())
      return tree.status();
    return visit(JsonCursor(*tree, place()));
  }

  const std::string &source;
  const JsonLineVisitor &visit;
  const JsonLinesLimits &limits;
  std::string waiting;
  size_t number = 0, values = 0; // lines that have ended; those with a value
};

} // namespace

Status dsv2::readJsonLines(std::string_view text, const std::string &source,
                           const JsonLineVisitor &visit,
                           const JsonLinesLimits &limits) {
  LineReader reader(source, visit, limits);
  if (Status status = reader.push(text); !status.ok())
    return status;
  return reader.finish();
}

Status dsv2::readJsonLinesFile(const std::string &path,
                               const JsonLineVisitor &visit,
                               const JsonLinesLimits &limits) {
  Expected<InputStream> stream = InputStream::open(path);
  if (!stream.ok())
    return stream.status();
  LineReader reader(stream->path(), visit, limits);
  std::array<char, 1 << 16> piece;
  while (true) {
    Expected<size_t> got = stream->read(piece);
    if (!got.ok())
      return got.status();
    if (*got == 0)
      return reader.finish();
    Status status = reader.push(std::string_view(piece.data(), *got));
    if (!status.ok())
      return status;
  }
}
