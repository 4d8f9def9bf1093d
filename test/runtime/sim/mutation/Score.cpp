// SPDX-License-Identifier: Apache-2.0
// The orders that mutants are tried under, from the cheapest to notice something.
#include "test/runtime/sim/mutation/Score.h"

#include <algorithm>

namespace attune::sim::test {
namespace {

std::vector<Options> orders() {
  Options late;
  late.numerics = Numerics::Fast;
  late.instructionLimit = 3'000'000;
  late.threads = 1;
  Options early = late, random = late, starved = late, split = late;
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
  return {late, early, random, starved, split};
}

} // namespace

void Score::add(const Score &other) {
  mutants += other.mutants;
  for (const auto &[what, times] : other.noticed)
    noticed[what] += times;
  survivors.insert(survivors.end(), other.survivors.begin(), other.survivors.end());
}

std::string Score::print() const {
  std::string text = std::to_string(mutants) + " mutants, " + std::to_string(survivors.size()) +
                     " not noticed (" + std::to_string(100 * share()) + " % noticed)\n";
  for (const auto &[what, times] : noticed)
    text += "  " + std::to_string(times) + " by: " + what + "\n";
  for (const std::string &name : survivors)
    text += "  not noticed: " + name + "\n";
  return text;
}

Score scoreMutants(const std::vector<Mutant> &mutants, const RunMutant &run) {
  Score score;
  for (const Mutant &mutant : mutants) {
    ++score.mutants;
    std::string what;
    for (const Options &options : orders()) {
      what = run(mutant.text, options);
      if (!what.empty())
        break;
    }
    if (what.empty())
      score.survivors.push_back(mutant.name);
    else
      ++score.noticed[what];
  }
  return score;
}

} // namespace attune::sim::test
