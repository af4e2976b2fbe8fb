//===- FakeLauncher.h - What bundles of unit tests are made of --*- C++ -*-===//
//
// A launcher image that is nothing but the note and, twice, the dynamic linker's
// name.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
#define TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H

#include "runtime/bundle/Format.h"
#include "test/unit/runtime/bundle/TemporaryFolder.h"
#include <cstring>
#include <elf.h>
#include <string>

inline constexpr size_t fakeSlotOffset = 256;
inline constexpr size_t fakeInterpreterOffset = 512;
inline constexpr char fakeInterpreter[] = "/lib/ld.so";

inline std::string fakeLauncher() {
  std::string image(1000, 'L');
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, "\177ELF\2\1\1", 7);
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  Elf64_Phdr segments[2] = {};
  segments[0].p_type = PT_INTERP;
  segments[0].p_offset = segments[0].p_vaddr = fakeInterpreterOffset;
  segments[0].p_filesz = sizeof(fakeInterpreter);
  segments[1].p_type = PT_LOAD;
  segments[1].p_vaddr = 4096;
  segments[1].p_filesz = image.size() + sizeof(fakeInterpreter);
  std::memcpy(image.data(), &header, sizeof(header));
  std::memcpy(image.data() + sizeof(header), segments, sizeof(segments));
  std::memcpy(image.data() + fakeInterpreterOffset, fakeInterpreter,
              sizeof(fakeInterpreter));
  image.append(fakeInterpreter, sizeof(fakeInterpreter));
  dsv2::bundle::Slot slot = {8, 16, 1, {}, 0, 0, 0};
  std::memcpy(slot.name, dsv2::bundle::SlotName, sizeof(slot.name));
  std::memcpy(image.data() + fakeSlotOffset, &slot, sizeof(slot));
  return image;
}

#endif // TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
