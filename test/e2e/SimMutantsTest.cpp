// SPDX-License-Identifier: Apache-2.0
// Would the simulator notice a mistake of the compiler? Mutants of the PTX of examples.
#include "compiler/reference/Compare.h"
#include "runtime/bundle/Bundle.h"
#include "test/e2e/Examples.h"
#include "test/e2e/Masks.h"
#include "test/runtime/sim/mutation/Score.h"

using namespace attune::test;
using attune::sim::test::Equivalent;
using attune::sim::test::Mutant;
using attune::sim::test::Score;

namespace {

constexpr double leastShare = 0.95;

/// What a target's kernels are tried on.
struct Target {
  std::string name;
  std::vector<int64_t> lengths;
  size_t mostOfAKind;
  /// What the code of this target has that is there to save work, or twice.
  std::vector<Equivalent> equivalents;
};

struct Case {
  const Target *target;
  Example example;
  Form form;
  /// `example` is one of masks().
  bool isMask = false;
};

/// A bundle with this PTX in place of its own.
std::string withPtx(const std::string &bytes, const std::string &text) {
  auto bundle = attune::bundle::parseBundle(bytes);
  bundle->manifest.kernels[0].variants[0].blob = bundle->addBlob(text);
  return *attune::bundle::serializeBundle(*bundle);
}

std::string ptxOf(const std::string &bytes) {
  auto bundle = attune::bundle::parseBundle(bytes);
  return bundle->blobs[bundle->manifest.kernels[0].variants[0].blob];
}

/// "sim::Options" as the runtime takes them.
std::string spell(const attune::sim::Options &options) {
  static const char *completions[] = {"early", "late", "random"};
  static const char *schedules[] = {"round-robin", "random", "lowest-first", "highest-first",
                                    "starve-one"};
  return std::string("numerics=fast,completion=") + completions[int(options.completion)] +
         ",schedule=" + schedules[int(options.schedule)] + ",seed=" + std::to_string(options.seed) +
         ",split=" + (options.split ? "on" : "off") +
         ",instruction-limit=" + std::to_string(options.instructionLimit);
}

class SimMutants : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    const Case &which = GetParam();
    compiled = &Compiled::of(example(which.example.name, which.form.element, which.form.size),
                             which.target->name);
    ASSERT_TRUE(compiled->ok);
    for (int64_t tokens : which.target->lengths)
      problems.push_back(makeProblem(tokens));
  }

  struct Problem {
    std::vector<Argument> inputs;
    std::vector<Tensor> exact, eager;
  };

  std::vector<Argument> inputs(int64_t tokens) {
    const Example &which = GetParam().example;
    if (!GetParam().isMask) {
      Shape shape = shapeOf(which, tokens);
      shape.batch = 2;
      return makeInputs(compiled->info, shape, which.scalars);
    }
    for (const Mask &mask : masks())
      if (mask.name == which.name) {
        std::mt19937_64 generator(11);
        MaskCase launched = mask.make(tokens, generator);
        return makeInputs(compiled->info, launched.shape, launched.values);
      }
    ADD_FAILURE() << "no mask is called " << which.name;
    return {};
  }

  Problem makeProblem(int64_t tokens) {
    Problem problem;
    problem.inputs = inputs(tokens);
    attune::reference::Options exactly, eagerly;
    eagerly.mode = attune::reference::Mode::Eager;
    attune::attn::KernelOp kernel = kernelOf(*compiled->module);
    problem.exact = *attune::reference::evaluate(kernel, problem.inputs, exactly);
    problem.eager = *attune::reference::evaluate(kernel, problem.inputs, eagerly);
    return problem;
  }

  std::string runProblem(const Problem &problem, const std::string &bundle,
                         const std::string &options) {
    try {
      std::string warnings;
      auto results = simulate(*compiled, problem.inputs, options, bundle, &warnings);
      if (!warnings.empty())
        return "a warning";
      for (size_t i = 0; i < results.size(); ++i)
        if (!attune::reference::judge(results[i], problem.exact[i], problem.eager[i],
                                      compiled->info.results[i].dtype)
                 .passes())
          return "wrong result";
      return "";
    } catch (const attune::Error &error) {
      std::string what = error.what();
      size_t kind = what.find("error: ");
      if (kind == std::string::npos)
        return "refused";
      return what.substr(kind + 7, what.find(':', kind + 7) - kind - 7);
    }
  }

  std::string run(const std::string &text, const attune::sim::Options &options) {
    std::string bundle = withPtx(compiled->bytes, text);
    for (const Problem &problem : problems) {
      std::string what = runProblem(problem, bundle, spell(options));
      if (!what.empty())
        return what;
    }
    return "";
  }

  Compiled *compiled = nullptr;
  std::vector<Problem> problems;
};

/// Lengths whose last tiles end at different rows, so that each copy of a tile is once the last.
const Target sm80 = {
    "sm_80",
    {77, 150, 186},
    4,
    {{"bound without its minimum", ".*",
      "the bound saves work only: what lies beyond is masked, or has no row to copy"},
     {"cp.async.commit_group deleted", ".*",
      "its copies join the next group, which the same wait covers"},
     {"cp.async.wait_group deleted", R"(cp\.async\.wait_group\s+0)",
      "the wait behind the loop: every copy of keys has been waited for in it"},
     {"cp.async.wait_group of one group less", R"(cp\.async\.wait_group\s+0)",
      "the wait behind the loop: every copy of keys has been waited for in it"},
     {"bar.sync deleted", ".*",
      "the barrier behind the loop: a warp's results go where only it has read queries"},
     {"bar.warp.sync deleted", ".*",
      "the rows were last read by ldmatrix, which all lanes execute together"}}};

/// One tile of keys, and so many that each place of a ring is filled three times.
const Target sm90a = {"sm_90a", {77, 700}, 3, {}};

/// With a mistake or without: under every order that mutants are tried under.
TEST_P(SimMutants, AreNoticed) {
  const Case &which = GetParam();
  std::string text = ptxOf(compiled->bytes);
  auto runText = [&](const std::string &text, const auto &options) { return run(text, options); };
  Score unchanged = attune::sim::test::scoreMutants({{"unchanged", "", "", text}}, {}, runText);
  EXPECT_EQ(unchanged.survivors.size(), 1u) << unchanged.print();
  std::vector<Mutant> mutants = attune::sim::test::makeMutants(text, which.target->mostOfAKind);
  Score score = scoreMutants(mutants, which.target->equivalents, runText);
  std::printf("%s: %s", which.example.name.c_str(), score.print().c_str());
  EXPECT_GE(score.share(), leastShare);
}

std::string nameOfCase(const testing::TestParamInfo<Case> &info) {
  std::string name = nameOf(Mask{info.param.example.name, nullptr, nullptr});
  return name + "_" + nameOf(info.param.form);
}

const Case casesOfSm80[] = {{&sm80, {"causal"}, {"bf16", 64}},
                            {&sm80, {"alibi-window", {int64_t(40)}, 4, 2}, {"bf16", 128}},
                            {&sm80, {"sink", {}, 4, 2}, {"f16", 128}}};

INSTANTIATE_TEST_SUITE_P(Sm80, SimMutants, testing::ValuesIn(casesOfSm80), nameOfCase);

const Case casesOfSm90a[] = {{&sm90a, {"causal"}, {"bf16", 64}},
                             {&sm90a, {"alibi-window", {int64_t(200)}, 4, 2}, {"bf16", 128}},
                             {&sm90a, {"sink", {}, 4, 2}, {"f16", 64}},
                             {&sm90a, {"masks/streaming-llm"}, {"bf16", 64}, true},
                             {&sm90a, {"masks/document-scattered"}, {"bf16", 64}, true}};

INSTANTIATE_TEST_SUITE_P(Sm90a, SimMutants, testing::ValuesIn(casesOfSm90a), nameOfCase);

} // namespace
