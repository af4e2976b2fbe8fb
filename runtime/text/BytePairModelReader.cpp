//===- BytePairModelReader.cpp - The `model` of a tokenizer file ----------===//
//
// Reads vocabulary and merges, and refuses what the merge loop does not do.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonWriter.h"
#include "runtime/text/ByteAlphabet.h"
#include "runtime/text/BytePairModel.h"

#include <algorithm>

using namespace dsv2;

namespace {

/// Ids index tables, so a file must not choose their size freely.
constexpr int64_t maxId = (1 << 24) - 1;

/// The two tokens of a merge, `"a b"` or `["a", "b"]`.
Expected<std::pair<std::string_view, std::string_view>>
readPair(const JsonValue &entry) {
  if (const std::string *text = entry.asString()) {
    size_t space = text->find(' ');
    if (space != text->npos && text->find(' ', space + 1) == text->npos)
      return std::pair(std::string_view(*text).substr(0, space),
                       std::string_view(*text).substr(space + 1));
  }
  const JsonArray *pair = entry.asArray();
  if (pair && pair->size() == 2 && (*pair)[0].asString() &&
      (*pair)[1].asString())
    return std::pair(std::string_view(*(*pair)[0].asString()),
                     std::string_view(*(*pair)[1].asString()));
  return Status::error("expected two tokens, got " + entry.describe());
}

} // namespace

Expected<BytePairModel> BytePairModel::create(const JsonCursor &field) {
  if (Expected<const JsonObject *> object = field.object(); !object.ok())
    return object.status();
  // Files written before `type` existed lack it.
  if (field["type"].present()) {
    Expected<std::string_view> type = field["type"].string();
    if (!type.ok() || *type != "BPE")
      return field["type"].expected("\"BPE\"");
  }
  for (const char *name :
       {"continuing_subword_prefix", "end_of_word_suffix"}) {
    JsonCursor affix = field[name];
    const std::string *text = affix.given() ? affix.get()->asString() : nullptr;
    if (affix.given() && !(text && text->empty()))
      return affix.expected("null");
  }
  if (JsonCursor dropout = field["dropout"]; dropout.given()) {
    Expected<double> rate = dropout.number();
    if (!rate.ok() || *rate != 0)
      return dropout.expected("null");
  }
  if (JsonCursor fallback = field["byte_fallback"]; fallback.given()) {
    Expected<bool> set = fallback.boolean();
    if (!set.ok() || *set)
      return fallback.expected("false");
  }

  BytePairModel model;
  if (JsonCursor ignore = field["ignore_merges"]; ignore.given()) {
    Expected<bool> set = ignore.boolean();
    if (!set.ok())
      return set.status();
    model.ignoreMerges = *set;
  }
  if (Status status = model.readVocabulary(field["vocab"]); !status.ok())
    return status;
  if (Status status = model.readMerges(field["merges"]); !status.ok())
    return status;
  if (Status status = model.checkUnknown(field["unk_token"]); !status.ok())
    return status;
  return model;
}

Status BytePairModel::readVocabulary(const JsonCursor &field) {
  Expected<const JsonObject *> entries = field.object();
  if (!entries.ok())
    return entries.status();
  if ((*entries)->size() == 0)
    return field.error("expected at least one token");

  // Room is made for all ids, so a file may not leave most of them out.
  int64_t highest = 0;
  int64_t most = std::min<int64_t>(
      maxId, 65535 + 4 * static_cast<int64_t>((*entries)->size()));
  for (const JsonMember &entry : **entries) {
    const int64_t *id = entry.value.asInteger();
    if (!id || *id < 0 || *id > most)
      return field.error(quoteJson(entry.key) + ": expected an id from 0 to " +
                         std::to_string(most) + ", got " +
                         entry.value.describe());
    highest = std::max(highest, *id);
  }
  tokens.resize(size_t(highest) + 1);
  for (const JsonMember &entry : **entries) {
    size_t id = static_cast<size_t>(*entry.value.asInteger());
    if (entry.key.empty())
      return field.error("expected no empty token");
    if (!tokens[id].empty())
      return field.error(quoteJson(entry.key) + ": id " + std::to_string(id) +
                         " is also that of " + quoteJson(tokens[id]));
    tokens[id] = entry.key;
  }
  table.build(tokens);
  for (unsigned byte = 0; byte < 256; ++byte) {
    char character = static_cast<char>(byte);
    byteTokens[byte] = find(lettersOfBytes({&character, 1}));
  }
  return Status::success();
}

Status BytePairModel::readMerges(const JsonCursor &field) {
  Expected<const JsonArray *> entries = field.array();
  if (!entries.ok())
    return entries.status();
  merges.reserve((*entries)->size());
  std::string joined;
  uint32_t rank = 0;
  for (size_t i = 0; i < (*entries)->size(); ++i) {
    const JsonValue &entry = (**entries)[i];
    // The first line of merges.txt, carried over by some converters.
    if (const std::string *text = entry.asString();
        text && text->compare(0, 8, "#version") == 0)
      continue;
    auto pair = readPair(entry);
    if (!pair.ok())
      return field.at(i).error(pair.message());
    int32_t ids[3];
    joined.assign(pair->first).append(pair->second);
    std::string_view parts[3] = {pair->first, pair->second, joined};
    for (unsigned part = 0; part < 3; ++part)
      if ((ids[part] = find(parts[part])) < 0)
        return field.at(i).error(quoteJson(parts[part]) +
                                 " is not in the vocabulary");
    merges.insert(ids[0], ids[1], {rank++, ids[2]});
  }
  return Status::success();
}

Status BytePairModel::checkUnknown(const JsonCursor &field) const {
  const std::string *name = field.given() ? field.get()->asString() : nullptr;
  if (!field.given() || (name && name->empty()))
    return Status::success();
  // An unknown token stands for bytes without one; with all bytes present
  // (but those that UTF-8 never has) it is never used.
  for (unsigned byte = 0; byte < 0xF5; ++byte)
    if (byteTokens[byte] < 0 && byte != 0xC0 && byte != 0xC1)
      return field.error("expected null where the vocabulary lacks byte " +
                         std::to_string(byte));
  return Status::success();
}
