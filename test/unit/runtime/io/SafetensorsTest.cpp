//===- SafetensorsTest.cpp - Checkpoints, good and bad --------------------===//
//
// The malformed files and folders of test/bad_input, each with its message, and
// the writer against the reader.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"

#include "test/unit/runtime/io/BadInput.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dsv2;
using namespace dsv2::test;
using testing::HasSubstr;

namespace {

std::string lengthPrefix(uint64_t length) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8)
    bytes += static_cast<char>(length >> shift & 0xFF);
  return bytes;
}

/// A file with this header and `dataBytes` bytes 0, 1, 2, ...
std::string fileOf(const std::string &header, size_t dataBytes) {
  std::string content = lengthPrefix(header.size()) + header;
  for (size_t i = 0; i < dataBytes; ++i)
    content += static_cast<char>(i);
  return content;
}

/// The message on opening a file of this content; empty when it opens.
std::string refusal(const std::string &content) {
  TemporaryDirectory directory;
  return Checkpoint::openFile(directory.write("f.safetensors", content))
      .message();
}

std::string tensor(const std::string &name, const std::string &dtype,
                   const std::string &shape, const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

/// A file of tensors of one byte each.
std::string shardOf(const std::vector<std::string> &names) {
  std::string header;
  for (size_t i = 0; i < names.size(); ++i)
    header += (i ? "," : "") + tensor(names[i], "U8", "[1]",
                                      "[" + std::to_string(i) + "," +
                                          std::to_string(i + 1) + "]");
  return fileOf("{" + header + "}", names.size());
}

std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST(Safetensors, ReadsTensors) {
  TemporaryDirectory directory;
  // Out of order in the header, an empty tensor, a scalar, padding.
  std::string header = "{" + tensor("b", "F32", "[1,2]", "[6,14]") + "," +
                       tensor("empty", "F32", "[0,7]", "[6,6]") + "," +
                       tensor("a", "BF16", "[3]", "[0,6]") + "," +
                       tensor("scalar", "U8", "[]", "[14,15]") +
                       ",\"__metadata__\":{\"format\":\"pt\"}}  ";
  directory.write("model.safetensors", fileOf(header, 15));
  Expected<Checkpoint> checkpoint = Checkpoint::open(directory.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  EXPECT_EQ(checkpoint->tensors().size(), 4u);
  EXPECT_EQ(checkpoint->totalBytes(), 15u);
  EXPECT_EQ(checkpoint->metadata().at("format"), "pt");
  const TensorInfo *b = checkpoint->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::F32);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(b->elements(), 2u);
  char data[4];
  ASSERT_TRUE(checkpoint->read(*b, 2, 4, data).ok());
  EXPECT_EQ(std::string(data, 4), "\x08\x09\x0A\x0B");
  EXPECT_THAT(checkpoint->read(*b, 6, 4, data).message(),
              HasSubstr("b: bytes 6 to 10 are not within its 8"));
  EXPECT_FALSE(checkpoint->read(*b, ~uint64_t(0), 2, data).ok());
  EXPECT_EQ(checkpoint->find("c"), nullptr);
}

TEST(Safetensors, FilesChangedAfterOpeningAreAnError) {
  TemporaryDirectory directory;
  std::string path = directory.write("f", shardOf({"a"}));
  Expected<Checkpoint> checkpoint = Checkpoint::openFile(path);
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->checkUnchanged().message(), "");
  // The same bytes at a later time: who knows what was there between.
  usleep(20'000);
  directory.write("f", shardOf({"a"}));
  EXPECT_EQ(checkpoint->checkUnchanged().message(), path + ": was changed while it was read");
  // Replaced or removed under its name: what was opened is as it was.
  checkpoint = Checkpoint::openFile(path);
  std::filesystem::remove(path);
  directory.write("f", shardOf({"b"}));
  EXPECT_EQ(checkpoint->checkUnchanged().message(), "");
}

TEST(Safetensors, DataCutAfterOpeningIsAnError) {
  TemporaryDirectory directory;
  std::string path = directory.write(
      "f", fileOf("{" + tensor("a", "U8", "[8]", "[0,8]") + "}", 8));
  Expected<Checkpoint> checkpoint = Checkpoint::openFile(path);
  ASSERT_TRUE(checkpoint.ok());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  char data[8];
  EXPECT_THAT(checkpoint->read(*checkpoint->find("a"), 0, 8, data).message(),
              HasSubstr("file ends at byte"));
}

TEST(Safetensors, RefusesBadFiles) {
  TemporaryDirectory directory;
  expectMessages("safetensors", [&](const JsonValue &one) {
    const JsonObject &fields = *one.asObject();
    const JsonValue *data = fields.find("data");
    size_t dataBytes = data ? *data->asInteger() : 0;
    std::string content;
    if (const JsonValue *whole = fields.find("file")) {
      content = bytesOf(*whole);
    } else if (const JsonValue *header = fields.find("header")) {
      content = fileOf(bytesOf(*header), dataBytes);
    } else if (const JsonValue *facts = fields.find("tensor")) {
      const JsonArray &list = *facts->asArray();
      content = fileOf("{" + tensor("a", *list[0].asString(), *list[1].asString(),
                                    *list[2].asString()) + "}",
                       dataBytes);
    } else {
      const JsonArray &offsets = *fields.find("two")->asArray();
      content = fileOf("{" + tensor("a", "U8", "[4]", *offsets[0].asString()) + "," +
                           tensor("b", "U8", "[4]", *offsets[1].asString()) + "}",
                       dataBytes);
    }
    std::string path = directory.write("f.safetensors", content);
    return replaceAll(Checkpoint::openFile(path).message(), path, "{file}");
  });
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(refusal(fileOf("{}", 0)), "");
  EXPECT_EQ(refusal(fileOf("{" + tensor("a", "F32", "[1]", "[0,4]") + "}", 4)), "");
  std::string first = tensor("a", "U8", "[4]", "[0,4]"), second = tensor("b", "U8", "[4]", "[4,8]");
  EXPECT_EQ(refusal(fileOf("{" + first + "," + second + "}", 8)), "");
  EXPECT_EQ(refusal(fileOf("{" + second + "," + first + "}", 8)), "");
}

/// A directory with tensor `a` in `one` and `b` in `two`, and an index.
struct Shards : testing::Test {
  TemporaryDirectory directory;

  void SetUp() override {
    directory.write("one", shardOf({"a"}));
    directory.write("two", shardOf({"b"}));
  }
  std::string open(const std::string &map) {
    directory.write("model.safetensors.index.json",
                    "{\"metadata\":{\"total_size\":2},\"weight_map\":" + map +
                        "}");
    return Checkpoint::open(directory.path()).message();
  }
};

TEST_F(Shards, Open) {
  EXPECT_EQ(open(R"({"a":"one","b":"two"})"), "");
  Expected<Checkpoint> checkpoint = Checkpoint::open(directory.path());
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_THAT(checkpoint->pathOf(*checkpoint->find("b")), HasSubstr("/two"));
}

TEST_F(Shards, OpenThroughSymbolicLinks) {
  TemporaryDirectory blobs;
  std::string blob = blobs.write("blob", shardOf({"b"}));
  std::filesystem::remove(directory.file("two"));
  ASSERT_EQ(symlink(blob.c_str(), directory.file("two").c_str()), 0);
  EXPECT_EQ(open(R"({"a":"one","b":"two"})"), "");
}

TEST(Safetensors, RefusesBadCheckpoints) {
  expectMessages("checkpoint", [](const JsonValue &one) {
    TemporaryDirectory parent;
    std::string folder = parent.file("model"), index = folder + "/model.safetensors.index.json";
    std::filesystem::create_directory(folder);
    std::map<std::string, std::vector<std::string>> shards = {{"one", {"a"}}, {"two", {"b"}}};
    const JsonObject &fields = *one.asObject();
    if (const JsonValue *changes = fields.find("shards"))
      for (const JsonMember &change : *changes->asObject()) {
        shards[change.key].clear();
        for (const JsonValue &name : *change.value.asArray())
          shards[change.key].push_back(*name.asString());
      }
    auto write = [&](const std::string &name, const std::string &content) {
      parent.write("model/" + name, content);
    };
    for (const auto &[file, names] : shards)
      write(file, shardOf(names));
    if (const JsonValue *tree = fields.find("index"))
      write("model.safetensors.index.json", jsonOf(*tree));
    if (const JsonValue *text = fields.find("text"))
      write("model.safetensors.index.json", bytesOf(*text));
    if (const JsonValue *files = fields.find("files"))
      for (const JsonMember &file : *files->asObject())
        write(file.key, bytesOf(file.value));
    if (const JsonValue *links = fields.find("links"))
      for (const JsonMember &link : *links->asObject())
        std::filesystem::create_symlink(*link.value.asString(), folder + "/" + link.key);
    if (const JsonValue *folders = fields.find("folders"))
      for (const JsonValue &name : *folders->asArray())
        std::filesystem::create_directory(folder + "/" + *name.asString());
    if (const JsonValue *pipes = fields.find("pipes"))
      for (const JsonValue &name : *pipes->asArray())
        mkfifo((folder + "/" + *name.asString()).c_str(), 0600);
    std::string message = replaceAll(Checkpoint::open(folder).message(), index, "{index}");
    return replaceAll(message, folder, "{folder}");
  });
}

TEST(SafetensorsWriter, WritesWhatReadsBack) {
  TemporaryDirectory directory;
  std::string path = directory.file("out.safetensors");
  Expected<SafetensorsWriter> writer = SafetensorsWriter::create(
      path, {{"logits", DType::F32, {2, 3}}, {"x \"y\"", DType::U8, {1}}},
      {{"made by", "test"}});
  ASSERT_TRUE(writer.ok()) << writer.message();
  float logits[6] = {0, 1, 2, 3, 4, 5};
  EXPECT_TRUE(writer->append(logits, 12).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(writer->finish().message(), HasSubstr("13 bytes of tensor data"));
  EXPECT_TRUE(writer->append(logits + 3, 12).ok());
  EXPECT_FALSE(writer->append(logits, 2).ok());
  EXPECT_TRUE(writer->append("!", 1).ok());
  ASSERT_TRUE(writer->finish().ok());

  Expected<Checkpoint> file = Checkpoint::openFile(path);
  ASSERT_TRUE(file.ok()) << file.message();
  EXPECT_EQ(file->metadata().at("made by"), "test");
  const TensorInfo *tensor = file->find("logits");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->offset % 8, 0u);
  float back[6];
  ASSERT_TRUE(file->read(*tensor, 0, sizeof back, back).ok());
  EXPECT_THAT(back, testing::ElementsAreArray(logits));
}

TEST(SafetensorsWriter, RefusesWhatCannotBeRead) {
  TemporaryDirectory directory;
  auto refusal = [&](const std::vector<TensorSpec> &tensors) {
    return SafetensorsWriter::create(directory.file("out"), tensors).message();
  };
  EXPECT_THAT(refusal({{"a", DType::U8, {1}}, {"a", DType::U8, {1}}}),
              HasSubstr("unique tensor name"));
  EXPECT_THAT(refusal({{"__metadata__", DType::U8, {1}}}),
              HasSubstr("unique tensor name"));
  EXPECT_THAT(refusal({{"\xFF", DType::U8, {1}}}),
              HasSubstr("unique tensor name"));
  EXPECT_THAT(refusal({{"a", DType::F64, {int64_t(1) << 62}}}),
              HasSubstr("too large"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

} // namespace
