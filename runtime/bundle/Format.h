//===- Format.h - Layout of a compiled file ---------------------*- C++ -*-===//
//
// A compiled file is the launcher's ELF image, sections at page boundaries (the
// weights at 2 MiB), an index of the sections and a footer, all little-endian.
// An ELF note inside the launcher repeats the size of the whole and the hash of
// the footer, so that a launcher whose appended data was stripped can say so.
//
// Every bit counts: the index is hashed by the footer, the footer by itself and
// by the note, the sections and the launcher (but for the note) by the index,
// and what lies between them is zero.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_FORMAT_H
#define RUNTIME_BUNDLE_FORMAT_H

#include "runtime/bundle/Hash.h"
#include <cstdint>

namespace dsv2::bundle {

inline constexpr uint32_t FormatVersion = 2;
inline constexpr char FooterMagic[8] = {'D', 'S', 'V', '2', 'B', 'N', 'D', 'L'};
inline constexpr char SlotName[8] = {'D', 'S', 'V', '2', 'S', 'L', 'T', 0};
inline constexpr char WeightsFileMagic[8] = {'D', 'S', 'V', '2', 'W', 'G', 'T', 'S'};

inline constexpr uint64_t SectionAlignment = 4096;
inline constexpr uint64_t WeightsAlignment = 2 << 20;
/// Sections up to this size are hashed when the file starts, larger ones by
/// `OUT verify`.
inline constexpr uint64_t HashedAtStart = 256 << 20;
inline constexpr uint32_t MaxSections = 256;

/// Names of sections. The launcher is the first. A module's is `module.` and the name of its variant.
inline constexpr const char *LauncherSection = "launcher";
inline constexpr const char *ManifestSection = "manifest.json";
inline constexpr const char *WeightsSection = "weights";
inline constexpr const char *WeightProgramSection = "weights.json";
inline constexpr const char *TokenizerSection = "tokenizer.json";
inline constexpr const char *TokenizerConfigSection = "tokenizer_config.json";
inline constexpr const char *ChatTemplateSection = "chat_template";
inline constexpr const char *GenerationConfigSection = "generation_config.json";
inline constexpr const char *SegmentsSection = "segments.json";
inline constexpr const char *ModulePrefix = "module.";

struct IndexEntry {
  char name[40]; // zero-terminated
  uint64_t offset;
  uint64_t bytes;
  Hash128 hash; // hashFile of the section; the launcher's is hashLauncher
  uint64_t note; // the launcher's: offset of its note; else 0
};
static_assert(sizeof(IndexEntry) == 80);

/// The index is in the order of the sections. The last bytes of the file:
struct Footer {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t indexOffset;
  uint64_t fileBytes;
  Hash128 indexHash;
  Hash128 footerHash; // of all bytes before this field
};
static_assert(sizeof(Footer) == 64);

/// The note's descriptor in the launcher, as it lies in the file. Zero in a
/// launcher that belongs to no compiled file.
struct Slot {
  uint32_t nameBytes, descriptorBytes, type;
  char name[8];
  uint32_t padding;
  uint64_t fileBytes;
  uint64_t footerHash; // low half of Footer::footerHash
};
static_assert(sizeof(Slot) == 40);

/// The last bytes of a weights file that lies beside the compiled file. The
/// weights are at its beginning.
struct WeightsFileFooter {
  char magic[8];
  uint32_t version;
  uint32_t padding;
  uint64_t bytes; // of the weights
  uint64_t reserved;
  Hash128 hash; // hashFile of the weights
  Hash128 footerHash; // of all bytes before this field
};
static_assert(sizeof(WeightsFileFooter) == 64);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_FORMAT_H
