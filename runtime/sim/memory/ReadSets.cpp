// SPDX-License-Identifier: Apache-2.0
// Keeps each set of reads once.
#include "runtime/sim/memory/ReadSets.h"

#include <algorithm>

namespace attune::sim {

namespace {

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

uint64_t packed(const ReadSets::Read &read) {
  return uint64_t(read.epoch) << 32 | read.instruction | uint64_t(read.bytes) << 24 |
         uint64_t(read.atomic) << 28;
}

} // namespace

void ReadSets::clear() {
  reads.clear();
  places.assign(1, Place{0, 0, 0});
  table.assign(1024, 0);
  memos.fill(Memo());
}

ReadSets::Set ReadSets::add(Set set, const Read &read) {
  Memo &memo = memos[mix(set, packed(read)) >> 58];
  if (memo.result && memo.set == set && memo.read == read)
    return memo.result;
  scratch.clear();
  Read added = read;
  for (const Read &old : of(set)) {
    if (agentOf(old.epoch) != agentOf(read.epoch)) {
      scratch.push_back(old);
    } else if (old.epoch == read.epoch) {
      if ((old.bytes | read.bytes) == old.bytes && old.atomic <= read.atomic)
        return set;
      added.bytes |= old.bytes;
      added.atomic &= old.atomic;
    }
  }
  scratch.push_back(added);
  memo = {set, read, intern(scratch)};
  return memo.result;
}

/// Where the set with this content is noted, or would be; no set has no content.
ReadSets::Set *ReadSets::slotOf(uint64_t hash, std::span<const Read> content) {
  for (size_t place = hash;; ++place) {
    Set &slot = table[place & (table.size() - 1)];
    if (!slot)
      return &slot;
    std::span<const Read> other = of(slot);
    if (places[slot].hash == hash &&
        std::equal(other.begin(), other.end(), content.begin(), content.end()))
      return &slot;
  }
}

ReadSets::Set ReadSets::intern(std::span<const Read> content) {
  uint64_t hash = content.size();
  for (const Read &read : content)
    hash = mix(hash, packed(read));
  // Half of the table stays empty.
  if (2 * places.size() >= table.size()) {
    std::vector<Set> old(2 * table.size());
    old.swap(table);
    for (Set set : old)
      if (set)
        *slotOf(places[set].hash, {}) = set;
  }
  Set *slot = slotOf(hash, content);
  if (*slot)
    return *slot;
  *slot = Set(places.size());
  places.push_back({uint32_t(reads.size()), uint32_t(content.size()), hash});
  reads.insert(reads.end(), content.begin(), content.end());
  return Set(places.size() - 1);
}

} // namespace attune::sim
