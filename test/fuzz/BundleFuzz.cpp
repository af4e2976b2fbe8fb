//===- BundleFuzz.cpp - Any bytes as a compiled file ----------------------===//
//
// As they are, and once more with right hashes, sizes and magic numbers, so
// that what lies behind the hashes meets odd values too. Bytes that begin with @
// are the sections alone, `@NAME`, a line end and the content each; the file is
// made around them. The file is refused with a line, or everything in it can be
// read, mapped and verified.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleReader.h"
#include "runtime/bundle/SegmentTable.h"
#include "test/fuzz/Expect.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

using namespace dsv2;
using namespace dsv2::bundle;

/// As hashLauncher.
static Hash128 hashOfLauncher(std::string image, uint64_t note) {
  if (note <= image.size() && image.size() - note >= sizeof(Slot))
    image.replace(note + offsetof(Slot, fileBytes), 16, 16, 0);
  return hashBytes(image.data(), image.size());
}

/// Makes the hashes of sections, index and footer true, and what stands before
/// them. Sections stay where they are.
static void seal(std::string &file) {
  Footer footer;
  if (file.size() < sizeof(footer))
    return;
  char *tail = file.data() + file.size() - sizeof(footer);
  std::memcpy(&footer, tail, sizeof(footer));
  // As many as the file has room for.
  footer.sections = std::min<uint32_t>(
      footer.sections % 16, (file.size() - sizeof(footer)) / sizeof(IndexEntry));
  std::memcpy(footer.magic, FooterMagic, sizeof(footer.magic));
  footer.version = FormatVersion;
  footer.fileBytes = file.size();
  footer.indexOffset = file.size() - sizeof(footer) - footer.sections * sizeof(IndexEntry);
  for (size_t at = footer.indexOffset; at + sizeof(Footer) < file.size();
       at += sizeof(IndexEntry)) {
    IndexEntry entry;
    std::memcpy(&entry, file.data() + at, sizeof(entry));
    if (entry.offset <= file.size() && entry.bytes <= file.size() - entry.offset)
      entry.hash = at == footer.indexOffset
                       ? hashOfLauncher(file.substr(entry.offset, entry.bytes), entry.note)
                       : hashBlocks(file.data() + entry.offset, entry.bytes);
    std::memcpy(file.data() + at, &entry, sizeof(entry));
  }
  size_t bytes = file.size() - sizeof(footer) - footer.indexOffset;
  footer.indexHash = hashBytes(file.data() + footer.indexOffset, bytes);
  footer.footerHash = hashBytes(&footer, offsetof(Footer, footerHash));
  std::memcpy(tail, &footer, sizeof(footer));
}

static void addSection(std::string &file, std::vector<IndexEntry> &index, std::string_view name,
                       std::string_view content) {
  file.resize((file.size() + SectionAlignment - 1) / SectionAlignment * SectionAlignment);
  IndexEntry &entry = index.emplace_back();
  name.copy(entry.name, sizeof(entry.name) - 1);
  entry.offset = file.size();
  entry.bytes = content.size();
  file += content;
}

/// A compiled file of these sections, its launcher nothing but the note.
static std::string assemble(std::string_view text) {
  std::string file;
  std::vector<IndexEntry> index;
  addSection(file, index, LauncherSection, std::string(sizeof(Slot), 0));
  // What begins with "\n@" is the next section.
  for (size_t next; !text.empty() && index.size() < 15; text.remove_prefix(next)) {
    text.remove_prefix(1);
    std::string_view section = text.substr(0, text.find("\n@"));
    next = std::min(section.size() + 1, text.size());
    size_t line = std::min(section.find('\n'), section.size());
    std::string_view content = section.substr(std::min(line + 1, section.size()));
    addSection(file, index, section.substr(0, line), content);
  }
  file.append(reinterpret_cast<const char *>(index.data()), index.size() * sizeof(IndexEntry));
  Footer footer = {};
  footer.sections = static_cast<uint32_t>(index.size());
  file.append(reinterpret_cast<const char *>(&footer), sizeof(footer));
  seal(file);
  return file;
}

static void useModule(const BundleReader &reader, const std::string &name) {
  Expected<ModuleImage> image = reader.mapModule(name);
  if (refused(image))
    return;
  const Dsv2ModuleDescriptor &module = image->descriptor();
  expect(module.maxTokens > 0 && module.vocabulary > 0 && module.layers > 0,
         "a module's sizes were checked");
  // The first byte of its code can be read.
  volatile char first = *reinterpret_cast<const volatile char *>(image->step());
  (void)first;
}

static void useWeights(const BundleReader &reader) {
  if (reader.manifest().weights.mode == WeightsMode::Random)
    return;
  Expected<MappedWeights> weights = reader.mapWeights();
  if (refused(weights) || weights->bytes() == 0)
    return;
  volatile char first = weights->data()[0], last = weights->data()[weights->bytes() - 1];
  (void)first, (void)last;
}

static std::string write(const std::string &content) {
  static const test::TemporaryDirectory folder;
  return folder.write("model", content);
}

static void open(const std::string &content) {
  Expected<BundleReader> reader = BundleReader::open(write(content));
  if (refused(reader))
    return;
  for (const IndexEntry &entry : reader->sections()) {
    const IndexEntry *first = reader->find(entry.name);
    expect(first != nullptr, "a section is found by its name");
    Expected<std::string> text = reader->read(entry.name);
    expect(text.ok() && text->size() == first->bytes, "a section of a small file can be read");
    if (entry.name == std::string_view(SegmentsSection))
      refused(parseSegmentTable(*text));
  }
  for (const ModuleVariant &module : reader->manifest().modules)
    useModule(*reader, module.name);
  useWeights(*reader);
  bool external = reader->manifest().weights.mode == WeightsMode::External;
  Status status = reader->verify(1);
  expect(status.ok() || external, "what was opened verifies");
  refused(status);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string content(reinterpret_cast<const char *>(data), size);
  if (content.starts_with('@'))
    return open(assemble(content)), 0;
  open(content);
  ExpectedFile note;
  note.bytes = size + 1;
  expect(!BundleReader::open(write(content), note).ok(), "the note says another size");
  seal(content);
  open(content);
  return 0;
}
