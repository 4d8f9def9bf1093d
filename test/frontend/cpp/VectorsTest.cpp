// SPDX-License-Identifier: Apache-2.0
// Are expressions of whole tokens what their formulas say: rotations, norms, additive scores?
#include "test/frontend/cpp/Harness.h"

using namespace attn;

namespace {

const Sizes ragged = {2, 4, 2, 37, 41, 16};

/// The token at `x` turned by RoPE's angles at `place`.
std::vector<float> rotated(const float *x, double place) {
  std::vector<float> turned(16);
  for (int64_t n = 0; n < 8; ++n) {
    double angle = place * std::pow(10000.0, -double(n) / 8);
    turned[size_t(n)] = float(x[n] * std::cos(angle) - x[n + 8] * std::sin(angle));
    turned[size_t(n + 8)] = float(x[n] * std::sin(angle) + x[n + 8] * std::cos(angle));
  }
  return turned;
}

/// Every token of `tokens`, `count` a head, replaced by what `change` makes of it at its place.
template <typename Change>
void changeAll(std::vector<float> &tokens, int64_t count, Change change) {
  for (size_t token = 0; token < tokens.size() / 16; ++token) {
    std::vector<float> changed = change(&tokens[token * 16], int64_t(token) % count);
    std::copy(changed.begin(), changed.end(), tokens.begin() + ptrdiff_t(token * 16));
  }
}

TEST(CppVectors, Rotary) {
  Scalar<int64_t> offset{"offset"};
  Attention kernel("rotary", {.headSize = 16});
  kernel.product(rotary(kernel.queries(), Dtype::f32, offset), rotary(kernel.keys(), Dtype::f32))
      .mask(causal(offset));
  Trial run(ragged);
  run.launch(kernel, {4});
  changeAll(run.q, 37, [](const float *x, int64_t n) { return rotated(x, double(n + 4)); });
  changeAll(run.k, 41, [](const float *x, int64_t n) { return rotated(x, double(n)); });
  run.expect({.mask = [](auto, auto, auto i, auto j) { return j <= i + 4; }});
}

TEST(CppVectors, Norms) {
  VectorTable<float, 0> gain("gain", 16);
  Attention kernel("norms", {.headSize = 16});
  kernel.product(mapRows(rmsNorm(kernel.queries(), gain()), Dtype::f32),
                 mapCols(rmsNorm(kernel.keys(), gain()), Dtype::f32));
  Trial run(ragged);
  std::vector<float> gains = randomFloats(16, 20);
  run.launch(kernel, {view(gains.data(), {16})});
  auto norm = [&](const float *x, int64_t) {
    double sum = 0;
    for (size_t n = 0; n < 16; ++n)
      sum += double(x[n]) * x[n];
    std::vector<float> changed(16);
    for (size_t n = 0; n < 16; ++n)
      changed[n] = float(x[n] / std::sqrt(sum / 16 + 1e-6) * gains[n]);
    return changed;
  };
  changeAll(run.q, 37, norm);
  changeAll(run.k, 41, norm);
  run.expect({});
}

TEST(CppVectors, AdditiveScoresAndAllOperators) {
  RowTokens q("q", 16, Dtype::f32);
  ColTokens k("k", 16, Dtype::f32), v("v", 16, Dtype::f32);
  VectorTable<float, 1> weight("weight", 16);
  Vector x = q, y = k;
  Number additive = sum(tanh(x + y) * weight(h));
  Number others = greatest(abs(x - y) / (1 + y * y)) + sum(max(2 - x, 1) / 4 * sqrt(exp(y))) -
                  sum(log(x * x + 1) - 3 * steps(16) / 100);
  Program program("additive");
  program.result("out", contract(softmax(map(additive + others)), v));
  Trial run({1, 2, 2, 9, 11, 16});
  std::vector<float> weights = randomFloats(2 * 16, 21);
  attune::Kernel loaded = load(program);
  run.launch(loaded, {view(weights.data(), {2, 16})});
  run.expect({.score = [&](double, auto, auto h, auto i, auto j) {
    const float *x = &run.q[size_t((h * 9 + i) * 16)], *y = &run.k[size_t((h * 11 + j) * 16)];
    double score = 0, most = 0;
    for (int64_t n = 0; n < 16; ++n) {
      double u = x[n], w = y[n];
      score += std::tanh(u + w) * double(weights[size_t(h * 16 + n)]);
      most = std::max(most, std::abs(u - w) / (1 + w * w));
      score += std::max(2 - u, 1.0) / 4 * std::sqrt(std::exp(w));
      score -= std::log(u * u + 1) - 3 * double(n) / 100;
    }
    return score + most;
  }});
}

TEST(CppVectors, SizesThatDoNotFit) {
  RowTokens q("q", 16, Dtype::f32);
  ColTokens k("k", 8, Dtype::f32);
  EXPECT_THROW(Vector(q) + k, std::invalid_argument);
  EXPECT_THROW(rotate(q, steps(16)), std::invalid_argument);
  EXPECT_THROW(mapRows(Vector(k) * 2, Dtype::f32), std::invalid_argument);
  EXPECT_THROW(mapCols(steps(8), Dtype::f32), std::invalid_argument);
  Attention late("late");
  late.mask(causal());
  EXPECT_THROW(late.product(late.queries(), late.keys()), std::invalid_argument);
}

} // namespace
