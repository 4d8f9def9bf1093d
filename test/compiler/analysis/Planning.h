// SPDX-License-Identifier: Apache-2.0
// How does a test get from a program to a plan, and to operands for it?
#ifndef ATTUNE_TEST_COMPILER_ANALYSIS_PLANNING_H
#define ATTUNE_TEST_COMPILER_ANALYSIS_PLANNING_H

#include "compiler/analysis/Sweeps.h"
#include "test/compiler/reference/Cases.h"

namespace attune::test {

/// A parsed program of primitives.
mlir::OwningOpRef<mlir::ModuleOp> parsePrimitives(const std::string &text);

/// A parsed program and its plan.
struct Planned {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  SweepPlan plan;

  explicit Planned(const std::string &text);
  attn::KernelOp kernel() { return kernelOf(*module); }
};

/// The messages that planning the program ends with; fails the test if it can be planned.
std::string planningError(const std::string &text);

/// Operands (q, k, v, u, z, g, slope, w) of every test kernel. The last lane of the keys is 1, so that a
/// number in the last lane of a query is added to all its scores.
std::vector<Argument> operands(std::mt19937_64 &generator, int64_t queries, int64_t keys,
                               double offset);

/// |found - exact| against tolerance * max(1, |exact|); places that are not finite must agree.
void expectClose(const Tensor &found, const Tensor &exact, double tolerance);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_ANALYSIS_PLANNING_H
