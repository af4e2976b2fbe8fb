//===- BundleWriter.cpp - Makes a compiled file ---------------------------===//
//
// The launcher is written last, because its note holds the size of the whole
// and the hash of the footer.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleWriter.h"

#include <cstddef>
#include <cstring>

namespace dsv2::bundle {

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

Expected<BundleWriter> BundleWriter::create(AtomicFile &file, std::string launcher) {
  Expected<LauncherImage> image = LauncherImage::create(std::move(launcher));
  if (!image.ok())
    return image.status();
  BundleWriter writer(file, std::move(*image));
  Expected<IndexEntry> entry = writer.newEntry(
      LauncherSection, SectionAlignment, writer.launcher.bytes().size());
  if (!entry.ok())
    return entry.status();
  entry->note = writer.launcher.note();
  entry->hash = writer.launcher.hash();
  writer.index.push_back(*entry);
  return writer;
}

Expected<IndexEntry> BundleWriter::newEntry(std::string_view name,
                                            uint64_t alignment,
                                            uint64_t bytes) {
  IndexEntry entry = {};
  if (name.empty() || name.size() >= sizeof(entry.name))
    return Status::error(file.path() + ": section name '" + std::string(name) +
                         "' must have 1 to 39 characters");
  for (const IndexEntry &other : index)
    if (name == other.name)
      return Status::error(file.path() + ": two sections are called '" +
                           std::string(name) + "'");
  if (index.size() == MaxSections)
    return Status::error(file.path() + ": too many sections");
  std::memcpy(entry.name, name.data(), name.size());
  entry.offset = alignUp(end, alignment);
  entry.bytes = bytes;
  end = entry.offset + bytes;
  return entry;
}

Status BundleWriter::addSection(std::string_view name,
                                std::string_view contents) {
  Expected<IndexEntry> entry =
      newEntry(name, SectionAlignment, contents.size());
  if (!entry.ok())
    return entry.status();
  entry->hash = hashBlocks(contents.data(), contents.size());
  index.push_back(*entry);
  return file.write(entry->offset, contents.data(), contents.size());
}

Status BundleWriter::beginWeights(uint64_t bytes) {
  Expected<IndexEntry> entry =
      newEntry(WeightsSection, WeightsAlignment, bytes);
  if (!entry.ok())
    return entry.status();
  weights = static_cast<int>(index.size());
  index.push_back(*entry);
  return file.reserve(end);
}

Status BundleWriter::writeWeights(uint64_t offset, const void *data,
                                  uint64_t bytes) {
  if (weights < 0 || offset > index[weights].bytes ||
      bytes > index[weights].bytes - offset)
    return Status::error(file.path() + ": a weight lies outside the section");
  return file.write(index[weights].offset + offset, data, bytes);
}

Status BundleWriter::finish(int threads) {
  if (weights >= 0) {
    IndexEntry &entry = index[weights];
    Expected<Hash128> hash =
        hashFile(file.descriptor(), entry.offset, entry.bytes, threads);
    if (!hash.ok())
      return Status::error(file.path() + ": weights: " + hash.message());
    entry.hash = *hash;
  }
  uint64_t indexBytes = index.size() * sizeof(IndexEntry);
  Footer footer = {};
  std::memcpy(footer.magic, FooterMagic, sizeof(FooterMagic));
  footer.version = FormatVersion;
  footer.sections = index.size();
  footer.indexOffset = alignUp(end, SectionAlignment);
  footer.fileBytes = footer.indexOffset + indexBytes + sizeof(Footer);
  footer.indexHash = hashBytes(index.data(), indexBytes);
  footer.footerHash = hashBytes(&footer, offsetof(Footer, footerHash));

  if (Status status = file.write(footer.indexOffset, index.data(), indexBytes);
      !status.ok())
    return status;
  if (Status status = file.write(footer.indexOffset + indexBytes, &footer,
                                 sizeof(footer));
      !status.ok())
    return status;
  launcher.describe(footer.fileBytes, footer.footerHash.low);
  const std::string &image = launcher.bytes();
  if (Status status = file.write(0, image.data(), image.size()); !status.ok())
    return status;
  return file.complete(footer.fileBytes, 0777);
}

Expected<WeightsFileWriter> WeightsFileWriter::create(AtomicFile &file, uint64_t bytes) {
  if (Status status = file.reserve(alignUp(bytes, SectionAlignment) + sizeof(WeightsFileFooter));
      !status.ok())
    return status;
  return WeightsFileWriter(file, bytes);
}

Status WeightsFileWriter::write(uint64_t offset, const void *data,
                                uint64_t count) {
  if (offset > bytes || count > bytes - offset)
    return Status::error(file.path() + ": a weight lies outside the file");
  return file.write(offset, data, count);
}

Expected<Hash128> WeightsFileWriter::finish(int threads) {
  Expected<Hash128> hash = hashFile(file.descriptor(), 0, bytes, threads);
  if (!hash.ok())
    return Status::error(file.path() + ": " + hash.message());
  WeightsFileFooter footer = {};
  std::memcpy(footer.magic, WeightsFileMagic, sizeof(WeightsFileMagic));
  footer.version = FormatVersion;
  footer.bytes = bytes;
  footer.hash = *hash;
  footer.footerHash =
      hashBytes(&footer, offsetof(WeightsFileFooter, footerHash));
  uint64_t at = alignUp(bytes, SectionAlignment);
  if (Status status = file.write(at, &footer, sizeof(footer)); !status.ok())
    return status;
  if (Status status = file.complete(at + sizeof(footer), 0666); !status.ok())
    return status;
  return *hash;
}

} // namespace dsv2::bundle
