// SPDX-License-Identifier: Apache-2.0
// A call with more stack than its caller may have: compilers go down as deep as programs are.
#ifndef ATTUNE_COMPILER_LIBRARY_DEEPSTACK_H
#define ATTUNE_COMPILER_LIBRARY_DEEPSTACK_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace attune {

/// Runs `body`, which may not throw, on a thread of its own with 256 MiB of stack (of which only what is
/// used becomes memory), and waits for it; where there is no such thread to be had, on the caller's.
void runWithDeepStack(llvm::function_ref<void()> body);

} // namespace attune

#endif // ATTUNE_COMPILER_LIBRARY_DEEPSTACK_H
