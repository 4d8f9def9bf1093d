// SPDX-License-Identifier: Apache-2.0
// Launches with few queries, whose heads share keys: which are tried, with which kernels?
#ifndef ATTUNE_TEST_E2E_PACKEDHEADS_H
#define ATTUNE_TEST_E2E_PACKEDHEADS_H

#include "test/e2e/Examples.h"
#include "test/e2e/Masks.h"

namespace attune::test {

/// Whole groups of eight heads, parts of one, two of ten; one query, and tiles that end early.
inline const Shape packedShapes[] = {
    {2, 8, 1, 1, 70}, {1, 12, 3, 5, 33}, {1, 20, 2, 3, 130}, {2, 16, 2, 19, 40}};

/// Compiles with eight heads packed, and calls `run(compiled, inputs)` with each shape and with what the
/// launch of it is: "_packed_" is in the name of its entry.
template <typename Run>
void eachPackedLaunch(const std::string &text, const std::string &target, const std::string &device,
                      const std::vector<Argument> &scalars, Run run) {
  Compiled &compiled = Compiled::of(text, target, 8);
  ASSERT_TRUE(compiled.ok);
  for (const Shape &shape : packedShapes) {
    SCOPED_TRACE(std::to_string(shape.heads) + " heads, " + std::to_string(shape.queries) +
                 " queries");
    auto inputs = makeInputs(compiled.info, shape, scalars);
    EXPECT_NE(launchedEntry(compiled, inputs, device).find("_packed_8x"), std::string::npos);
    run(compiled, inputs);
  }
}

/// A launch of a mask with eight query heads a head of keys.
inline MaskCase withGroups(MaskCase launch) {
  launch.shape.heads = 8 * launch.shape.kvHeads;
  return launch;
}

} // namespace attune::test

#endif // ATTUNE_TEST_E2E_PACKEDHEADS_H
