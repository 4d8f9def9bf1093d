// SPDX-License-Identifier: Apache-2.0
// How does a test run an attn kernel through the lowering and the host back end, and compare it
// with the reference?
#ifndef ATTUNE_TEST_COMPILER_PASSES_LOWEREDKERNELS_H
#define ATTUNE_TEST_COMPILER_PASSES_LOWEREDKERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace attune::test {

struct Lengths {
  int64_t queries, keys;
  int64_t batch = 1, heads = 1, keyHeads = 1, keyBatch = 1;
};

struct LoweredCase {
  /// A module with one kernel; the types !q, !k, !s, !r, !c are those of Types below.
  std::string kernel;
  /// Values of scalar operands.
  std::map<std::string, double> scalars = {};
  /// Shapes of captured tables.
  std::map<std::string, std::vector<int64_t>> tables = {};
  /// Changes a number of an operand after it was drawn: (operand, flat position, number).
  std::function<double(const std::string &, int64_t, double)> change = nullptr;
  std::string tiles = "queries=16,keys=32";
};

/// Compiles the kernel once for the best level of this machine, runs it at all lengths, and expects
/// every result to be as near to the exact one as the tolerance of the reference asks.
void expectAsReference(const LoweredCase &test, const std::vector<Lengths> &lengths);

/// The tile program as text; empty, with the test failed, if the kernel is refused.
std::string lower(const std::string &kernel, const std::string &tiles);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_PASSES_LOWEREDKERNELS_H
