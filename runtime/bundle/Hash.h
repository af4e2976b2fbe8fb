//===- Hash.h - Hashes of sections ------------------------------*- C++ -*-===//
//
// XXH3-128 of memory, and of a range of a file: a hash of the hashes of its
// 16 MiB blocks, so that several threads share the work. Guards against damage
// in transport, not against an adversary.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_HASH_H
#define RUNTIME_BUNDLE_HASH_H

#include "runtime/io/Status.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dsv2::bundle {

struct Hash128 {
  uint64_t low = 0, high = 0;
  bool operator==(const Hash128 &) const = default;
};

inline constexpr uint64_t HashBlock = 16 << 20;

/// XXH3-128 of `bytes` bytes.
Hash128 hashBytes(const void *data, size_t bytes);

/// hashBytes of what arrives in pieces.
class HashStream {
public:
  HashStream();
  ~HashStream();
  HashStream(const HashStream &) = delete;
  void add(const void *data, size_t bytes);
  Hash128 finish() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

/// What hashFile gives for a file that holds these bytes.
Hash128 hashBlocks(const void *data, size_t bytes);

/// Hash of [offset, offset + bytes) of an open file, read with pread by
/// `threads` threads. Errors: the file is shorter, or cannot be read.
Expected<Hash128> hashFile(int descriptor, uint64_t offset, uint64_t bytes,
                           int threads);

/// 32 hexadecimal digits, and back.
std::string toHex(const Hash128 &hash);
Expected<Hash128> parseHash(std::string_view digits);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_HASH_H
