// SPDX-License-Identifier: Apache-2.0
// Do a block's threads write tokens number by number as their kernels say, and nothing else?
#include "test/compiler/target/ElementsText.h"
#include "test/compiler/target/nvptx/KernelRunner.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Sample {
  ElementsShape shape;
  int64_t tokens, components;
};

double toleranceOf(const std::string &type) {
  return type == "bf16" ? 1e-2 : type == "f16" ? 2e-3 : type == "f32" ? 2e-5 : 0;
}

/// Bytes of memory as numbers of a type.
struct Memory {
  std::string type;
  std::vector<uint8_t> bytes;

  Memory(const std::string &type, int64_t count, double value) : type(type) {
    bytes.resize(count * width());
    for (int64_t index = 0; index < count; ++index)
      set(index, value);
  }
  int64_t width() const {
    return type == "i64" ? 8 : type == "i1" ? 1 : type == "bf16" || type == "f16" ? 2 : 4;
  }
  Number half() const { return type == "bf16" ? Number::BF16 : Number::F16; }
  template <typename T> T as(int64_t index) const {
    T value;
    std::memcpy(&value, &bytes[index * sizeof(T)], sizeof(T));
    return value;
  }
  template <typename T> void put(int64_t index, T value) {
    std::memcpy(&bytes[index * sizeof(T)], &value, sizeof(T));
  }
  double get(int64_t index) const {
    return type == "f32"   ? as<float>(index)
           : type == "i32" ? as<int32_t>(index)
           : type == "i64" ? double(as<int64_t>(index))
           : type == "i1"  ? as<uint8_t>(index)
                           : reference::decodeHalf(half(), as<uint16_t>(index));
  }
  void set(int64_t index, double value) {
    if (type == "f32")
      put(index, float(value));
    else if (type == "i32")
      put(index, int32_t(value));
    else if (type == "i64")
      put(index, int64_t(value));
    else if (type == "i1")
      put(index, uint8_t(value));
    else
      put(index, reference::encodeHalf(half(), reference::roundTo(half(), float(value))));
  }
};

class ElementsKernelTest : public testing::TestWithParam<ElementsKernel> {};

/// Sizes (those that are not part of the types), then strides, as the kernel takes them.
void addSizes(Launch &launch, const std::vector<int64_t> &sizes,
              const std::vector<int64_t> &strides, const ElementsShape &shape) {
  for (size_t dim = 0; dim < sizes.size(); ++dim)
    if (dim < 3 || shape.components == "?")
      launch.add(sizes[dim]);
  for (size_t dim = 0; dim < strides.size(); ++dim)
    if (dim < 3 || shape.step == "?")
      launch.add(strides[dim]);
}

void check(const ElementsKernel &kernel, const Sample &sample) {
  constexpr int64_t batches = 2, heads = 2;
  constexpr double untouched = 77;
  constexpr float scalar = 1.5;
  std::string text = elementsText(kernel, sample.shape);
  SCOPED_TRACE(text);
  PtxCode code = compileText(text);
  ASSERT_FALSE(code.text.empty());
  int64_t step = sample.shape.step == "1" ? 1 : 3, tokens = sample.tokens;
  int64_t components = sample.components, room = components * step + 2;
  Memory x(sample.shape.type, batches * heads * tokens * room, 99);
  std::vector<int64_t> sizes = {batches, heads, tokens, components};
  std::vector<int64_t> strides = {heads * tokens * room, room, heads * room, step};
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  auto placeOf = [&](int64_t b, int64_t h, int64_t n, int64_t c) {
    return b * strides[0] + h * strides[1] + n * strides[2] + c * step;
  };
  for (int64_t place = 0; place < batches * heads * tokens; ++place)
    for (int64_t c = 0; c < components; ++c)
      x.set(place * room + c * step, normal(random));
  std::vector<int64_t> resultSizes = sizes, resultStrides = strides;
  if (kernel.hasScalars) {
    resultSizes.pop_back();
    resultStrides.pop_back();
  }
  std::string result = kernel.result ? kernel.result : sample.shape.type;
  Memory o(result, batches * heads * tokens * room, untouched);
  Launch launch;
  launch.addMemory(x.bytes.data(), x.bytes.size());
  addSizes(launch, sizes, strides, sample.shape);
  launch.add(scalar);
  launch.addMemory(o.bytes.data(), o.bytes.size());
  addSizes(launch, resultSizes, resultStrides, sample.shape);
  int64_t tiles = (tokens + sample.shape.queries - 1) / sample.shape.queries;
  std::array<uint32_t, 3> grid{uint32_t(tiles), heads, batches};
  ASSERT_NO_FATAL_FAILURE(launch.run(code, grid, sim::Options()));
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t n = 0; n < tokens; ++n) {
        auto read = [&](int64_t token, int64_t component) {
          bool exists = token >= 0 && token < tokens && component >= 0 && component < components;
          return exists ? signOf(sample.shape) * x.get(placeOf(b, h, token, component)) : 0.0;
        };
        int64_t width = kernel.hasScalars ? 1 : components;
        for (int64_t c = 0; c < width; ++c) {
          double want = kernel.expected(read, n, c, components, scalar);
          double tolerance = toleranceOf(result) * std::max(1.0, std::abs(want));
          ASSERT_NEAR(o.get(placeOf(b, h, n, c)), want, tolerance)
              << b << " " << h << " " << n << " " << c;
          o.set(placeOf(b, h, n, c), untouched);
        }
      }
  for (int64_t place = 0; place < batches * heads * tokens * room; ++place)
    ASSERT_EQ(o.get(place), untouched) << "between the results, at " << place;
}

TEST_P(ElementsKernelTest, ComputesEveryNumber) {
  for (const Sample &sample : std::vector<Sample>{
           {{.type = "f32", .components = "64"}, 70, 64},
           {{.type = "bf16", .components = "?", .queries = 16, .threads = 128}, 19, 40},
           {{.type = "f16", .components = "?", .queries = 1, .threads = 32}, 3, 5},
           {{.type = "f32", .components = "5"}, 70, 5},
           {{.type = "bf16", .components = "6", .queries = 16, .step = "?"}, 19, 6},
       })
    ASSERT_NO_FATAL_FAILURE(check(GetParam(), sample));
}

TEST_P(ElementsKernelTest, ComputesTokensOfOneNumber) {
  if (std::string(GetParam().name) == "rotate") // halves of one number
    return;
  for (const Sample &sample : std::vector<Sample>{
           {{.type = "f32", .components = "1"}, 70, 1},
           {{.type = "bf16", .components = "?"}, 20, 1},
       })
    ASSERT_NO_FATAL_FAILURE(check(GetParam(), sample));
}

/// There is no block for no tokens, but there may be no components.
TEST_P(ElementsKernelTest, WritesNothingWhereThereAreNoComponents) {
  if (!GetParam().hasScalars && std::string(GetParam().name) != "rotate") // halves of nothing
    ASSERT_NO_FATAL_FAILURE(check(GetParam(), {{.type = "f32", .components = "?"}, 20, 0}));
}

TEST_P(ElementsKernelTest, IsAcceptedByPtxas) {
  if (findPtxas().empty())
    GTEST_SKIP() << "there is no ptxas";
  for (const char *arch : {"sm_80", "sm_90a"}) {
    PtxCode code =
        compileText(elementsText(GetParam(), {.type = "bf16", .components = "64"}), arch);
    std::string error;
    EXPECT_TRUE(succeeded(assemblePtx(code.text, arch, error))) << error;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ElementsKernelTest, testing::ValuesIn(elementsKernels),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
