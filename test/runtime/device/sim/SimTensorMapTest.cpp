// SPDX-License-Identifier: Apache-2.0
// Which layouts of a tensor does a kernel see right through a tensor map, and which are refused?
#include "test/runtime/device/CopyTokens.h"

using namespace attune;
using namespace attune::testing;

namespace {

/// x as some strides have it, and a dense o.
struct Layout {
  Layout(Device &device, std::vector<int64_t> sizes, std::vector<int64_t> xStrides,
         size_t bytesIn = 0)
      : shape(std::move(sizes)), strides(std::move(xStrides)), numbers(8192),
        x(device.allocate(numbers.size() * sizeof(float) + bytesIn)),
        o(device.allocate(size_t(count()) * sizeof(float))),
        xView(static_cast<char *>(x.data()) + bytesIn, device.dlpack(), float32, shape, strides),
        oView(o.data(), device.dlpack(), float32, shape) {
    std::iota(numbers.begin(), numbers.end(), 1.0f);
    if (bytesIn == 0)
      x.copyFrom(numbers.data());
  }
  int64_t count() const { return shape[0] * shape[1] * shape[2] * shape[3]; }

  void run(Device &device) {
    Kernel(device, openBundle(copyBundle()), "copy_tokens")
        .launch({Argument(xView), Argument(oView)});
  }

  void expectRight() {
    std::vector<float> copied(static_cast<size_t>(count()));
    o.copyTo(copied.data());
    for (int64_t i = 0; i < count(); ++i) {
      int64_t at = 0, rest = i;
      for (size_t dim = 4; dim-- > 0; rest /= shape[dim])
        at += rest % shape[dim] * strides[dim];
      ASSERT_EQ(copied[size_t(i)], numbers[size_t(at)]) << "element " << i;
    }
  }

  std::vector<int64_t> shape, strides;
  std::vector<float> numbers;
  Memory x, o;
  TensorView xView, oView;
};

TEST(SimTensorMap, LayoutsThatAKernelReads) {
  struct {
    const char *what;
    std::vector<int64_t> shape, strides;
  } layouts[] = {
      {"tokens before heads", {2, 3, 10, 32}, {960, 32, 96, 1}},
      {"one head for all", {2, 3, 10, 32}, {320, 0, 32, 1}},
      {"one sequence for all", {2, 3, 10, 32}, {0, 320, 32, 1}},
      {"one token for all", {2, 3, 10, 32}, {96, 32, 0, 1}},
      {"a gap behind each token", {2, 3, 10, 32}, {1200, 400, 40, 1}},
      {"fewer tokens than the box", {2, 3, 3, 32}, {288, 96, 32, 1}},
      {"one token of one head", {1, 1, 1, 32}, {7, 7, 7, 1}},
  };
  Device device("sim");
  for (const auto &[what, shape, strides] : layouts) {
    SCOPED_TRACE(what);
    Layout layout(device, shape, strides);
    layout.run(device);
    layout.expectRight();
    EXPECT_EQ(device.simulatorReport().errors, 0u);
  }
}

TEST(SimTensorMap, OfAWorkspace) {
  Device device("sim");
  CopyProblem problem(device);
  Kernel(device, openBundle(copyTwiceBundle()), "copy_tokens").launch(problem.arguments());
  EXPECT_EQ(problem.result(), problem.numbers);
  EXPECT_EQ(device.simulatorReport().errors, 0u);
}

TEST(SimTensorMap, OfAWorkspaceWhoseRowsNoMapHas) {
  Device device("sim");
  CopyProblem problem(device);
  // As many numbers as there are heads.
  bundle::Bundle narrow = copyTwiceBundle(bundle::Expression::size("x", 1));
  Kernel kernel(device, openBundle(narrow), "copy_tokens");
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'copy_tokens': expected the innermost dimension of workspace 'w', which has a "
            "tensor map, to take a multiple of 16 bytes, but got 12");
}

TEST(SimTensorMap, LayoutsThatNoMapHas) {
  Device device("sim");
  auto message = [&](std::vector<int64_t> strides, size_t bytesIn = 0) {
    Layout layout(device, {2, 3, 10, 32}, std::move(strides), bytesIn);
    return messageOf([&] { layout.run(device); }, ATTUNE_INVALID_ARGUMENT);
  };
  EXPECT_EQ(
      message({1020, 340, 34, 1}),
      "kernel 'copy_tokens': operand 'x': expected the stride of dimension 2 to be a multiple "
      "of 16 bytes, but got 34 elements of 4 bytes");
  EXPECT_EQ(message({960, 320, 1, 10}),
            "kernel 'copy_tokens': operand 'x': expected stride 1 in dimension 3 (contiguous), but "
            "got 10; make a contiguous copy of it");
  EXPECT_EQ(
      message({int64_t(1) << 38, 320, 32, 1}),
      "kernel 'copy_tokens': operand 'x': expected strides of at least 0 and below 2^40 bytes, "
      "but dimension 0 has 274877906944 elements; make a contiguous copy of it");
  EXPECT_EQ(message({960, 320, 32, 1}, 8),
            "kernel 'copy_tokens': operand 'x': expected data aligned to 16 bytes, but its address "
            "is 8 bytes past a multiple of it");
}

} // namespace
