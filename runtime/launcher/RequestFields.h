//===- RequestFields.h - Fields that lines of requests share ----*- C++ -*-===//
//
// What `generate --prompts`, `score` and `render` read alike: the names a line
// may have, its id, a conversation.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_REQUESTFIELDS_H
#define RUNTIME_LAUNCHER_REQUESTFIELDS_H

#include "runtime/io/JsonFields.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/ChatFormat.h"

#include <span>

namespace dsv2::launcher {

/// Errors: no object, a field of another name.
void checkNames(const JsonCursor &object, JsonFields &fields,
                std::span<const std::string_view> names);

/// A string or an integer, which comes back with the result; null: none.
void readId(const JsonCursor &at, JsonFields &fields, JsonValue &id);
/// The member `id` of an object that is open; nothing where there is none.
void writeId(JsonWriter &json, const JsonValue &id);

/// [{"role": system, user or assistant, "content": TEXT}, ...]
void readMessages(const JsonCursor &at, JsonFields &fields,
                  std::vector<ChatMessage> &messages);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_REQUESTFIELDS_H
