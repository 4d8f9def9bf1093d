// SPDX-License-Identifier: Apache-2.0
// Which attention mechanisms does the planner have to plan? Each as a program, with the state that
// its plan may carry.
#ifndef ATTUNE_TEST_COMPILER_ANALYSIS_MECHANISMS_H
#define ATTUNE_TEST_COMPILER_ANALYSIS_MECHANISMS_H

#include <ostream>
#include <string>
#include <vector>

namespace attune::test {

struct SweepSize {
  unsigned frames = 0, scalars = 0, extrema = 0, vectors = 0;
  bool operator==(const SweepSize &) const = default;
};

struct Mechanism {
  std::string name;
  std::string program; // operands: see SweepsTest.cpp
  std::vector<SweepSize> sweeps;
  /// Are all results unchanged when a number is added to all scores of a row?
  bool shiftInvariant = false;
};

inline void PrintTo(const Mechanism &mechanism, std::ostream *out) { *out << mechanism.name; }

const std::vector<Mechanism> &mechanisms();

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_ANALYSIS_MECHANISMS_H
