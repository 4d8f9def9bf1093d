// SPDX-License-Identifier: Apache-2.0
// Do scores, weights, sinks and further results of an Attention come out as their formulas say?
#include "test/frontend/cpp/Harness.h"

using namespace attn;

namespace {

const AttentionOptions small = {.headSize = 16};
const Sizes ragged = {2, 4, 2, 37, 41, 16};

TEST(CppScores, Alibi) {
  Table<float, 1> slope{"slope"};
  float slopes[] = {0.5, 0.25, -0.125, 0};
  Attention kernel("alibi", small);
  kernel.score(alibi(slope));
  attune::Kernel loaded = load(kernel);
  for (Sizes sizes : allSizes) {
    Trial run(sizes);
    std::vector<float> bySizes(size_t(sizes.heads), 0.1f);
    std::copy_n(slopes, std::min<size_t>(4, bySizes.size()), bySizes.begin());
    run.launch(loaded, {view(bySizes.data(), {sizes.heads})});
    run.expect({.score = [&](double s, auto, auto h, auto i, auto j) {
      return s + double(bySizes[size_t(h)]) * double(j - i);
    }});
  }
}

TEST(CppScores, ChainsInOrder) {
  Scalar<float> cap{"cap"};
  Attention kernel("chained", small);
  kernel.score(score + 1).score(softcap(cap)).score(score * 2).mask(causal());
  Trial run(ragged);
  run.launch(kernel, {0.75});
  run.expect({.score = [](double s, auto...) { return 2 * 0.75 * std::tanh((s + 1) / 0.75); },
              .mask = [](auto, auto, auto i, auto j) { return j <= i; }});
}

TEST(CppScores, TablesAndGathersOfGathers) {
  Table<float, 2> bias{"bias"};
  Table<int32_t, 1> group{"group"};
  Table<bf16, 2> rounded{"rounded"};
  Table<float, 4> pairs{"pairs"};
  int32_t groups[41];
  for (int32_t n = 0; n < 41; ++n)
    groups[n] = n * n % 3;
  std::vector<float> biases = randomFloats(4 * 3, 9), whole = randomFloats(2 * 4 * 37 * 41, 10);
  uint16_t bits[] = {0x3f80, 0x4000, 0xbf00, 0x3e80}; // 1, 2, -0.5, 0.25
  float floats[] = {1, 2, -0.5, 0.25};
  Attention kernel("tables", small);
  kernel.score(score + bias[h][group[j]] * rounded(group[i] % 2, h % 2)).score(pairBias(pairs));
  Trial run(ragged);
  run.launch(kernel, {view(biases.data(), {4, 3}), view(groups, {41}),
                      view(bits, {2, 2}, Dtype::bf16), view(whole.data(), {2, 4, 37, 41})});
  run.expect({.score = [&](double s, auto b, auto h, auto i, auto j) {
    return s + double(biases[size_t(h * 3 + groups[j])]) * floats[groups[i] % 2 * 2 + h % 2] +
           double(whole[size_t(((b * 4 + h) * 37 + i) * 41 + j)]);
  }});
}

TEST(CppScores, RelativeBiasAndBuckets) {
  Table<float, 2> bias{"bias"};
  std::vector<float> entries = randomFloats(4 * 80, 11);
  Trial run(ragged);
  Attention offsets("offsets", small);
  offsets.score(relativeBias(bias, 36));
  run.launch(offsets, {view(entries.data(), {4, 80})});
  run.expect({.score = [&](double s, auto, auto h, auto i, auto j) {
    return s + double(entries[size_t(h * 80 + j - i + 36)]);
  }});

  Attention buckets("buckets", small);
  buckets.score(score + bias[h][t5Bucket(8, 20, true)]);
  run.launch(buckets, {view(entries.data(), {4, 80})});
  run.expect({.score = [&](double s, auto, auto h, auto i, auto j) {
    int64_t n = std::abs(j - i), bucket = n;
    if (n >= 2)
      bucket = std::min<int64_t>(
          3, 2 + int64_t(std::log(double(n) / 2) * float(2 / std::log(20.0 / 2))));
    return s + double(entries[size_t(h * 80 + bucket + (j > i ? 4 : 0))]);
  }});
}

TEST(CppScores, KeysAndQueriesHaveNumbers) {
  Number bias = perKey<float>("bias"), gain = perQuery<f16>("gain");
  Index kind = perKey<int32_t>("kind");
  std::vector<float> biases = randomFloats(2 * 41, 12);
  std::vector<uint16_t> gains(size_t(2 * 4 * 37), 0x4000); // 2
  std::vector<int32_t> kinds(41);
  for (size_t n = 0; n < kinds.size(); ++n)
    kinds[n] = int32_t(n % 4);
  Attention kernel("tokens", small);
  kernel.score(score * gain + bias).mask(kind != 2);
  Trial run(ragged);
  run.launch(kernel, {view(biases.data(), {2, 1, 41}), view(gains.data(), {2, 4, 37}, Dtype::f16),
                      view(kinds.data(), {1, 1, 41})});
  run.expect({.score = [&](double s, auto b, auto, auto,
                           auto j) { return 2 * s + double(biases[size_t(b * 41 + j)]); },
              .mask = [](auto, auto, auto, auto j) { return j % 4 != 2; }});
}

TEST(CppScores, SinksAndLogsumexp) {
  Table<float, 1> sink{"sink"};
  float sinks[] = {1, -2, 0, 3};
  Attention kernel("sink", small);
  kernel.mask(window(5)).sink(sink[h]).logsumexp();
  Trial run(ragged);
  std::vector<float> lse(size_t(2 * 4 * 37));
  run.launch(kernel, {view(sinks, {4})}, {view(lse.data(), {2, 4, 37})});
  std::vector<double> expected;
  run.expect({.mask = [](auto, auto, auto i, auto j) { return j <= i && i - j <= 5; },
              .weigh =
                  [&](std::vector<double> &scores, auto, auto h) {
                    double sum = std::exp(double(sinks[h]));
                    for (double &s : scores)
                      sum += s = std::exp(s);
                    for (double &s : scores)
                      s /= sum;
                    expected.push_back(std::log(sum));
                  }});
  for (size_t n = 0; n < lse.size(); ++n)
    ASSERT_NEAR(lse[n], expected[n], 1e-5);
}

TEST(CppScores, RowsThatSeeNothing) {
  Attention kernel("none", small);
  kernel.mask(j > i + 30).logsumexp();
  Trial run(ragged);
  std::vector<float> lse(size_t(2 * 4 * 37));
  run.launch(kernel, {}, {view(lse.data(), {2, 4, 37})});
  run.expect({.mask = [](auto, auto, auto i, auto j) { return j > i + 30; }});
  EXPECT_EQ(lse[36], -INFINITY);
}

TEST(CppScores, WaysToWeigh) {
  Scalar<float> bias{"bias"};
  Plain::Mask isPast = [](auto, auto, auto i, auto j) { return j <= i; };
  auto expectWeights = [&](Attention kernel, std::vector<attune::Argument> captured,
                           double (*f)(double), bool isNormalised) {
    Trial run(ragged);
    run.launch(kernel.mask(causal()), captured);
    run.expect({.mask = isPast, .weigh = [&](std::vector<double> &scores, auto, auto) {
                  double sum = 0;
                  for (double &s : scores)
                    sum += s = f(s);
                  for (double &s : scores)
                    s /= isNormalised ? sum : 1;
                }});
  };
  Attention kernel("weights", small);
  expectWeights(
      Attention(kernel).weigh(sigmoidWeights(bias)), {-1.5},
      [](double s) { return 1 / (1 + std::exp(1.5 - s)); }, false);
  expectWeights(
      Attention(kernel).weigh(reluWeights), {}, [](double s) { return std::max(s, 0.0); }, false);
  expectWeights(
      Attention(kernel).weigh(normalised(softplus)), {},
      [](double s) { return std::log1p(std::exp(s)); }, true);
}

/// Sparsemax by its definition: the largest set of scores that stays above its own threshold.
void sparsemax(std::vector<double> &scores, int64_t, int64_t) {
  std::vector<double> sorted = scores;
  std::sort(sorted.rbegin(), sorted.rend());
  double sum = 0, threshold = 0;
  for (size_t n = 0; n < sorted.size(); ++n) {
    sum += sorted[n];
    if (1 + double(n + 1) * sorted[n] > sum)
      threshold = (sum - 1) / double(n + 1);
  }
  for (double &s : scores)
    s = std::max(s - threshold, 0.0);
}

TEST(CppScores, Sparsemax) {
  Trial run({1, 2, 1, 19, 23, 16});
  Attention byHand("sparsemax", small);
  byHand.score(score * 3).weigh(sparsemaxWeights);
  run.launch(byHand);
  run.expect({.score = [](double s, auto...) { return 3 * s; }, .weigh = sparsemax}, 1e-4);
  Attention byAlpha("entmax", small);
  byAlpha.score(score * 3).weigh(entmaxWeights(2, byAlpha.queries()));
  run.launch(byAlpha);
  run.expect({.score = [](double s, auto...) { return 3 * s; }, .weigh = sparsemax}, 1e-4);
}

TEST(CppScores, ScaleSizesAndTypes) {
  Attention kernel("typed", {.headSize = 32,
                             .valueSize = 16,
                             .type = Dtype::bf16,
                             .resultType = Dtype::f32,
                             .scale = 0.5});
  std::vector<uint16_t> q(3 * 32, 0x3f80), k(5 * 32, 0), v(5 * 16);
  for (size_t n = 0; n < v.size(); ++n)
    v[n] = n / 16 == 4 ? 0x4120 : 0x3f80; // the last key has 10, the others 1
  for (size_t n = 4 * 32; n < 5 * 32; ++n)
    k[n] = 0x3e00; // 1/8: its score is 32 / 8 / 2 = 2
  std::vector<float> out(3 * 16);
  attune::Device device("host:1");
  attune::Kernel loaded(device, compile(kernel), "typed");
  loaded.launch({view(q.data(), {1, 1, 3, 32}, Dtype::bf16),
                 view(k.data(), {1, 1, 5, 32}, Dtype::bf16),
                 view(v.data(), {1, 1, 5, 16}, Dtype::bf16), view(out.data(), {1, 1, 3, 16})});
  double e = std::exp(2.0);
  for (float number : out)
    ASSERT_NEAR(number, (4 + 10 * e) / (4 + e), 0.05);
}

TEST(CppScores, PrefixKeysAreSeenByAll) {
  Attention kernel("prefix", {.headSize = 16, .prefix = "mem"});
  kernel.mask(causal());
  EXPECT_EQ(kernel.program().operands(),
            (std::vector<std::string>{"q", "k", "v", "mem_k", "mem_v"}));
  Trial run({1, 2, 2, 9, 9, 16}), plain({1, 2, 2, 9, 11, 16});
  // The first two keys of the plain run are the prefix.
  plain.q = run.q;
  auto slice = [&](const std::vector<float> &from, int64_t first, int64_t count) {
    std::vector<float> to;
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t n = 0; n < count * 16; ++n)
        to.push_back(from[size_t((h * 11 + first) * 16 + n)]);
    return to;
  };
  run.k = slice(plain.k, 2, 9);
  run.v = slice(plain.v, 2, 9);
  std::vector<float> memK = slice(plain.k, 0, 2), memV = slice(plain.v, 0, 2);
  run.launch(kernel, {view(memK.data(), {1, 2, 2, 16}), view(memV.data(), {1, 2, 2, 16})});
  plain.out = run.out;
  plain.expect({.mask = [](auto, auto, auto i, auto j) { return j < 2 || j - 2 <= i; }});
}

} // namespace
