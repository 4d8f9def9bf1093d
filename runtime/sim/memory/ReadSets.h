// SPDX-License-Identifier: Apache-2.0
// Who has read a word since it was last written? Sets of reads are kept once and named by a number:
// the words of a tile share them.
#pragma once

#include "runtime/sim/memory/Clocks.h"

#include <array>
#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

namespace attune::sim {

class ReadSets {
public:
  struct Read {
    Epoch epoch;
    uint32_t instruction : 24;
    /// Which bytes of the word.
    uint32_t bytes : 4;
    /// Ordered with atomic accesses.
    uint32_t atomic : 1;
    bool operator==(const Read &other) const {
      return epoch == other.epoch && instruction == other.instruction && bytes == other.bytes &&
             atomic == other.atomic;
    }
  };
  /// 0 is the empty set.
  using Set = uint32_t;

  ReadSets() { clear(); }
  /// The set with one read more. Of an agent only the last epoch is kept, since whoever comes after
  /// that comes after the earlier ones; the newest read stands last, unless it changes nothing.
  Set add(Set set, const Read &read);
  std::span<const Read> of(Set set) const {
    return {reads.data() + places[set].begin, places[set].count};
  }
  /// How many there are, the empty one included.
  size_t size() const { return places.size(); }
  void clear();

private:
  struct Place {
    uint32_t begin, count;
    uint64_t hash;
  };
  struct Memo {
    Set set = 0;
    Read read{};
    Set result = 0;
  };
  Set *slotOf(uint64_t hash, std::span<const Read> content);
  Set intern(std::span<const Read> content);

  std::vector<Read> reads;
  std::vector<Place> places;
  /// By hash, a power of two of them; behind a place that is taken comes the next.
  std::vector<Set> table;
  std::array<Memo, 64> memos;
  std::vector<Read> scratch;
};

} // namespace attune::sim
