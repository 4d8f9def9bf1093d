// SPDX-License-Identifier: Apache-2.0
// Does the PTX of every mask, run on the simulator, agree with the reference without a finding? And
// are rows that see nothing 0 and -infinity on every device, also where no tile is visited at all?
#include "test/e2e/Masks.h"

#include <algorithm>

using namespace attune::test;

namespace {

class SimMasks : public testing::TestWithParam<std::tuple<const char *, Mask>> {};

TEST_P(SimMasks, agreeWithTheReference) {
  auto [target, mask] = GetParam();
  Compiled &compiled = Compiled::of(withRowSums(example(mask.name, "bf16", 64)), target);
  ASSERT_TRUE(compiled.ok);
  std::mt19937_64 generator(11);
  for (int64_t tokens : {1, 17, 150}) {
    SCOPED_TRACE(std::to_string(tokens) + " tokens");
    MaskCase launched = mask.make(tokens, generator);
    auto inputs = makeInputs(compiled.info, launched.shape, launched.values);
    auto results = simulate(compiled, inputs, "");
    expectAgreement(compiled, inputs, results);
    expectEmptyRows(mask, launched, results);
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, SimMasks,
                         testing::Combine(testing::Values("sm_80", "sm_90a"),
                                          testing::ValuesIn(masks())),
                         [](const testing::TestParamInfo<SimMasks::ParamType> &info) {
                           return std::get<0>(info.param) +
                                  ("_" + nameOf(std::get<Mask>(info.param)));
                         });

/// A launch of a mask in which some rows, or all, see nothing.
struct Emptiness {
  std::string mask;
  int64_t tokens;
  Named changes;
  /// How many rows see nothing.
  int64_t emptyRows = 0;
};

class EmptyRows : public testing::TestWithParam<Emptiness> {};

/// The reference's results, each rounded as the kernel's are.
std::vector<Tensor> evaluateExactly(Compiled &compiled, const std::vector<Argument> &inputs) {
  auto exact = attune::reference::evaluate(kernelOf(*compiled.module), inputs);
  if (!exact) {
    ADD_FAILURE() << llvm::toString(exact.takeError());
    return {};
  }
  return *exact;
}

TEST_P(EmptyRows, areZeroOnEveryDevice) {
  auto all = masks();
  auto mask = std::find_if(all.begin(), all.end(),
                           [](const Mask &each) { return each.name == GetParam().mask; });
  ASSERT_NE(mask, all.end());
  std::mt19937_64 generator(5);
  MaskCase launched = mask->make(GetParam().tokens, generator);
  for (const auto &[name, value] : GetParam().changes)
    launched.values[name] = value;
  std::string text = withRowSums(example(mask->name, "bf16", 64));
  Compiled &host = Compiled::of(text);
  ASSERT_TRUE(host.ok);
  auto inputs = makeInputs(host.info, launched.shape, launched.values);
  auto exact = evaluateExactly(host, inputs);
  ASSERT_FALSE(exact.empty());
  EXPECT_EQ(expectEmptyRows(*mask, launched, exact), GetParam().emptyRows);
  EXPECT_EQ(expectEmptyRows(*mask, launched, launch(host, inputs)), GetParam().emptyRows);
  for (const char *target : {"sm_80", "sm_90a"}) {
    Compiled &sim = Compiled::of(text, target);
    ASSERT_TRUE(sim.ok) << target;
    EXPECT_EQ(expectEmptyRows(*mask, launched, simulate(sim, inputs, "")), GetParam().emptyRows)
        << target;
  }
}

/// Tables of equal numbers.
Tensor constant(ElementType type, std::vector<int64_t> shape, int64_t value) {
  std::mt19937_64 generator;
  return drawTable(generator, type, std::move(shape), value, value);
}

/// All 2 x 4 x 150 rows are empty unless said otherwise.
const Emptiness emptiness[] = {
    {"causal-offset", 150, {{"offset", int64_t(-150)}}, 8 * 150},
    {"causal-offset", 150, {{"offset", int64_t(-70)}}, 8 * 70},
    {"sliding-window", 150, {{"w", int64_t(-1)}}, 8 * 150},
    {"masks/two-sided-window", 150, {{"left", int64_t(-20)}, {"right", int64_t(19)}}, 8 * 150},
    {"masks/dilated-window", 150, {{"w", int64_t(-1)}}, 8 * 150},
    {"masks/head-windows", 150, {{"window", constant(ElementType::I32, {4}, -1)}}, 8 * 150},
    {"masks/streaming-llm", 150, {{"sinks", int64_t(0)}, {"w", int64_t(-1)}}, 8 * 150},
    {"masks/nats", 150, {{"end", constant(ElementType::I32, {2, 2, 150}, -1)}}, 8 * 150},
    {"masks/nats", 150, {{"end", constant(ElementType::I32, {2, 2, 150}, 99)}}, 8 * 50},
    {"masks/unigist", 150, {{"period", int64_t(40)}, {"w", int64_t(-1)}}, 8 * 39},
    {"masks/hepos", 1, {{"stride", int64_t(7)}}, 2 * 2},
    {"masks/jagged", 150, {{"length", constant(ElementType::I32, {2}, 0)}}, 8 * 150},
    {"masks/jagged", 150, {{"length", constant(ElementType::I32, {2}, 77)}}, 8 * 73},
    {"masks/bit-matrix", 150, {{"words", constant(ElementType::I32, {2, 150, 5}, 0)}}, 8 * 150},
};

std::string nameOfEmptiness(const testing::TestParamInfo<Emptiness> &info) {
  return nameOf(Mask{info.param.mask, nullptr, nullptr}) + "_" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(AllDevices, EmptyRows, testing::ValuesIn(emptiness), nameOfEmptiness);

} // namespace
