// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/PairBits.h"

#include "llvm/ADT/bit.h"

using namespace attune::mask;

std::optional<int64_t> PairBits::find(int64_t query, int64_t first, int64_t last,
                                      bool visible) const {
  for (int64_t key = first; key <= last; key += 64 - key % 64) {
    uint64_t bits = (visible ? word(query, key) : ~word(query, key)) >> (key & 63);
    if (!bits)
      continue;
    int64_t found = key + llvm::countr_zero(bits);
    return found <= last ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

int64_t PairBits::count(int64_t query) const {
  int64_t sum = 0;
  for (int64_t word = 0; word < wordsOfQuery; ++word)
    sum += llvm::popcount(words[size_t(query * wordsOfQuery + word)]);
  return sum;
}
