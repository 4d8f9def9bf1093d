// SPDX-License-Identifier: Apache-2.0
// Random predicates over pairs, with the tables and scalars that they read.
#ifndef ATTUNE_TEST_COMPILER_MASK_RANDOMPREDICATES_H
#define ATTUNE_TEST_COMPILER_MASK_RANDOMPREDICATES_H

#include "test/compiler/mask/MaskExpression.h"
#include <random>

namespace attune::mask::test {

class RandomPredicates {
public:
  explicit RandomPredicates(uint64_t seed);

  /// Nested logic over comparisons of nested arithmetic.
  Mask predicate();
  /// A mask that is used, or nearly.
  Mask family();
  /// `base` with one pair flipped.
  Mask flipped(const Mask &base);

  /// Lengths below 260 and what masks made so far read.
  MaskNumbers numbers;
  int64_t pick(int64_t low, int64_t high);
  int64_t oneOf(std::initializer_list<int64_t> list) {
    return list.begin()[pick(0, int64_t(list.size()) - 1)];
  }

private:
  Mask number(int depth);
  Mask operation(int depth);
  Mask truth(int depth);
  Mask comparison(int depth);
  Mask divisor();
  Mask someScalar();
  Mask table(Mask index);
  Mask flags(Mask index);
  Mask token();

  std::mt19937_64 random;
};

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_RANDOMPREDICATES_H
