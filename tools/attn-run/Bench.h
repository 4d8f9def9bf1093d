// SPDX-License-Identifier: Apache-2.0
// How fast is a kernel, and how much of what the processor can do is that?
#ifndef ATTUNE_TOOLS_ATTN_RUN_BENCH_H
#define ATTUNE_TOOLS_ATTN_RUN_BENCH_H

#include "tools/attn-run/Flags.h"
#include "tools/attn-run/Launch.h"
#include "tools/attn-run/Program.h"

namespace attune::run {

/// Pairs of queries and keys, all heads and sequences together, and the operations of one: a
/// product of the score and one of the values, each number a multiply and an add.
struct Work {
  double pairs = 0;
  double operationsPerPair = 0;
  /// `pairs` are those that the mask leaves visible; else all of them.
  bool visible = false;
  /// Pairs of the tiles that the code visits, padding included; 0: not known.
  double computedPairs = 0;
};

/// The work of a kernel, from the shapes of its first rows operand, of its cols operands and of its
/// first result. Where the text is at hand the mask tells which pairs are visible, and which the code
/// for `target` computes.
Work measureWork(Program &program, const std::string &target,
                 const std::vector<reference::Argument> &inputs,
                 const std::vector<reference::Tensor> &results);

/// Times a launch and prints the figures. On the host the processor's peak is probed before and
/// after; a measurement during which it fell is repeated.
void bench(Launch &launch, const Work &work, const Flags &flags);

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_BENCH_H
