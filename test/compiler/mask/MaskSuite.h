// SPDX-License-Identifier: Apache-2.0
// More than a hundred masks that people use, or could, with numbers to try them at.
#ifndef ATTUNE_TEST_COMPILER_MASK_MASKSUITE_H
#define ATTUNE_TEST_COMPILER_MASK_MASKSUITE_H

#include "test/compiler/mask/MaskExpression.h"

namespace attune::mask::test {

struct SuiteMask {
  std::string name;
  Mask mask;
  MaskNumbers numbers;
};

/// `tokens`: lengths are about that.
std::vector<SuiteMask> maskSuite(int64_t tokens);

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_MASKSUITE_H
