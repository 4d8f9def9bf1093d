// SPDX-License-Identifier: Apache-2.0
// What does a mask that nobody would write look like? Random nested logic over every integer operation,
// scalars, tables and elements; a function of its seed.
#ifndef ATTUNE_TEST_COMPILER_MASK_RANDOMMASK_H
#define ATTUNE_TEST_COMPILER_MASK_RANDOMMASK_H

#include "test/compiler/mask/MaskProgram.h"
#include <random>

namespace attune::mask::test {

struct RandomMaskOptions {
  /// How deep truths and integers nest.
  unsigned logicDepth = 2, integerDepth = 3;
  /// Are queries and keys tokens of grids, (%H, %W) and (%Y, %X)?
  bool onGrids = false;
};

class RandomMask {
public:
  explicit RandomMask(uint64_t seed, RandomMaskOptions options = {});

  MaskText text;
  int64_t queries = 0, keys = 0;
  /// Gives every operand numbers.
  void fill(Problem &problem);

private:
  int64_t number(int64_t low, int64_t high);
  bool chance(double probability);
  std::string emit(const std::string &operation);
  std::string constant(int64_t value);
  std::string integer(unsigned depth);
  std::string operation(unsigned depth);
  std::string quotient(unsigned depth);
  std::string bits(unsigned depth);
  std::string choice(unsigned depth);
  std::string entry(unsigned depth);
  std::string narrow(unsigned depth);
  std::string leaf();
  std::string divisor();
  std::string truth(unsigned depth);
  std::string comparison();

  std::mt19937_64 generator;
  RandomMaskOptions options;
  unsigned values = 0;
  int64_t sizes[4] = {};
};

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_RANDOMMASK_H
