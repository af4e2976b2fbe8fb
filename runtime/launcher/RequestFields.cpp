//===- RequestFields.cpp - Fields that lines of requests share ------------===//
//
// Errors name the place and what was expected there.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/RequestFields.h"

#include <algorithm>

namespace dsv2::launcher {

static constexpr size_t MostMessages = size_t(1) << 24;

void checkNames(const JsonCursor &object, JsonFields &fields,
                std::span<const std::string_view> names) {
  Expected<const JsonObject *> members = object.object();
  if (!members.ok())
    return fields.fail(members.status());
  for (const JsonMember &member : **members) {
    if (std::find(names.begin(), names.end(), member.key) != names.end())
      continue;
    std::string all; // "a, b, c"
    for (std::string_view name : names)
      all += (all.empty() ? "" : ", ") + std::string(name);
    return fields.fail(object.error("unknown field " +
                                    JsonValue(member.key).describe() +
                                    ", expected some of " + all));
  }
}

void readId(const JsonCursor &at, JsonFields &fields, JsonValue &id) {
  if (!at.given())
    return;
  id = *at.get();
  if (!id.asString() && !id.asInteger() && !id.asUnsigned())
    fields.fail(at.expected("a string or an integer"));
}

void writeId(JsonWriter &json, const JsonValue &id) {
  if (const std::string *name = id.asString())
    json.member("id", std::string_view(*name));
  else if (const int64_t *number = id.asInteger())
    json.member("id", *number);
  else if (const uint64_t *large = id.asUnsigned())
    json.member("id", *large);
}

static void readMessage(const JsonCursor &at, JsonFields &fields,
                        ChatMessage &message) {
  Expected<const JsonObject *> object = at.object();
  if (!object.ok())
    return fields.fail(object.status());
  for (const JsonMember &member : **object)
    if (member.key != "role" && member.key != "content")
      return fields.fail(at.error("unknown field " +
                                  JsonValue(member.key).describe() +
                                  ", expected role and content"));
  fields.read(at["role"], message.role);
  if (message.role != "system" && message.role != "user" &&
      message.role != "assistant")
    fields.fail(at["role"].expected("system, user or assistant"));
  fields.read(at["content"], message.content);
}

void readMessages(const JsonCursor &at, JsonFields &fields,
                  std::vector<ChatMessage> &messages) {
  fields.forEach(at, MostMessages, [&](const JsonCursor &message) {
    readMessage(message, fields, messages.emplace_back());
  });
}

} // namespace dsv2::launcher
