// SPDX-License-Identifier: Apache-2.0
// How fast are compiled tile kernels, in GFLOP/s and as a share of the machine's multiply-add rate
// probed in the same run, and how long do they compile?
//
// host-attention [dtype=f32] [d=128] [tokens=4096] [queries=64] [keys=64] [causal=0] [threads=1]
//                [level=x86-64-v4] [heads=1] [times=5] [save=FILE]
#include "test/compiler/target/host/AttentionProgram.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

using namespace attune;
using namespace attune::test;
using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

typedef float Lanes16 __attribute__((vector_size(64)));

/// 12 independent sums, so that neither latency nor memory limits.
[[gnu::target("avx512f"), gnu::noinline]] static double probe512(int64_t rounds) {
  Lanes16 left = Lanes16{} + 0.999f, right = Lanes16{} + 0.5f;
  Lanes16 a = left, b = left, c = left, d = left, e = left, f = left;
  Lanes16 g = left, h = left, i = left, j = left, k = left, l = left;
  for (int64_t round = 0; round < rounds; ++round)
    asm volatile("vfmadd213ps %13, %12, %0\n vfmadd213ps %13, %12, %1\n"
                 "vfmadd213ps %13, %12, %2\n vfmadd213ps %13, %12, %3\n"
                 "vfmadd213ps %13, %12, %4\n vfmadd213ps %13, %12, %5\n"
                 "vfmadd213ps %13, %12, %6\n vfmadd213ps %13, %12, %7\n"
                 "vfmadd213ps %13, %12, %8\n vfmadd213ps %13, %12, %9\n"
                 "vfmadd213ps %13, %12, %10\n vfmadd213ps %13, %12, %11"
                 : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i),
                   "+v"(j), "+v"(k), "+v"(l)
                 : "v"(left), "v"(right));
  return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
}

/// f32 GFLOP/s of multiply-adds on one thread.
static double probePeak() {
  double best = 0;
  for (int time = 0; time < 5; ++time) {
    auto start = Clock::now();
    constexpr int64_t rounds = 2000000;
    volatile double sink = probe512(rounds);
    (void)sink;
    best = std::max(best, rounds * 12 * 32 / secondsSince(start) * 1e-9);
  }
  return best;
}

static std::map<std::string, std::string> parseOptions(int argc, char **argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    std::string text = argv[i];
    size_t at = text.find('=');
    options[text.substr(0, at)] = at == std::string::npos ? "" : text.substr(at + 1);
  }
  return options;
}

int main(int argc, char **argv) {
  auto options = parseOptions(argc, argv);
  auto number = [&](const char *name, int64_t otherwise) {
    return options.count(name) ? std::stoll(options[name]) : otherwise;
  };
  Attention c;
  std::string dtype = options.count("dtype") ? options["dtype"] : "f32";
  c.dtype = dtype == "bf16" ? Dtype::Bf16 : dtype == "f16" ? Dtype::F16 : Dtype::F32;
  c.d = c.dv = number("d", 128);
  c.queries = number("queries", 64);
  c.keys = number("keys", 64);
  c.causal = number("causal", 0);
  c.heads = c.keyHeads = number("heads", 1);
  c.queryTokens = c.keyTokens = number("tokens", 4096);
  std::string name = options.count("level") ? options["level"] : "x86-64-v4";
  std::optional<HostLevel> level = findHostLevel(name);
  if (!level) {
    fprintf(stderr, "expected level to be x86-64, x86-64-v3 or x86-64-v4, but got %s\n",
            name.c_str());
    return 1;
  }
  int64_t threads = number("threads", 1), times = number("times", 5);

  auto start = Clock::now();
  Kernel kernel(writeAttention(c), *level);
  double compile = secondsSince(start);
  if (options.count("save"))
    std::ofstream(options["save"], std::ios::binary) << kernel.code.elf;
  std::vector<int64_t> shape = {1, c.heads, c.queryTokens, c.d};
  std::map<std::string, Tensor> tensors;
  unsigned seed = 1;
  for (const char *tensor : {"q", "k", "v", "o"})
    (tensors[tensor] = Tensor(c.dtype, shape)).fill(seed++);
  std::map<std::string, double> scalars = {{"scale", 1.4426950408889634 / std::sqrt(double(c.d))}};

  bool fast = __builtin_cpu_supports("avx512f");
  double peak = fast ? probePeak() : 0, best = 1e9, bestTask = 1e9;
  int64_t tasks = kernel.countTasks(tensors);
  std::vector<uint64_t> parameters = kernel.packParameters(tensors, scalars);
  std::vector<std::shared_ptr<void>> scratches;
  for (int64_t thread = 0; thread < threads; ++thread)
    scratches.push_back(kernel.makeScratch());
  for (int64_t time = 0; time < times; ++time) {
    std::atomic<int64_t> next = tasks;
    auto work = [&](int64_t thread) {
      for (int64_t task; (task = --next) >= 0;) {
        auto begin = Clock::now();
        kernel.runTasks(parameters, task, task + 1, scratches[thread].get());
        if (thread == 0)
          bestTask = std::min(bestTask, secondsSince(begin));
      }
    };
    auto begin = Clock::now();
    std::vector<std::thread> others;
    for (int64_t thread = 1; thread < threads; ++thread)
      others.emplace_back(work, thread);
    work(0);
    for (std::thread &thread : others)
      thread.join();
    best = std::min(best, secondsSince(begin));
    if (fast)
      peak = std::max(peak, probePeak());
  }
  double pairs = double(c.queryTokens) * c.keyTokens * (c.causal ? 0.5 : 1);
  double rate = 4 * pairs * c.d * c.heads / best * 1e-9;
  printf("%s %s d=%ld tokens=%ld %ldx%ld%s threads=%ld: %.1f GFLOP/s", name.c_str(), dtype.c_str(),
         c.d, c.queryTokens, c.queries, c.keys, c.causal ? " causal" : "", threads, rate);
  // On a busy machine a single task tells more than the whole; tasks of a dense kernel are equal.
  if (!c.causal)
    printf(" (best task %.1f)", rate * best / (bestTask * tasks) * threads);
  if (fast)
    printf(", probe %.1f a thread, %.1f %%", peak, 100 * rate / (peak * threads));
  printf("; compiled in %.0f ms, %zu bytes, scratch %ld\n", compile * 1e3, kernel.code.elf.size(),
         kernel.code.scratchBytes);
  return 0;
}
