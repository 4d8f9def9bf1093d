// SPDX-License-Identifier: Apache-2.0
// Tiles that hold rows of several heads, on the host: are they launched where they compute less, and do
// they agree with the reference?
#include "test/e2e/PackedHeads.h"

using namespace attune::test;

namespace {

class PackedHeads : public testing::TestWithParam<Example> {};

TEST_P(PackedHeads, agreeWithTheReference) {
  eachPackedLaunch(example(GetParam().name, "bf16", 64), "host", "host", GetParam().scalars,
                   [](Compiled &compiled, const std::vector<Argument> &inputs) {
                     expectAgreement(compiled, inputs, launch(compiled, inputs));
                   });
}

INSTANTIATE_TEST_SUITE_P(Host, PackedHeads, testing::ValuesIn(examples),
                         [](const auto &info) { return nameOf(info.param); });

std::string entryOf(const Compiled &compiled, const Shape &shape) {
  return launchedEntry(compiled, makeInputs(compiled.info, shape), "host");
}

TEST(PackedHeadsChoice, computesTheFewestRows) {
  Compiled &compiled = Compiled::of(example("dense", "f32", 64), "host", 8);
  ASSERT_TRUE(compiled.ok);
  EXPECT_EQ(entryOf(compiled, {1, 8, 1, 1, 20}), "dense_packed_8x2");
  EXPECT_EQ(entryOf(compiled, {1, 8, 1, 2, 20}), "dense_packed_8x2");
  EXPECT_EQ(entryOf(compiled, {1, 8, 1, 8, 20}), "dense_packed_8x8");
  EXPECT_EQ(entryOf(compiled, {1, 8, 1, 64, 20}), "dense");
  // Two of eight rows are there: one head a tile of 64 rows would still be more.
  EXPECT_EQ(entryOf(compiled, {1, 2, 1, 1, 20}), "dense_packed_8x2");
  EXPECT_EQ(entryOf(compiled, {1, 2, 1, 100, 20}), "dense");
}

TEST(PackedHeadsChoice, needsNumbersOfEachHead) {
  Compiled &compiled = Compiled::of(example("dense", "f32", 64), "host", 8);
  ASSERT_TRUE(compiled.ok);
  auto inputs = makeInputs(compiled.info, Shape{1, 8, 2, 1, 20});
  auto values = makeInputs(compiled.info, Shape{1, 8, 4, 1, 20});
  EXPECT_EQ(launchedEntry(compiled, inputs, "host"), "dense_packed_8x2");
  // Groups of four heads for the keys, pairs for the values: tiles have pairs.
  inputs[2] = values[2];
  EXPECT_EQ(launchedEntry(compiled, inputs, "host"), "dense_packed_8x2");
  expectAgreement(compiled, inputs, launch(compiled, inputs));
  std::swap(inputs[1], inputs[2]);
  EXPECT_EQ(launchedEntry(compiled, inputs, "host"), "dense_packed_8x2");
  expectAgreement(compiled, inputs, launch(compiled, inputs));
  // Twelve heads: groups of three for the values, of two for the keys, and no group has one of each.
  inputs = makeInputs(compiled.info, Shape{1, 12, 4, 1, 20});
  inputs[1] = makeInputs(compiled.info, Shape{1, 12, 6, 1, 20})[1];
  EXPECT_EQ(launchedEntry(compiled, inputs, "host"), "dense");
  expectAgreement(compiled, inputs, launch(compiled, inputs));
}

TEST(PackedHeadsChoice, leavesMasksOfHeadsAlone) {
  Compiled &compiled = Compiled::of(example("masks/head-windows", "bf16", 64), "host", 8);
  ASSERT_TRUE(compiled.ok);
  for (const auto &variant : compiled.info.variants)
    EXPECT_TRUE(variant.instead.empty());
}

TEST(PackedHeadsChoice, emptyProblems) {
  Compiled &compiled = Compiled::of(example("causal", "bf16", 64), "host", 8);
  ASSERT_TRUE(compiled.ok);
  for (const Shape &shape : {Shape{1, 8, 1, 0, 20}, Shape{1, 8, 1, 3, 0}}) {
    auto inputs = makeInputs(compiled.info, shape);
    expectAgreement(compiled, inputs, launch(compiled, inputs));
  }
}

} // namespace
