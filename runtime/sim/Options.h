// SPDX-License-Identifier: Apache-2.0
// What can a user choose about a simulated launch?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::sim {

/// How products on tensor cores are added up.
enum class Numerics : uint8_t {
  /// Bit for bit as the target's tensor cores do.
  Exact,
  /// Sequential f32 fused multiply-adds.
  Fast,
  /// In double, rounded once: what part of an error is not the tensor core's?
  F64,
};

/// When asynchronous copies and products take effect.
enum class Completion : uint8_t {
  /// When they are issued.
  Early,
  /// As late as the program allows: when a wait covers them, or when nothing else can run.
  Late,
  /// Any time between, by the seed.
  Random,
};

/// Which warp runs next.
enum class Schedule : uint8_t {
  RoundRobin,
  /// By the seed, also how long.
  Random,
  /// The lowest warp that can run, until it blocks.
  LowestFirst,
  /// The highest warp that can run, until it blocks.
  HighestFirst,
  /// One warp, chosen by the seed, runs only when no other can. With `split`, so do lanes of a warp
  /// that have parted from others of it: those without the lowest lane, or with it if the seed is even.
  StarveOne,
};

struct Options {
  Numerics numerics = Numerics::Exact;
  Completion completion = Completion::Late;
  Schedule schedule = Schedule::RoundRobin;
  /// Decides everything that is called random; equal seeds give equal runs.
  uint64_t seed = 0;
  /// Not 0: results of approximate functions (ex2, lg2, rcp, ...) are moved by up to 2 units in
  /// the last place, by this seed.
  uint64_t perturb = 0;
  /// Fuses mul and add without a rounding modifier, as ptxas may.
  bool contract = false;
  /// After a divergent branch lanes meet again only at instructions that synchronise them.
  bool split = false;
  /// Races, proxies, reads of what was not written, and all else that is not a fault.
  bool checks = true;
  /// Reports global memory that two blocks write.
  bool exclusiveWriter = true;
  bool counters = false;
  /// Ends a launch soon after the first error is found.
  bool stopAtFirst = false;
  /// Threads of this computer; 0: one a core.
  unsigned threads = 0;
  /// A block that executes more warp instructions than this is reported as hanging.
  uint64_t instructionLimit = uint64_t(1) << 36;
};

/// Reads "numerics=fast,completion=random,seed=7": the names above in lower case with dashes.
/// Throws std::invalid_argument that says what was expected.
Options parseOptions(std::string_view text);

} // namespace attune::sim
