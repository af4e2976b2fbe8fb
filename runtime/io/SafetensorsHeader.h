//===- SafetensorsHeader.h - What a safetensors file holds ------*- C++ -*-===//
//
// Element types, tensor descriptions and the checks of one file's header, which
// follow the reference implementation (Rust crate safetensors 0.6): header of
// at most 100,000,000 bytes, tensors that fill the rest of the file without
// gap or overlap, sizes that match shape and type. Reads no tensor data.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_SAFETENSORSHEADER_H
#define RUNTIME_IO_SAFETENSORSHEADER_H

#include "runtime/io/File.h"
#include "runtime/io/Status.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsv2 {

/// Every element type of the format.
enum class DType : uint8_t {
  Bool,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};

/// As in the files: "BF16".
std::string_view dtypeName(DType type);
/// Bits of one element; the 4- and 6-bit types are packed.
unsigned dtypeBits(DType type);
std::optional<DType> dtypeFromName(std::string_view name);

/// One tensor of a file.
struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape; // every extent >= 0; empty for a scalar
  uint64_t bytes;             // shape times type, checked against the file
  uint64_t offset;            // from the beginning of the file
  uint32_t file;              // index into the checkpoint's files

  uint64_t elements() const { return bytes * 8 / dtypeBits(dtype); }
};

/// `[2,3]`, for messages.
std::string formatShape(const std::vector<int64_t> &shape);

/// Bytes of a tensor; nothing when that overflows or is no whole number.
std::optional<uint64_t> tensorBytes(DType type,
                                    const std::vector<int64_t> &shape);

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors; // in the order of their data
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the header of `file`; `fileIndex` goes into the tensors.
Expected<SafetensorsHeader> readSafetensorsHeader(const InputFile &file,
                                                  uint32_t fileIndex = 0);

} // namespace dsv2

#endif // RUNTIME_IO_SAFETENSORSHEADER_H
