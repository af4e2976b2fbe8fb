//===- Probe.cpp - What this machine can do at best -----------------------===//
//
// Loops of independent chains, long enough to hide every latency. Compiled for
// each instruction set and chosen at run time.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Probe.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <immintrin.h>

namespace dsv2::launcher {

static constexpr uint64_t BufferBytes = uint64_t(512) << 20;
static constexpr int64_t PeakRounds = 2'000'000;

/// Keeps a value alive that nobody reads.
template <typename T> static void keep(const T &value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Seconds that `work` takes on all threads of a team.
template <typename Work>
static double timeOf(device::ThreadTeam &team, Work work) {
  auto begin = std::chrono::steady_clock::now();
  team.run(work);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

[[gnu::target("avx512f")]] static void readWithAVX512(const uint8_t *from,
                                                      uint64_t bytes) {
  __m512i sums[8] = {};
  for (uint64_t at = 0; at < bytes; at += 512)
    for (int i = 0; i < 8; ++i)
      sums[i] = _mm512_add_epi64(
          sums[i], _mm512_load_si512(from + at + i * 64));
  keep(sums);
}

[[gnu::target("avx2")]] static void readWithAVX2(const uint8_t *from,
                                                 uint64_t bytes) {
  __m256i sums[8] = {};
  for (uint64_t at = 0; at < bytes; at += 256)
    for (int i = 0; i < 8; ++i)
      sums[i] = _mm256_add_epi64(
          sums[i], _mm256_load_si256(
                       reinterpret_cast<const __m256i *>(from + at + i * 32)));
  keep(sums);
}

/// Each round: 16 chains of 16 lanes of 2 FLOP.
[[gnu::target("avx512f")]] static double f32WithAVX512(int64_t rounds) {
  __m512 chains[16];
  for (__m512 &chain : chains)
    chain = _mm512_set1_ps(1.0f);
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
    for (__m512 &chain : chains)
      chain = _mm512_fmadd_ps(chain, a, b);
  }
  keep(chains);
  return double(rounds) * 16 * 16 * 2;
}

/// Each round: 12 chains of 8 lanes of 2 FLOP; AVX2 has 16 registers.
[[gnu::target("avx2,fma")]] static double f32WithAVX2(int64_t rounds) {
  __m256 chains[12];
  for (__m256 &chain : chains)
    chain = _mm256_set1_ps(1.0f);
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+x"(a), "+x"(b));
    for (__m256 &chain : chains)
      chain = _mm256_fmadd_ps(chain, a, b);
  }
  keep(chains);
  return double(rounds) * 12 * 8 * 2;
}

/// Each round: 16 chains of 16 lanes of two products and two sums.
[[gnu::target("avx512f,avx512bf16")]] static double
bf16WithAVX512(int64_t rounds) {
  __m512 chains[16];
  for (__m512 &chain : chains)
    chain = _mm512_set1_ps(1.0f);
  __m512i bits = _mm512_set1_epi16(0x3c00);
  for (int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(bits));
    __m512bh pairs = reinterpret_cast<__m512bh>(bits);
    for (__m512 &chain : chains)
      chain = _mm512_dpbf16_ps(chain, pairs, pairs);
  }
  keep(chains);
  return double(rounds) * 16 * 16 * 4;
}

Expected<uint64_t> Probe::bufferBytes() {
  uint64_t available = device::availableMemory();
  uint64_t bytes = BufferBytes;
  if (available)
    bytes = std::min(bytes, available / 4 / 4096 * 4096);
  if (bytes < (uint64_t(16) << 20))
    return Status::error("too little memory to measure bandwidth with");
  return bytes;
}

Expected<Probe> Probe::create(uint64_t bytes) {
  Expected<device::Memory> memory =
      device::Memory::allocate(bytes, "bandwidth probe");
  if (!memory.ok())
    return memory.status();
  std::memset(memory->data(), 1, bytes);
  Probe probe;
  probe.buffer = std::move(*memory);
  return probe;
}

double Probe::readBandwidth(device::ThreadTeam &team) {
  uint64_t share = buffer.bytes() / team.size() / 4096 * 4096;
  bool wide = __builtin_cpu_supports("avx512f");
  double seconds = timeOf(team, [&](int thread) {
    const uint8_t *from = buffer.data() + share * thread;
    if (wide)
      readWithAVX512(from, share);
    else
      readWithAVX2(from, share);
  });
  return double(share) * team.size() / seconds / 1e9;
}

double Probe::rereadBandwidth(device::ThreadTeam &team, uint64_t bytes) {
  uint64_t share = std::max<uint64_t>(
      std::min(bytes, buffer.bytes()) / team.size() / 4096 * 4096, 4096);
  // As many bytes as memory is read for, so that both take long enough.
  int64_t passes = std::max<int64_t>(buffer.bytes() / team.size() / share, 1);
  bool wide = __builtin_cpu_supports("avx512f");
  double seconds = timeOf(team, [&](int thread) {
    const uint8_t *from = buffer.data() + share * thread;
    for (int64_t pass = 0; pass < passes; ++pass)
      wide ? readWithAVX512(from, share) : readWithAVX2(from, share);
  });
  return double(share) * double(passes) * team.size() / seconds / 1e9;
}

double Probe::barrierSeconds(device::ThreadTeam &team) {
  constexpr int64_t rounds = 2000;
  return timeOf(team, [&](int) {
           for (int64_t round = 0; round < rounds; ++round)
             team.barrier();
         }) /
         double(rounds);
}

double Probe::peakF32(device::ThreadTeam &team) {
  bool wide = __builtin_cpu_supports("avx512f");
  double flops = 0;
  double seconds = timeOf(team, [&](int thread) {
    double done = wide ? f32WithAVX512(PeakRounds) : f32WithAVX2(PeakRounds);
    if (thread == 0)
      flops = done;
  });
  return flops * team.size() / seconds / 1e9;
}

double Probe::peakBF16(device::ThreadTeam &team) {
  if (!__builtin_cpu_supports("avx512bf16"))
    return 0;
  double flops = 0;
  double seconds = timeOf(team, [&](int thread) {
    double done = bf16WithAVX512(PeakRounds);
    if (thread == 0)
      flops = done;
  });
  return flops * team.size() / seconds / 1e9;
}

} // namespace dsv2::launcher
