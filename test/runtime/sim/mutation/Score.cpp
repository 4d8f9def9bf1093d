// SPDX-License-Identifier: Apache-2.0
// The orders that mutants are tried under, from the cheapest to notice something.
#include "test/runtime/sim/mutation/Score.h"

#include <regex>

namespace attune::sim::test {
namespace {

std::vector<Options> orders() {
  Options late;
  late.numerics = Numerics::Fast;
  late.instructionLimit = 3'000'000;
  late.threads = 1;
  Options early = late, random = late, starved = late, split = late, parted = late;
  early.completion = Completion::Early;
  early.schedule = Schedule::HighestFirst;
  random.completion = Completion::Random;
  random.schedule = Schedule::Random;
  random.seed = 11;
  starved.schedule = Schedule::StarveOne;
  starved.completion = Completion::Random;
  starved.seed = 5;
  split.split = true;
  split.schedule = Schedule::LowestFirst;
  parted.split = true;
  parted.schedule = Schedule::StarveOne;
  parted.seed = 1;
  return {late, early, random, starved, split, parted};
}

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

/// Why a mutant changes nothing, or "".
static std::string reasonFor(const Mutant &mutant, const std::vector<Equivalent> &known) {
  for (const Equivalent &equivalent : known)
    if (mutant.kind == equivalent.kind &&
        std::regex_match(mutant.statement, std::regex(equivalent.statement)))
      return equivalent.reason;
  return "";
}

Score scoreMutants(const std::vector<Mutant> &mutants, const std::vector<Equivalent> &known,
                   const RunMutant &run) {
  Score score;
  for (const Mutant &mutant : mutants) {
    ++score.mutants;
    std::string what;
    for (const Options &options : orders()) {
      what = run(mutant.text, options);
      if (!what.empty())
        break;
    }
    std::string reason = what.empty() ? reasonFor(mutant, known) : "";
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
