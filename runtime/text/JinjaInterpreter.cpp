//===- JinjaInterpreter.cpp - Renders the tree of a template --------------===//
//
// A walk over the tree. A loop's body has a scope of its own in each iteration;
// the branches of a condition have none.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/JinjaInterpreter.h"

#include <algorithm>

using namespace dsv2::jinja;

namespace {

constexpr size_t maxOutput = size_t(64) << 20;

using Scope = std::map<std::string, Value, std::less<>>;

/// Whether Python finds an attribute of that name, which templates could only
/// call.
bool isMethodName(const Value &value, std::string_view name) {
  std::string_view known;
  if (value.asDictionary())
    known = " clear copy fromkeys get items keys pop popitem setdefault update "
            "values ";
  else if (value.asString())
    known = " capitalize casefold center count encode endswith expandtabs find "
            "format format_map index isalnum isalpha isascii isdecimal isdigit "
            "isidentifier islower isnumeric isprintable isspace istitle isupper "
            "join ljust lower lstrip maketrans partition removeprefix "
            "removesuffix replace rfind rindex rjust rpartition rsplit rstrip "
            "split splitlines startswith strip swapcase title translate upper "
            "zfill ";
  else if (value.asSequence())
    known = " append clear copy count extend index insert pop remove reverse "
            "sort isdisjoint mapping start step stop ";
  else if (value.asInteger() || value.asBool() || value.asDouble())
    known = " as_integer_ratio bit_count bit_length conjugate denominator "
            "from_bytes fromhex hex imag is_integer numerator real to_bytes ";
  return name.starts_with("__") ||
         known.find(" " + std::string(name) + " ") != known.npos;
}

class Interpreter {
public:
  explicit Interpreter(const Scope &variables) { scopes.push_back(variables); }
  ~Interpreter() {
    // Namespaces may hold each other.
    for (const std::shared_ptr<Namespace> &space : namespaces)
      space->members.clear();
  }

  std::string run(const Node &block) {
    try {
      execute(block);
    } catch (const ValueError &error) {
      throw Failure(line, error.what());
    }
    return std::move(out);
  }

private:
  enum class Flow { Next, Break, Continue };

  // Statements.

  Flow execute(const Node &node) {
    line = node.line;
    budget.spend(0);
    switch (node.kind) {
    case Node::Block:
      for (const Node &child : node.children)
        if (Flow flow = execute(child); flow != Flow::Next)
          return flow;
      return Flow::Next;
    case Node::Text:
      print(node.text);
      return Flow::Next;
    case Node::Print: {
      Value value = evaluate(node.children[0]);
      budget.spend(value.weight());
      print(value.text());
      return Flow::Next;
    }
    case Node::If:
      for (size_t i = 0; i + 1 < node.children.size(); i += 2)
        if (evaluate(node.children[i]).truth())
          return execute(node.children[i + 1]);
      return node.children.size() % 2 == 1 ? execute(node.children.back())
                                           : Flow::Next;
    case Node::For:
      return executeFor(node);
    case Node::Set:
      assign(node, evaluate(node.children[0]));
      return Flow::Next;
    case Node::SetBlock: {
      std::string outer = std::move(out);
      out.clear();
      scopes.emplace_back();
      execute(node.children[0]);
      scopes.pop_back();
      std::swap(out, outer);
      scopes.back().insert_or_assign(node.text, Value(std::move(outer)));
      return Flow::Next;
    }
    case Node::Break:
      return Flow::Break;
    default:
      return Flow::Continue;
    }
  }

  void print(const std::string &text) {
    budget.spend(text.size());
    if (out.size() + text.size() > maxOutput)
      throw ValueError("the output is over " + std::to_string(maxOutput) +
                       " bytes");
    out += text;
  }

  void assign(const Node &node, Value value) {
    if (node.names.empty()) {
      scopes.back().insert_or_assign(node.text, std::move(value));
      return;
    }
    Value target = lookUp(node.text);
    Namespace *space = target.asNamespace();
    if (!space)
      throw ValueError("cannot assign to an attribute of " + node.text +
                       ", which is no namespace");
    space->members.insert_or_assign(node.names[0], std::move(value));
  }

  void bind(const Node &loop, const Value &element) {
    if (loop.names.size() == 1) {
      scopes.back().insert_or_assign(loop.names[0], element);
      return;
    }
    std::vector<Value> parts = elementsOf(element, budget);
    if (element.isUndefined() || parts.size() != loop.names.size())
      throw ValueError("expected " + std::to_string(loop.names.size()) +
                       " values to unpack, got " +
                       std::to_string(parts.size()));
    for (size_t i = 0; i < parts.size(); ++i)
      scopes.back().insert_or_assign(loop.names[i], parts[i]);
  }

  Flow executeFor(const Node &node) {
    std::vector<Value> elements =
        elementsOf(evaluate(node.children[0]), budget);
    if (const Node &filter = node.children[1]; filter.kind != Node::Absent) {
      std::vector<Value> kept;
      for (const Value &element : elements) {
        scopes.emplace_back();
        bind(node, element);
        if (evaluate(filter).truth())
          kept.push_back(element);
        scopes.pop_back();
      }
      elements = std::move(kept);
    }
    if (elements.empty()) {
      scopes.emplace_back();
      Flow flow = execute(node.children[3]);
      scopes.pop_back();
      return flow;
    }
    for (size_t i = 0; i < elements.size(); ++i) {
      scopes.emplace_back();
      bind(node, elements[i]);
      if (node.integer)
        scopes.back().insert_or_assign("loop", describeLoop(elements, i));
      Flow flow = execute(node.children[2]);
      scopes.pop_back();
      if (flow == Flow::Break)
        break;
    }
    return Flow::Next;
  }

  Value describeLoop(const std::vector<Value> &elements, size_t i) {
    budget.spend(500);
    auto count = [](size_t number) { return Value(int64_t(number)); };
    Dictionary loop;
    loop.set("index", count(i + 1));
    loop.set("index0", count(i));
    loop.set("revindex", count(elements.size() - i));
    loop.set("revindex0", count(elements.size() - i - 1));
    loop.set("first", Value(i == 0));
    loop.set("last", Value(i + 1 == elements.size()));
    loop.set("length", count(elements.size()));
    if (i > 0)
      loop.set("previtem", elements[i - 1]);
    if (i + 1 < elements.size())
      loop.set("nextitem", elements[i + 1]);
    return makeDictionary(std::move(loop));
  }

  // Expressions.

  Value lookUp(const std::string &name) const {
    for (size_t i = scopes.size(); i-- > 0;)
      if (auto found = scopes[i].find(name); found != scopes[i].end())
        return found->second;
    for (const char *function :
         {"namespace", "raise_exception", "range", "strftime_now", "dict",
          "lipsum", "cycler", "joiner"})
      if (name == function)
        return Value::Function{name};
    return Value::Undefined{name};
  }

  std::vector<Value> evaluateAll(const Node &node) {
    std::vector<Value> values;
    for (const Node &child : node.children)
      values.push_back(evaluate(child));
    return values;
  }

  Value evaluate(const Node &node) {
    line = node.line ? node.line : line;
    budget.spend(0);
    switch (node.kind) {
    case Node::Boolean:
      return Value(node.integer != 0);
    case Node::Integer:
      return Value(node.integer);
    case Node::Float:
      return Value(node.number);
    case Node::String:
      budget.spend(node.text.size());
      return Value(node.text);
    case Node::List:
      return makeSequence(evaluateAll(node));
    case Node::Tuple:
      return makeSequence(evaluateAll(node), Sequence::Tuple);
    case Node::Dictionary:
      return evaluateDictionary(node);
    case Node::Name:
      return lookUp(node.text);
    case Node::Attribute:
      return attributeOf(evaluate(node.children[0]), node.text);
    case Node::Subscript: {
      Value object = evaluate(node.children[0]);
      return elementOf(object, evaluate(node.children[1]));
    }
    case Node::Slice:
      return evaluateSlice(node);
    case Node::Call:
      if (node.text == "namespace")
        return makeNamespace(node);
      return callFunction(node, evaluateAll(node), budget);
    case Node::Method:
      return callMethod(node, evaluateAll(node), budget);
    case Node::Filter:
      return applyFilter(node, evaluateAll(node), budget);
    case Node::Test:
      return Value(test(evaluate(node.children[0]), node.text));
    case Node::Not:
      return Value(!evaluate(node.children[0]).truth());
    case Node::Negate:
    case Node::Plus:
      return evaluateSign(evaluate(node.children[0]), node.kind == Node::Negate);
    case Node::And:
    case Node::Or: {
      Value left = evaluate(node.children[0]);
      return left.truth() == (node.kind == Node::Or)
                 ? left
                 : evaluate(node.children[1]);
    }
    case Node::Conditional:
      if (evaluate(node.children[1]).truth())
        return evaluate(node.children[0]);
      if (node.children[2].kind == Node::Absent)
        return Value::Undefined{"the other value of an inline if"};
      return evaluate(node.children[2]);
    case Node::Compare:
      return evaluateComparison(node);
    case Node::Binary: {
      Value left = evaluate(node.children[0]);
      return calculate(node.text, left, evaluate(node.children[1]));
    }
    case Node::Concatenate: {
      std::string text;
      for (const Value &value : evaluateAll(node)) {
        budget.spend(value.weight() + text.size());
        text += value.text();
      }
      return text;
    }
    default:
      return Value(); // None, and an operand that is not written
    }
  }

  Value evaluateDictionary(const Node &node) {
    ::dsv2::jinja::Dictionary dictionary;
    for (size_t i = 0; i < node.children.size(); i += 2) {
      Value key = evaluate(node.children[i]);
      if (!key.asString())
        throw ValueError(std::string("expected a text as a key, got a value of "
                                     "type ") +
                         key.typeName());
      dictionary.set(*key.asString(), evaluate(node.children[i + 1]));
    }
    return makeDictionary(std::move(dictionary));
  }

  Value makeNamespace(const Node &node) {
    budget.spend(200);
    auto space = std::make_shared<Namespace>();
    namespaces.push_back(space);
    for (size_t i = 0; i < node.children.size(); ++i)
      space->members.insert_or_assign(node.names[i],
                                      evaluate(node.children[i]));
    return space;
  }

  static Value attributeOf(const Value &object, const std::string &name) {
    requireDefined(object);
    if (const Namespace *space = object.asNamespace()) {
      auto member = space->members.find(name);
      if (member != space->members.end())
        return member->second;
    } else if (isMethodName(object, name) || object.isFunction()) {
      throw ValueError("unsupported attribute " + name + " of a value of type " +
                       object.typeName());
    } else if (const auto *dictionary = object.asDictionary()) {
      if (const Value *member = dictionary->find(name))
        return *member;
    }
    return Value::Undefined{name};
  }

  static bool asIndex(const Value &value, int64_t &index) {
    if (const bool *boolean = value.asBool())
      index = *boolean;
    else if (const int64_t *integer = value.asInteger())
      index = *integer;
    else
      return false;
    return true;
  }

  Value elementOf(const Value &object, const Value &key) {
    requireDefined(object);
    int64_t index;
    if (const std::string *name = key.asString()) {
      if (const auto *dictionary = object.asDictionary())
        if (const Value *member = dictionary->find(*name))
          return *member;
      return attributeOf(object, *name);
    }
    const Sequence *sequence = object.asSequence();
    if (sequence && sequence->kind != Sequence::Iterator &&
        asIndex(key, index)) {
      int64_t count = int64_t(sequence->elements.size());
      index += index < 0 ? count : 0;
      if (index >= 0 && index < count)
        return sequence->elements[size_t(index)];
    } else if (const std::string *text = object.asString();
               text && asIndex(key, index)) {
      std::vector<Value> characters = charactersOf(*text, budget);
      int64_t count = int64_t(characters.size());
      index += index < 0 ? count : 0;
      if (index >= 0 && index < count)
        return characters[size_t(index)];
    } else if (object.isFunction()) {
      throw ValueError("unsupported subscript of a function");
    }
    return Value::Undefined{"an element"};
  }

  Value evaluateSlice(const Node &node) {
    Value object = evaluate(node.children[0]);
    requireDefined(object);
    std::vector<Value> elements;
    const Sequence *sequence = object.asSequence();
    const std::string *text = object.asString();
    if (text)
      elements = charactersOf(*text, budget);
    else if (sequence && sequence->kind != Sequence::Iterator)
      elements = elementsOf(object, budget);
    else
      throw ValueError(std::string("unsupported slice of a value of type ") +
                       object.typeName());
    // Python's rules for what lies outside.
    int64_t count = int64_t(elements.size()), step = 1;
    auto bound = [&](size_t child, int64_t fallback, int64_t least,
                     int64_t most) {
      Value value = evaluate(node.children[child]);
      int64_t number;
      if (value.isNone())
        return fallback;
      if (!asIndex(value, number))
        throw ValueError("expected integers in a slice");
      if (number < 0)
        number = number < -count ? -1 : number + count;
      return std::clamp(number, least, most);
    };
    Value stepValue = evaluate(node.children[3]);
    if (!stepValue.isNone() && !asIndex(stepValue, step))
      throw ValueError("expected integers in a slice");
    if (step == 0)
      throw ValueError("a slice by steps of 0");
    bool forward = step > 0;
    int64_t least = forward ? 0 : -1, most = forward ? count : count - 1;
    int64_t start = bound(1, forward ? 0 : count - 1, least, most);
    int64_t stop = bound(2, forward ? count : -1, least, most);
    std::vector<Value> kept;
    for (int64_t i = start; forward ? i < stop : i > stop;) {
      budget.spend(sizeof(Value));
      kept.push_back(elements[size_t(i)]);
      if (__builtin_add_overflow(i, step, &i))
        break;
    }
    if (!text)
      return makeSequence(std::move(kept), sequence->kind);
    std::string joined;
    for (const Value &character : kept)
      joined += *character.asString();
    return joined;
  }

  static bool test(const Value &value, const std::string &name) {
    const Sequence *sequence = value.asSequence();
    bool isNumber = value.asBool() || value.asInteger() || value.asDouble();
    if (name == "defined")
      return !value.isUndefined();
    if (name == "undefined")
      return value.isUndefined();
    if (name == "none")
      return value.isNone();
    if (name == "boolean")
      return value.asBool();
    if (name == "true")
      return value.asBool() && *value.asBool();
    if (name == "false")
      return value.asBool() && !*value.asBool();
    if (name == "integer")
      return value.asInteger();
    if (name == "float")
      return value.asDouble();
    if (name == "number")
      return isNumber;
    if (name == "string")
      return value.asString();
    if (name == "mapping")
      return value.asDictionary();
    // An undefined value is an empty one for these two.
    bool hasElements =
        value.asString() || value.asDictionary() || value.isUndefined();
    if (name == "iterable")
      return hasElements || sequence;
    return hasElements || (sequence && sequence->kind != Sequence::Iterator);
  }

  static Value evaluateSign(const Value &value, bool negate) {
    requireDefined(value);
    int64_t number;
    if (asIndex(value, number)) {
      if (negate && __builtin_sub_overflow(int64_t(0), number, &number))
        throw ValueError("an integer of over 64 bits");
      return Value(number);
    }
    if (!value.asDouble())
      throw ValueError(std::string("a sign before a value of type ") +
                       value.typeName());
    return Value(negate ? -*value.asDouble() : *value.asDouble());
  }

  bool contains(const Value &container, const Value &value) {
    budget.spend(container.weight() + value.weight());
    if (const std::string *text = container.asString()) {
      if (!value.asString())
        throw ValueError(std::string("expected a text before in, got a value "
                                     "of type ") +
                         value.typeName());
      return text->find(*value.asString()) != text->npos;
    }
    if (const auto *dictionary = container.asDictionary()) {
      if (value.asSequence() || value.asDictionary())
        throw ValueError("expected a key before in");
      return value.asString() && dictionary->find(*value.asString());
    }
    std::vector<Value> elements = elementsOf(container, budget);
    return std::any_of(elements.begin(), elements.end(), [&](const Value &e) {
      budget.spend(std::min(e.weight(), value.weight()));
      return equal(e, value);
    });
  }

  bool compare(const std::string &op, const Value &left, const Value &right) {
    if (op == "in")
      return contains(right, left);
    if (op == "not in")
      return !contains(right, left);
    budget.spend(std::min(left.weight(), right.weight()));
    if (op == "==")
      return equal(left, right);
    if (op == "!=")
      return !equal(left, right);
    requireDefined(left);
    requireDefined(right);
    int sign = order(left, right);
    return op == "<" ? sign < 0 : op == "<=" ? sign <= 0
           : op == ">" ? sign > 0
                       : sign >= 0;
  }

  Value evaluateComparison(const Node &node) {
    Value left = evaluate(node.children[0]);
    for (size_t i = 0; i < node.names.size(); ++i) {
      Value right = evaluate(node.children[i + 1]);
      if (!compare(node.names[i], left, right))
        return Value(false);
      left = std::move(right);
    }
    return Value(true);
  }

  Value repeat(const Value &value, int64_t times) {
    size_t count = times > 0 ? size_t(times) : 0;
    if (count > maxOutput)
      throw ValueError("a repetition of over " + std::to_string(maxOutput));
    budget.spend(count * value.weight());
    if (const std::string *text = value.asString()) {
      std::string repeated;
      for (size_t i = 0; i < count; ++i)
        repeated += *text;
      return repeated;
    }
    const Sequence &sequence = *value.asSequence();
    std::vector<Value> elements;
    for (size_t i = 0; i < count; ++i) {
      budget.spend(sequence.elements.size() * sizeof(Value));
      elements.insert(elements.end(), sequence.elements.begin(),
                      sequence.elements.end());
    }
    return makeSequence(std::move(elements), sequence.kind);
  }

  static bool repeatable(const Value &value) {
    const Sequence *sequence = value.asSequence();
    return value.asString() || (sequence && sequence->kind != Sequence::Iterator);
  }

  Value calculate(const std::string &op, const Value &left,
                  const Value &right) {
    requireDefined(left);
    requireDefined(right);
    int64_t a = 0, b = 0, result = 0;
    bool whole = asIndex(left, a) && asIndex(right, b);
    if (whole)
      return calculateWhole(op, a, b);
    auto real = [](const Value &value, double &number) {
      int64_t integer;
      if (asIndex(value, integer))
        number = double(integer);
      else if (value.asDouble())
        number = *value.asDouble();
      else
        return false;
      return true;
    };
    double x, y;
    if (real(left, x) && real(right, y)) {
      if (op == "/" && y == 0)
        throw ValueError("division by zero");
      if (op == "//" || op == "%")
        throw ValueError("unsupported operator " + op + " of floats");
      return Value(op == "+" ? x + y : op == "-" ? x - y : op == "*" ? x * y
                                                                     : x / y);
    }
    if (op == "*" && repeatable(left) && asIndex(right, result))
      return repeat(left, result);
    if (op == "*" && repeatable(right) && asIndex(left, result))
      return repeat(right, result);
    if (op == "+" && left.asString() && right.asString()) {
      budget.spend(left.weight() + right.weight());
      return *left.asString() + *right.asString();
    }
    if (op == "+" && repeatable(left) && repeatable(right) &&
        left.asSequence() && right.asSequence() &&
        left.asSequence()->kind == right.asSequence()->kind) {
      std::vector<Value> elements = elementsOf(left, budget);
      for (Value &element : elementsOf(right, budget))
        elements.push_back(std::move(element));
      return makeSequence(std::move(elements), left.asSequence()->kind);
    }
    throw ValueError("unsupported operator " + op + " between values of types " +
                     left.typeName() + " and " + right.typeName());
  }

  static Value calculateWhole(const std::string &op, int64_t a, int64_t b) {
    int64_t result;
    bool overflow = false;
    if (op == "+") {
      overflow = __builtin_add_overflow(a, b, &result);
    } else if (op == "-") {
      overflow = __builtin_sub_overflow(a, b, &result);
    } else if (op == "*") {
      overflow = __builtin_mul_overflow(a, b, &result);
    } else {
      if (b == 0)
        throw ValueError("division by zero");
      constexpr int64_t exact = int64_t(1) << 53;
      if (op == "/") {
        if (a > exact || a < -exact || b > exact || b < -exact)
          throw ValueError("an integer of over 53 bits in a division");
        return Value(double(a) / double(b));
      }
      overflow = a == INT64_MIN && b == -1;
      // Python rounds down.
      int64_t rest = overflow ? 0 : a % b;
      int64_t quotient = overflow ? 0 : a / b;
      bool adjust = rest != 0 && (rest < 0) != (b < 0);
      result = op == "%" ? rest + (adjust ? b : 0) : quotient - adjust;
    }
    if (overflow)
      throw ValueError("an integer of over 64 bits");
    return Value(result);
  }

  std::vector<Scope> scopes;
  std::vector<std::shared_ptr<Namespace>> namespaces;
  Budget budget;
  std::string out;
  size_t line = 0;
};

} // namespace

std::string dsv2::jinja::render(const Node &block, const Scope &variables) {
  return Interpreter(variables).run(block);
}
