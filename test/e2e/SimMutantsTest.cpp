// SPDX-License-Identifier: Apache-2.0
// Would the simulator notice a mistake of the compiler? Mutants of the PTX of examples.
#include "compiler/reference/Compare.h"
#include "runtime/bundle/Bundle.h"
#include "test/e2e/Examples.h"
#include "test/e2e/Masks.h"
#include "test/runtime/sim/mutation/Equivalents.h"

#include <limits>

using namespace attune::test;
using attune::sim::test::Equivalent;
using attune::sim::test::Mutant;
using attune::sim::test::Score;

namespace {

constexpr double leastShare = 0.95;
constexpr size_t mostOfAKind = 3;

/// What code for a target has that is there to save work, or twice.
std::vector<Equivalent> equivalentsOf(const std::string &target);

struct Case {
  std::string target, name;
  Form form;
  /// Launches that together need every statement; the quickest first.
  std::vector<MaskCase> (*launches)();
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
         ",stop-at-first=" + (options.stopAtFirst ? "on" : "off") +
         ",threads=" + std::to_string(options.threads) +
         ",instruction-limit=" + std::to_string(options.instructionLimit);
}

class SimMutants : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    const Case &which = GetParam();
    compiled =
        &Compiled::of(example(which.name, which.form.element, which.form.size), which.target);
    ASSERT_TRUE(compiled->ok);
    for (const MaskCase &launched : which.launches())
      problems.push_back(makeProblem(launched));
  }

  struct Problem {
    std::vector<Argument> inputs;
    std::vector<Tensor> exact, eager, right;
  };

  Problem makeProblem(const MaskCase &launched) {
    Problem problem;
    problem.inputs = makeInputs(compiled->info, launched.shape, launched.values);
    attune::reference::Options exactly, eagerly;
    eagerly.mode = attune::reference::Mode::Eager;
    attune::attn::KernelOp kernel = kernelOf(*compiled->module);
    problem.exact = *attune::reference::evaluate(kernel, problem.inputs, exactly);
    problem.eager = *attune::reference::evaluate(kernel, problem.inputs, eagerly);
    return problem;
  }

  /// Are these results? Most are the very bits that have been right before.
  bool areRight(const std::vector<Tensor> &results, Problem &problem) {
    auto sameBits = [](const Tensor &a, const Tensor &b) {
      return std::memcmp(a.data.get(), b.data.get(), size_t(a.numElements() * byteSize(a.type))) ==
             0;
    };
    if (std::equal(results.begin(), results.end(), problem.right.begin(), problem.right.end(),
                   sameBits))
      return true;
    for (size_t i = 0; i < results.size(); ++i)
      if (!attune::reference::judge(results[i], problem.exact[i], problem.eager[i],
                                    compiled->info.results[i].dtype)
               .passes())
        return false;
    problem.right = results;
    return true;
  }

  std::string runProblem(Problem &problem, const std::string &bundle, const std::string &options) {
    try {
      std::string warnings;
      auto results = simulate(*compiled, problem.inputs, options, bundle, &warnings);
      if (!warnings.empty())
        return "a warning";
      return areRight(results, problem) ? "" : "wrong result";
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
    for (Problem &problem : problems) {
      std::string what = runProblem(problem, bundle, spell(options));
      if (!what.empty())
        return what;
    }
    return "";
  }

  Compiled *compiled = nullptr;
  std::vector<Problem> problems;
};

//===-- Launches ---===//

/// Two sequences, with heads that share their keys.
Shape several(int64_t tokens) {
  return {.batch = 2, .heads = 2, .kvHeads = 1, .queries = tokens, .keys = tokens};
}

Shape one(int64_t queries, int64_t keys) {
  return {.batch = 1, .heads = 1, .kvHeads = 1, .queries = queries, .keys = keys};
}
Shape one(int64_t tokens) { return one(tokens, tokens); }

/// Lengths whose last tiles end at different rows, so that each copy of a tile is once the last.
template <typename... Values> std::vector<MaskCase> launchesOfSm80(const Values &...values) {
  return {{several(77), {values...}}, {one(150), {values...}}, {one(186), {values...}}};
}

/// One tile of keys, and so many that each place of a ring is filled three times.
template <typename... Values> std::vector<MaskCase> launchesOfSm90a(const Values &...values) {
  return {{several(77), {values...}}, {one(560), {values...}}};
}

using Value = Named::value_type;

/// A number a head. With these slopes what is far away still counts.
Value numbers(const char *name) {
  Tensor table = Tensor::zeros(ElementType::F32, {4});
  for (int64_t i = 0; i < 4; ++i)
    table.set(i, 0.01 + 0.005 * double(i));
  return {name, table};
}

/// The ends of the range of numbers that launches take.
constexpr int64_t leastInt = -std::numeric_limits<int32_t>::max();
constexpr int64_t mostInt = std::numeric_limits<int32_t>::max();

/// Windows before which nothing lies and in which nothing lies, and one of `w`.
std::vector<MaskCase> windowLaunches(std::vector<MaskCase> launches, int64_t w) {
  launches.insert(launches.begin(), 2, launches.front());
  for (MaskCase &launched : launches)
    launched.values["w"] = w;
  launches[0].values["w"] = mostInt;
  launches[1].values["w"] = leastInt;
  return launches;
}

/// With no first tokens, with nothing but those, and with both.
std::vector<MaskCase> streamingLaunches() {
  auto values = [](int64_t sinks, int64_t w) { return Named{{"sinks", sinks}, {"w", w}}; };
  return {{several(77), values(leastInt, 20)},
          {several(77), values(4, leastInt)},
          {one(560), values(4, 350)}};
}

/// Five tiles of tokens, each a group of its own but for strays that belong to the groups of the next
/// tiles, two in one sequence and one in the other: single rows decide which tiles are visited.
MaskCase strays() {
  constexpr int64_t tiles = 5, tileSize = 128;
  Shape shape = {.batch = 2, .heads = 1, .kvHeads = 1, .queries = 640, .keys = 640};
  Tensor group = Tensor::zeros(ElementType::I32, {shape.batch, shape.keys});
  for (int64_t b = 0; b < shape.batch; ++b) {
    // Rising from tile to tile in one sequence, falling below 0 in the other.
    auto groupOf = [&](int64_t tile) { return b ? 20 + 3 * tile : -20 - 3 * tile; };
    for (int64_t i = 0; i < shape.keys; ++i)
      group.set(b * shape.keys + i, groupOf(i / tileSize));
    for (int64_t tile = 0; tile < tiles; ++tile)
      for (int64_t step = 1; step <= 2 - b && tile + step < tiles; ++step) {
        int64_t warp = (tile + step + b) % 4, lane = (tile * 13 + step * 7 + b * 5) % 32;
        group.set(b * shape.keys + tile * tileSize + warp * 32 + lane, groupOf(tile + step));
      }
  }
  return {shape, {{"group", group}}};
}

std::vector<MaskCase> scatteredLaunches() {
  MaskCase far = {one(60, 65 * 128 + 40), {}};
  Tensor group = Tensor::zeros(ElementType::I32, {1, far.shape.keys});
  // The queries' group comes again only behind 64 tiles of others.
  for (int64_t i = 60; i < far.shape.keys; ++i)
    group.set(i, i < 65 * 128 + 7 ? int64_t(9) : int64_t(0));
  far.values["group"] = group;
  MaskCase same = {several(77), {{"group", Tensor::zeros(ElementType::I32, {2, 77})}}};
  return {same, strays(), far};
}

//===-- What is equivalent ---===//

const char *const cutTo32Bits =
    "what is below all positions, cut to 32 bits, at most makes more tiles partly visible";
const char *const rowOrLastKey = "the lesser of a row's number and the last key's is at least -1";
const char *const wrapsBehind =
    "wraps only where the key lies behind the query, which sees no such key";
const char *const noLaterTurn = "the sweep is over: nobody fills the place again";

const std::vector<Equivalent> equivalentsOfSm80 = {
    {"bound without its minimum", ".*",
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
     "the rows were last read by ldmatrix, which all lanes execute together"},
    {"bound without its maximum", R"(max\.s64.*, -2147483648)", cutTo32Bits},
    {"bound without its maximum", R"(max\.s32.*, -1)", rowOrLastKey, R"(min\.s32[^;]*; )"},
    {"bound without its maximum", R"(max\.s64.*, -1)", wrapsBehind, R"(sub\.s64[^;]*; )"}};

const std::vector<Equivalent> equivalentsOfSm90a = {
    {"bar.sync deleted", ".*",
     "before results are staged where queries were: each warp has waited for all products with "
     "them",
     R"(add\.s32[^;]*, 4; )"},
    {"bar.warp.sync deleted", ".*", "a barrier of all threads is right before it",
     R"(bar\.sync [^;]*; )"},
    {"bar.warp.sync deleted", ".*", "each lane fences for what all of them have written together",
     R"(stmatrix[^;]*; )"},
    {"bar.warp.sync deleted", ".*", noLaterTurn, R"(or\.b32[^;]*; (setp[^;]*; )?)"},
    {"mbarrier arrive deleted", ".*", noLaterTurn,
     R"(wgmma\.wait_group[^;]* 0; bra[^;]*; cvt[^;]*; add[^;]*; add[^;]*; )"},
    {"swizzle without xor", ".*", "a tile is at most taken as partly visible where a later one is",
     R"(bar\.warp\.sync[^;]*; bra[^;]*; )"},
    {"bound without its minimum", R"(min\.s64.*)",
     "rows behind the last one see no key that others do not, or it is masked",
     R"(add\.s64[^;]*, -1; )"},
    {"bound without its minimum", R"(min\.s32.*, 127)",
     "more tiles are taken as partly visible, whose masks then hide nothing"},
    {"bound without its minimum", R"(min\.[us](32|64).*, 1677721[56])",
     "no sweep has so many tiles"},
    {"bound without its minimum", R"(min\.s32.*)",
     "where keys end within a tile, it is visited at most once more than needed",
     R"(or\.b32[^;]*, 127; ld\.volatile[^;]*; )"},
    {"bound without its maximum", R"(max\.s64.*, -2147483648)", cutTo32Bits},
    {"bound without its maximum", R"(max\.s32.*, -1)", rowOrLastKey, R"(min\.s32[^;]*; )"},
    {"bound without its maximum", R"(max\.s64.*, -1)", wrapsBehind, R"(sub\.s64[^;]*; )"},
    {"bound without its maximum", R"(max\.s64.*, 0)", "less than no tiles are none, too",
     R"(ld\.volatile[^;]*; )"},
    {"bound without its maximum", R"(max\.s64.*, 0)",
     "a first tile before all is cut again where tiles are counted", R"(sub\.s64[^;]*; )"},
    {"bound without its maximum", R"(max\.s32.*, 0)",
     "there is a last tile, or a branch leads past it",
     R"((selp[^;]*; cvt|setp[^;]*; selp)[^;]*; )"},
    {"bound without its minimum", R"(min\.s64.*, 2147483647)",
     "wraps only where a window begins behind all keys, and no tile is visited"},
    {"bar with another number", R"(bar\.arrive.*)",
     "which warpgroup multiplies first is a free choice", R"(mov\.b32 \s*%r\d+, 1; )"},
};

std::vector<Equivalent> equivalentsOf(const std::string &target) {
  if (target == "sm_80")
    return equivalentsOfSm80;
  std::vector<Equivalent> all = equivalentsOfSm90a;
  all.insert(all.end(), attune::sim::test::equivalentsOfHopper.begin(),
             attune::sim::test::equivalentsOfHopper.end());
  return all;
}

/// With a mistake or without: under every order that mutants are tried under.
TEST_P(SimMutants, AreNoticed) {
  const Case &which = GetParam();
  std::string text = ptxOf(compiled->bytes);
  auto runText = [&](const std::string &text, const auto &options) { return run(text, options); };
  Score unchanged = attune::sim::test::scoreMutants({{"unchanged", "", "", "", text}}, {}, runText);
  EXPECT_EQ(unchanged.survivors.size(), 1u) << unchanged.print();
  std::vector<Mutant> mutants = attune::sim::test::makeMutants(text, mostOfAKind);
  Score score = scoreMutants(mutants, equivalentsOf(which.target), runText);
  std::printf("%s, %s: %s", which.name.c_str(), which.target.c_str(), score.print().c_str());
  EXPECT_GE(score.share(), leastShare);
}

std::string nameOfCase(const testing::TestParamInfo<Case> &info) {
  std::string name = info.param.target + "_" + nameOf(Mask{info.param.name, nullptr, nullptr});
  return name + "_" + nameOf(info.param.form);
}

const Case cases[] = {
    {"sm_80", "causal", {"bf16", 64}, [] { return launchesOfSm80(); }},
    {"sm_80",
     "alibi-window",
     {"bf16", 128},
     [] { return windowLaunches(launchesOfSm80(numbers("slope")), 40); }},
    {"sm_80", "sink", {"f16", 128}, [] { return launchesOfSm80(numbers("sink")); }},
    {"sm_90a", "causal", {"bf16", 64}, [] { return launchesOfSm90a(); }},
    {"sm_90a",
     "alibi-window",
     {"bf16", 128},
     [] { return windowLaunches(launchesOfSm90a(numbers("slope")), 330); }},
    {"sm_90a", "sink", {"f16", 64}, [] { return launchesOfSm90a(numbers("sink")); }},
    {"sm_90a", "masks/streaming-llm", {"bf16", 64}, streamingLaunches},
    {"sm_90a", "softcap", {"bf16", 64}, [] { return launchesOfSm90a(Value{"cap", 20.0}); }},
    {"sm_90a", "masks/document-scattered", {"bf16", 64}, scatteredLaunches},
};

INSTANTIATE_TEST_SUITE_P(Cuda, SimMutants, testing::ValuesIn(cases), nameOfCase);

} // namespace
