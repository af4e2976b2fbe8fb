//===- SparseBundle.cpp - A compiled file with weights of zeros -----------===//
//
// sparse-bundle IN OUT embed|external
//
// Takes a file that was compiled with --weights=random and writes one that has
// its weights in the file, or beside it (OUT.weights), as a hole of the right
// size: 30 GB of weights without 30 GB of disk. Code, plan and sizes are the
// compiled model's; verify finds the hashes right. For start_up.py.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleReader.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace dsv2;
using namespace dsv2::bundle;

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// hashFile of so many zeros, without reading them.
static Hash128 hashZeros(uint64_t bytes) {
  std::string block(HashBlock, 0);
  Hash128 whole = hashBytes(block.data(), block.size());
  std::vector<Hash128> blocks(bytes / HashBlock, whole);
  if (uint64_t rest = bytes % HashBlock)
    blocks.push_back(hashBytes(block.data(), rest));
  return hashBytes(blocks.data(), blocks.size() * sizeof(Hash128));
}

static void put(int file, const void *data, size_t bytes, uint64_t offset) {
  if (pwrite(file, data, bytes, offset) != static_cast<ssize_t>(bytes)) {
    perror("sparse-bundle: write");
    exit(1);
  }
}

static int create(const std::string &path, unsigned mode) {
  unlink(path.c_str());
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode);
  if (file < 0) {
    perror(path.c_str());
    exit(1);
  }
  return file;
}

static void writeExternal(const std::string &path, uint64_t bytes,
                          const Hash128 &hash) {
  WeightsFileFooter footer = {};
  std::memcpy(footer.magic, WeightsFileMagic, sizeof(footer.magic));
  footer.version = FormatVersion;
  footer.bytes = bytes;
  footer.hash = hash;
  footer.footerHash =
      hashBytes(&footer, offsetof(WeightsFileFooter, footerHash));
  int file = create(path, 0666);
  put(file, &footer, sizeof(footer), alignUp(bytes, SectionAlignment));
  close(file);
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  bool external = std::string(argv[3]) == "external";
  Expected<BundleReader> in = BundleReader::open(argv[1]);
  if (!in.ok()) {
    fprintf(stderr, "sparse-bundle: %s\n", in.message().c_str());
    return 1;
  }
  Manifest manifest = in->manifest();
  uint64_t bytes = manifest.weights.bytes;
  Hash128 hash = hashZeros(bytes);
  manifest.weights.mode =
      external ? WeightsMode::External : WeightsMode::Embed;
  manifest.weights.seed.reset();
  std::string out = argv[2];
  if (external) {
    manifest.weights.file = out.substr(out.rfind('/') + 1) + ".weights";
    manifest.weights.hash = hash;
    writeExternal(out + ".weights", bytes, hash);
  }

  int from = open(argv[1], O_RDONLY), to = create(out, 0777);
  std::vector<IndexEntry> index;
  std::string launcher;
  uint64_t end = 0;
  auto place = [&](const char *name, uint64_t alignment, uint64_t size) {
    IndexEntry entry = {};
    std::strncpy(entry.name, name, sizeof(entry.name) - 1);
    entry.offset = alignUp(end, alignment);
    entry.bytes = size;
    end = entry.offset + size;
    return entry;
  };
  for (const IndexEntry &old : in->sections()) {
    std::string contents(old.bytes, 0);
    if (pread(from, contents.data(), contents.size(), old.offset) !=
        static_cast<ssize_t>(contents.size()))
      return 1;
    if (std::string(old.name) == ManifestSection)
      contents = writeManifest(manifest);
    IndexEntry entry = place(old.name, SectionAlignment, contents.size());
    entry.note = old.note;
    if (std::string(old.name) == LauncherSection) {
      launcher = contents;
      entry.hash = old.hash;
    } else {
      entry.hash = hashBlocks(contents.data(), contents.size());
      put(to, contents.data(), contents.size(), entry.offset);
    }
    index.push_back(entry);
  }
  if (!external) {
    index.push_back(place(WeightsSection, WeightsAlignment, bytes));
    index.back().hash = hash;
  }
  Footer footer = {};
  std::memcpy(footer.magic, FooterMagic, sizeof(FooterMagic));
  footer.version = FormatVersion;
  footer.sections = index.size();
  footer.indexOffset = alignUp(end, SectionAlignment);
  size_t indexBytes = index.size() * sizeof(IndexEntry);
  footer.fileBytes = footer.indexOffset + indexBytes + sizeof(footer);
  footer.indexHash = hashBytes(index.data(), indexBytes);
  footer.footerHash = hashBytes(&footer, offsetof(Footer, footerHash));
  put(to, index.data(), indexBytes, footer.indexOffset);
  put(to, &footer, sizeof(footer), footer.indexOffset + indexBytes);
  Slot slot;
  char *note = launcher.data() + index.front().note;
  std::memcpy(&slot, note, sizeof(slot));
  slot.fileBytes = footer.fileBytes;
  slot.footerHash = footer.footerHash.low;
  std::memcpy(note, &slot, sizeof(slot));
  put(to, launcher.data(), launcher.size(), 0);
  close(to);
  return 0;
}
