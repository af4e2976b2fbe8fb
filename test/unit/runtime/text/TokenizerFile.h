//===- TokenizerFile.h - Small tokenizer files for tests --------*- C++ -*-===//
//
// Builds the text of a tokenizer.json from its parts.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_TEXT_TOKENIZERFILE_H
#define TEST_UNIT_RUNTIME_TEXT_TOKENIZERFILE_H

#include "runtime/io/JsonWriter.h"
#include "runtime/text/ByteAlphabet.h"

#include <string>
#include <vector>

namespace dsv2::test {

/// The parts of a tokenizer file, as JSON. The vocabulary is all bytes (ids 0 to
/// 255) and the results of `merges` ("a b", in the letters of the file).
struct TokenizerFile {
  std::string preTokenizer =
      R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})";
  std::vector<std::string> merges;
  std::string added = "[]";
  std::string normalizer = "null";
  std::string decoder = R"({"type":"ByteLevel"})";
  std::string postProcessor = "null";
  std::string modelExtra; // further members of the model, with a comma before

  std::string text() const {
    JsonWriter vocabulary, mergeList;
    vocabulary.beginObject();
    mergeList.beginArray();
    int id = 0;
    for (; id < 256; ++id) {
      char byte = static_cast<char>(id);
      vocabulary.member(lettersOfBytes({&byte, 1}), id);
    }
    for (const std::string &merge : merges) {
      std::string joined = merge;
      joined.erase(joined.find(' '), 1);
      vocabulary.member(joined, id++);
      mergeList.value(std::string_view(merge));
    }
    vocabulary.endObject();
    mergeList.endArray();
    return R"({"version":"1.0","added_tokens":)" + added +
           R"(,"normalizer":)" + normalizer + R"(,"pre_tokenizer":)" +
           preTokenizer + R"(,"post_processor":)" + postProcessor +
           R"(,"decoder":)" + decoder + R"(,"model":{"type":"BPE","vocab":)" +
           vocabulary.text() + R"(,"merges":)" + mergeList.text() + modelExtra +
           "}}";
  }
};

/// An entry of `added_tokens`; flags that are not named are false.
inline std::string addedToken(int id, const std::string &content,
                              const std::vector<std::string> &trueFlags = {}) {
  JsonWriter json;
  json.beginObject().member("id", id).member("content",
                                             std::string_view(content));
  for (const char *flag :
       {"special", "single_word", "lstrip", "rstrip", "normalized"}) {
    bool set = false;
    for (const std::string &name : trueFlags)
      set |= name == flag;
    json.member(flag, set);
  }
  return json.endObject().text();
}

} // namespace dsv2::test

#endif // TEST_UNIT_RUNTIME_TEXT_TOKENIZERFILE_H
