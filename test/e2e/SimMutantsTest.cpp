// SPDX-License-Identifier: Apache-2.0
// Would the simulator notice a mistake of the compiler? Mutants of the PTX of examples.
#include "compiler/reference/Compare.h"
#include "runtime/bundle/Bundle.h"
#include "test/e2e/Examples.h"
#include "test/runtime/sim/mutation/Score.h"

using namespace attune::test;
using attune::sim::test::Mutant;
using attune::sim::test::Score;

namespace {

constexpr size_t mostOfAKind = 5;
constexpr double leastShare = 0.95;

struct Case {
  Example example;
  Form form;
  int64_t tokens;
  /// Names of mutants that change nothing that the kernel promises, each with the reason.
  std::vector<std::pair<std::string, std::string>> equivalents;
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
    compiled =
        &Compiled::of(example(which.example.name, which.form.element, which.form.size), "sm_80");
    ASSERT_TRUE(compiled->ok);
    inputs =
        makeInputs(compiled->info, shapeOf(which.example, which.tokens), which.example.scalars);
    attune::reference::Options exactly, eagerly;
    eagerly.mode = attune::reference::Mode::Eager;
    exact = *attune::reference::evaluate(kernelOf(*compiled->module), inputs, exactly);
    eager = *attune::reference::evaluate(kernelOf(*compiled->module), inputs, eagerly);
  }

  std::string run(const std::string &text, const attune::sim::Options &options) {
    try {
      auto results = simulate(*compiled, inputs, spell(options), withPtx(compiled->bytes, text));
      for (size_t i = 0; i < results.size(); ++i)
        if (!attune::reference::judge(results[i], exact[i], eager[i],
                                      compiled->info.results[i].dtype)
                 .passes())
          return "wrong result";
      return "";
    } catch (const attune::Error &error) {
      std::string what = error.what();
      size_t kind = what.find("error: ");
      if (kind == std::string::npos)
        return "refused";
      return what.substr(kind + 7, what.find_first_of(" (\n", kind + 7) - kind - 7);
    }
  }

  Compiled *compiled = nullptr;
  std::vector<Argument> inputs;
  std::vector<Tensor> exact, eager;
};

TEST_P(SimMutants, AreNoticed) {
  const Case &which = GetParam();
  std::vector<Mutant> mutants = attune::sim::test::makeMutants(ptxOf(compiled->bytes), mostOfAKind);
  Score score = scoreMutants(
      mutants, [&](const std::string &text, const auto &options) { return run(text, options); });
  std::printf("%s: %s", which.example.name.c_str(), score.print().c_str());
  size_t unexplained = 0;
  for (const std::string &survivor : score.survivors)
    unexplained +=
        std::none_of(which.equivalents.begin(), which.equivalents.end(),
                     [&](const auto &known) { return survivor.starts_with(known.first); });
  EXPECT_GE(1 - double(unexplained) / double(score.mutants), leastShare);
}

std::string nameOfCase(const testing::TestParamInfo<Case> &info) {
  return nameOf(info.param.example) + "_" + nameOf(info.param.form);
}

const Case cases[] = {
    {{"causal"}, {"bf16", 64}, 150, {}},
    {{"alibi-window", {int64_t(40)}}, {"bf16", 128}, 150, {}},
    {{"sink"}, {"f16", 128}, 100, {}},
};

INSTANTIATE_TEST_SUITE_P(Sm80, SimMutants, testing::ValuesIn(cases), nameOfCase);

} // namespace
