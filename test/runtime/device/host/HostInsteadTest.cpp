// SPDX-License-Identifier: Apache-2.0
// A variant has code that may be launched instead: when is it, and what does a launch refuse?
#include "test/runtime/device/ScaleAdd.h"

using namespace attune;
using namespace attune::testing;
using bundle::BlobFormat;
using bundle::Expression;

namespace {

/// The variant has blocks of 4 rows; instead of it there are such of 2, where there are 2 heads of keys, and of
/// 8 rows. All of them run the same code, which does 4 rows in a block.
bundle::Bundle withChoices() {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(readAll(ATTUNE_TEST_KERNEL));
  bundle::Variant variant = scaleAddVariant("x86-64", BlobFormat::Elf);
  auto make = [&](int64_t rows, const char *name) {
    bundle::Variant other = variant;
    other.rows = rows;
    other.tool = name;
    return other;
  };
  bundle::Variant few = make(2, "few");
  few.when = {
      {Expression::binary(Expression::Kind::Eq, Expression::size("b", 1), Expression::constant(2)),
       "heads of b == 2"}};
  variant = make(4, "plain");
  variant.instead = {make(8, "many"), few};
  contents.manifest.kernels[0].variants = {variant};
  return contents;
}

std::string chosen(const Kernel &kernel, const ScaleAddProblem &problem) {
  return kernel.variantFor(problem.arguments()).tool;
}

TEST(HostInstead, FewestRowsOfWhatTheSizesAllow) {
  Device device("host:2");
  Kernel kernel(device, openBundle(withChoices()), "scale_add");
  EXPECT_EQ(kernel.variant().tool, "plain");
  EXPECT_EQ(chosen(kernel, {2, 4, 10, 3, 2}), "few");
  EXPECT_EQ(chosen(kernel, {2, 4, 10, 3, 4}), "plain");
  EXPECT_EQ(chosen(kernel, {2, 4, 10, 3, 1}), "plain");
}

TEST(HostInstead, TheVariantWhereOthersHaveNoFewer) {
  bundle::Bundle contents = withChoices();
  for (bundle::Variant &other : contents.manifest.kernels[0].variants[0].instead)
    other.rows = 4;
  Device device("host:2");
  EXPECT_EQ(chosen(Kernel(device, openBundle(contents), "scale_add"), {}), "plain");
}

TEST(HostInstead, FewestPairsWhereKeysCount) {
  bundle::Bundle contents = withChoices();
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant.keys = Expression::size("b", 2);
  variant.instead[0].keys = Expression::constant(3);
  variant.instead[1].keys = variant.keys;
  Device device("host:2");
  Kernel kernel(device, openBundle(contents), "scale_add");
  // 4 rows of so many keys against 8 rows of 3.
  EXPECT_EQ(chosen(kernel, {2, 4, 10, 6, 4}), "plain");
  EXPECT_EQ(chosen(kernel, {2, 4, 10, 7, 4}), "many");
}

TEST(HostInstead, WhatIsChosenIsLaunched) {
  bundle::Bundle contents = withChoices();
  // The variant itself would leave rows out.
  contents.manifest.kernels[0].variants[0].grid[0] = Expression::constant(1);
  contents.manifest.kernels[0].variants[0].rows = 1000;
  Device device("host:2");
  Kernel kernel(device, openBundle(contents), "scale_add");
  ScaleAddProblem problem(2, 4, 30, 3, 2);
  kernel.launch(problem.arguments());
  problem.expectRight();
  ScaleAddProblem empty(2, 4, 0, 3, 2);
  kernel.launch(empty.arguments());
}

TEST(HostInstead, CountsThatOverflow) {
  bundle::Bundle contents = withChoices();
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant.instead[1].grid.fill(Expression::constant(INT32_MAX));
  Device device("host:2");
  EXPECT_EQ(chosen(Kernel(device, openBundle(contents), "scale_add"), {}), "plain");
}

TEST(HostInstead, AVariantWithConditionsOfItsOwn) {
  bundle::Bundle contents = withChoices();
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant = bundle::Variant(variant.instead[1]);
  Device device("host:2");
  Kernel kernel(device, openBundle(contents), "scale_add");
  ScaleAddProblem fits(2, 4, 10, 3, 2), other(2, 4, 10, 3, 4);
  kernel.check(fits.arguments());
  EXPECT_EQ(messageOf([&] { kernel.launch(other.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': the code for x86-64 cannot run this: expected 'heads of b == 2', "
            "but dimension 1 of b is 4");
}

TEST(HostInstead, ArgumentsAreCheckedFirst) {
  Device device("host:2");
  Kernel kernel(device, openBundle(withChoices()), "scale_add");
  ScaleAddProblem problem;
  EXPECT_EQ(messageOf([&] { kernel.variantFor({}); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected 6 arguments (a, b, t, s, w, o), but got 0");
  EXPECT_EQ(attune_kernel_variant_for(kernel.get(), nullptr, 6, nullptr), ATTUNE_INVALID_ARGUMENT);
}

} // namespace
