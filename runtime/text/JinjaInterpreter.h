//===- JinjaInterpreter.h - Renders the tree of a template ------*- C++ -*-===//
//
// Evaluates as jinja2 does with the settings of chat templates. What a render
// may cost is limited, so a hostile template ends with a message.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_JINJAINTERPRETER_H
#define RUNTIME_TEXT_JINJAINTERPRETER_H

#include "runtime/text/JinjaSyntax.h"
#include "runtime/text/JinjaValue.h"

namespace dsv2::jinja {

/// The output of `block` with these variables. Throws Failure.
std::string render(const Node &block,
                   const std::map<std::string, Value, std::less<>> &variables);

/// What a render has used up.
class Budget {
public:
  /// Counts work of about this many bytes, before it is done. Throws
  /// ValueError when that is too much for one template.
  void spend(size_t bytes) {
    size_t cost = 1 + bytes / 8;
    if (cost > left)
      throw ValueError("the template needs too many steps");
    left -= cost;
  }

private:
  size_t left = 20'000'000;
};

/// The results of `node`, a Call, Method or Filter, whose object is the first
/// of `arguments` for the latter two; as many last ones as `node` has names are
/// named.
Value callFunction(const Node &node, const std::vector<Value> &arguments,
                   Budget &budget);
Value callMethod(const Node &node, const std::vector<Value> &arguments,
                 Budget &budget);
Value applyFilter(const Node &node, const std::vector<Value> &arguments,
                  Budget &budget);

/// What iterating over a value gives. Errors: not iterable.
std::vector<Value> elementsOf(const Value &value, Budget &budget);
/// The characters of a text, each a text.
std::vector<Value> charactersOf(const std::string &text, Budget &budget);
/// Errors: an undefined value, by its name.
void requireDefined(const Value &value);

} // namespace dsv2::jinja

#endif // RUNTIME_TEXT_JINJAINTERPRETER_H
