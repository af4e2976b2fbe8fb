//===- Hash.cpp - Hashes of sections --------------------------------------===//
//
// Blocks of a file are claimed by threads; their digests are hashed in order.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/Hash.h"

#include "runtime/device/Workers.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace dsv2::bundle {

Hash128 hashBytes(const void *data, size_t bytes) {
  XXH128_hash_t hash = XXH3_128bits(data, bytes);
  return {hash.low64, hash.high64};
}

struct HashStream::State {
  XXH3_state_t hash;
};

HashStream::HashStream() : state(std::make_unique<State>()) {
  XXH3_128bits_reset(&state->hash);
}

HashStream::~HashStream() = default;

void HashStream::add(const void *data, size_t bytes) {
  XXH3_128bits_update(&state->hash, data, bytes);
}

Hash128 HashStream::finish() const {
  XXH128_hash_t hash = XXH3_128bits_digest(&state->hash);
  return {hash.low64, hash.high64};
}

static Hash128 combine(const std::vector<Hash128> &blocks) {
  return hashBytes(blocks.data(), blocks.size() * sizeof(Hash128));
}

Hash128 hashBlocks(const void *data, size_t bytes) {
  std::vector<Hash128> blocks;
  for (size_t at = 0; at < bytes; at += HashBlock)
    blocks.push_back(hashBytes(static_cast<const char *>(data) + at,
                               std::min<size_t>(HashBlock, bytes - at)));
  return combine(blocks);
}

/// Hashes one block through a small buffer. Returns 0, an errno, or -1 when the
/// file ends early.
static int hashBlock(int descriptor, uint64_t offset, uint64_t bytes,
                     std::vector<char> &buffer, Hash128 &result) {
  HashStream stream;
  while (bytes != 0) {
    ssize_t got = pread(descriptor, buffer.data(),
                        std::min<uint64_t>(bytes, buffer.size()), offset);
    if (got < 0) {
      if (errno == EINTR)
        continue;
      return errno;
    }
    if (got == 0)
      return -1;
    stream.add(buffer.data(), got);
    offset += got;
    bytes -= got;
  }
  result = stream.finish();
  return 0;
}

Expected<Hash128> hashFile(int descriptor, uint64_t offset, uint64_t bytes,
                           int threads) {
  uint64_t count = bytes / HashBlock + (bytes % HashBlock != 0);
  std::vector<Hash128> blocks(count);
  std::atomic<uint64_t> next = 0;
  std::atomic<int> failure = 0;
  auto work = [&] {
    std::vector<char> buffer(std::min<uint64_t>(bytes, 256 << 10));
    for (uint64_t i; (i = next++) < count && failure == 0;) {
      uint64_t at = i * HashBlock;
      if (int error =
              hashBlock(descriptor, offset + at,
                        std::min(HashBlock, bytes - at), buffer, blocks[i]))
        failure = error;
    }
  };
  if (Status status =
          device::runWorkers(std::min<uint64_t>(std::max(threads, 1), count),
                             work);
      !status.ok())
    return status;
  if (failure == -1)
    return Status::error("the file ends early");
  if (failure != 0)
    return Status::error(std::string("cannot read: ") + strerror(failure));
  return combine(blocks);
}

std::string toHex(const Hash128 &hash) {
  char text[33];
  snprintf(text, sizeof(text), "%016llx%016llx",
           static_cast<unsigned long long>(hash.high),
           static_cast<unsigned long long>(hash.low));
  return text;
}

Expected<Hash128> parseHash(std::string_view digits) {
  Hash128 hash;
  if (digits.size() != 32)
    return Status::error("a hash has 32 hexadecimal digits, got " +
                         std::to_string(digits.size()) + " characters");
  for (size_t i = 0; i < digits.size(); ++i) {
    const char *all = "0123456789abcdef";
    const char *found = strchr(all, digits[i]);
    if (!found || digits[i] == 0)
      return Status::error("a hash has lower-case hexadecimal digits only");
    uint64_t &half = i < 16 ? hash.high : hash.low;
    half = half << 4 | static_cast<uint64_t>(found - all);
  }
  return hash;
}

} // namespace dsv2::bundle
