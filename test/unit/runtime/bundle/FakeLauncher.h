//===- FakeLauncher.h - What bundles of unit tests are made of --*- C++ -*-===//
//
// A launcher image that is nothing but the note.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
#define TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H

#include "runtime/bundle/Format.h"
#include "test/unit/runtime/bundle/TemporaryFolder.h"
#include <cstring>
#include <string>

inline constexpr size_t fakeSlotOffset = 256;

inline std::string fakeLauncher() {
  std::string image(1000, 'L');
  dsv2::bundle::Slot slot = {8, 16, 1, {}, 0, 0, 0};
  std::memcpy(slot.name, dsv2::bundle::SlotName, sizeof(slot.name));
  std::memcpy(image.data() + fakeSlotOffset, &slot, sizeof(slot));
  return image;
}

#endif // TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
