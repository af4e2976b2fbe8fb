//===- main.cpp - The program inside every compiled file ------------------===//
//
// Holds the note that the compiler patches with the size of the whole file and
// the hash of its footer. The note is in the ELF image itself, so it survives
// strip, which drops everything appended.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/Format.h"
#include "runtime/launcher/Launcher.h"

// In assembly, because a compiler would make the section writable.
asm(".pushsection .note.dsv2,\"a\",@note\n"
    ".balign 8\n"
    ".hidden dsv2Slot\n"
    ".globl dsv2Slot\n"
    "dsv2Slot:\n"
    ".long 8, 16, 1\n"
    ".ascii \"DSV2SLT\\0\"\n"
    ".long 0\n"
    ".quad 0, 0\n"
    ".popsection");

// The dynamic linker's name once more, behind all else that is mapped: a
// section of its own comes after .data. LauncherImage.h says what for.
asm(".pushsection .dsv2.interpreter,\"awR\"\n"
    ".ascii \"/lib64/ld-linux-x86-64.so.2\\0\"\n"
    ".popsection");

// Patched in the file, so its value must be read and not assumed.
extern "C" __attribute__((visibility("hidden"))) const volatile
    dsv2::bundle::Slot dsv2Slot;

int main(int argc, char **argv) {
  dsv2::bundle::ExpectedFile expected;
  expected.bytes = dsv2Slot.fileBytes;
  expected.footerHash = dsv2Slot.footerHash;
  return dsv2::launcher::runLauncher(argc, argv, expected);
}
