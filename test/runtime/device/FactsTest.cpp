// SPDX-License-Identifier: Apache-2.0
// Does a simulated device see that integers are not as the kernel says, and only there?
#include "test/runtime/device/TileSums.h"

using namespace attune;
using namespace attune::testing;
using bundle::BlobFormat;

namespace {

/// The kernel of TileSums.h, which says more of its numbers.
class Facts : public ::testing::Test {
protected:
  Device device{"sim"};

  static bundle::Bundle contents(bundle::OperandInfo n) {
    bundle::Bundle result = tileSums(BlobFormat::Ptx, tileSumsPtx);
    result.manifest.kernels[0].operands[0] = n;
    return result;
  }
  static bundle::OperandInfo numbers(bundle::ElementType type = bundle::ElementType::I32,
                                     size_t rank = 1) {
    return {"n", bundle::OperandRole::Table, "", type,
            std::vector<int64_t>(rank, bundle::dynamicSize)};
  }

  /// What the check of a launch says when n is these numbers; "" when it has nothing to say.
  template <typename T>
  std::string verdict(const bundle::OperandInfo &n, const std::vector<T> &values,
                      std::vector<int64_t> shape = {}, std::vector<int64_t> strides = {}) {
    bundle::Bundle bundle = contents(n);
    // Strides are read where the code asks for them; what runs does not matter to the check.
    bundle::Variant &pass = bundle.manifest.kernels[0].variants[0].before[0];
    for (size_t dim = 0; dim < n.shape.size(); ++dim)
      pass.parameters.push_back(bundle::Parameter::stride("n", int64_t(dim)));
    Kernel kernel(device, openBundle(bundle), "tiles");
    TileSumsProblem problem(device);
    Memory memory = device.allocate(std::max<size_t>(values.size(), 1) * sizeof(T));
    if (!values.empty())
      memory.copyFrom(values.data());
    if (shape.empty())
      shape = {int64_t(values.size())};
    bool isTruth = n.dtype == bundle::ElementType::I1;
    TensorView view(memory.data(), device.dlpack(),
                    {uint8_t(isTruth ? kDLUInt : kDLInt), uint8_t(8 * sizeof(T)), 1}, shape,
                    strides);
    std::vector<Argument> arguments = {Argument(view), int64_t(4), Argument(problem.oView)};
    attune_status status = attune_kernel_check(kernel.get(), &arguments[0].get(), arguments.size());
    return status == ATTUNE_OK ? "" : attune_last_message();
  }
};

const std::string expected = "kernel 'tiles': operand 'n': expected ";

TEST_F(Facts, Sorted) {
  bundle::OperandInfo n = numbers();
  n.sorted = true;
  EXPECT_EQ(verdict<int32_t>(n, {-3, -3, 0, 7, 7}), "");
  EXPECT_EQ(verdict<int32_t>(n, {}), "");
  EXPECT_EQ(verdict<int32_t>(n, {1, 5, 4, 3}),
            expected + "sorted numbers (its attribute attn.sorted), but got 4 after 5 at index 2");
}

TEST_F(Facts, Contiguous) {
  bundle::OperandInfo n = numbers();
  n.contiguous = true;
  EXPECT_EQ(verdict<int32_t>(n, {5, 5, -1, 9, 9, 2}), "");
  EXPECT_EQ(verdict<int32_t>(n, {5, 5, -1, 9, 5, 2}),
            expected + "equal numbers to be adjacent (its attribute attn.contiguous), but got 5 "
                       "again at index 4");
}

TEST_F(Facts, Range) {
  bundle::OperandInfo n = numbers();
  n.range = {-2, 6};
  EXPECT_EQ(verdict<int32_t>(n, {-2, 6, 0}), "");
  EXPECT_EQ(verdict<int32_t>(n, {0, 7}),
            expected + "numbers from -2 to 6 (its attribute attn.range), but got 7 at index 1");
  EXPECT_EQ(verdict<int32_t>(n, {-3}),
            expected + "numbers from -2 to 6 (its attribute attn.range), but got -3 at index 0");
}

TEST_F(Facts, EveryTypeOfInteger) {
  auto ranged = [](bundle::ElementType type, int64_t low, int64_t high) {
    bundle::OperandInfo n = numbers(type);
    n.range = {low, high};
    return n;
  };
  using bundle::ElementType;
  const std::string got = "but got ";
  EXPECT_EQ(verdict<int64_t>(ranged(ElementType::I64, INT64_MIN, -1), {INT64_MIN, -1}), "");
  EXPECT_NE(verdict<int64_t>(ranged(ElementType::Index, 0, INT64_MAX - 1), {INT64_MAX})
                .find(got + "9223372036854775807"),
            std::string::npos);
  EXPECT_NE(verdict<int32_t>(ranged(ElementType::I32, 0, 9), {INT32_MIN}).find(got + "-2147483648"),
            std::string::npos);
  EXPECT_NE(verdict<int8_t>(ranged(ElementType::I8, 0, 127), {127, -128}).find(got + "-128"),
            std::string::npos);
  EXPECT_NE(verdict<uint8_t>(ranged(ElementType::I1, 0, 0), {0, 1}).find(got + "1 at index 1"),
            std::string::npos);
}

TEST_F(Facts, EachRunAlongTheLastDimension) {
  bundle::OperandInfo n = numbers(bundle::ElementType::I32, 2);
  n.sorted = n.contiguous = true;
  EXPECT_EQ(verdict<int32_t>(n, {4, 5, 6, 1, 2, 3}, {2, 3}), "");
  EXPECT_EQ(verdict<int32_t>(n, {4, 5, 6, 1, 3, 2}, {2, 3}),
            expected + "sorted numbers (its attribute attn.sorted), but got 2 after 3 at index 2");
}

TEST_F(Facts, Strides) {
  bundle::OperandInfo n = numbers(bundle::ElementType::I32, 2);
  n.sorted = true;
  // The columns of a 3x2 matrix are the runs; and every other number of one run.
  EXPECT_EQ(verdict<int32_t>(n, {1, 9, 2, 10, 3, 11}, {2, 3}, {1, 2}), "");
  EXPECT_EQ(verdict<int32_t>(n, {1, 2, 3, 4, 5, 0}, {2, 3}, {1, 2}),
            expected + "sorted numbers (its attribute attn.sorted), but got 0 after 4 at index 2");
  EXPECT_EQ(verdict<int32_t>(n, {1, 0, 2, 0, 3}, {1, 3}, {6, 2}), "");
}

TEST_F(Facts, TokensAreTheRunsOfRowsAndCols) {
  bundle::OperandInfo n = {"n",
                           bundle::OperandRole::Cols,
                           "k",
                           bundle::ElementType::I32,
                           {bundle::dynamicSize, bundle::dynamicSize, bundle::dynamicSize, 2}};
  n.sorted = true;
  // Of two tokens the first numbers are 1 and 3, the second ones 2 and 4.
  EXPECT_EQ(verdict<int32_t>(n, {1, 2, 3, 4}, {1, 1, 2, 2}), "");
  EXPECT_EQ(verdict<int32_t>(n, {3, 1, 4, 2}, {1, 1, 2, 2}), "");
  EXPECT_EQ(verdict<int32_t>(n, {3, 9, 4, 8}, {1, 1, 2, 2}),
            expected + "sorted numbers (its attribute attn.sorted), but got 8 after 9 at index 1");
}

TEST_F(Facts, LaunchIsRefusedAndNothingRuns) {
  bundle::OperandInfo n = numbers();
  n.range = {1, 9};
  Kernel kernel(device, openBundle(contents(n)), "tiles");
  TileSumsProblem problem(device);
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            expected + "numbers from 1 to 9 (its attribute attn.range), but got 10 at index 9");
  device.configureSimulator("checks=off");
  kernel.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Facts, HostDoesNotReadThem) {
  bundle::Bundle bundle = tileSums(BlobFormat::Elf, readAll(ATTUNE_TILE_SUMS_KERNEL));
  bundle.manifest.kernels[0].operands[0].range = {1, 9};
  Device host("host:1");
  Kernel kernel(host, openBundle(bundle), "tiles");
  TileSumsProblem problem(host);
  kernel.launch(problem.arguments());
  problem.expectRight();
}

} // namespace
