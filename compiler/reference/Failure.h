// SPDX-License-Identifier: Apache-2.0
// How does the reference say why it cannot evaluate something?
#ifndef ATTUNE_COMPILER_REFERENCE_FAILURE_H
#define ATTUNE_COMPILER_REFERENCE_FAILURE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace attune::reference {

/// An error whose sentence is `pattern` with `parts` at {0}, {1}, ...
template <typename... Parts> llvm::Error makeError(const char *pattern, Parts &&...parts) {
  return llvm::createStringError(llvm::formatv(pattern, std::forward<Parts>(parts)...).str());
}

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_FAILURE_H
