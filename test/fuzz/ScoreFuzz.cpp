//===- ScoreFuzz.cpp - Any text as lines to score -------------------------===//
//
// What `score` reads, with the bundled tokenizer and a model that lacks its
// last token. The first bad line is refused with a line that names its place;
// requests before it are what the engine demands.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleWriter.h"
#include "runtime/io/File.h"
#include "runtime/launcher/ScoreInput.h"
#include "test/fuzz/Expect.h"
#include "test/unit/runtime/bundle/FakeLauncher.h"

#include <type_traits>

using namespace dsv2;
using namespace dsv2::launcher;

static constexpr int64_t vocabulary = 549, context = 12;

// Requests borrow the tokens of their lines, which a vector moves when it grows.
static_assert(std::is_nothrow_move_constructible_v<ScoreLine>);

namespace {
/// A compiled file without code: nothing is computed.
class Model {
public:
  Model() : reader(make(folder.path + "/model")) {}
  const bundle::BundleReader &bundle() const { return *reader; }

private:
  static Expected<bundle::BundleReader> make(const std::string &path) {
    Expected<bundle::AtomicFile> file = bundle::AtomicFile::create(path);
    expect(file.ok(), "a file can be made");
    Expected<bundle::BundleWriter> writer = bundle::BundleWriter::create(*file, fakeLauncher());
    expect(writer.ok(), "a launcher is taken");
    bundle::Manifest manifest;
    manifest.vocabulary = vocabulary;
    manifest.maxContext = context;
    manifest.maxBatch = manifest.maxStepTokens = 4;
    manifest.bos = 548;
    manifest.modules = {{"none", {}}};
    manifest.weights.mode = bundle::WeightsMode::Random;
    manifest.weights.seed = 1;
    Expected<std::string> tokenizer = readFile(DSV2_BUNDLED_TOKENIZER, 1 << 24);
    expect(tokenizer.ok() && writer->addSection(bundle::TokenizerSection, *tokenizer).ok() &&
               writer->addSection(bundle::ManifestSection, writeManifest(manifest)).ok() &&
               writer->finish(1).ok() && file->publish().ok(),
           "a compiled file is written");
    return bundle::BundleReader::open(path);
  }

  TemporaryFolder folder;
  Expected<bundle::BundleReader> reader;
};

/// A model and what is read for it; the tokenizer is made once.
struct Reader {
  Reader(const bundle::BundleReader &bundle, bool bos, bool truncate) : session(bundle, options) {
    options.bos = bos;
    options.truncate = truncate;
  }
  Options options;
  Session session;
};
} // namespace

static void checkLine(const ScoreLine &line, const Options &options) {
  expect(line.error.empty() || line.requests.empty(), "an error has no requests");
  expect(line.cut == 0 || options.truncate, "nothing is cut unasked");
  expect(line.cut >= 0 && line.cut <= int64_t(line.tokens.size()), "what is cut was there");
  for (int32_t token : line.tokens)
    expect(token >= 0 && token < vocabulary, "tokens are in the vocabulary");
  const int32_t *begin = line.tokens.data(), *end = begin + line.tokens.size();
  const int32_t *scored = nullptr; // the end of what was scored
  for (const engine::ScoreRequest &request : line.requests) {
    expect(request.tokens.data() >= begin && request.tokens.data() + request.tokens.size() <= end,
           "requests borrow their line's tokens");
    expect(request.from >= 1 && request.scored() >= 1, "a request scores something");
    expect(int64_t(request.input().size()) <= context, "a request fits into the context");
    const int32_t *from = request.tokens.data() + request.from;
    expect(scored == nullptr || scored == from, "each token is scored once");
    scored = request.tokens.data() + request.tokens.size();
  }
  expect(scored == nullptr || scored == end, "the last token is scored");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Model model;
  static Reader readers[] = {{model.bundle(), true, false}, {model.bundle(), false, true}};
  std::string_view text(reinterpret_cast<const char *>(data), size);
  JsonLinesLimits limits;
  limits.maxLines = 100;
  limits.line.maxBytes = 2000;
  for (Reader &reader : readers) {
    auto lines = parseScoreLines(reader.session, reader.options, text, "requests.jsonl", limits);
    if (refused(lines)) {
      expect(lines.message().starts_with("requests.jsonl:"), "a refusal names its place");
      continue;
    }
    expect(lines->size() <= limits.maxLines, "no more lines than allowed");
    for (const ScoreLine &line : *lines)
      checkLine(line, reader.options);
  }
  return 0;
}
