// SPDX-License-Identifier: Apache-2.0
// Runs a kernel of the C++ frontend on the host, beside the same attention as plain loops in double.
#ifndef ATTUNE_TEST_FRONTEND_CPP_HARNESS_H
#define ATTUNE_TEST_FRONTEND_CPP_HARNESS_H

#include <attune/attn.hpp>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>

/// One launch: batch, heads of queries and of keys, queries, keys, numbers a token.
struct Sizes {
  int64_t batch = 1, heads = 2, keyHeads = 2, queries = 10, keys = 10, size = 16;
};

/// Random floats of [-1, 1).
inline std::vector<float> randomFloats(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> one(-1, 1);
  std::vector<float> numbers(count);
  for (float &number : numbers)
    number = one(random);
  return numbers;
}

/// Attention as loops. What is not said is plain.
struct Plain {
  using Score = std::function<double(double s, int64_t b, int64_t h, int64_t i, int64_t j)>;
  using Mask = std::function<bool(int64_t b, int64_t h, int64_t i, int64_t j)>;
  using Weights = std::function<void(std::vector<double> &scores, int64_t b, int64_t h)>;
  Score score = [](double s, auto...) { return s; };
  Mask mask = [](auto...) { return true; };
  /// Scores of a row's visible keys to weights; softmax unless told.
  Weights weigh = softmax;

  static void softmax(std::vector<double> &scores, int64_t, int64_t) {
    double greatest = -INFINITY, sum = 0;
    for (double s : scores)
      greatest = std::max(greatest, s);
    for (double &s : scores)
      sum += s = std::exp(s - greatest);
    for (double &s : scores)
      s /= sum;
  }
};

/// Compiles a kernel for this processor and loads it.
inline attune::Kernel load(const attn::Program &program) {
  static attune::Device device("host:2");
  return attune::Kernel(device, attn::compile(program), program.name());
}

/// Operands of one launch of an Attention, and what comes out.
class Trial {
public:
  explicit Trial(Sizes sizes)
      : sizes(sizes), q(randomFloats(tokens(sizes.heads, sizes.queries), 1)),
        k(randomFloats(tokens(sizes.keyHeads, sizes.keys), 2)),
        v(randomFloats(tokens(sizes.keyHeads, sizes.keys), 3)),
        out(tokens(sizes.heads, sizes.queries), 77) {}

  /// Launches what was loaded with `captured` between values and results, which are "out" and `more`.
  void launch(attune::Kernel &loaded, std::vector<attune::Argument> captured = {},
              const std::vector<attune::Argument> &more = {}) {
    auto [batch, heads, keyHeads, queries, keys, size] = sizes;
    attune::TensorView views[] = {
        attn::view(q.data(), {batch, heads, queries, size}),
        attn::view(k.data(), {batch, keyHeads, keys, size}),
        attn::view(v.data(), {batch, keyHeads, keys, size}),
        attn::view(out.data(), {batch, heads, queries, size}),
    };
    std::vector<attune::Argument> arguments = {views[0], views[1], views[2]};
    arguments.insert(arguments.end(), captured.begin(), captured.end());
    arguments.push_back(views[3]);
    arguments.insert(arguments.end(), more.begin(), more.end());
    loaded.launch(arguments);
  }

  void launch(const attn::Attention &kernel, const std::vector<attune::Argument> &captured = {},
              const std::vector<attune::Argument> &more = {}) {
    attune::Kernel loaded = load(kernel);
    launch(loaded, captured, more);
  }

  /// Compares what came out with the loops.
  void expect(const Plain &plain, double tolerance = 2e-5) const {
    auto [batch, heads, keyHeads, queries, keys, size] = sizes;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i) {
          std::vector<double> row = plainRow(plain, b, h, i);
          for (int64_t d = 0; d < size; ++d) {
            double found = out[size_t(((b * heads + h) * queries + i) * size + d)];
            ASSERT_NEAR(found, row[size_t(d)], tolerance)
                << "b " << b << " h " << h << " i " << i << " component " << d;
          }
        }
  }

  /// q . k / sqrt(size).
  double product(int64_t b, int64_t h, int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t d = 0; d < sizes.size; ++d)
      sum += double(q[at(b, h, i, d, sizes.heads, sizes.queries)]) * k[keyAt(b, h, j, d)];
    return sum / std::sqrt(double(sizes.size));
  }

  Sizes sizes;
  std::vector<float> q, k, v, out;

private:
  size_t tokens(int64_t heads, int64_t count) const {
    return size_t(sizes.batch * heads * count * sizes.size);
  }
  size_t at(int64_t b, int64_t h, int64_t n, int64_t d, int64_t heads, int64_t count) const {
    return size_t(((b * heads + h) * count + n) * sizes.size + d);
  }
  size_t keyAt(int64_t b, int64_t h, int64_t j, int64_t d) const {
    return at(b, h / (sizes.heads / sizes.keyHeads), j, d, sizes.keyHeads, sizes.keys);
  }

  std::vector<double> plainRow(const Plain &plain, int64_t b, int64_t h, int64_t i) const {
    std::vector<double> scores, row(size_t(sizes.size), 0);
    std::vector<int64_t> visible;
    for (int64_t j = 0; j < sizes.keys; ++j)
      if (plain.mask(b, h, i, j)) {
        visible.push_back(j);
        scores.push_back(plain.score(product(b, h, i, j), b, h, i, j));
      }
    plain.weigh(scores, b, h);
    for (size_t n = 0; n < visible.size(); ++n)
      for (int64_t d = 0; d < sizes.size; ++d)
        row[size_t(d)] += scores[n] * v[keyAt(b, h, visible[n], d)];
    return row;
  }
};

/// Sizes that are ragged, grouped, single, empty, and larger than a tile.
inline const Sizes allSizes[] = {
    {2, 4, 2, 37, 37, 16}, {1, 2, 1, 1, 1, 16}, {1, 4, 4, 5, 131, 16},
    {1, 2, 2, 0, 7, 16},   {1, 2, 2, 7, 0, 16}, {3, 6, 2, 70, 67, 16},
};

/// Floored division and its rest.
inline int64_t floorDivide(int64_t x, int64_t y) {
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}
inline int64_t floorModulo(int64_t x, int64_t y) { return x - y * floorDivide(x, y); }

#endif // ATTUNE_TEST_FRONTEND_CPP_HARNESS_H
