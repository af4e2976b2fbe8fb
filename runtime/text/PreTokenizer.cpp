//===- PreTokenizer.cpp - Text into pieces --------------------------------===//
//
// Reads the stages from the file and knows which characters are digits.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/PreTokenizer.h"

#include "runtime/io/JsonWriter.h"
#include "runtime/io/Utf8.h"
#include "runtime/text/CharacterSet.h"

using namespace dsv2;

namespace {

constexpr size_t maxStages = 64;

/// What ByteLevel splits by when `use_regex` is set: GPT-2's pattern.
constexpr std::string_view byteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// A flag that is `fallback` when absent.
Expected<bool> flag(const JsonCursor &field, bool fallback) {
  if (!field.present())
    return fallback;
  return field.boolean();
}

} // namespace

Expected<PreTokenizer> PreTokenizer::create(const JsonCursor &field) {
  PreTokenizer preTokenizer;
  if (!field.given())
    return field.expected("a pre-tokenizer that ends in ByteLevel");
  if (Status status = preTokenizer.addStages(field, 0); !status.ok())
    return status;
  if (preTokenizer.stages.empty() ||
      preTokenizer.stages.back().kind != Stage::ByteLevel)
    return field.error("expected ByteLevel as the last stage");
  return preTokenizer;
}

PreTokenizer::Scratch PreTokenizer::makeScratch() const {
  Scratch scratch;
  for (const Stage &stage : stages)
    if (stage.regex)
      scratch.regexes.emplace_back(std::in_place, *stage.regex);
    else
      scratch.regexes.emplace_back();
  return scratch;
}

Status PreTokenizer::addStages(const JsonCursor &field, unsigned depth) {
  Expected<std::string_view> type = field["type"].string();
  if (!type.ok())
    return type.status();
  if (*type == "Sequence") {
    JsonCursor list = field["pretokenizers"];
    Expected<const JsonArray *> parts = list.array();
    if (!parts.ok())
      return parts.status();
    if (depth > 8)
      return list.error("expected at most 8 nested sequences");
    for (size_t i = 0; i < (*parts)->size(); ++i)
      if (Status status = addStages(list.at(i), depth + 1); !status.ok())
        return status;
    return Status::success();
  }

  if (stages.size() >= maxStages)
    return field.error("expected at most " + std::to_string(maxStages) +
                       " stages");
  // Behind ByteLevel text is bytes written as letters.
  if (!stages.empty() && stages.back().kind == Stage::ByteLevel)
    return field.error("expected no stage after ByteLevel, got " +
                       quoteJson(*type));
  if (*type == "Split")
    return addSplit(field);
  if (*type == "ByteLevel")
    return addByteLevel(field);
  if (*type == "Digits")
    return addDigits(field);
  return field["type"].expected("Sequence, Split, Digits or ByteLevel");
}

Status PreTokenizer::addSplit(const JsonCursor &field) {
  Expected<std::string_view> behavior = field["behavior"].string();
  if (!behavior.ok())
    return behavior.status();
  // `invert` swaps matches and what is between; isolated, they are alike.
  if (*behavior != "Isolated")
    return field["behavior"].expected("\"Isolated\"");

  JsonCursor pattern = field["pattern"];
  Stage stage;
  if (pattern["String"].present()) {
    Expected<std::string_view> literal = pattern["String"].string();
    if (!literal.ok())
      return literal.status();
    if (literal->empty())
      return pattern["String"].expected("a text that is not empty");
    stage.kind = Stage::Literal;
    stage.literal = *literal;
  } else {
    Expected<std::string_view> source = pattern["Regex"].string();
    if (!source.ok())
      return source.status();
    Expected<Regex> regex = Regex::compile(*source);
    if (!regex.ok())
      return pattern["Regex"].error(regex.message());
    stage.kind = Stage::Pattern;
    stage.regex = std::move(*regex);
  }
  stages.push_back(std::move(stage));
  return Status::success();
}

Status PreTokenizer::addByteLevel(const JsonCursor &field) {
  Stage stage;
  stage.kind = Stage::ByteLevel;
  Expected<bool> addPrefixSpace = flag(field["add_prefix_space"], true);
  if (!addPrefixSpace.ok())
    return addPrefixSpace.status();
  stage.addPrefixSpace = *addPrefixSpace;
  Expected<bool> useRegex = flag(field["use_regex"], true);
  if (!useRegex.ok())
    return useRegex.status();
  if (*useRegex) {
    Expected<Regex> regex = Regex::compile(byteLevelPattern);
    if (!regex.ok())
      return field.error(regex.message());
    stage.regex = std::move(*regex);
  }
  stages.push_back(std::move(stage));
  return Status::success();
}

Status PreTokenizer::addDigits(const JsonCursor &field) {
  Expected<bool> individual = flag(field["individual_digits"], false);
  if (!individual.ok())
    return individual.status();
  RegexNode node;
  node.kind = RegexNode::Set;
  node.set = CharacterSet::numeric();
  if (!*individual) {
    RegexNode run;
    run.kind = RegexNode::Repeat;
    run.least = 1;
    run.most = RegexNode::unbounded;
    run.children.push_back(std::move(node));
    node = std::move(run);
  }
  Expected<Regex> regex = Regex::compile(node, "Digits");
  if (!regex.ok())
    return field.error(regex.message());
  Stage stage;
  stage.kind = Stage::Pattern;
  stage.regex = std::move(*regex);
  stages.push_back(std::move(stage));
  return Status::success();
}
