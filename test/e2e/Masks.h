// SPDX-License-Identifier: Apache-2.0
// Which masks are shipped, on which tables and sizes are they tried, and which pairs does the
// definition of each show?
#ifndef ATTUNE_TEST_E2E_MASKS_H
#define ATTUNE_TEST_E2E_MASKS_H

#include "test/e2e/Harness.h"

namespace attune::test {

/// One launch of a mask: sizes, and a value for every operand but q, k and v.
struct MaskCase {
  Shape shape;
  Named values;

  int64_t number(const std::string &name) const;
  /// An entry of a table or of an operand on the key axis.
  int64_t entry(const std::string &name, std::vector<int64_t> indices) const;
};

struct Mask {
  /// Of the example, without `examples/` and suffix.
  std::string name;
  /// A launch with about `tokens` queries; random tables and scalars.
  MaskCase (*make)(int64_t tokens, std::mt19937_64 &generator);
  /// Does query i see key j? From the definition of the mask, not from its program.
  bool (*sees)(const MaskCase &launch, int64_t b, int64_t h, int64_t i, int64_t j);
};

/// Masks along one sequence, with their blocks and tables of a number a head, sequence or token.
std::vector<Mask> sequenceMasks();
/// Masks of ids, trees, lengths and bits that are captured.
std::vector<Mask> tableMasks();
/// Masks of images and videos: HaloNet and the neighborhoods.
std::vector<Mask> gridMasks();

std::vector<Mask> masks();

/// A launch of masks/neighborhood-causal on the last `rank` of its axes, the others having length 1;
/// bit 0 of `causal` is for time, 1 for rows, 2 for columns.
MaskCase makeCausalNeighborhood(int64_t tokens, int rank, unsigned causal,
                                std::mt19937_64 &generator);

/// The program with the logarithm of the row sums as a second result.
std::string withRowSums(const std::string &text);
/// The program with the matrix of weights as its only result.
std::string withWeights(const std::string &text);

/// A whole number between the two, which are possible results.
int64_t draw(std::mt19937_64 &generator, int64_t low, int64_t high);
/// A table of such numbers.
Tensor drawTable(std::mt19937_64 &generator, ElementType type, std::vector<int64_t> shape,
                 int64_t low, int64_t high);
/// Equal numbers of queries and keys, two sequences, two query heads a key head.
Shape sequenceOf(int64_t tokens, int64_t moreKeys = 0);

/// Fails the test where a row in which nothing is visible is not 0, or the logarithm of its sum not
/// -infinity. `results` are those of a program withRowSums. Returns how many rows there are.
int64_t expectEmptyRows(const Mask &mask, const MaskCase &launch,
                        const std::vector<Tensor> &results);

/// As a part of a test's name.
std::string nameOf(const Mask &mask);

} // namespace attune::test

#endif // ATTUNE_TEST_E2E_MASKS_H
