// SPDX-License-Identifier: Apache-2.0
// How fast is attention on this machine when it is written the obvious way, with a good BLAS?
// A head at a time: S = Q K^T by sgemm, softmax of the rows, O = P V by sgemm, all on every core.
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace {

struct Problem {
  int heads = 8, tokens = 4096, size = 128, repeat = 5;
  bool causal = false;

  /// What every program is measured by: two products of `size` multiply-adds a visible pair.
  double flops() const {
    double pairs = causal ? 0.5 * tokens * (tokens + 1.0) : double(tokens) * tokens;
    return 4.0 * heads * pairs * size;
  }
};

/// Makes rows [begin, end) of a square score matrix weights; hidden keys get weight 0.
void softmaxRows(float *scores, int tokens, bool causal, int begin, int end) {
  for (int i = begin; i < end; ++i) {
    float *row = scores + size_t(i) * tokens;
    int visible = causal ? i + 1 : tokens;
    float maximum = row[0];
    for (int j = 1; j < visible; ++j)
      maximum = std::max(maximum, row[j]);
    float sum = 0;
    for (int j = 0; j < visible; ++j) {
      row[j] = std::exp(row[j] - maximum);
      sum += row[j];
    }
    float inverse = 1 / sum;
    for (int j = 0; j < visible; ++j)
      row[j] *= inverse;
    std::fill(row + visible, row + tokens, 0.0f);
  }
}

void softmax(float *scores, int tokens, bool causal) {
  int workers = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (int w = 0; w < workers; ++w) {
    // Interleaved quarters even out the triangle of a causal mask.
    threads.emplace_back([=] {
      for (int block = w; block * 64 < tokens; block += workers)
        softmaxRows(scores, tokens, causal, block * 64, std::min(tokens, block * 64 + 64));
    });
  }
  for (std::thread &thread : threads)
    thread.join();
}

void attention(const Problem &p, const float *q, const float *k, const float *v, float *o,
               float *scores) {
  int n = p.tokens, d = p.size;
  for (int h = 0; h < p.heads; ++h) {
    size_t head = size_t(h) * n * d;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1 / std::sqrt(float(d)), q + head,
                d, k + head, d, 0, scores, n);
    softmax(scores, n, p.causal);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, d, n, 1, scores, n, v + head, d, 0,
                o + head, d);
  }
}

Problem parse(int argc, char **argv) {
  Problem p;
  for (int a = 1; a < argc; ++a) {
    auto number = [&](const char *flag, int &value) {
      size_t length = std::strlen(flag);
      if (std::strncmp(argv[a], flag, length) != 0)
        return false;
      value = std::atoi(argv[a] + length);
      return value > 0;
    };
    if (std::strcmp(argv[a], "--causal") == 0) {
      p.causal = true;
    } else if (!number("--heads=", p.heads) && !number("--tokens=", p.tokens) &&
               !number("--size=", p.size) && !number("--repeat=", p.repeat)) {
      std::fprintf(stderr,
                   "usage: %s [--heads=8] [--tokens=4096] [--size=128] [--repeat=5] [--causal]\n",
                   argv[0]);
      std::exit(2);
    }
  }
  return p;
}

} // namespace

int main(int argc, char **argv) {
  Problem p = parse(argc, argv);
  size_t numbers = size_t(p.heads) * p.tokens * p.size;
  std::vector<float> q(numbers), k(numbers), v(numbers), o(numbers);
  std::vector<float> scores(size_t(p.tokens) * p.tokens);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (std::vector<float> *tensor : {&q, &k, &v})
    std::generate(tensor->begin(), tensor->end(), [&] { return normal(random); });

  attention(p, q.data(), k.data(), v.data(), o.data(), scores.data()); // warm-up
  std::vector<double> seconds;
  for (int r = 0; r < p.repeat; ++r) {
    auto start = std::chrono::steady_clock::now();
    attention(p, q.data(), k.data(), v.data(), o.data(), scores.data());
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  double median = seconds[seconds.size() / 2];
  std::printf("openblas-naive %s f32 heads=%d tokens=%d size=%d: median %.2f ms, %.1f GFLOP/s\n",
              p.causal ? "causal" : "dense", p.heads, p.tokens, p.size, median * 1e3,
              p.flops() / median / 1e9);
  return o[0] ==
         o[numbers - 1]; // two random results are never equal; a BLAS that wrote nothing is caught
}
