//===- JinjaValue.cpp - Values of template expressions --------------------===//
//
// Python's rules for equality, order, text and JSON.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/JinjaValue.h"

#include "runtime/io/Utf8.h"
#include "runtime/text/CharacterSet.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace dsv2;
using namespace dsv2::jinja;

namespace {

constexpr unsigned maxDepth = 200;
constexpr size_t maxWeight = size_t(64) << 20;

void checkLimits(unsigned depth, size_t weight) {
  if (depth > maxDepth)
    throw ValueError("values nested over " + std::to_string(maxDepth));
  if (weight > maxWeight)
    throw ValueError("a value of over " + std::to_string(maxWeight) + " bytes");
}

/// A number of any type as a double; false for what is none.
bool asNumber(const Value &value, double &number) {
  if (const bool *boolean = value.asBool())
    number = *boolean;
  else if (const int64_t *integer = value.asInteger())
    number = double(*integer);
  else if (const double *real = value.asDouble())
    number = *real;
  else
    return false;
  return true;
}

/// An integer or boolean.
bool asWhole(const Value &value, int64_t &number) {
  if (const bool *boolean = value.asBool())
    number = *boolean;
  else if (const int64_t *integer = value.asInteger())
    number = *integer;
  else
    return false;
  return true;
}

/// Whether `repr` shows the character itself.
bool isPrintable(char32_t scalar) {
  static const CharacterSet printable = [] {
    CharacterSet set;
    for (const char *name : {"L", "M", "N", "P", "S"})
      set.add(*CharacterSet::ofCategory(name));
    set.add(CharacterSet::of(' '));
    return set;
  }();
  return printable.contains(scalar);
}

std::string quote(const std::string &text) {
  char quote = text.find('\'') != text.npos && text.find('"') == text.npos
                   ? '"'
                   : '\'';
  std::string out(1, quote);
  char escape[16];
  for (std::string_view rest = text; !rest.empty();) {
    Utf8Step step = stepUtf8(rest);
    char32_t c = step.scalar;
    if (c == char32_t(quote) || c == '\\')
      out += std::string("\\") + char(c);
    else if (c == '\n' || c == '\r' || c == '\t')
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    else if (isPrintable(c))
      out += rest.substr(0, step.length);
    else {
      snprintf(escape, sizeof escape,
               c < 0x100     ? "\\x%02x"
               : c < 0x10000 ? "\\u%04x"
                             : "\\U%08x",
               unsigned(c));
      out += escape;
    }
    rest.remove_prefix(step.length);
  }
  return out + quote;
}

std::string represent(const Value &value) {
  if (const std::string *text = value.asString())
    return quote(*text);
  if (value.isUndefined())
    return "Undefined";
  return value.text();
}

class JsonDumper {
public:
  explicit JsonDumper(const JsonStyle &style) : style(style) {}

  void write(const Value &value, size_t level) {
    if (const std::string *text = value.asString())
      return writeString(*text);
    if (value.isNone()) {
      out += "null";
    } else if (const bool *boolean = value.asBool()) {
      out += *boolean ? "true" : "false";
    } else if (const double *real = value.asDouble()) {
      out += std::isnan(*real)   ? "NaN"
             : std::isinf(*real) ? *real > 0 ? "Infinity" : "-Infinity"
                                 : formatDouble(*real);
    } else if (value.asInteger()) {
      out += value.text();
    } else if (const Sequence *sequence = value.asSequence();
               sequence && sequence->kind != Sequence::Iterator) {
      bool first = true;
      out += '[';
      for (const Value &element : sequence->elements) {
        separate(first, level);
        write(element, level + 1);
      }
      close(first, level, ']');
    } else if (const Dictionary *dictionary = value.asDictionary()) {
      writeDictionary(*dictionary, level);
    } else {
      throw ValueError(std::string("a value of type ") + value.typeName() +
                       " has no JSON form");
    }
  }

  std::string out;

private:
  void writeDictionary(const Dictionary &dictionary, size_t level) {
    std::vector<const std::pair<std::string, Value> *> members;
    for (const auto &member : dictionary.members)
      members.push_back(&member);
    if (style.sortKeys)
      std::sort(members.begin(), members.end(), [](const auto *a, const auto *b) {
        return a->first < b->first;
      });
    bool first = true;
    out += '{';
    for (const auto *member : members) {
      separate(first, level);
      writeString(member->first);
      out += ": ";
      write(member->second, level + 1);
    }
    close(first, level, '}');
  }

  void breakLine(size_t level) {
    out += '\n';
    out.append(size_t(style.indent) * level, ' ');
  }
  void separate(bool &first, size_t level) {
    if (!first)
      out += style.indent < 0 ? ", " : ",";
    if (style.indent >= 0)
      breakLine(level + 1);
    first = false;
  }
  void close(bool empty, size_t level, char bracket) {
    if (!empty && style.indent >= 0)
      breakLine(level);
    out += bracket;
  }

  void writeString(const std::string &text) {
    constexpr std::string_view letters = "\b\f\n\r\t\"\\",
                               escapes = "bfnrt\"\\";
    char escape[16];
    out += '"';
    for (std::string_view rest = text; !rest.empty();) {
      Utf8Step step = stepUtf8(rest);
      char32_t c = step.scalar;
      size_t place = c < 0x80 ? letters.find(char(c)) : letters.npos;
      if (place != letters.npos) {
        out += '\\';
        out += escapes[place];
      } else if (c >= 0x10000 && style.ensureAscii) {
        snprintf(escape, sizeof escape, "\\u%04x\\u%04x",
                 unsigned(0xD800 + ((c - 0x10000) >> 10)),
                 unsigned(0xDC00 + ((c - 0x10000) & 0x3FF)));
        out += escape;
      } else if (c < 0x20 || (style.ensureAscii && c > 0x7F)) {
        snprintf(escape, sizeof escape, "\\u%04x", unsigned(c));
        out += escape;
      } else {
        out += rest.substr(0, step.length);
      }
      rest.remove_prefix(step.length);
    }
    out += '"';
  }

  const JsonStyle &style;
};

} // namespace

Value Value::of(const JsonValue &json) {
  if (const bool *boolean = json.asBool())
    return Value(*boolean);
  if (const int64_t *integer = json.asInteger())
    return Value(*integer);
  if (const double *real = json.asDouble())
    return Value(*real);
  if (const std::string *text = json.asString())
    return Value(*text);
  if (json.asUnsigned())
    throw ValueError("an integer of 64 bits or more is not supported");
  if (const JsonArray *array = json.asArray()) {
    std::vector<Value> elements;
    for (const JsonValue &element : *array)
      elements.push_back(of(element));
    return makeSequence(std::move(elements));
  }
  if (const JsonObject *object = json.asObject()) {
    Dictionary dictionary;
    for (const JsonMember &member : *object)
      dictionary.set(member.key, of(member.value));
    return makeDictionary(std::move(dictionary));
  }
  return Value();
}

const char *Value::typeName() const {
  if (const Sequence *sequence = asSequence())
    return sequence->kind == Sequence::List    ? "list"
           : sequence->kind == Sequence::Tuple ? "tuple"
                                               : "iterator";
  constexpr const char *names[] = {"None", "undefined", "function", "bool",
                                   "int",  "float",     "str",      "",
                                   "dict", "namespace"};
  return names[storage.index()];
}

unsigned Value::depth() const {
  if (const Sequence *sequence = asSequence())
    return sequence->depth;
  if (const Dictionary *dictionary = asDictionary())
    return dictionary->depth;
  return 0;
}

size_t Value::weight() const {
  if (const std::string *text = asString())
    return text->size() + 1;
  if (const Sequence *sequence = asSequence())
    return sequence->weight;
  if (const Dictionary *dictionary = asDictionary())
    return dictionary->weight;
  return 1;
}

bool Value::truth() const {
  if (const std::string *text = asString())
    return !text->empty();
  if (const Sequence *sequence = asSequence())
    return sequence->kind == Sequence::Iterator || !sequence->elements.empty();
  if (const Dictionary *dictionary = asDictionary())
    return !dictionary->members.empty();
  double number;
  if (asNumber(*this, number))
    return number != 0;
  return !isNone() && !isUndefined();
}

std::string Value::text() const {
  if (const std::string *text = asString())
    return *text;
  if (isNone())
    return "None";
  if (isUndefined())
    return {};
  if (const bool *boolean = asBool())
    return *boolean ? "True" : "False";
  if (const int64_t *integer = asInteger())
    return std::to_string(*integer);
  if (const double *real = asDouble())
    return formatDouble(*real);
  std::string out;
  if (const Sequence *sequence = asSequence();
      sequence && sequence->kind != Sequence::Iterator) {
    for (const Value &element : sequence->elements)
      out += (out.empty() ? "" : ", ") + represent(element);
    if (sequence->kind == Sequence::List)
      return "[" + out + "]";
    return "(" + out + (sequence->elements.size() == 1 ? ",)" : ")");
  }
  if (const Dictionary *dictionary = asDictionary()) {
    for (const auto &[key, value] : dictionary->members)
      out += (out.empty() ? "" : ", ") + quote(key) + ": " + represent(value);
    return "{" + out + "}";
  }
  throw ValueError(std::string("a value of type ") + typeName() +
                   " has no text here");
}

const Value *Dictionary::find(std::string_view key) const {
  auto place = places.find(key);
  return place == places.end() ? nullptr : &members[place->second].second;
}

void Dictionary::set(std::string key, Value value) {
  depth = std::max(depth, value.depth() + 1);
  weight += key.size() + value.weight() + 1;
  auto [place, isNew] = places.emplace(key, members.size());
  if (isNew)
    members.emplace_back(std::move(key), std::move(value));
  else
    members[place->second].second = std::move(value);
}

Value jinja::makeSequence(std::vector<Value> elements, Sequence::Kind kind) {
  auto sequence = std::make_shared<Sequence>();
  sequence->kind = kind;
  for (const Value &element : elements) {
    sequence->depth = std::max(sequence->depth, element.depth() + 1);
    sequence->weight += element.weight();
  }
  checkLimits(sequence->depth, sequence->weight);
  sequence->elements = std::move(elements);
  return Value(std::shared_ptr<const Sequence>(std::move(sequence)));
}

Value jinja::makeDictionary(Dictionary dictionary) {
  checkLimits(dictionary.depth, dictionary.weight);
  return Value(std::make_shared<const Dictionary>(std::move(dictionary)));
}

bool jinja::equal(const Value &left, const Value &right) {
  int64_t a, b;
  if (asWhole(left, a) && asWhole(right, b))
    return a == b;
  double x, y;
  if (asNumber(left, x) && asNumber(right, y))
    return order(left, right) == 0;
  if (left.asString() && right.asString())
    return *left.asString() == *right.asString();
  if (left.isNone() || right.isNone())
    return left.isNone() && right.isNone();
  if (left.isUndefined() || right.isUndefined())
    return left.isUndefined() && right.isUndefined();
  if (const Sequence *s = left.asSequence()) {
    const Sequence *t = right.asSequence();
    if (s->kind == Sequence::Iterator ||
        (t && t->kind == Sequence::Iterator))
      throw ValueError("iterators are not compared here");
    return t && s->kind == t->kind &&
           std::equal(s->elements.begin(), s->elements.end(),
                      t->elements.begin(), t->elements.end(), equal);
  }
  if (const Dictionary *s = left.asDictionary()) {
    const Dictionary *t = right.asDictionary();
    if (!t || s->members.size() != t->members.size())
      return false;
    return std::all_of(s->members.begin(), s->members.end(),
                       [&](const auto &member) {
                         const Value *other = t->find(member.first);
                         return other && equal(member.second, *other);
                       });
  }
  if (left.asNamespace() && right.asNamespace())
    return left.asNamespace() == right.asNamespace();
  return false;
}

int jinja::order(const Value &left, const Value &right) {
  auto sign = [](const auto &a, const auto &b) { return a < b ? -1 : b < a; };
  int64_t a, b;
  if (asWhole(left, a) && asWhole(right, b))
    return sign(a, b);
  double x, y;
  if (asNumber(left, x) && asNumber(right, y)) {
    // Beyond 2^53 Python compares exactly, and this would not.
    if (std::isnan(x) || std::isnan(y) || std::fabs(x) > 0x1p53 ||
        std::fabs(y) > 0x1p53)
      throw ValueError("numbers that are not compared here");
    return sign(x, y);
  }
  // UTF-8 sorts as its code points do.
  if (left.asString() && right.asString())
    return sign(*left.asString(), *right.asString());
  const Sequence *s = left.asSequence(), *t = right.asSequence();
  if (s && t && s->kind == t->kind && s->kind != Sequence::Iterator) {
    for (size_t i = 0; i < std::min(s->elements.size(), t->elements.size()); ++i)
      if (!equal(s->elements[i], t->elements[i]))
        return order(s->elements[i], t->elements[i]);
    return sign(s->elements.size(), t->elements.size());
  }
  throw ValueError(std::string("values of types ") + left.typeName() + " and " +
                   right.typeName() + " have no order");
}

std::string jinja::dumpJson(const Value &value, const JsonStyle &style) {
  JsonDumper dumper(style);
  dumper.write(value, 0);
  return std::move(dumper.out);
}

std::string jinja::formatDouble(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           std::chars_format::scientific)
                 .ptr;
  std::string_view text(buffer, size_t(end - buffer));
  size_t mark = text.find('e');
  int exponent = std::atoi(text.data() + mark + 1);
  if (exponent < -4 || exponent >= 16)
    return std::string(text);
  bool negative = text[0] == '-';
  std::string digits(1, text[negative]);
  if (mark > size_t(negative) + 1)
    digits += text.substr(negative + 2, mark - negative - 2);
  if (exponent < 0) {
    digits = "0." + std::string(size_t(-exponent - 1), '0') + digits;
  } else {
    if (digits.size() < size_t(exponent) + 1)
      digits.append(size_t(exponent) + 1 - digits.size(), '0');
    digits.insert(size_t(exponent) + 1, ".");
    if (digits.ends_with('.'))
      digits += '0';
  }
  return (negative ? "-" : "") + digits;
}
