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
  places.assign(1, Place{0, 0});
  byHash.clear();
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

ReadSets::Set ReadSets::intern(std::span<const Read> content) {
  uint64_t hash = content.size();
  for (const Read &read : content)
    hash = mix(hash, packed(read));
  auto [known, isNew] = byHash.try_emplace(hash, Set(places.size()));
  if (!isNew) {
    std::span<const Read> other = of(known->second);
    if (std::equal(other.begin(), other.end(), content.begin(), content.end()))
      return known->second;
    known->second = Set(places.size());
  }
  places.push_back({uint32_t(reads.size()), uint32_t(content.size())});
  reads.insert(reads.end(), content.begin(), content.end());
  return Set(places.size() - 1);
}

} // namespace attune::sim
