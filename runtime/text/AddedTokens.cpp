//===- AddedTokens.cpp - Tokens found before splitting --------------------===//
//
// Reading, searching, and the strip and word rules of the reference.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/AddedTokens.h"

#include "runtime/io/JsonWriter.h"
#include "runtime/io/Utf8.h"
#include "runtime/text/CharacterSet.h"

using namespace dsv2;

namespace {

/// The first and the last character of a text that is not empty.
char32_t firstOf(std::string_view text) { return stepUtf8(text).scalar; }

size_t lastStart(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80)
    --start;
  return start;
}

size_t leadingSpace(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    Utf8Step step = stepUtf8(text.substr(length));
    if (!isWhiteSpace(step.scalar))
      break;
    length += step.length;
  }
  return length;
}

/// Where the spaces that end `text` begin, not looking before `from`.
size_t trailingSpaceStart(std::string_view text, size_t from) {
  size_t end = text.size();
  while (end > from) {
    size_t start = lastStart(text.substr(0, end));
    if (!isWhiteSpace(firstOf(text.substr(start))))
      break;
    end = start;
  }
  return end;
}

} // namespace

void AddedTokens::Trie::insert(const AddedToken &token) {
  if (nodes.empty())
    nodes.emplace_back();
  starts[static_cast<unsigned char>(token.content[0])] = true;
  uint32_t node = 0;
  for (char byte : token.content) {
    auto [child, isNew] = nodes[node].children.emplace(
        static_cast<unsigned char>(byte), static_cast<uint32_t>(nodes.size()));
    uint32_t next = child->second;
    if (isNew)
      nodes.emplace_back();
    node = next;
  }
  nodes[node].token = token.id;
}

int32_t AddedTokens::Trie::longest(std::string_view text) const {
  int32_t token = -1;
  uint32_t node = 0;
  for (char byte : text) {
    auto child = nodes[node].children.find(static_cast<unsigned char>(byte));
    if (child == nodes[node].children.end())
      break;
    node = child->second;
    if (nodes[node].token >= 0)
      token = nodes[node].token;
  }
  return token;
}

Expected<AddedToken> AddedTokens::readToken(const JsonCursor &field) {
  AddedToken token;
  Expected<int64_t> id = field["id"].integer(0, (1 << 24) - 1);
  if (!id.ok())
    return id.status();
  token.id = static_cast<int32_t>(*id);
  Expected<std::string_view> content = field["content"].string();
  if (!content.ok())
    return content.status();
  if (content->empty())
    return field["content"].expected("a text that is not empty");
  token.content = *content;
  std::pair<const char *, bool *> flags[] = {
      {"special", &token.special},     {"single_word", &token.singleWord},
      {"lstrip", &token.leftStrip},    {"rstrip", &token.rightStrip},
      {"normalized", &token.normalized},
  };
  for (auto [name, flag] : flags) {
    Expected<bool> value = field[name].boolean();
    if (!value.ok())
      return value.status();
    *flag = *value;
  }
  return token;
}

Expected<AddedTokens> AddedTokens::create(const JsonCursor &field,
                                          const BytePairModel &model) {
  AddedTokens added;
  if (!field.given())
    return added;
  Expected<const JsonArray *> entries = field.array();
  if (!entries.ok())
    return entries.status();
  int64_t next = static_cast<int64_t>(model.count());
  for (size_t i = 0; i < (*entries)->size(); ++i) {
    JsonCursor entry = field.at(i);
    Expected<AddedToken> token = readToken(entry);
    if (!token.ok())
      return token.status();
    if (added.find(std::string_view(token->content)))
      return entry["content"].error(quoteJson(token->content) +
                                    " is added twice");
    int64_t id = model.find(token->content);
    if (id < 0)
      id = next++;
    // The reference ignores the file's id and takes this one; a file that
    // means another one would silently get wrong tokens.
    if (id != token->id)
      return entry["id"].error("expected " + std::to_string(id) + " for " +
                               quoteJson(token->content) + ", got " +
                               std::to_string(token->id));
    (token->normalized ? added.afterNormalizing : added.verbatim)
        .insert(*token);
    added.byContent.emplace(token->content, token->id);
    added.byId.emplace(token->id, std::move(*token));
  }
  return added;
}

const AddedToken *AddedTokens::find(int32_t id) const {
  auto entry = byId.find(id);
  return entry == byId.end() ? nullptr : &entry->second;
}

const AddedToken *AddedTokens::find(std::string_view content) const {
  auto entry = byContent.find(content);
  return entry == byContent.end() ? nullptr : find(entry->second);
}

int32_t AddedTokens::size() const {
  return byId.empty() ? 0 : byId.rbegin()->first + 1;
}

std::vector<AddedTokens::Part>
AddedTokens::findParts(std::string_view text, const Trie &trie) const {
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t i = 0; i < text.size() && !trie.nodes.empty();) {
    int32_t id = trie.starts[static_cast<unsigned char>(text[i])]
                     ? trie.longest(text.substr(i))
                     : -1;
    if (id < 0) {
      ++i;
      continue;
    }
    const AddedToken &token = byId.at(id);
    size_t start = i, stop = i + token.content.size();
    i = stop;
    if (token.singleWord) {
      bool wordBefore =
          start > 0 &&
          isWordCharacter(firstOf(text.substr(lastStart(text.substr(0, start)))));
      bool wordAfter =
          stop < text.size() && isWordCharacter(firstOf(text.substr(stop)));
      if (wordBefore || wordAfter)
        continue;
    }
    if (token.leftStrip)
      start = trailingSpaceStart(text.substr(0, start), std::min(done, start));
    if (token.rightStrip)
      stop += leadingSpace(text.substr(stop));
    if (done < start)
      parts.push_back({text.substr(done, start - done), -1});
    parts.push_back({{}, id});
    done = stop;
  }
  if (done < text.size())
    parts.push_back({text.substr(done), -1});
  return parts;
}
