// SPDX-License-Identifier: Apache-2.0
// What happens at the edges: nothing to do, nothing visible, NaN, layouts, long sequences, and
// arguments that do not fit?
#include "test/e2e/Harness.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace attune::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string causal(const std::string &element = "f32") { return example("causal", element, 64); }

TEST(Edges, noQueries) {
  Shape shape;
  shape.queries = 0;
  expectRight(causal(), shape);
}

TEST(Edges, noKeys) {
  Shape shape;
  shape.keys = 0;
  for (const char *element : {"f32", "bf16"}) {
    Compiled &compiled = Compiled::of(causal(element));
    ASSERT_TRUE(compiled.ok);
    auto inputs = makeInputs(compiled.info, shape);
    auto results = launch(compiled, inputs);
    expectAgreement(compiled, inputs, results);
    EXPECT_EQ(results[0].real(0), 0);
    EXPECT_EQ(results[1].real(0), -infinity);
  }
}

TEST(Edges, rowsThatSeeNothingAreZero) {
  Shape shape;
  shape.queries = shape.keys = 150;
  for (int64_t offset : {-1, -70, -150, -1000})
    for (const char *element : {"f32", "bf16"})
      expectRight(example("causal-offset", element, 64), shape, {offset});
}

TEST(Edges, offsetsBeyondTheKeysShowEverything) {
  Shape shape;
  shape.queries = 40;
  shape.keys = 150;
  for (int64_t offset : {0, 110, 111, 149, 1000000000})
    expectRight(example("causal-offset", "f32", 64), shape, {offset});
}

TEST(Edges, windowsOfEveryWidth) {
  Shape shape;
  shape.queries = shape.keys = 200;
  for (int64_t width : {0, 1, 31, 32, 63, 64, 65, 199, 200, 100000})
    expectRight(example("sliding-window", "bf16", 64), shape, {width});
  expectRight(example("sliding-window", "bf16", 64), shape, {int64_t(-1)}); // nothing is visible
}

TEST(Edges, lengthsAroundTheTileSizes) {
  for (int64_t queries : {2, 31, 32, 33, 63, 64, 65, 127, 129})
    for (int64_t keys : {2, 63, 64, 65, 127, 129, 257}) {
      SCOPED_TRACE(std::to_string(queries) + " queries, " + std::to_string(keys) + " keys");
      Shape shape;
      shape.heads = shape.kvHeads = 1;
      shape.queries = queries;
      shape.keys = keys;
      expectRight(causal(), shape);
      expectRight(example("dense", "bf16", 64), shape);
    }
}

/// Sets the first number of a token of head 0.
void poke(std::vector<Argument> &inputs, size_t operand, int64_t token, double value) {
  Tensor &tensor = std::get<Tensor>(inputs[operand]);
  tensor.set(token * tensor.strides[2], value);
}

/// Causal attention over 100 tokens with a NaN in token 40 of an operand.
void expectNanAsInTheReference(const std::string &element, size_t operand) {
  SCOPED_TRACE(element + " operand " + std::to_string(operand));
  Compiled &compiled = Compiled::of(causal(element));
  ASSERT_TRUE(compiled.ok);
  Shape shape;
  shape.queries = shape.keys = 100;
  auto inputs = makeInputs(compiled.info, shape);
  poke(inputs, operand, 40, nan);
  auto results = launch(compiled, inputs);
  expectAgreement(compiled, inputs, results);
  EXPECT_FALSE(std::isnan(at(results[0], {0, 0, 39, 0})));
  EXPECT_TRUE(std::isnan(at(results[0], {0, 0, 40, 0})));
  EXPECT_FALSE(std::isnan(at(results[0], {0, 1, 99, 0})));
}

TEST(Edges, nanInQueriesAndKeysPropagatesAsInTheReference) {
  for (const char *element : {"f32", "bf16"})
    for (size_t operand : {0, 1})
      expectNanAsInTheReference(element, operand);
}

// Tile programs give hidden pairs of a visited tile weight 0: 0 times NaN must not be NaN there.
TEST(Edges, nanInHiddenValuesIsLeftOut) {
  for (const char *element : {"f32", "bf16"})
    expectNanAsInTheReference(element, 2);
}

TEST(Edges, nanInValuesReachesEveryRowThatSeesIt) {
  for (const char *element : {"f32", "bf16"}) {
    Compiled &compiled = Compiled::of(causal(element));
    ASSERT_TRUE(compiled.ok);
    Shape shape;
    shape.queries = shape.keys = 300;
    auto inputs = makeInputs(compiled.info, shape);
    poke(inputs, 2, 40, nan);
    auto results = launch(compiled, inputs);
    for (int64_t i = 40; i < 300; ++i)
      EXPECT_TRUE(std::isnan(at(results[0], {0, 0, i, 0}))) << i;
    for (int64_t i = 0; i < 300; ++i) {
      EXPECT_FALSE(std::isnan(at(results[0], {0, 0, i, 1}))) << i; // another number of the token
      EXPECT_FALSE(std::isnan(at(results[0], {0, 1, i, 0}))) << i; // another head
    }
  }
}

TEST(Edges, nanInSigmoidWeights) {
  Shape shape;
  shape.queries = shape.keys = 70;
  Compiled &compiled = Compiled::of(example("sigmoid", "f32", 64));
  ASSERT_TRUE(compiled.ok);
  auto inputs = makeInputs(compiled.info, shape, {-2.0});
  poke(inputs, 0, 3, nan);
  expectAgreement(compiled, inputs, launch(compiled, inputs));
}

TEST(Edges, visibleMinusInfinityHasNoWeight) {
  Shape shape;
  shape.queries = 33;
  shape.keys = 150;
  for (const char *element : {"f32", "bf16"}) {
    Compiled &compiled = Compiled::of(example("key-bias", element, 64));
    ASSERT_TRUE(compiled.ok);
    auto inputs = makeInputs(compiled.info, shape);
    Tensor &bias = std::get<Tensor>(inputs[3]); // (1, 2, 150)
    for (int64_t j = 0; j < 150; ++j) {
      if (j < 100) // whole tiles at the beginning
        bias.set(j, -infinity);
      bias.set(150 + j, -infinity); // all of head 1: its rows count as empty
    }
    auto results = launch(compiled, inputs);
    expectAgreement(compiled, inputs, results);
    EXPECT_EQ(at(results[0], {0, 1, 0, 0}), 0);
  }
}

TEST(Edges, oneQueryAndManyKeys) {
  Shape shape;
  shape.queries = 1;
  shape.keys = 131072;
  shape.heads = 2;
  shape.kvHeads = 1;
  expectRight(example("cross-attention", "bf16", 64), shape);
}

TEST(Edges, oneSequenceOfKeysForSeveralOfQueries) {
  Compiled &compiled = Compiled::of(example("dense", "f32", 64));
  ASSERT_TRUE(compiled.ok);
  Shape three, one;
  three.batch = 3;
  three.queries = three.keys = one.queries = one.keys = 50;
  auto inputs = makeInputs(compiled.info, three), single = makeInputs(compiled.info, one);
  inputs[1] = single[1];
  inputs[2] = single[2];
  expectAgreement(compiled, inputs, launch(compiled, inputs));
}

TEST(Edges, valuesMayHaveHeadsOfTheirOwn) {
  Compiled &compiled = Compiled::of(example("dense", "f32", 64));
  ASSERT_TRUE(compiled.ok);
  Shape shape, values;
  shape.heads = 8;
  shape.kvHeads = 2;
  values.kvHeads = 4;
  auto inputs = makeInputs(compiled.info, shape);
  inputs[2] = makeInputs(compiled.info, values)[2];
  expectAgreement(compiled, inputs, launch(compiled, inputs));
}

TEST(Edges, headsMayLieInsideTokens) {
  for (const char *element : {"f32", "bf16"}) {
    Compiled &compiled = Compiled::of(causal(element));
    ASSERT_TRUE(compiled.ok);
    Shape shape;
    shape.batch = 2;
    shape.queries = shape.keys = 70;
    auto inputs = makeInputs(compiled.info, shape);
    auto plain = launch(compiled, inputs);
    for (Argument &input : inputs) {
      const Tensor &from = std::get<Tensor>(input);
      Tensor moved = Tensor::zeros(from.type, {from.shape[0], from.shape[2], from.shape[1], 64});
      std::swap(moved.shape[1], moved.shape[2]);
      std::swap(moved.strides[1], moved.strides[2]);
      for (int64_t b = 0; b < from.shape[0]; ++b)
        for (int64_t h = 0; h < from.shape[1]; ++h)
          for (int64_t n = 0; n < from.shape[2]; ++n)
            for (int64_t t = 0; t < 64; ++t) {
              int64_t indices[] = {b, h, n, t};
              moved.set(moved.offset(indices), from.real(from.offset(indices)));
            }
      input = moved;
    }
    auto results = launch(compiled, inputs);
    EXPECT_EQ(std::memcmp(results[0].data.get(), plain[0].data.get(),
                          size_t(plain[0].numElements() * byteSize(plain[0].type))),
              0);
  }
}

TEST(Edges, everyRunOnEveryNumberOfThreadsGivesTheSameBits) {
  Compiled &compiled = Compiled::of(causal("bf16"));
  ASSERT_TRUE(compiled.ok);
  Shape shape;
  shape.heads = shape.kvHeads = 4;
  shape.queries = shape.keys = 300;
  auto inputs = makeInputs(compiled.info, shape);
  auto first = launch(compiled, inputs, "host:1");
  for (const char *device : {"host:1", "host:2", "host:5", "host"}) {
    auto again = launch(compiled, inputs, device);
    for (size_t i = 0; i < first.size(); ++i)
      EXPECT_EQ(std::memcmp(first[i].data.get(), again[i].data.get(),
                            size_t(first[i].numElements() * byteSize(first[i].type))),
                0)
          << device;
  }
}

/// The message of a launch that must not happen.
std::string launchFailure(const std::vector<Argument> &inputs) {
  Compiled &compiled = Compiled::of(causal());
  EXPECT_TRUE(compiled.ok);
  try {
    launch(compiled, inputs);
  } catch (const attune::Error &error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

std::vector<Argument> causalInputs() { return makeInputs(Compiled::of(causal()).info, Shape()); }

TEST(Misfits, headsThatDoNotDivide) {
  auto inputs = causalInputs();
  inputs[0] = Tensor::zeros(ElementType::F32, {1, 8, 17, 64});
  inputs[1] = Tensor::zeros(ElementType::F32, {1, 3, 17, 64});
  EXPECT_NE(launchFailure(inputs).find("'k'"), std::string::npos) << launchFailure(inputs);
}

TEST(Misfits, wrongTypeRankSizeAndLength) {
  for (Tensor wrong : {Tensor::zeros(ElementType::BF16, {1, 2, 17, 64}),
                       Tensor::zeros(ElementType::F32, {2, 17, 64}),
                       Tensor::zeros(ElementType::F32, {1, 2, 17, 32}),
                       Tensor::zeros(ElementType::F32, {1, 2, 19, 64})}) {
    auto inputs = causalInputs();
    inputs[2] = wrong;
    EXPECT_NE(launchFailure(inputs).find("'v'"), std::string::npos) << launchFailure(inputs);
  }
}

TEST(Misfits, numbersOfATokenThatAreNotAdjacent) {
  auto inputs = causalInputs();
  Tensor wide = Tensor::zeros(ElementType::F32, {1, 2, 17, 128});
  wide.shape[3] = 64;
  wide.strides[3] = 2;
  inputs[1] = wide;
  EXPECT_NE(launchFailure(inputs).find("'k'"), std::string::npos) << launchFailure(inputs);
}

} // namespace
