// SPDX-License-Identifier: Apache-2.0
// What did the checkers find? Findings are for people: each says where, who, and what to do.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace attune::sim {

enum class FindingKind : uint8_t {
  OutOfBounds,
  Misaligned,
  UninitialisedRead,
  /// Two accesses of shared memory, one of them a write, that nothing orders.
  Race,
  /// The same within a warp.
  WarpHazard,
  /// Bytes were touched that an asynchronous copy is still writing.
  InFlight,
  /// The async proxy reads what the generic proxy wrote, without a proxy fence between.
  MissingProxyFence,
  /// A register was touched while a wgmma may use it, or used by one without a wgmma.fence.
  BusyRegister,
  /// A barrier, mbarrier or warp-synchronous instruction used against its rules.
  BarrierMisuse,
  WarpgroupMisuse,
  /// A shared-memory or tensor-map descriptor that cannot be.
  BadDescriptor,
  /// Two blocks wrote the same global bytes.
  SharedOutput,
  Deadlock,
  /// Stopped at the instruction limit.
  Hang,
  /// trap, division that PTX leaves undefined, and the like.
  Fault,
};
/// "race", "missing proxy fence".
const char *describe(FindingKind kind);

enum class Severity : uint8_t { Warning, Error };

/// Who did something where.
struct Party {
  /// 1-based line of the PTX text; 0: nobody.
  uint32_t line = 0;
  std::array<uint32_t, 3> block{};
  /// In the block; -1 when it was no warp.
  int warp = -1;
  uint32_t lanes = 0;
};

struct Finding {
  FindingKind kind = FindingKind::Fault;
  Severity severity = Severity::Error;
  Party party;
  /// The other one of a race; line 0 when there is none.
  Party other;
  /// The first address concerned: of shared memory the offset in its block.
  uint64_t address = 0;
  bool hasAddress = false;
  /// What happened, what was expected, and the fix if there is one.
  std::string message;
  /// How many times it happened; one text is kept for each (kind, line, other line).
  uint64_t times = 1;
  /// Of findings in one block, which came first.
  uint64_t order = 0;
};

/// Collects findings; safe to use from several threads. Keeps one of each (kind, line, other line)
/// and at most `limit` in all; counts the rest.
class Findings {
public:
  static constexpr size_t limit = 200;
  void add(Finding finding);
  bool empty() const;
  /// Is one of them no warning?
  bool haveError() const { return error; }
  /// Errors before warnings; of the first block first, there in the order in which they were found: the
  /// first one is most often the cause of the others.
  std::vector<Finding> take();
  uint64_t dropped() const { return droppedCount; }

private:
  mutable std::mutex mutex;
  std::map<std::tuple<FindingKind, uint32_t, uint32_t>, Finding> found;
  uint64_t droppedCount = 0, added = 0;
  std::atomic<bool> error = false;
};

/// One finding as lines for people. `lineText` is the PTX at a line, or empty.
std::string print(const Finding &finding, std::string_view (*lineText)(const void *, uint32_t),
                  const void *context);

} // namespace attune::sim
