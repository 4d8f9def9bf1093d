// SPDX-License-Identifier: Apache-2.0
// A variant of attention in C++: ALiBi in a causal window of w keys, two key heads for eight query heads.
// It is written as expressions, compiled here and now, run on this processor, and compared with loops.
#include <attune/attn.hpp>

#include <cmath>
#include <cstdio>
#include <random>

int main() {
  using namespace attn;
  Table<float, 1> slope{"slope"}; // arguments of a launch, as q, k and v are
  Scalar<int64_t> w{"w"};
  Attention kernel("alibi_window", {.headSize = 64});
  kernel.score(score + slope[h] * (j - i)).mask(causal() && i - j <= w);
  std::printf("%s\n%s", kernel.print().c_str(), explain(kernel, "tokens=1000,w=100").c_str());

  constexpr int64_t heads = 8, keyHeads = 2, tokens = 1000, size = 64, width = 100;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  auto numbers = [&](int64_t count) {
    std::vector<float> made(static_cast<size_t>(count));
    for (float &number : made)
      number = normal(random);
    return made;
  };
  std::vector<float> q = numbers(heads * tokens * size), k = numbers(keyHeads * tokens * size),
                     v = numbers(keyHeads * tokens * size), slopes(heads), o(q.size());
  for (int n = 0; n < heads; ++n)
    slopes[n] = std::exp2(-float(n + 1));

  attune::Device device("host");
  attune::Kernel loaded(device, compile(kernel), "alibi_window");
  loaded.launch({view(q.data(), {1, heads, tokens, size}),
                 view(k.data(), {1, keyHeads, tokens, size}),
                 view(v.data(), {1, keyHeads, tokens, size}), view(slopes.data(), {heads}), width,
                 view(o.data(), {1, heads, tokens, size})});

  double worst = 0;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < tokens; ++i) {
      const float *query = &q[(h * tokens + i) * size], *result = &o[(h * tokens + i) * size];
      double sum = 0, row[size] = {};
      for (int64_t j = std::max<int64_t>(0, i - width); j <= i; ++j) {
        int64_t key = (h / (heads / keyHeads) * tokens + j) * size;
        double s = double(slopes[h]) * double(j - i);
        for (int64_t n = 0; n < size; ++n)
          s += double(query[n]) * k[key + n] / 8;
        sum += s = std::exp(s);
        for (int64_t n = 0; n < size; ++n)
          row[n] += s * v[key + n];
      }
      for (int64_t n = 0; n < size; ++n)
        worst = std::max(worst, std::abs(row[n] / sum - result[n]));
    }
  std::printf("worst difference from loops in double: %.1e\n", worst);
  return worst < 1e-5 ? 0 : 1;
}
