//===- JsonFields.h - Many fields, one error --------------------*- C++ -*-===//
//
// Reads fields of a JSON tree into a struct and keeps the first error, so that
// a list of fields reads as one.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_JSONFIELDS_H
#define RUNTIME_IO_JSONFIELDS_H

#include "runtime/io/JsonCursor.h"

namespace dsv2 {

class JsonFields {
public:
  /// Nothing that is counted in a file of ours is larger.
  static constexpr int64_t MaxCount = int64_t(1) << 40;

  /// The first error, else success.
  Status status = Status::success();

  /// An integer of at least `min` and at most MaxCount.
  void read(JsonCursor at, int64_t &value, int64_t min = 0) {
    store(at.integer(min, MaxCount), value);
  }
  /// A number that is not negative.
  void read(JsonCursor at, double &value) {
    store(at.number(), value);
    if (status.ok() && value < 0)
      status = at.expected("a number that is not negative");
  }
  void read(JsonCursor at, bool &value) { store(at.boolean(), value); }
  void read(JsonCursor at, std::string &value) { store(at.string(), value); }

  template <typename From, typename To>
  void store(Expected<From> from, To &to) {
    if (from.ok())
      to = To(*from);
    else
      fail(from.status());
  }

  /// Calls `visit` with a cursor for each element of an array of at most
  /// `most`.
  template <typename Visitor>
  void forEach(JsonCursor at, size_t most, Visitor visit) {
    Expected<const JsonArray *> array = at.array();
    if (!array.ok())
      return fail(array.status());
    if ((*array)->size() > most)
      return fail(at.expected("at most " + std::to_string(most) +
                              " elements"));
    for (size_t i = 0; i < (*array)->size(); ++i)
      visit(at.at(i));
  }

  void fail(Status error) {
    if (status.ok())
      status = std::move(error);
  }
};

} // namespace dsv2

#endif // RUNTIME_IO_JSONFIELDS_H
