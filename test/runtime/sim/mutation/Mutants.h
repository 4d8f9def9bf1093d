// SPDX-License-Identifier: Apache-2.0
// In which ways can a good kernel be made a little wrong? Each mutant is the PTX with one statement
// deleted or altered, as a compiler's mistake would.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attune::sim::test {

struct Mutant {
  /// "wait_group, line 352: waits for one group less".
  std::string name;
  /// Of the table in Mutants.cpp, for the score by kind.
  std::string kind;
  /// The statement before it was altered; and the beginnings of the eight before it, each with "; "
  /// behind it.
  std::string statement, before;
  std::string text;
};

/// All mutants of a PTX text, at most `mostOfAKind` of each kind, spread over the text.
std::vector<Mutant> makeMutants(const std::string &text, size_t mostOfAKind);

} // namespace attune::sim::test
