//===- JinjaValue.h - Values of template expressions ------------*- C++ -*-===//
//
// Python's values as far as templates see them, with Python's equality, order,
// truth and text. Containers never change once made, namespaces apart, and are
// of limited depth and size, so recursion over them is safe.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_JINJAVALUE_H
#define RUNTIME_TEXT_JINJAVALUE_H

#include "runtime/io/Json.h"

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace dsv2::jinja {

/// An operation that Python refuses, without the line.
struct ValueError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Sequence;
struct Dictionary;
struct Namespace;

class Value {
public:
  struct Undefined {
    std::string name;
  };
  struct Function { // a global function, uncalled
    std::string name;
  };
  struct None {};
  using Text = std::shared_ptr<const std::string>;

  Value() : storage(None()) {}
  Value(Undefined value) : storage(std::move(value)) {}
  Value(Function value) : storage(std::move(value)) {}
  explicit Value(bool value) : storage(value) {}
  explicit Value(int64_t value) : storage(value) {}
  explicit Value(double value) : storage(value) {}
  Value(std::string value)
      : storage(std::make_shared<const std::string>(std::move(value))) {}
  Value(std::shared_ptr<const Sequence> value) : storage(std::move(value)) {}
  Value(std::shared_ptr<const Dictionary> value) : storage(std::move(value)) {}
  Value(std::shared_ptr<Namespace> value) : storage(std::move(value)) {}

  /// Errors: an integer of 64 bits or more.
  static Value of(const JsonValue &json);

  bool isUndefined() const { return is<Undefined>(); }
  bool isNone() const { return is<None>(); }
  const Undefined *asUndefined() const { return std::get_if<Undefined>(&storage); }
  const bool *asBool() const { return std::get_if<bool>(&storage); }
  const int64_t *asInteger() const { return std::get_if<int64_t>(&storage); }
  const double *asDouble() const { return std::get_if<double>(&storage); }
  const std::string *asString() const {
    auto *text = std::get_if<Text>(&storage);
    return text ? text->get() : nullptr;
  }
  const Sequence *asSequence() const {
    return pointer<std::shared_ptr<const Sequence>>();
  }
  const Dictionary *asDictionary() const {
    return pointer<std::shared_ptr<const Dictionary>>();
  }
  Namespace *asNamespace() const {
    return pointer<std::shared_ptr<Namespace>>();
  }
  bool isFunction() const { return is<Function>(); }

  /// Python's name of the type.
  const char *typeName() const;
  /// Levels of containers.
  unsigned depth() const;
  /// About how many bytes there are to go through; shared parts count each
  /// time.
  size_t weight() const;
  bool truth() const;
  /// What `str` gives; nothing for an undefined value.
  std::string text() const;

private:
  template <typename T> bool is() const {
    return std::holds_alternative<T>(storage);
  }
  template <typename T> typename T::element_type *pointer() const {
    auto *found = std::get_if<T>(&storage);
    return found ? found->get() : nullptr;
  }
  std::variant<None, Undefined, Function, bool, int64_t, double, Text,
               std::shared_ptr<const Sequence>,
               std::shared_ptr<const Dictionary>, std::shared_ptr<Namespace>>
      storage;
};

struct Sequence {
  enum Kind {
    List,
    Tuple,
    Iterator // what `items`, `range` and so on give: only gone through
  };
  Kind kind = List;
  std::vector<Value> elements;
  unsigned depth = 1;
  size_t weight = 1;
};

/// In order of insertion.
struct Dictionary {
  std::vector<std::pair<std::string, Value>> members;
  std::map<std::string, size_t, std::less<>> places;
  unsigned depth = 1;
  size_t weight = 1;

  const Value *find(std::string_view key) const;
  void set(std::string key, Value value);
};

struct Namespace {
  std::map<std::string, Value, std::less<>> members;
};

/// Errors: too deep, too large.
Value makeSequence(std::vector<Value> elements,
                   Sequence::Kind kind = Sequence::List);
Value makeDictionary(Dictionary dictionary);

/// `==`. Errors: what has no equality here.
bool equal(const Value &left, const Value &right);
/// Less, equal or greater, as -1, 0 or 1. Errors: types without an order.
int order(const Value &left, const Value &right);

struct JsonStyle {
  bool ensureAscii = false, sortKeys = false;
  int64_t indent = -1; // -1: one line
};
/// What Python's `json.dumps` gives. Errors: values without a JSON form.
std::string dumpJson(const Value &value, const JsonStyle &style);

/// Python's `repr` of a number.
std::string formatDouble(double value);

} // namespace dsv2::jinja

#endif // RUNTIME_TEXT_JINJAVALUE_H
