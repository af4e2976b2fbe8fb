//===- SafetensorsTest.cpp - Checkpoints, good and bad --------------------===//
//
// Every class of malformed file and index with its message, and the writer
// against the reader.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"

#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <unistd.h>

using namespace dsv2;
using dsv2::test::TemporaryDirectory;
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

TEST(Safetensors, RefusesBadHeaders) {
  EXPECT_THAT(refusal(""), HasSubstr("got 0 bytes"));
  EXPECT_THAT(refusal("1234567"), HasSubstr("got 7 bytes"));
  EXPECT_THAT(refusal(lengthPrefix(0)), HasSubstr("begins with '{'"));
  EXPECT_THAT(refusal(lengthPrefix(100'000'001) + "{}"),
              HasSubstr("at most 100000000 bytes, got 100000001"));
  EXPECT_THAT(refusal(lengthPrefix(~uint64_t(0)) + "{}"),
              HasSubstr("at most 100000000 bytes"));
  EXPECT_THAT(refusal(lengthPrefix(3) + "{}"),
              HasSubstr("header of 3 bytes does not fit in a file of 10"));
  EXPECT_THAT(refusal(fileOf(" {}", 0)), HasSubstr("begins with '{'"));
  EXPECT_THAT(refusal(fileOf("{]", 0)), HasSubstr("header:1:2: invalid JSON"));
  EXPECT_THAT(refusal(fileOf("{\"\xFF\":1}", 0)), HasSubstr("invalid JSON"));
  EXPECT_THAT(refusal(fileOf("{} x", 0)), HasSubstr("invalid JSON"));
  EXPECT_THAT(refusal(fileOf("{\"a\":" + std::string(50'000, '['), 0)),
              HasSubstr("levels of nesting"));
  EXPECT_THAT(
      refusal("version https://git-lfs.github.com/spec/v1\noid sha256:12\n"),
      HasSubstr("Git LFS pointer"));
  EXPECT_EQ(refusal(fileOf("{}", 0)), "");
}

TEST(Safetensors, RefusesBadTensors) {
  auto with = [](const std::string &entry, size_t data = 4) {
    return refusal(fileOf("{" + entry + "}", data));
  };
  EXPECT_EQ(with(tensor("a", "F32", "[1]", "[0,4]")), "");
  EXPECT_THAT(with("\"a\":7"), HasSubstr("a: expected an object, got 7"));
  EXPECT_THAT(with("\"a\":{}"), HasSubstr("a.dtype: missing"));
  EXPECT_THAT(with(tensor("a", "F31", "[1]", "[0,4]")),
              HasSubstr("a.dtype: expected a safetensors type such as "
                        "\"BF16\", got \"F31\""));
  EXPECT_THAT(with(tensor("a", "F32", "[-1]", "[0,4]")),
              HasSubstr("a.shape[0]: expected a non-negative integer, got -1"));
  EXPECT_THAT(with(tensor("a", "F32", "[1.5]", "[0,4]")),
              HasSubstr("a.shape[0]"));
  EXPECT_THAT(with(tensor("a", "F32", "3", "[0,4]")), HasSubstr("a.shape"));
  EXPECT_THAT(with(tensor("a", "F32", "[1]", "[0,4,8]")),
              HasSubstr("a.data_offsets: expected a begin and an end"));
  EXPECT_THAT(with(tensor("a", "F32", "[1]", "[\"0\",4]")),
              HasSubstr("a.data_offsets[0]"));
  EXPECT_THAT(with(tensor("a", "F32", "[1]", "[4,0]")),
              HasSubstr("expected an end of at least the begin 4, got 0"));
  EXPECT_THAT(with(tensor("a", "F32", "[2]", "[0,4]")),
              HasSubstr("a: expected 8 bytes for F32 [2], got offsets 0 to 4"));
  EXPECT_THAT(
      with(tensor("a", "F32", "[4294967296,4294967296]", "[0,4]")),
      HasSubstr("no size in bytes that can be computed"));
  EXPECT_THAT(with(tensor("a", "F4", "[3]", "[0,1]"), 1),
              HasSubstr("no size in bytes"));
  EXPECT_THAT(with(tensor("a", "F32", "[18446744073709551616]", "[0,4]")),
              HasSubstr("a.shape[0]"));
  EXPECT_THAT(with("\"__metadata__\":{\"k\":1}", 0),
              HasSubstr("__metadata__.k: expected a string, got 1"));
}

TEST(Safetensors, RefusesBadLayouts) {
  auto two = [](const std::string &first, const std::string &second,
                size_t data) {
    return refusal(fileOf("{" + tensor("a", "U8", "[4]", first) + "," +
                              tensor("b", "U8", "[4]", second) + "}",
                          data));
  };
  EXPECT_EQ(two("[0,4]", "[4,8]", 8), "");
  EXPECT_EQ(two("[4,8]", "[0,4]", 8), "");
  EXPECT_THAT(two("[0,4]", "[3,7]", 8), HasSubstr("b: expected data at offset "
                                                  "4, got 3 (tensors overlap)"));
  EXPECT_THAT(two("[0,4]", "[0,4]", 8), HasSubstr("tensors overlap"));
  EXPECT_THAT(two("[0,4]", "[5,9]", 9), HasSubstr("bytes that no tensor uses"));
  EXPECT_THAT(two("[1,5]", "[5,9]", 9), HasSubstr("bytes that no tensor uses"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 9), HasSubstr("no tensor uses at the end"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 7),
              HasSubstr("data ends at offset 8, but the file holds 7"));
  EXPECT_THAT(two("[0,4]", "[9223372036854775803,9223372036854775807]", 8),
              HasSubstr("no tensor uses"));
  EXPECT_THAT(refusal(fileOf("{" + tensor("a", "U8", "[1]", "[0,1]") + "," +
                                 tensor("a", "U8", "[1]", "[1,2]") + "}",
                             2)),
              HasSubstr("a: duplicate key"));
}

/// A directory with tensor `a` in `one` and `b` in `two`, and an index.
struct Shards : testing::Test {
  TemporaryDirectory directory;

  void SetUp() override {
    directory.write("one", shard("a"));
    directory.write("two", shard("b"));
  }
  static std::string shard(const std::string &name) {
    return fileOf("{" + tensor(name, "U8", "[1]", "[0,1]") + "}", 1);
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
  std::string blob = blobs.write("blob", shard("b"));
  std::filesystem::remove(directory.file("two"));
  ASSERT_EQ(symlink(blob.c_str(), directory.file("two").c_str()), 0);
  EXPECT_EQ(open(R"({"a":"one","b":"two"})"), "");
}

TEST_F(Shards, RefuseBadIndexes) {
  EXPECT_THAT(open("[]"), HasSubstr("weight_map: expected an object"));
  EXPECT_THAT(open("{}"), HasSubstr("weight_map: expected at least one"));
  EXPECT_THAT(open(R"({"a":1})"), HasSubstr("weight_map.a: expected a string"));
  for (const char *name : {"/etc/passwd", "../one", "sub/one", "..", "."})
    EXPECT_THAT(open(std::string(R"({"a":")") + name + "\"}"),
                HasSubstr("expected the name of a file in the same directory"))
        << name;
  EXPECT_THAT(open(R"({"a":"one","b":"three"})"),
              HasSubstr("/three: cannot open"));
  EXPECT_THAT(open(R"({"a":"one","b":"one"})"),
              HasSubstr("weight_map.b: not in one"));
  EXPECT_THAT(open(R"({"a":"two","b":"one"})"), HasSubstr("not in"));
  EXPECT_THAT(open(R"({"a":"one","a":"two"})"), HasSubstr("duplicate key"));
  directory.write("two", fileOf("{" + tensor("b", "U8", "[1]", "[0,1]") + "," +
                                    tensor("extra", "U8", "[1]", "[1,2]") + "}",
                                2));
  EXPECT_THAT(open(R"({"a":"one","b":"two"})"),
              HasSubstr("/two: extra: not in the weight_map"));
  directory.write("two", fileOf("{" + tensor("b", "U8", "[1]", "[0,1]") + "," +
                                    tensor("a", "U8", "[1]", "[1,2]") + "}",
                                2));
  EXPECT_THAT(open(R"({"a":"one","b":"two"})"), HasSubstr("a: already in"));
}

TEST(Safetensors, SaysWhatADirectoryLacks) {
  TemporaryDirectory directory;
  EXPECT_THAT(Checkpoint::open(directory.path()).message(),
              HasSubstr("found neither"));
  directory.write("pytorch_model.bin", "");
  EXPECT_THAT(Checkpoint::open(directory.path()).message(),
              HasSubstr("pytorch_model.bin, which is not read"));
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
