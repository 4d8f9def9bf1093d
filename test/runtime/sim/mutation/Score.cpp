// SPDX-License-Identifier: Apache-2.0
// The orders that mutants are tried under, from that which notices most of them.
#include "test/runtime/sim/mutation/Score.h"

#include <regex>

namespace attune::sim::test {
namespace {

std::vector<Options> orders() {
  Options late;
  late.numerics = Numerics::Fast;
  late.instructionLimit = 3'000'000;
  late.threads = 1;
  late.stopAtFirst = true;
  Options early = late, random = late, starved = late, split = late, parted = late;
  parted.split = true;
  parted.completion = Completion::Early;
  parted.schedule = Schedule::StarveOne;
  parted.seed = 1;
  random.completion = Completion::Random;
  random.schedule = Schedule::Random;
  random.seed = 11;
  early.completion = Completion::Early;
  early.schedule = Schedule::HighestFirst;
  starved.schedule = Schedule::StarveOne;
  starved.completion = Completion::Random;
  starved.seed = 5;
  split.split = true;
  split.schedule = Schedule::LowestFirst;
  return {late, parted, random, early, starved, split};
}

/// Why mutants change nothing, with the patterns read once.
class Reasons {
public:
  explicit Reasons(const std::vector<Equivalent> &known) {
    for (const Equivalent &equivalent : known)
      entries.push_back({equivalent.kind, std::regex(equivalent.statement),
                         std::regex("(?:.*; )?" + equivalent.before), equivalent.reason});
  }
  /// "" when it should be noticed.
  std::string of(const Mutant &mutant) const {
    for (const Entry &entry : entries)
      if (mutant.kind == entry.kind && std::regex_match(mutant.statement, entry.statement) &&
          std::regex_match(mutant.before, entry.before))
        return entry.reason;
    return "";
  }

private:
  struct Entry {
    std::string kind;
    std::regex statement, before;
    std::string reason;
  };
  std::vector<Entry> entries;
};

} // namespace

std::string Score::print() const {
  std::string text = std::to_string(mutants) + " mutants, " + std::to_string(equivalents.size()) +
                     " equivalent, " + std::to_string(survivors.size()) + " not noticed (" +
                     std::to_string(int(1000 * share()) / 10.0).substr(0, 5) + " % noticed)\n";
  for (const auto &[what, times] : noticed)
    text += "  " + std::to_string(times) + " by: " + what + "\n";
  for (const std::string &name : equivalents)
    text += "  equivalent: " + name + "\n";
  for (const std::string &name : survivors)
    text += "  not noticed: " + name + "\n";
  return text;
}

Score scoreMutants(const std::vector<Mutant> &mutants, const std::vector<Equivalent> &known,
                   const RunMutant &run) {
  static const std::vector<Options> all = orders();
  Reasons reasons(known);
  Score score;
  for (const Mutant &mutant : mutants) {
    ++score.mutants;
    std::string reason = reasons.of(mutant), what;
    // One order is enough for what is said to be equivalent: a wrong reason shows in most.
    size_t tried = reason.empty() ? all.size() : 1;
    for (size_t i = 0; i < tried && what.empty(); ++i)
      what = run(mutant.text, all[i]);
    if (!what.empty())
      ++score.noticed[what];
    else if (reason.empty())
      score.survivors.push_back(mutant.name + ": " + mutant.statement);
    else
      score.equivalents.push_back(mutant.name + ": " + reason);
  }
  return score;
}

} // namespace attune::sim::test
