// SPDX-License-Identifier: Apache-2.0
// Independent chains of multiply-adds on registers, timed on all threads at once.
#include "runtime/device/host/FmaProbe.h"

#include "runtime/device/host/Processor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attune::device {
namespace {

/// Enough chains to cover the latency (4 to 5 cycles) of two units; fewer than there are registers.
constexpr int chains = 12;
/// Multiply-adds of each chain between two looks at the clock; some tens of microseconds.
constexpr int64_t rounds = 1 << 14;

struct Kernel {
  float (*run)(float seed);
  int lanes;
};

// Values settle near 2 and stay normal numbers. The compiler does not know the factors, for the
// seed is a parameter of a function that is called through a pointer.

float runBaseline(float seed) {
  typedef float Vector __attribute__((vector_size(16)));
  Vector sums[chains], factor = Vector{} + seed * 0.5f, term = Vector{} + seed;
  for (int i = 0; i < chains; ++i)
    sums[i] = Vector{} + float(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      sums[i] = sums[i] * factor + term;
  }
  for (int i = 1; i < chains; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float runV3(float seed) {
  __m256 sums[chains], factor = _mm256_set1_ps(seed * 0.5f), term = _mm256_set1_ps(seed);
  for (int i = 0; i < chains; ++i)
    sums[i] = _mm256_set1_ps(float(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
  }
  for (int i = 1; i < chains; ++i)
    sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) float runV4(float seed) {
  __m512 sums[chains], factor = _mm512_set1_ps(seed * 0.5f), term = _mm512_set1_ps(seed);
  for (int i = 0; i < chains; ++i)
    sums[i] = _mm512_set1_ps(float(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
  }
  for (int i = 1; i < chains; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}
#endif

Kernel chooseKernel() {
#if defined(__x86_64__)
  switch (detectHostIsa()) {
  case HostIsa::V4: return {runV4, 16};
  case HostIsa::V3: return {runV3, 8};
  case HostIsa::Baseline: break;
  }
#endif
  return {runBaseline, 4};
}

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best rate of one thread in about 0.1 seconds, in operations a second.
double measureThread(const Kernel &kernel, std::atomic<int> &waiting) {
  volatile float sink = kernel.run(1.0f);
  waiting.fetch_sub(1);
  while (waiting.load() > 0)
    std::this_thread::yield();
  auto begin = std::chrono::steady_clock::now();
  double best = 0;
  while (secondsSince(begin) < 0.1) {
    auto start = std::chrono::steady_clock::now();
    // Several calls at a time, so that the clock costs nothing.
    for (int call = 0; call < 8; ++call)
      sink = kernel.run(1.0f);
    double operations = 8.0 * 2.0 * chains * double(rounds) * kernel.lanes;
    best = std::max(best, operations / secondsSince(start));
  }
  (void)sink;
  return best;
}

} // namespace

double probeFmaPeak(int threads) {
  size_t count = size_t(threads > 0 ? threads : usableCores());
  Kernel kernel = chooseKernel();
  std::atomic<int> waiting(static_cast<int>(count));
  std::vector<double> rates(count);
  std::vector<std::thread> others;
  for (size_t i = 1; i < count; ++i)
    others.emplace_back([&, i] { rates[i] = measureThread(kernel, waiting); });
  rates[0] = measureThread(kernel, waiting);
  for (std::thread &other : others)
    other.join();
  double sum = 0;
  for (double rate : rates)
    sum += rate;
  return sum / 1e9;
}

} // namespace attune::device
