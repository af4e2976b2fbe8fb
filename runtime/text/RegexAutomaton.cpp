//===- RegexAutomaton.cpp - Patterns in one table look-up a character -----===//
//
// Thompson's construction with priorities, then subsets in order of priority: a
// state is the list of places that a backtracking matcher would try, first
// choice first, so what comes behind a match in the list is dropped. A match
// and a look-ahead are settled by the character that follows.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/RegexAutomaton.h"

#include <algorithm>
#include <map>

using namespace dsv2;

std::optional<SymbolTable>
SymbolTable::create(std::span<const CharacterSet> sets) {
  // Between two boundaries membership does not change.
  std::vector<uint32_t> boundaries = {0};
  for (const CharacterSet &set : sets)
    for (const CharacterSet::Range &range : set.ranges()) {
      boundaries.push_back(range.first);
      boundaries.push_back(range.last + 1);
    }
  std::sort(boundaries.begin(), boundaries.end());
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()),
                   boundaries.end());
  if (boundaries.back() > CharacterSet::maxCodePoint)
    boundaries.pop_back();

  SymbolTable table;
  std::map<std::vector<bool>, uint8_t> known;
  std::map<uint8_t, uint16_t> uniform; // blocks of one symbol
  size_t interval = 0;
  uint8_t symbol = 0;
  auto enter = [&](size_t i) {
    std::vector<bool> members;
    for (const CharacterSet &set : sets)
      members.push_back(set.contains(boundaries[i]));
    auto [entry, isNew] =
        known.emplace(std::move(members), uint8_t(table.witnesses.size()));
    if (isNew)
      table.witnesses.push_back(boundaries[i]);
    symbol = entry->second;
    interval = i;
  };
  auto intervalEnd = [&] {
    return interval + 1 < boundaries.size() ? boundaries[interval + 1]
                                            : CharacterSet::maxCodePoint + 1;
  };
  enter(0);
  for (uint32_t first = 0; first <= CharacterSet::maxCodePoint;
       first += blockSize) {
    if (first == intervalEnd())
      enter(interval + 1);
    bool whole = first + blockSize <= intervalEnd();
    auto number = uint16_t(table.blocks.size() / blockSize);
    if (auto same = uniform.find(symbol); whole && same != uniform.end()) {
      table.blockOf.push_back(same->second);
      continue;
    }
    if (whole)
      uniform.emplace(symbol, number);
    table.blockOf.push_back(number);
    for (uint32_t scalar = first; scalar < first + blockSize; ++scalar) {
      if (scalar == intervalEnd())
        enter(interval + 1);
      table.blocks.push_back(symbol);
      if (table.witnesses.size() > 255)
        return std::nullopt;
    }
  }
  return table;
}

namespace dsv2 {

class AutomatonBuilder {
public:
  std::optional<RegexAutomaton> build(const RegexNode &pattern) {
    start = addNode(pattern, addInstruction({Instruction::Match}));
    if (!supported || mayBeEmpty(pattern))
      return std::nullopt;
    sets.push_back(CharacterSet::of('\n')); // what `$` asks for
    std::optional<SymbolTable> symbols = SymbolTable::create(sets);
    if (!symbols)
      return std::nullopt;
    for (const CharacterSet &set : sets) {
      members.emplace_back();
      for (size_t symbol = 0; symbol < symbols->count(); ++symbol)
        members.back().push_back(set.contains(symbols->witness(symbol)));
      members.back().push_back(false); // the end is no character
    }
    automaton.symbols = std::move(*symbols);
    automaton.endSymbol = uint32_t(automaton.symbols.count());
    automaton.stride = automaton.endSymbol + 1;
    if (!buildStates())
      return std::nullopt;
    return std::move(automaton);
  }

private:
  struct Instruction {
    enum Kind { Match, Character, Fork, Ahead, NotAhead, LineEnd } kind;
    uint32_t next = 0;
    uint32_t second = 0; // Fork: the other choice
    uint32_t set = 0;    // Character, Ahead, NotAhead
  };
  /// Places in order of priority, and whether a newline was before them.
  struct State {
    std::vector<uint32_t> places;
    bool afterNewline;
    auto operator<=>(const State &) const = default;
  };
  static constexpr size_t maxInstructions = 1000;
  static constexpr size_t maxTransitions = size_t(1) << 16;

  uint32_t addInstruction(Instruction instruction) {
    supported &= program.size() < maxInstructions;
    if (!supported)
      return 0;
    program.push_back(instruction);
    return uint32_t(program.size() - 1);
  }

  uint32_t addSet(const RegexNode &node) {
    CharacterSet set = node.negated ? node.set.complement() : node.set;
    for (size_t i = 0; i < sets.size(); ++i)
      if (sets[i].ranges() == set.ranges())
        return uint32_t(i);
    sets.push_back(std::move(set));
    return uint32_t(sets.size() - 1);
  }

  /// Code for `node` that goes on at `next`; its first instruction.
  uint32_t addNode(const RegexNode &node, uint32_t next) {
    if (!supported)
      return 0;
    switch (node.kind) {
    case RegexNode::Set:
      return addInstruction({Instruction::Character, next, 0, addSet(node)});
    case RegexNode::Sequence:
      for (size_t i = node.children.size(); i-- > 0;)
        next = addNode(node.children[i], next);
      return next;
    case RegexNode::Alternation: {
      uint32_t first = addNode(node.children.back(), next);
      for (size_t i = node.children.size() - 1; i-- > 0;)
        first = addInstruction(
            {Instruction::Fork, addNode(node.children[i], next), first});
      return first;
    }
    case RegexNode::Repeat:
      return addRepeat(node, next);
    case RegexNode::Group:
      if (node.group == RegexNode::Plain)
        return addNode(node.children[0], next);
      return addLookAhead(node, next);
    case RegexNode::LineEnd:
      usesLineEnd = true;
      return addInstruction({Instruction::LineEnd, next});
    default:
      supported = false;
      return 0;
    }
  }

  uint32_t addLookAhead(const RegexNode &node, uint32_t next) {
    const RegexNode *inner = &node.children[0];
    while (inner->children.size() == 1 &&
           (inner->kind == RegexNode::Sequence ||
            (inner->kind == RegexNode::Group &&
             inner->group == RegexNode::Plain)))
      inner = &inner->children[0];
    bool ahead = node.group == RegexNode::LookAhead;
    supported &= (ahead || node.group == RegexNode::NotAhead) &&
                 inner->kind == RegexNode::Set;
    if (!supported)
      return 0;
    return addInstruction(
        {ahead ? Instruction::Ahead : Instruction::NotAhead, next, 0,
         addSet(*inner)});
  }

  /// A loop whose body may match nothing ends by rules that differ between
  /// matchers.
  uint32_t addRepeat(const RegexNode &node, uint32_t next) {
    const RegexNode &body = node.children[0];
    supported &= node.mode != RegexNode::Possessive && !mayBeEmpty(body);
    auto fork = [&](uint32_t again, uint32_t leave) {
      return node.mode == RegexNode::Greedy
                 ? Instruction{Instruction::Fork, again, leave}
                 : Instruction{Instruction::Fork, leave, again};
    };
    uint32_t first = next;
    unsigned before = node.least; // copies of the body before the options
    if (node.most == RegexNode::unbounded) {
      uint32_t loop = addInstruction({Instruction::Fork});
      uint32_t inside = addNode(body, loop);
      if (!supported)
        return 0;
      program[loop] = fork(inside, next);
      // The last of the least begins the loop, so that what is in the loop can
      // be seen to cover the beginning.
      first = node.least > 0 ? inside : loop;
      before -= node.least > 0;
    } else {
      for (unsigned i = node.least; i < node.most && supported; ++i)
        first = addInstruction(fork(addNode(body, first), next));
    }
    for (unsigned i = 0; i < before && supported; ++i)
      first = addNode(body, first);
    return first;
  }

  static bool mayBeEmpty(const RegexNode &node) {
    auto isEmpty = [](const RegexNode &child) { return mayBeEmpty(child); };
    switch (node.kind) {
    case RegexNode::Set:
      return false;
    case RegexNode::Sequence:
      return std::all_of(node.children.begin(), node.children.end(), isEmpty);
    case RegexNode::Alternation:
      return std::any_of(node.children.begin(), node.children.end(), isEmpty);
    case RegexNode::Repeat:
      return node.least == 0 || mayBeEmpty(node.children[0]);
    case RegexNode::Group:
      return node.group != RegexNode::Plain || mayBeEmpty(node.children[0]);
    default:
      return true;
    }
  }

  /// Appends the places that `place` leads to without a character, forks
  /// resolved, and what asks about the next character as it stands.
  void close(uint32_t place, std::vector<uint32_t> &places,
             std::vector<bool> &seen) const {
    std::vector<uint32_t> stack = {place};
    while (!stack.empty()) {
      place = stack.back();
      stack.pop_back();
      if (seen[place])
        continue;
      seen[place] = true;
      if (program[place].kind == Instruction::Fork) {
        stack.push_back(program[place].second);
        stack.push_back(program[place].next);
      } else {
        places.push_back(place);
      }
    }
  }

  bool holds(const Instruction &question, uint32_t symbol,
             bool afterNewline) const {
    if (question.kind == Instruction::LineEnd)
      return members.back()[symbol] ||
             (symbol == automaton.endSymbol && !afterNewline);
    return members[question.set][symbol] ==
           (question.kind == Instruction::Ahead);
  }

  /// The places of `state` once the next character is known, up to a match.
  std::vector<uint32_t> settle(const State &state, uint32_t symbol,
                               bool &matches) const {
    std::vector<uint32_t> settled, open(state.places.rbegin(),
                                        state.places.rend());
    std::vector<bool> seen(program.size());
    matches = false;
    while (!open.empty() && !matches) {
      uint32_t place = open.back();
      open.pop_back();
      const Instruction &instruction = program[place];
      if (instruction.kind == Instruction::Match) {
        matches = true;
      } else if (instruction.kind == Instruction::Character) {
        settled.push_back(place);
      } else if (!seen[place]) {
        seen[place] = true;
        if (!holds(instruction, symbol, state.afterNewline))
          continue;
        std::vector<uint32_t> behind;
        std::vector<bool> reached(program.size());
        close(instruction.next, behind, reached);
        open.insert(open.end(), behind.rbegin(), behind.rend());
      }
    }
    return settled;
  }

  uint32_t stateOf(State state) {
    auto [entry, isNew] =
        numbers.emplace(std::move(state), uint32_t(states.size()));
    if (isNew)
      states.push_back(&entry->first);
    return entry->second;
  }

  bool buildStates() {
    stateOf({{}, false}); // dead
    State first = {{}, false};
    std::vector<bool> seen(program.size());
    close(start, first.places, seen);
    markBeginnings(first);
    uint32_t stride = automaton.stride;
    automaton.atStart = stateOf(first) * stride;
    automaton.afterNewline =
        usesLineEnd ? stateOf({first.places, true}) * stride : automaton.atStart;
    for (size_t i = 0; i < states.size(); ++i) {
      if (automaton.transitions.size() > maxTransitions)
        return false;
      for (uint32_t symbol = 0; symbol < stride; ++symbol)
        automaton.transitions.push_back(step(*states[i], symbol));
    }
    for (uint32_t &transition : automaton.transitions) {
      const State &following = *states[transition >> 1];
      transition = (transition >> 1) * stride << RegexAutomaton::flagBits |
                   (transition & 1 ? RegexAutomaton::acceptsBefore : 0) |
                   (covers(following, first) ? RegexAutomaton::coversStart : 0);
    }
    return true;
  }

  void markBeginnings(const State &first) {
    auto leadOf = [](uint32_t scalar) {
      std::string encoded;
      appendUtf8(encoded, scalar);
      return static_cast<unsigned char>(encoded[0]);
    };
    for (uint32_t place : first.places) {
      if (program[place].kind != Instruction::Character) {
        automaton.begins.fill(true);
        return;
      }
      for (const CharacterSet::Range &range : sets[program[place].set].ranges())
        for (unsigned lead = leadOf(range.first); lead <= leadOf(range.last);
             ++lead)
          automaton.begins[lead] |= lead < 0x80 || lead >= 0xC0;
    }
  }

  /// The number of the next state, and in the lowest bit whether a match ends
  /// before the symbol.
  uint32_t step(const State &state, uint32_t symbol) {
    bool matches;
    State following = {{}, false};
    std::vector<bool> seen(program.size());
    for (uint32_t place : settle(state, symbol, matches))
      if (members[program[place].set][symbol])
        close(program[place].next, following.places, seen);
    following.afterNewline =
        usesLineEnd && !following.places.empty() && members.back()[symbol];
    return stateOf(std::move(following)) << 1 | matches;
  }

  /// Whether all that can match from `first`, at the same place, can match
  /// from `state`. What asks about characters is not compared.
  bool covers(const State &state, const State &first) const {
    return std::all_of(
        first.places.begin(), first.places.end(), [&](uint32_t place) {
          return program[place].kind == Instruction::Character &&
                 std::find(state.places.begin(), state.places.end(), place) !=
                     state.places.end();
        });
  }

  RegexAutomaton automaton;
  bool supported = true, usesLineEnd = false;
  std::vector<Instruction> program;
  uint32_t start = 0;
  std::vector<CharacterSet> sets;
  /// [sets, with the newline last][symbols]
  std::vector<std::vector<bool>> members;
  std::map<State, uint32_t> numbers;
  std::vector<const State *> states; // by number
};

} // namespace dsv2

std::optional<RegexAutomaton>
RegexAutomaton::create(const RegexNode &pattern) {
  return AutomatonBuilder().build(pattern);
}
