//===- JinjaParser.cpp - Recursive descent over the tokens ----------------===//
//
// One function a level of jinja2's precedence. What a name may be (statement,
// function, method, filter, test) is listed here, so that an unknown one is
// refused before anything is rendered.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/JinjaSyntax.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

using namespace dsv2::jinja;

namespace {

constexpr unsigned maxDepth = 100;

/// What may be called, with the number of its arguments by position, and its
/// named ones.
struct Signature {
  std::string_view name;
  size_t least, most;
  std::string_view named; // separated by spaces
};

constexpr Signature functions[] = {
    {"namespace", 0, 0, "*"},
    {"raise_exception", 1, 1, ""},
    {"range", 1, 3, ""},
    {"strftime_now", 1, 1, ""},
};

constexpr Signature methods[] = {
    {"endswith", 1, 1, ""}, {"get", 1, 2, ""},        {"items", 0, 0, ""},
    {"keys", 0, 0, ""},     {"lstrip", 0, 1, ""},     {"replace", 2, 2, ""},
    {"rstrip", 0, 1, ""},   {"split", 0, 2, ""},      {"startswith", 1, 1, ""},
    {"strip", 0, 1, ""},    {"values", 0, 0, ""},
};

constexpr Signature filters[] = {
    {"count", 0, 0, ""},
    {"d", 0, 2, "default_value boolean"},
    {"default", 0, 2, "default_value boolean"},
    {"first", 0, 0, ""},
    {"items", 0, 0, ""},
    {"join", 0, 1, "d"},
    {"last", 0, 0, ""},
    {"length", 0, 0, ""},
    {"list", 0, 0, ""},
    {"replace", 2, 2, ""},
    {"string", 0, 0, ""},
    {"tojson", 0, 0, "ensure_ascii indent sort_keys"},
    {"trim", 0, 1, "chars"},
};

constexpr std::string_view tests[] = {
    "boolean", "defined", "false",    "float",  "integer", "iterable", "mapping",
    "none",    "number",  "sequence", "string", "true",    "undefined"};

class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  Node run() {
    Node block = parseBlock({});
    if (current().kind != Token::End)
      fail("unexpected " + current().text);
    return block;
  }

private:
  /// Counts how deep the recursion is.
  class Level {
  public:
    explicit Level(Parser &parser) : parser(parser) {
      if (++parser.depth > maxDepth)
        parser.fail("nesting over " + std::to_string(maxDepth));
    }
    ~Level() { --parser.depth; }

  private:
    Parser &parser;
  };

  const Token &current() const { return tokens[position]; }
  const Token &next() const {
    return tokens[std::min(position + 1, tokens.size() - 1)];
  }
  [[noreturn]] void fail(const std::string &what) const {
    throw Failure(current().line, what);
  }
  bool at(Token::Kind kind, std::string_view text) const {
    return current().kind == kind && current().text == text;
  }
  bool atOperator(std::string_view text) const {
    return at(Token::Operator, text);
  }
  bool atName(std::string_view text) const { return at(Token::Name, text); }
  bool skipOperator(std::string_view text) {
    bool here = atOperator(text);
    position += here;
    return here;
  }
  bool skipName(std::string_view text) {
    bool here = atName(text);
    position += here;
    return here;
  }
  std::string describe() const {
    switch (current().kind) {
    case Token::End:
      return "the end of the template";
    case Token::BlockEnd:
      return "%}";
    case Token::VariableEnd:
      return "}}";
    case Token::Text:
      return "text";
    default:
      return current().text;
    }
  }
  void expectOperator(std::string_view text) {
    if (!skipOperator(text))
      fail("expected " + std::string(text) + ", got " + describe());
  }
  std::string takeName() {
    if (current().kind != Token::Name)
      fail("expected a name, got " + describe());
    return tokens[position++].text;
  }
  void expect(Token::Kind kind, const char *text) {
    if (current().kind != kind)
      fail(std::string("expected ") + text + ", got " + describe());
    ++position;
  }

  Node make(Node::Kind kind) const {
    Node node;
    node.kind = kind;
    node.line = current().line;
    return node;
  }
  static Node join(Node::Kind kind, Node left, Node right,
                   std::string text = {}) {
    Node node;
    node.kind = kind;
    node.line = left.line;
    node.text = std::move(text);
    node.children.push_back(std::move(left));
    node.children.push_back(std::move(right));
    return node;
  }

  // Statements.

  /// Up to a statement that begins with one of `ends`, whose name is next then;
  /// or up to the end of the template.
  Node parseBlock(std::span<const std::string_view> ends) {
    Level level(*this);
    Node block = make(Node::Block);
    while (current().kind != Token::End) {
      if (current().kind == Token::Text) {
        block.children.push_back(make(Node::Text));
        block.children.back().text = current().text;
        ++position;
      } else if (current().kind == Token::VariableBegin) {
        ++position;
        Node print = make(Node::Print);
        print.children.push_back(parseTuple(/*conditional=*/true));
        expect(Token::VariableEnd, "}}");
        block.children.push_back(std::move(print));
      } else {
        ++position; // {%
        if (std::find(ends.begin(), ends.end(), current().text) != ends.end() &&
            current().kind == Token::Name)
          return block;
        block.children.push_back(parseStatement());
        expect(Token::BlockEnd, "%}");
      }
    }
    if (!ends.empty())
      fail("missing " + std::string(ends.back()));
    return block;
  }

  /// Behind {%, up to %}.
  Node parseStatement() {
    Node node = make(Node::Block);
    std::string name = takeName();
    if (name == "if")
      return parseIf(std::move(node));
    if (name == "for")
      return parseFor(std::move(node));
    if (name == "set")
      return parseSet(std::move(node));
    if (name == "break" || name == "continue") {
      if (loops.empty() || loopsHidden)
        fail(name + " outside of a loop");
      node.kind = name == "break" ? Node::Break : Node::Continue;
      return node;
    }
    throw Failure(node.line, "unsupported statement " + name);
  }

  Node parseIf(Node node) {
    node.kind = Node::If;
    constexpr std::string_view ends[] = {"elif", "else", "endif"};
    constexpr std::string_view last[] = {"endif"};
    while (true) {
      node.children.push_back(parseTuple(/*conditional=*/false));
      expect(Token::BlockEnd, "%}");
      node.children.push_back(parseBlock(ends));
      if (!skipName("elif"))
        break;
    }
    if (skipName("else")) {
      expect(Token::BlockEnd, "%}");
      node.children.push_back(parseBlock(last));
    }
    if (!skipName("endif"))
      fail("expected endif, got " + describe());
    return node;
  }

  std::string takeTarget() {
    std::string name = takeName();
    for (const char *word : {"true", "false", "none", "True", "False", "None",
                             "loop", "not", "and", "or", "in", "is", "if",
                             "else"})
      if (name == word)
        fail("cannot assign to " + name);
    return name;
  }

  Node parseFor(Node node) {
    node.kind = Node::For;
    do
      node.names.push_back(takeTarget());
    while (skipOperator(",") && !atName("in"));
    if (!skipName("in"))
      fail("expected in, got " + describe());
    node.children.push_back(parseTuple(/*conditional=*/false));
    node.children.push_back(make(Node::Absent));
    if (skipName("if"))
      node.children.back() = parseExpression();
    if (atName("recursive"))
      fail("unsupported recursive loop");
    expect(Token::BlockEnd, "%}");
    loops.push_back(false);
    bool outer = std::exchange(loopsHidden, false);
    constexpr std::string_view ends[] = {"else", "endfor"};
    node.children.push_back(parseBlock(ends));
    loopsHidden = outer;
    node.integer = loops.back();
    loops.pop_back();
    node.children.push_back(make(Node::Block));
    if (skipName("else")) {
      expect(Token::BlockEnd, "%}");
      constexpr std::string_view last[] = {"endfor"};
      node.children.back() = parseBlock(last);
    }
    ++position; // endfor
    return node;
  }

  Node parseSet(Node node) {
    node.kind = Node::Set;
    node.text = takeTarget();
    if (skipOperator("."))
      node.names.push_back(takeName());
    if (atOperator(","))
      fail("unsupported set of several names");
    if (skipOperator("=")) {
      node.children.push_back(parseTuple(/*conditional=*/true));
      return node;
    }
    if (atOperator("|"))
      fail("unsupported filter of a set block");
    if (!node.names.empty())
      fail("unsupported set block of an attribute");
    node.kind = Node::SetBlock;
    expect(Token::BlockEnd, "%}");
    constexpr std::string_view ends[] = {"endset"};
    // A break inside would end a loop around it.
    bool outer = std::exchange(loopsHidden, true);
    node.children.push_back(parseBlock(ends));
    loopsHidden = outer;
    ++position;
    return node;
  }

  // Expressions.

  Node parseTuple(bool conditional) {
    Node node = conditional ? parseExpression() : parseOr();
    if (atOperator(","))
      fail("unsupported tuple without parentheses");
    return node;
  }

  Node parseExpression() {
    Level level(*this);
    Node node = parseOr();
    while (skipName("if")) {
      Node condition = parseOr();
      node = join(Node::Conditional, std::move(node), std::move(condition));
      node.children.push_back(skipName("else") ? parseExpression()
                                               : make(Node::Absent));
      deepen(node);
    }
    return node;
  }

  Node parseOr() {
    Node node = parseAnd();
    while (skipName("or")) {
      node = join(Node::Or, std::move(node), parseAnd());
      deepen(node);
    }
    return node;
  }

  Node parseAnd() {
    Node node = parseNot();
    while (skipName("and")) {
      node = join(Node::And, std::move(node), parseNot());
      deepen(node);
    }
    return node;
  }

  Node parseNot() {
    Level level(*this);
    if (!atName("not"))
      return parseCompare();
    Node node = make(Node::Not);
    ++position;
    node.children.push_back(parseNot());
    deepen(node);
    return node;
  }

  Node parseCompare() {
    Node first = parseSum();
    Node node;
    node.kind = Node::Compare;
    node.line = first.line;
    while (true) {
      std::string op;
      for (std::string_view known : {"==", "!=", "<", "<=", ">", ">="})
        if (atOperator(known))
          op = known;
      if (atName("in"))
        op = "in";
      if (atName("not") && next().kind == Token::Name && next().text == "in") {
        op = "not in";
        ++position;
      }
      if (op.empty())
        break;
      ++position;
      node.names.push_back(op);
      node.children.push_back(parseSum());
    }
    if (node.names.empty())
      return first;
    node.children.insert(node.children.begin(), std::move(first));
    deepen(node);
    return node;
  }

  Node parseSum() {
    Node node = parseConcatenation();
    while (atOperator("+") || atOperator("-")) {
      std::string op = tokens[position++].text;
      node = join(Node::Binary, std::move(node), parseConcatenation(), op);
      deepen(node);
    }
    return node;
  }

  Node parseConcatenation() {
    Node first = parseProduct();
    if (!atOperator("~"))
      return first;
    Node node;
    node.kind = Node::Concatenate;
    node.line = first.line;
    node.children.push_back(std::move(first));
    while (skipOperator("~"))
      node.children.push_back(parseProduct());
    deepen(node);
    return node;
  }

  Node parseProduct() {
    Node node = parsePower();
    while (atOperator("*") || atOperator("/") || atOperator("//") ||
           atOperator("%")) {
      std::string op = tokens[position++].text;
      node = join(Node::Binary, std::move(node), parsePower(), op);
      deepen(node);
    }
    return node;
  }

  Node parsePower() {
    Node node = parseUnary(/*filters=*/true);
    if (atOperator("**"))
      fail("unsupported operator **");
    return node;
  }

  Node parseUnary(bool filters) {
    Level level(*this);
    Node node;
    if (atOperator("-") || atOperator("+")) {
      node = make(atOperator("-") ? Node::Negate : Node::Plus);
      ++position;
      node.children.push_back(parseUnary(/*filters=*/false));
    } else {
      node = parsePrimary();
    }
    deepen(node);
    node = parsePostfix(std::move(node));
    return filters ? parseFilters(std::move(node)) : node;
  }

  Node parsePrimary() {
    Node node = make(Node::Absent);
    const std::string text = current().text;
    switch (current().kind) {
    case Token::Name:
      ++position;
      if (text == "none" || text == "None") {
        node.kind = Node::None;
      } else if (text == "true" || text == "True" || text == "false" ||
                 text == "False") {
        node.kind = Node::Boolean;
        node.integer = (text[0] | 0x20) == 't';
      } else if (text == "not" || text == "and" || text == "or" ||
                 text == "in" || text == "is" || text == "if" ||
                 text == "else") {
        --position;
        fail("expected an expression, got " + text);
      } else if (text == "self" || text == "varargs" || text == "kwargs" ||
                 text == "caller") {
        fail("unsupported name " + text);
      } else {
        node.kind = Node::Name;
        node.text = text;
        if (text == "loop" && !loops.empty())
          loops.back() = true;
      }
      return node;
    case Token::String:
      node.kind = Node::String;
      while (current().kind == Token::String)
        node.text += tokens[position++].text;
      return node;
    case Token::Integer: {
      node.kind = Node::Integer;
      auto result = std::from_chars(text.data(), text.data() + text.size(),
                                    node.integer);
      if (result.ec != std::errc())
        fail("unsupported number " + text);
      ++position;
      return node;
    }
    case Token::Float: {
      node.kind = Node::Float;
      auto result = std::from_chars(text.data(), text.data() + text.size(),
                                    node.number);
      if (result.ec != std::errc())
        fail("unsupported number " + text);
      ++position;
      return node;
    }
    default:
      break;
    }
    if (skipOperator("("))
      return parseParentheses(std::move(node));
    if (skipOperator("[")) {
      node.kind = Node::List;
      parseElements("]", [&] { node.children.push_back(parseExpression()); });
      return node;
    }
    if (skipOperator("{")) {
      node.kind = Node::Dictionary;
      parseElements("}", [&] {
        node.children.push_back(parseExpression());
        expectOperator(":");
        node.children.push_back(parseExpression());
      });
      return node;
    }
    fail("expected an expression, got " + describe());
  }

  /// Elements and commas up to `end`, a comma before it allowed.
  template <typename Parse>
  void parseElements(std::string_view end, Parse &&parse) {
    for (bool first = true; !skipOperator(end); first = false) {
      if (!first)
        expectOperator(",");
      if (skipOperator(end))
        break;
      parse();
    }
  }

  Node parseParentheses(Node node) {
    if (skipOperator(")")) {
      node.kind = Node::Tuple;
      return node;
    }
    Node first = parseExpression();
    if (skipOperator(")"))
      return first;
    node.kind = Node::Tuple;
    node.children.push_back(std::move(first));
    while (!skipOperator(")")) {
      expectOperator(",");
      if (!atOperator(")"))
        node.children.push_back(parseExpression());
    }
    return node;
  }

  Node parsePostfix(Node node) {
    while (true) {
      if (skipOperator(".")) {
        // An integer is jinja2's old form of a subscript.
        if (current().kind != Token::Name)
          fail("expected an attribute, got " + describe());
        Node outer = make(Node::Attribute);
        outer.text = takeName();
        if (outer.text[0] == '_')
          fail("unsupported attribute " + outer.text);
        bool called = skipOperator("(");
        if (called)
          outer.kind = Node::Method;
        outer.children.push_back(std::move(node));
        if (called)
          parseArguments(outer, find(methods, "method", outer.text), 1);
        node = std::move(outer);
      } else if (atOperator("[")) {
        node = parseSubscript(std::move(node));
      } else if (atOperator("(")) {
        if (node.kind != Node::Name)
          fail("unsupported call of an expression");
        ++position;
        node.kind = Node::Call;
        parseArguments(node, find(functions, "function", node.text), 0);
      } else {
        return node;
      }
      deepen(node);
    }
  }

  Node parseSubscript(Node object) {
    Node node = make(Node::Subscript);
    ++position;
    node.children.push_back(std::move(object));
    auto part = [&](bool slice) {
      bool absent = atOperator(":") || atOperator("]");
      if (absent && !slice && !atOperator(":"))
        fail("expected an index, got ]");
      node.children.push_back(absent ? make(Node::Absent) : parseExpression());
    };
    part(false);
    while (node.children.size() < 4 && skipOperator(":")) {
      node.kind = Node::Slice;
      part(true);
    }
    while (node.kind == Node::Slice && node.children.size() < 4)
      node.children.push_back(make(Node::Absent));
    if (atOperator(","))
      fail("unsupported subscript of several values");
    expectOperator("]");
    return node;
  }

  const Signature &find(std::span<const Signature> known, const char *what,
                        const std::string &name) const {
    for (const Signature &signature : known)
      if (signature.name == name)
        return signature;
    fail(std::string("unsupported ") + what + " " + name);
  }

  /// Behind the parenthesis; appends to the children, of which the first
  /// `before` are no arguments.
  void parseArguments(Node &node, const Signature &signature, size_t before) {
    parseElements(")", [&] {
      if (atOperator("*") || atOperator("**"))
        fail("unsupported * before an argument");
      if (current().kind == Token::Name && next().kind == Token::Operator &&
          next().text == "=") {
        std::string name = takeName();
        ++position;
        checkNamed(signature, name, node);
        node.names.push_back(name);
      } else if (!node.names.empty()) {
        fail("expected a named argument");
      }
      node.children.push_back(parseExpression());
    });
    checkCount(signature, node.children.size() - before - node.names.size());
  }

  void checkNamed(const Signature &signature, const std::string &name,
                  const Node &node) const {
    std::string list = " " + std::string(signature.named) + " ";
    if (signature.named != "*" && list.find(" " + name + " ") == list.npos)
      fail("unsupported argument " + name + " of " +
           std::string(signature.name));
    if (std::find(node.names.begin(), node.names.end(), name) !=
        node.names.end())
      fail("argument " + name + " given twice");
  }

  void checkCount(const Signature &signature, size_t count) const {
    if (count < signature.least || count > signature.most)
      fail("unsupported number of arguments of " +
           std::string(signature.name) + ": " + std::to_string(count));
  }

  Node parseFilters(Node node) {
    while (true) {
      if (skipOperator("|")) {
        Node outer = make(Node::Filter);
        outer.text = takeName();
        const Signature &signature = find(filters, "filter", outer.text);
        outer.children.push_back(std::move(node));
        if (skipOperator("("))
          parseArguments(outer, signature, 1);
        else
          checkCount(signature, 0);
        node = std::move(outer);
      } else if (skipName("is")) {
        node = parseTest(std::move(node));
      } else if (atOperator("(")) {
        fail("unsupported call of an expression");
      } else {
        return node;
      }
      deepen(node);
    }
  }

  Node parseTest(Node object) {
    bool negated = skipName("not");
    Node node = make(Node::Test);
    node.text = takeName();
    if (std::find(std::begin(tests), std::end(tests), node.text) ==
        std::end(tests))
      fail("unsupported test " + node.text);
    // Whatever could be one is taken for an argument.
    bool joins = atName("else") || atName("or") || atName("and");
    if (atOperator("(") || atOperator("[") || atOperator("{") ||
        current().kind == Token::String || current().kind == Token::Integer ||
        current().kind == Token::Float ||
        (current().kind == Token::Name && !joins))
      fail("unsupported argument of the test " + node.text);
    node.children.push_back(std::move(object));
    if (!negated)
      return node;
    Node outer;
    outer.kind = Node::Not;
    outer.line = node.line;
    deepen(node);
    outer.children.push_back(std::move(node));
    return outer;
  }

  /// Notes how deep an expression is: evaluation recurses as far, also where
  /// the parser only loops.
  void deepen(Node &node) const {
    node.height = 0;
    for (const Node &child : node.children)
      node.height = std::max(node.height, child.height);
    if (++node.height > maxHeight)
      fail("an expression of over " + std::to_string(maxHeight) + " levels");
  }
  static constexpr unsigned maxHeight = 300;

  std::vector<Token> tokens;
  size_t position = 0;
  /// Of the loops around, whether the body uses `loop`.
  std::vector<bool> loops;
  bool loopsHidden = false;
  unsigned depth = 0;
};

} // namespace

Node dsv2::jinja::parseTemplate(std::string_view source) {
  return Parser(readTokens(source)).run();
}
