// SPDX-License-Identifier: Apache-2.0
// Do the kernels of all levels give the same bits, and leave lanes alone that are off?
#include "runtime/sim/numerics/LaneKernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace attune::sim {
namespace {

constexpr LaneLevel levels[] = {LaneLevel::Baseline, LaneLevel::V3, LaneLevel::V4};

struct NamedKernel {
  const char *name;
  LaneKernel LaneKernels::*member;
};
constexpr NamedKernel allKernels[] = {
#define ATTUNE_LANE_KERNEL(name) {#name, &LaneKernels::name},
    ATTUNE_LANE_KERNELS(ATTUNE_LANE_KERNEL)
#undef ATTUNE_LANE_KERNEL
};

/// Room for 32 lanes of 8 bytes.
struct alignas(64) Lanes {
  uint32_t words[64];
};

/// Any bits, exponents near each other, and the corners of f32.
uint32_t randomWord(std::mt19937_64 &random) {
  static const uint32_t corners[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                     1,          0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff,
                                     0x3f800000, 0xbf800000, 0xffffffff, 0x7fffffff, 31,
                                     32,         0x33000000, 0x3f7fffff};
  uint64_t bits = random();
  switch (bits >> 62) {
  case 0: return uint32_t(bits);
  case 1: return corners[uint32_t(bits) % std::size(corners)];
  default: return (uint32_t(bits) & 0x807fffff) | (118 + (bits >> 32) % 18) << 23;
  }
}

Lanes randomLanes(std::mt19937_64 &random) {
  Lanes lanes;
  for (uint32_t &word : lanes.words)
    word = randomWord(random);
  return lanes;
}

TEST(LaneKernels, LevelsGiveTheSameBits) {
  std::mt19937_64 random(1);
  const LaneKernels &baseline = *laneKernels(LaneLevel::Baseline);
  for (LaneLevel level : levels) {
    const LaneKernels *kernels = laneKernels(level);
    if (!kernels)
      continue;
    for (const NamedKernel &kernel : allKernels)
      for (int round = 0; round < 100; ++round) {
        Lanes a = randomLanes(random), b = randomLanes(random), c = randomLanes(random);
        Lanes expected = randomLanes(random), found = expected;
        uint32_t mask = round % 2 ? ~0u : uint32_t(random());
        (baseline.*kernel.member)(&expected, &a, &b, &c, mask);
        (kernels->*kernel.member)(&found, &a, &b, &c, mask);
        ASSERT_EQ(std::memcmp(&expected, &found, sizeof(Lanes)), 0)
            << kernel.name << " of " << kernels->level;
      }
  }
}

TEST(LaneKernels, DestinationMayBeASource) {
  std::mt19937_64 random(2);
  for (LaneLevel level : levels) {
    const LaneKernels *kernels = laneKernels(level);
    if (!kernels)
      continue;
    for (const NamedKernel &kernel : allKernels)
      for (uint32_t mask : {~0u, 0x12345678u}) {
        Lanes a = randomLanes(random), b = randomLanes(random), expected = a, found = a;
        (kernels->*kernel.member)(&expected, &a, &b, &b, mask);
        (kernels->*kernel.member)(&found, &found, &b, &b, mask);
        // A kernel whose source is wider or narrower than its result is never used so.
        if (std::memcmp(&expected.words[32], &a.words[32], 128) == 0) {
          ASSERT_EQ(std::memcmp(&expected, &found, sizeof(Lanes)), 0) << kernel.name;
        }
      }
  }
}

TEST(LaneKernels, FmaRoundsOnce) {
  std::mt19937_64 random(3);
  for (LaneLevel level : levels) {
    const LaneKernels *kernels = laneKernels(level);
    if (!kernels)
      continue;
    for (int round = 0; round < 2000; ++round) {
      Lanes a = randomLanes(random), b = randomLanes(random), c = randomLanes(random), d;
      kernels->fmaF32(&d, &a, &b, &c, ~0u);
      for (int lane = 0; lane < 32; ++lane) {
        float x, y, z;
        std::memcpy(&x, &a.words[lane], 4);
        std::memcpy(&y, &b.words[lane], 4);
        std::memcpy(&z, &c.words[lane], 4);
        float expected = std::fma(x, y, z);
        uint32_t bits;
        std::memcpy(&bits, &expected, 4);
        if (std::isnan(expected))
          bits = 0x7fffffff;
        ASSERT_EQ(d.words[lane], bits) << x << " * " << y << " + " << z;
      }
    }
  }
}

} // namespace
} // namespace attune::sim
