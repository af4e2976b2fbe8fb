//===- JinjaFunctions.cpp - Functions, methods and filters ----------------===//
//
// One branch a name of the parser's lists, with Python's behaviour.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/JinjaInterpreter.h"

#include "runtime/io/Utf8.h"

#include <algorithm>
#include <ctime>

using namespace dsv2;
using namespace dsv2::jinja;

namespace {

[[noreturn]] void wrongType(const char *what, const Value &value) {
  requireDefined(value);
  throw ValueError(std::string(what) + ", got a value of type " +
                   value.typeName());
}

const std::string &textArgument(const Value &value, const std::string &name) {
  if (const std::string *text = value.asString())
    return *text;
  wrongType(("expected a text for " + name).c_str(), value);
}

int64_t wholeArgument(const Value &value, const std::string &name) {
  if (const bool *boolean = value.asBool())
    return *boolean;
  if (const int64_t *integer = value.asInteger())
    return *integer;
  wrongType(("expected an integer for " + name).c_str(), value);
}

enum Ends { Left = 1, Right = 2, Both = 3 };

std::string strip(std::string_view text, const Value *characters, Ends ends,
                  const std::string &name) {
  if (!characters || characters->isNone()) {
    if (ends & Left)
      text = stripLeft(text);
    if (ends & Right)
      text = stripRight(text);
    return std::string(text);
  }
  const std::string &set = textArgument(*characters, name);
  auto isMember = [&](std::string_view character) {
    return set.find(character) != set.npos;
  };
  while ((ends & Left) && !text.empty()) {
    size_t length = stepUtf8(text).length;
    if (!isMember(text.substr(0, length)))
      break;
    text.remove_prefix(length);
  }
  while ((ends & Right) && !text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80)
      --start;
    if (!isMember(text.substr(start)))
      break;
    text = text.substr(0, start);
  }
  return std::string(text);
}

std::string replaceAll(const std::string &text, const std::string &from,
                       const std::string &to, Budget &budget) {
  std::string out;
  size_t done = 0;
  auto put = [&](std::string_view part) {
    budget.spend(part.size());
    out += part;
  };
  if (from.empty()) { // between all characters
    for (std::string_view rest = text; !rest.empty();) {
      size_t length = stepUtf8(rest).length;
      put(to);
      put(rest.substr(0, length));
      rest.remove_prefix(length);
    }
    put(to);
    return out;
  }
  for (size_t found; (found = text.find(from, done)) != text.npos;
       done = found + from.size()) {
    put(std::string_view(text).substr(done, found - done));
    put(to);
  }
  put(std::string_view(text).substr(done));
  return out;
}

Value split(const std::string &text, const Value *separator, int64_t most,
            Budget &budget) {
  std::vector<Value> parts;
  std::string_view rest = text;
  auto take = [&](std::string_view part) {
    budget.spend(part.size() + sizeof(Value));
    parts.emplace_back(std::string(part));
  };
  auto mayCut = [&] { return most < 0 || int64_t(parts.size()) < most; };
  if (!separator || separator->isNone()) {
    for (rest = stripLeft(rest); !rest.empty(); rest = stripLeft(rest)) {
      if (!mayCut()) {
        take(stripRight(rest));
        break;
      }
      size_t end = 0;
      while (end < rest.size()) {
        Utf8Step step = stepUtf8(rest.substr(end));
        if (isPythonSpace(step.scalar))
          break;
        end += step.length;
      }
      take(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    return makeSequence(std::move(parts));
  }
  const std::string &mark = textArgument(*separator, "split");
  if (mark.empty())
    throw ValueError("split by an empty text");
  for (size_t found; mayCut() && (found = rest.find(mark)) != rest.npos;) {
    take(rest.substr(0, found));
    rest.remove_prefix(found + mark.size());
  }
  take(rest);
  return makeSequence(std::move(parts));
}

Value callTextMethod(const std::string &name, const std::string &text,
                     const std::vector<Value> &arguments, Budget &budget) {
  const Value *first = arguments.size() > 1 ? &arguments[1] : nullptr;
  budget.spend(text.size());
  if (name == "strip")
    return strip(text, first, Both, name);
  if (name == "lstrip")
    return strip(text, first, Left, name);
  if (name == "rstrip")
    return strip(text, first, Right, name);
  if (name == "startswith")
    return Value(text.starts_with(textArgument(*first, name)));
  if (name == "endswith")
    return Value(text.ends_with(textArgument(*first, name)));
  if (name == "replace")
    return replaceAll(text, textArgument(*first, name),
                      textArgument(arguments[2], name), budget);
  if (name == "split")
    return split(text, first,
                 arguments.size() > 2 ? wholeArgument(arguments[2], name) : -1,
                 budget);
  throw ValueError("a text has no method " + name);
}

Value itemsOf(const Dictionary &dictionary, Budget &budget) {
  std::vector<Value> items;
  for (const auto &[key, value] : dictionary.members) {
    budget.spend(key.size() + sizeof(Value));
    items.push_back(makeSequence({Value(key), value}, Sequence::Tuple));
  }
  return makeSequence(std::move(items), Sequence::Iterator);
}

Value callDictionaryMethod(const std::string &name, const Dictionary &dictionary,
                           const std::vector<Value> &arguments, Budget &budget) {
  if (name == "get") {
    const Value &key = arguments[1];
    if (key.asSequence() || key.asDictionary())
      wrongType("expected a key", key);
    const Value *found = key.asString() ? dictionary.find(*key.asString())
                                        : nullptr;
    return found                  ? *found
           : arguments.size() > 2 ? arguments[2]
                                  : Value();
  }
  if (name == "items")
    return itemsOf(dictionary, budget);
  bool keys = name == "keys";
  if (!keys && name != "values")
    throw ValueError("a dict has no method " + name);
  std::vector<Value> parts;
  for (const auto &[key, value] : dictionary.members) {
    budget.spend(sizeof(Value));
    parts.push_back(keys ? Value(key) : value);
  }
  return makeSequence(std::move(parts), Sequence::Iterator);
}

Value makeRange(const std::vector<Value> &arguments, Budget &budget) {
  int64_t start = 0, stop = wholeArgument(arguments[0], "range"), step = 1;
  if (arguments.size() > 1) {
    start = stop;
    stop = wholeArgument(arguments[1], "range");
  }
  if (arguments.size() > 2)
    step = wholeArgument(arguments[2], "range");
  if (step == 0)
    throw ValueError("range by steps of 0");
  std::vector<Value> numbers;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    budget.spend(sizeof(Value));
    numbers.emplace_back(i);
    // The limit of jinja2's sandbox.
    if (numbers.size() > 100'000)
      throw ValueError("a range of over 100000 numbers");
    if (__builtin_add_overflow(i, step, &i))
      break;
  }
  return makeSequence(std::move(numbers), Sequence::Iterator);
}

std::string formatNow(const std::string &format) {
  time_t now = time(nullptr);
  tm parts;
  localtime_r(&now, &parts);
  if (format.size() > 1000)
    throw ValueError("strftime_now with a format of over 1000 bytes");
  // A byte in front tells an empty result from one that does not fit.
  std::string text(65536, '\0');
  text.resize(strftime(text.data(), text.size(), (" " + format).c_str(), &parts));
  return text.empty() ? text : text.substr(1);
}

size_t lengthOf(const Value &value, Budget &budget) {
  if (const std::string *text = value.asString()) {
    budget.spend(text->size());
    return size_t(std::count_if(text->begin(), text->end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
  }
  if (const Sequence *sequence = value.asSequence())
    return sequence->elements.size();
  if (const Dictionary *dictionary = value.asDictionary())
    return dictionary->members.size();
  if (value.isUndefined())
    return 0;
  wrongType("expected a value with a length", value);
}

/// The argument of a filter at `place` behind the object, or of that name.
const Value *argumentOf(const Node &node, const std::vector<Value> &arguments,
                        size_t place, std::string_view name) {
  size_t positional = arguments.size() - node.names.size();
  if (place + 1 < positional)
    return &arguments[place + 1];
  for (size_t i = 0; i < node.names.size(); ++i)
    if (node.names[i] == name)
      return &arguments[positional + i];
  return nullptr;
}

Value joinTexts(const Value &value, const Value *separator, Budget &budget) {
  std::string mark = separator ? separator->text() : "", out;
  bool first = true;
  for (const Value &element : elementsOf(value, budget)) {
    budget.spend(element.weight() + mark.size());
    if (!first)
      out += mark;
    out += element.text();
    first = false;
  }
  return out;
}

Value toJson(const Node &node, const std::vector<Value> &arguments) {
  constexpr size_t byNameOnly = ~size_t(0) - 1;
  JsonStyle style;
  if (const Value *ascii = argumentOf(node, arguments, byNameOnly, "ensure_ascii"))
    style.ensureAscii = ascii->truth();
  if (const Value *sort = argumentOf(node, arguments, byNameOnly, "sort_keys"))
    style.sortKeys = sort->truth();
  const Value *indent = argumentOf(node, arguments, byNameOnly, "indent");
  if (indent && !indent->isNone()) {
    style.indent = wholeArgument(*indent, "indent");
    // Python takes what is below zero for zero.
    style.indent = std::max<int64_t>(style.indent, 0);
    if (style.indent > 32)
      throw ValueError("tojson with an indent of over 32");
  }
  return dumpJson(arguments[0], style);
}

} // namespace

void jinja::requireDefined(const Value &value) {
  if (const Value::Undefined *undefined = value.asUndefined())
    throw ValueError("'" + undefined->name + "' is undefined");
}

std::vector<Value> jinja::charactersOf(const std::string &text,
                                       Budget &budget) {
  std::vector<Value> characters;
  for (std::string_view rest = text; !rest.empty();) {
    budget.spend(2 * sizeof(Value));
    size_t length = stepUtf8(rest).length;
    characters.emplace_back(std::string(rest.substr(0, length)));
    rest.remove_prefix(length);
  }
  return characters;
}

std::vector<Value> jinja::elementsOf(const Value &value, Budget &budget) {
  if (const Sequence *sequence = value.asSequence()) {
    budget.spend(sequence->elements.size() * sizeof(Value));
    return sequence->elements;
  }
  if (const std::string *text = value.asString())
    return charactersOf(*text, budget);
  std::vector<Value> elements;
  if (const Dictionary *dictionary = value.asDictionary()) {
    for (const auto &member : dictionary->members) {
      budget.spend(member.first.size() + sizeof(Value));
      elements.emplace_back(member.first);
    }
  } else if (!value.isUndefined()) {
    wrongType("expected something to go through", value);
  }
  return elements;
}

Value jinja::callFunction(const Node &node, const std::vector<Value> &arguments,
                          Budget &budget) {
  if (node.text == "raise_exception")
    throw ValueError(arguments[0].text());
  if (node.text == "range")
    return makeRange(arguments, budget);
  if (node.text == "strftime_now")
    return formatNow(textArgument(arguments[0], node.text));
  throw ValueError("unsupported function " + node.text);
}

Value jinja::callMethod(const Node &node, const std::vector<Value> &arguments,
                        Budget &budget) {
  const Value &object = arguments[0];
  if (const std::string *text = object.asString())
    return callTextMethod(node.text, *text, arguments, budget);
  if (const Dictionary *dictionary = object.asDictionary())
    return callDictionaryMethod(node.text, *dictionary, arguments, budget);
  wrongType(("expected a value with the method " + node.text).c_str(), object);
}

Value jinja::applyFilter(const Node &node, const std::vector<Value> &arguments,
                         Budget &budget) {
  const std::string &name = node.text;
  const Value &object = arguments[0];
  auto argument = [&](size_t place, std::string_view argumentName) {
    return argumentOf(node, arguments, place, argumentName);
  };
  if (name == "default" || name == "d") {
    const Value *fallback = argument(0, "default_value");
    const Value *boolean = argument(1, "boolean");
    bool missing = object.isUndefined() ||
                   (boolean && boolean->truth() && !object.truth());
    return !missing ? object : fallback ? *fallback : Value(std::string());
  }
  if (name == "length" || name == "count")
    return Value(int64_t(lengthOf(object, budget)));
  budget.spend(2 * object.weight());
  if (name == "string")
    return object.text();
  if (name == "trim")
    return strip(object.text(), argument(0, "chars"), Both, name);
  if (name == "replace")
    return replaceAll(object.text(), arguments[1].text(), arguments[2].text(),
                      budget);
  if (name == "tojson")
    return toJson(node, arguments);
  if (name == "join")
    return joinTexts(object, argument(0, "d"), budget);
  if (name == "list")
    return makeSequence(elementsOf(object, budget));
  if (name == "items") {
    if (object.isUndefined())
      return makeSequence({}, Sequence::Iterator);
    if (const Dictionary *dictionary = object.asDictionary())
      return itemsOf(*dictionary, budget);
    wrongType("expected a dict for items", object);
  }
  if (name == "first" || name == "last") {
    std::vector<Value> elements = elementsOf(object, budget);
    if (elements.empty())
      return Value::Undefined{"the " + name + " of nothing"};
    return name == "first" ? elements.front() : elements.back();
  }
  throw ValueError("unsupported filter " + name);
}
