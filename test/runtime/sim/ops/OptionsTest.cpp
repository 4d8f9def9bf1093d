// SPDX-License-Identifier: Apache-2.0
// Are options read as they are spelled, and are mistakes explained?
#include "runtime/sim/Options.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace attune::sim {
namespace {

std::string errorOf(std::string_view text) {
  try {
    parseOptions(text);
  } catch (const std::invalid_argument &error) {
    return error.what();
  }
  return "";
}

TEST(Options, NoTextIsTheDefaults) {
  Options options = parseOptions("");
  EXPECT_EQ(options.numerics, Numerics::Exact);
  EXPECT_EQ(options.completion, Completion::Late);
  EXPECT_EQ(options.schedule, Schedule::RoundRobin);
  EXPECT_EQ(options.perturb, 0u);
  EXPECT_TRUE(options.checks);
  EXPECT_FALSE(options.contract);
  EXPECT_FALSE(options.stopAtFirst);
}

TEST(Options, EachIsRead) {
  Options options = parseOptions(
      "numerics=fast,completion=random,schedule=starve-one,seed=7,perturb=18446744073709551615,"
      "contract=on,split=on,checks=off,exclusive-writer=off,counters=on,threads=3,"
      "stop-at-first=on,instruction-limit=1000");
  EXPECT_EQ(options.numerics, Numerics::Fast);
  EXPECT_EQ(options.completion, Completion::Random);
  EXPECT_EQ(options.schedule, Schedule::StarveOne);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.perturb, ~uint64_t(0));
  EXPECT_TRUE(options.contract);
  EXPECT_TRUE(options.split);
  EXPECT_FALSE(options.checks);
  EXPECT_FALSE(options.exclusiveWriter);
  EXPECT_TRUE(options.counters);
  EXPECT_EQ(options.threads, 3u);
  EXPECT_TRUE(options.stopAtFirst);
  EXPECT_EQ(options.instructionLimit, 1000u);
}

TEST(Options, EveryChoiceIsKnown) {
  EXPECT_EQ(parseOptions("numerics=f64").numerics, Numerics::F64);
  EXPECT_EQ(parseOptions("numerics=exact").numerics, Numerics::Exact);
  EXPECT_EQ(parseOptions("completion=early").completion, Completion::Early);
  EXPECT_EQ(parseOptions("completion=late").completion, Completion::Late);
  EXPECT_EQ(parseOptions("schedule=round-robin").schedule, Schedule::RoundRobin);
  EXPECT_EQ(parseOptions("schedule=random").schedule, Schedule::Random);
  EXPECT_EQ(parseOptions("schedule=lowest-first").schedule, Schedule::LowestFirst);
  EXPECT_EQ(parseOptions("schedule=highest-first").schedule, Schedule::HighestFirst);
}

TEST(Options, MistakesAreExplained) {
  EXPECT_EQ(errorOf("speed=9"),
            "simulator option 'speed' is not known; there are: numerics, completion, schedule, "
            "seed, perturb, contract, split, checks, exclusive-writer, counters, threads, "
            "stop-at-first, instruction-limit");
  EXPECT_EQ(errorOf("numerics=quick"),
            "simulator option 'numerics': expected one of exact, fast, f64, but got 'quick'");
  EXPECT_EQ(errorOf("seed=1,checks=yes"),
            "simulator option 'checks': expected one of on, off, but got 'yes'");
  EXPECT_EQ(errorOf("seed"), "simulator options: expected name=value, but got 'seed'");
  EXPECT_EQ(errorOf("seed=1,,split=on"), "simulator options: expected name=value, but got ''");
  EXPECT_EQ(errorOf("seed=1,"), "simulator options: expected name=value behind the last comma");
  EXPECT_EQ(errorOf("threads=2000"), "simulator option 'threads': expected an integer from 0 to "
                                     "1024, but got '2000'");
  for (const char *number : {"", "-1", "0x10", "7 ", "18446744073709551616"})
    EXPECT_NE(errorOf("seed=" + std::string(number)).find("expected an integer from 0 to"),
              std::string::npos)
        << number;
}

} // namespace
} // namespace attune::sim
