//===- Status.h - Errors as values ------------------------------*- C++ -*-===//
//
// A Status is success or one line of text; an Expected<T> is a T or such a
// line. Messages are lower case, without a full stop, and name the file and
// field with what was expected and what was found. Knows nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_STATUS_H
#define RUNTIME_IO_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace dsv2 {

/// Success, or the one line that a user reads.
class [[nodiscard]] Status {
public:
  static Status success() { return Status(); }
  /// Names and values out of foreign files may stand in `message`: bytes of
  /// control characters, U+0080 to U+009F among them, become question marks, so
  /// that it stays one line and says nothing to a terminal.
  static Status error(std::string message) {
    for (size_t i = 0; i < message.size(); ++i) {
      auto byte = static_cast<unsigned char>(message[i]);
      if (byte < 0x20 || byte == 0x7F)
        message[i] = '?';
      else if (byte >= 0x80 && byte < 0xA0 && i > 0 && message[i - 1] == '\xC2')
        message[i - 1] = message[i] = '?';
    }
    Status status;
    status.text = std::move(message);
    return status;
  }

  bool ok() const { return !text.has_value(); }
  /// The line; empty on success.
  const std::string &message() const {
    static const std::string none;
    return text ? *text : none;
  }

private:
  std::optional<std::string> text;
};

/// A value, or the Status that explains why there is none.
template <typename T> class [[nodiscard]] Expected {
public:
  Expected(T value) : storage(std::move(value)) {}
  Expected(Status status) : failure(std::move(status)) {
    assert(!failure.ok() && "an Expected without a value needs an error");
  }

  bool ok() const { return storage.has_value(); }
  const Status &status() const { return failure; }
  const std::string &message() const { return failure.message(); }

  T &operator*() { return *storage; }
  const T &operator*() const { return *storage; }
  T *operator->() { return &*storage; }
  const T *operator->() const { return &*storage; }

private:
  std::optional<T> storage;
  Status failure = Status::success();
};

} // namespace dsv2

#endif // RUNTIME_IO_STATUS_H
