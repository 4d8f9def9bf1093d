// SPDX-License-Identifier: Apache-2.0
// How many mutants of a kernel are noticed? A mutant is noticed when it is refused, when something
// is found, or when a result is wrong, under some choice of order and completion.
#pragma once

#include "runtime/sim/Options.h"
#include "test/runtime/sim/mutation/Mutants.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace attune::sim::test {

/// What one run of a mutant shows; "" when nothing is wrong, else what was noticed: the kind of the
/// first finding, "refused", "wrong result".
using RunMutant = std::function<std::string(const std::string &text, const Options &options)>;

/// Mutants that change nothing that a kernel promises: of a kind, whose statement matches, and why.
struct Equivalent {
  std::string kind;
  /// A regular expression for the whole statement.
  std::string statement;
  std::string reason;
  /// One for the end of what stands before it, see Mutant::before.
  std::string before = "";
};

struct Score {
  size_t mutants = 0;
  /// How often each thing was noticed first.
  std::map<std::string, size_t> noticed;
  /// Names and statements of the mutants that nothing noticed and that have no reason.
  std::vector<std::string> survivors;
  /// Those that have one, with it.
  std::vector<std::string> equivalents;

  /// Of the mutants that are not equivalent, how many were noticed.
  double share() const {
    size_t counted = mutants - equivalents.size();
    return counted ? 1 - double(survivors.size()) / double(counted) : 0;
  }
  /// A table, for people.
  std::string print() const;
};

/// Runs every mutant under several options until one of them notices it.
Score scoreMutants(const std::vector<Mutant> &mutants, const std::vector<Equivalent> &known,
                   const RunMutant &run);

} // namespace attune::sim::test
