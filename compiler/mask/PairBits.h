// SPDX-License-Identifier: Apache-2.0
// Which pairs of a problem are visible, a bit each? Found and counted 64 at a time, so that every
// tile of a long sequence can be looked at pair by pair.
#ifndef ATTUNE_COMPILER_MASK_PAIRBITS_H
#define ATTUNE_COMPILER_MASK_PAIRBITS_H

#include <cstdint>
#include <optional>
#include <vector>

namespace attune::mask {

class PairBits {
public:
  PairBits(int64_t queries, int64_t keys)
      : wordsOfQuery((keys + 63) / 64), words(size_t(queries * wordsOfQuery)) {}

  bool operator()(int64_t query, int64_t key) const { return word(query, key) >> (key & 63) & 1; }
  void set(int64_t query, int64_t key, bool visible) {
    uint64_t &bits = words[size_t(query * wordsOfQuery + key / 64)];
    bits = (bits & ~(uint64_t(1) << (key & 63))) | uint64_t(visible) << (key & 63);
  }

  /// The first key of [first, last] that `query` sees, or does not see; nothing where there is none.
  std::optional<int64_t> find(int64_t query, int64_t first, int64_t last, bool visible) const;
  /// How many keys a query sees.
  int64_t count(int64_t query) const;

private:
  uint64_t word(int64_t query, int64_t key) const {
    return words[size_t(query * wordsOfQuery + key / 64)];
  }

  int64_t wordsOfQuery;
  std::vector<uint64_t> words;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_PAIRBITS_H
