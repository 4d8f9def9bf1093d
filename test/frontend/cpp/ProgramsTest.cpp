// SPDX-License-Identifier: Apache-2.0
// The whole language in C++: several products, extra results, other axes, choices; and how it is written.
#include "test/frontend/cpp/Harness.h"

using namespace attn;

namespace {

/// A small problem with causal softmax weights of its own, as loops.
struct Causal {
  explicit Causal(Sizes sizes, bool isSwapped = false)
      : run(sizes), n(sizes.queries), weights(size_t(sizes.heads * n * n)) {
    if (isSwapped)
      std::swap(run.q, run.k);
    for (int64_t h = 0; h < sizes.heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        double sum = 0;
        for (int64_t j = 0; j <= i; ++j)
          sum += at(h, i, j) = std::exp(run.product(0, h, i, j));
        for (int64_t j = 0; j <= i; ++j)
          at(h, i, j) /= sum;
      }
  }
  double &at(int64_t h, int64_t i, int64_t j) { return weights[size_t((h * n + i) * n + j)]; }

  Trial run;
  int64_t n;
  std::vector<double> weights;
};

TEST(CppPrograms, ResultsOfAnAttention) {
  Attention kernel("probed", {.headSize = 16});
  kernel.mask(causal());
  Matrix p = kernel.weights();
  kernel.result("received", overQueries(Sum, p))
      .result("entropy", overKeys(Sum, map(-p * log(p))))
      .result("greatest", overKeys(Max, p))
      .result("weights", p)
      .result("of_heads", overHeads(Mean, p));
  Causal plain({1, 2, 1, 21, 21, 16});
  std::vector<float> received(2 * 21), entropy(2 * 21), greatest(2 * 21), weights(2 * 21 * 21),
      mean(21 * 21);
  plain.run.launch(kernel, {},
                   {view(received.data(), {1, 2, 21}), view(entropy.data(), {1, 2, 21}),
                    view(greatest.data(), {1, 2, 21}), view(weights.data(), {1, 2, 21, 21}),
                    view(mean.data(), {1, 1, 21, 21})});
  plain.run.expect({.mask = [](auto, auto, auto i, auto j) { return j <= i; }});
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t n = 0; n < 21; ++n) {
      double sum = 0, bits = 0, most = 0;
      for (int64_t m = 0; m < 21; ++m) {
        sum += plain.at(h, m, n);
        double p = plain.at(h, n, m);
        bits -= p > 0 ? p * std::log(p) : 0;
        most = std::max(most, p);
        EXPECT_NEAR(weights[size_t((h * 21 + n) * 21 + m)], p, 1e-6);
        EXPECT_NEAR(mean[size_t(n * 21 + m)], (plain.at(0, n, m) + plain.at(1, n, m)) / 2, 1e-6);
      }
      EXPECT_NEAR(received[size_t(h * 21 + n)], sum, 1e-5);
      EXPECT_NEAR(entropy[size_t(h * 21 + n)], bits, 1e-5);
      EXPECT_NEAR(greatest[size_t(h * 21 + n)], most, 1e-6);
    }
}

/// Differential attention: two products, two softmaxes, one result.
TEST(CppPrograms, SeveralProducts) {
  RowTokens q1("q1", 16, Dtype::f32), q2("q2", 16, Dtype::f32);
  ColTokens k1("k1", 16, Dtype::f32), k2("k2", 16, Dtype::f32), v("v", 16, Dtype::f32);
  Table<float, 1> lambda{"lambda"};
  auto weights = [](const RowTokens &q, const ColTokens &k) {
    return softmax(where(dot(q, k, 0.25), causal()));
  };
  Program program("differential");
  program.result("out", contract(map(weights(q1, k1) - lambda[h] * weights(q2, k2)), v));
  EXPECT_EQ(program.operands(), (std::vector<std::string>{"q1", "q2", "k1", "k2", "v", "lambda"}));
  Causal first({1, 2, 2, 13, 13, 16}), second({1, 2, 2, 13, 13, 16}, true);
  float lambdas[] = {0.3f, 0.8f};
  std::vector<float> out(2 * 13 * 16);
  auto tokens = [](std::vector<float> &data) { return view(data.data(), {1, 2, 13, 16}); };
  attune::Device device("host:1");
  attune::Kernel loaded(device, compile(program), "differential");
  loaded.launch({tokens(first.run.q), tokens(second.run.q), tokens(first.run.k),
                 tokens(second.run.k), tokens(first.run.v), view(lambdas, {2}), tokens(out)});
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 13; ++i)
      for (int64_t d = 0; d < 16; ++d) {
        double sum = 0;
        for (int64_t j = 0; j < 13; ++j)
          sum += (first.at(h, i, j) - double(lambdas[h]) * second.at(h, i, j)) *
                 first.run.v[size_t((h * 13 + j) * 16 + d)];
        ASSERT_NEAR(out[size_t((h * 13 + i) * 16 + d)], sum, 1e-5);
      }
}

TEST(CppPrograms, ListsRunningSumsAndScatters) {
  RowTokens q("q", 16, Dtype::f32);
  ColTokens k("k", 16, Dtype::f32);
  Index group = perKey<int32_t>("group");
  Matrix p = softmax(where(dot(q, k, 0.25), causal()));
  BestKeys three = best(p, 3);
  Program program("lists");
  program.length("g", 4)
      .result("values", three.values)
      .result("keys", three.keys)
      .result("behind",
              overKeys(Sum, map(j * runningKeys(Sum, p, {.reverse = true, .exclusive = true}))))
      .result("mass", scatter(Sum, p, group, "g"))
      .result("reversed", take(p, i - j, p));
  Causal plain({1, 1, 1, 17, 17, 16});
  std::vector<int32_t> groups(17), keys(17 * 3);
  for (int32_t n = 0; n < 17; ++n)
    groups[size_t(n)] = n % 4;
  std::vector<float> values(17 * 3), behind(17), mass(17 * 4), reversed(17 * 17);
  attune::Device device("host:1");
  attune::Kernel loaded(device, compile(program), "lists");
  loaded.launch({view(plain.run.q.data(), {1, 1, 17, 16}), view(plain.run.k.data(), {1, 1, 17, 16}),
                 view(groups.data(), {1, 1, 17}), view(values.data(), {1, 1, 17, 3}),
                 view(keys.data(), {1, 1, 17, 3}), view(behind.data(), {1, 1, 17}),
                 view(mass.data(), {1, 1, 17, 4}), view(reversed.data(), {1, 1, 17, 17})});
  for (int64_t i = 0; i < 17; ++i) {
    std::vector<int64_t> order;
    double masses[4] = {}, later = 0;
    for (int64_t j = 0; j <= i; ++j) {
      order.push_back(j);
      masses[j % 4] += plain.at(0, i, j);
      for (int64_t t = j + 1; t <= i; ++t)
        later += double(j) * plain.at(0, i, t);
      EXPECT_NEAR(reversed[size_t(i * 17 + j)], plain.at(0, i, i - j), 1e-6);
    }
    EXPECT_NEAR(behind[size_t(i)], later, 1e-4);
    std::sort(order.begin(), order.end(),
              [&](auto x, auto y) { return plain.at(0, i, x) > plain.at(0, i, y); });
    for (int64_t n = 0; n < 3; ++n)
      EXPECT_EQ(keys[size_t(i * 3 + n)], n <= i ? order[size_t(n)] : -1);
    for (int64_t n = 0; n < 4; ++n)
      EXPECT_NEAR(mass[size_t(i * 4 + n)], masses[n], 1e-5);
  }
}

TEST(CppPrograms, RowsAndColumnsOfTheirOwn) {
  RowTokens q("q", 16, Dtype::f32);
  ColTokens k("k", 16, Dtype::f32);
  Table<float, 1> gate{"gate"};
  Rows gates = mapRows(sigmoid(gate[h]) * i, q);
  Cols places = mapCols(Number(j) * 2, k);
  Program program("places");
  program.result("gates", gates).result("places", places).result("both", map(gates + places));
  std::vector<float> tokens(3 * 4 * 16), rows(3 * 4), cols(3 * 4), both(3 * 4 * 4);
  float logits[] = {0, 1, -1};
  attune::Device device("host:1");
  attune::Kernel loaded(device, compile(program), "places");
  loaded.launch({view(tokens.data(), {1, 3, 4, 16}), view(tokens.data(), {1, 3, 4, 16}),
                 view(logits, {3}), view(rows.data(), {1, 3, 4}), view(cols.data(), {1, 3, 4}),
                 view(both.data(), {1, 3, 4, 4})});
  for (int64_t h = 0; h < 3; ++h)
    for (int64_t i = 0; i < 4; ++i) {
      double gate = double(i) / (1 + std::exp(-double(logits[h])));
      EXPECT_NEAR(rows[size_t(h * 4 + i)], gate, 1e-6);
      EXPECT_EQ(cols[size_t(h * 4 + i)], 2 * i);
      for (int64_t j = 0; j < 4; ++j)
        EXPECT_NEAR(both[size_t((h * 4 + i) * 4 + j)], gate + double(2 * j), 1e-5);
    }
}

/// MoBA: each query sees its own block and the two earlier ones whose mean key suits it best.
TEST(CppPrograms, BlocksOfKeys) {
  RowTokens q("q", 16, Dtype::f32);
  ColTokens k("k", 16, Dtype::f32), v("v", 16, Dtype::f32);
  Matrix gate = where(dot(q, blocks(Mean, k, 8)), j < i / 8);
  Matrix s = where(dot(q, k, 0.25), causal() && (top(gate, 2) || i / 8 == j / 8));
  Program program("moba");
  program.result("out", contract(softmax(s), v)).result("best", blocks(Max, s, 8));
  attune::Kernel loaded = load(program);
  Trial run({1, 2, 2, 45, 45, 16});
  std::vector<float> best(2 * 45 * 6, 77);
  run.launch(loaded, {}, {view(best.data(), {1, 2, 45, 6})});
  auto gateOf = [&](int64_t h, int64_t i, int64_t block) {
    double sum = 0; // whole blocks, all of them
    for (int64_t j = 8 * block; j < 8 * block + 8; ++j)
      sum += run.product(0, h, i, j);
    return sum;
  };
  auto sees = [&](auto, auto h, auto i, auto j) {
    if (j > i || i / 8 == j / 8)
      return j <= i;
    int better = 0;
    for (int64_t block = 0; block < i / 8; ++block)
      better += gateOf(h, i, block) > gateOf(h, i, j / 8);
    return better < 2;
  };
  run.expect({.mask = sees});
  for (int64_t i = 0; i < 45; ++i) {
    double most = -INFINITY;
    for (int64_t j = i / 8 * 8; j <= i; ++j)
      most = std::max(most, run.product(0, 1, i, j));
    EXPECT_NEAR(best[size_t((45 + i) * 6 + i / 8)], most, 1e-5);
  }
}

TEST(CppPrograms, AreWrittenOnce) {
  Scalar<int64_t> w{"i"}; // named as a place is
  Attention kernel("twice", {.headSize = 8});
  Index d = i - j;
  kernel.mask(d <= w && d * d >= w && i - j >= -w);
  EXPECT_EQ(kernel.print(), R"(attn.kernel @twice(
    %q: !attn.rows<vector<8xf32>>,
    %k: !attn.cols<vector<8xf32>>,
    %v: !attn.cols<vector<8xf32>>,
    %i: index)
    -> (!attn.rows<vector<8xf32>> {attn.name = "out"}) {
  %0 = dot %q, %k scale 0.35355339059327373 : !attn.rows<vector<8xf32>>, !attn.cols<vector<8xf32>>
  %11 = where (%1 = %0) at (%b, %h, %i_, %j) : (!attn.matrix<f32>) {
    %2 = arith.subi %i_, %j : index
    %3 = arith.cmpi sle, %2, %i : index
    %4 = arith.muli %2, %2 : index
    %5 = arith.cmpi sge, %4, %i : index
    %6 = arith.andi %3, %5 : i1
    %7 = arith.constant 0 : index
    %8 = arith.subi %7, %i : index
    %9 = arith.cmpi sge, %2, %8 : index
    %10 = arith.andi %6, %9 : i1
    yield %10 : i1
  }
  %12 = softmax %11 : !attn.matrix<f32>
  %13 = contract %12, %v : !attn.matrix<f32>, !attn.cols<vector<8xf32>> -> !attn.rows<vector<8xf32>>
  return %13 : !attn.rows<vector<8xf32>>
}
)");
}

} // namespace
