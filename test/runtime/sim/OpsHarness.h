// SPDX-License-Identifier: Apache-2.0
// How does a test run one instruction on many vectors of operands?
#pragma once

#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <random>

namespace attune::sim::test {

/// Bits of each source; unused ones are 0.
using Vector = std::array<uint64_t, 4>;

/// An instruction whose operands are written $d (or $p for a predicate), $a, $b, $c and $e.
struct OneInstruction {
  std::string text;
  /// Bits of registers: of the result (0: none, the result is the predicate $p, which gives 1 or
  /// 0) and of the sources in use; a source of 1 bit is a predicate, true when its bits are odd.
  unsigned result = 32;
  std::vector<unsigned> sources = {32, 32};
  std::string target = "sm_90a";
  Options options = {};

  /// The register of an operand: result 9, sources 10 and up.
  static std::string registerName(unsigned bits, unsigned number) {
    const char *prefix = bits == 1 ? "%p" : bits == 16 ? "%rs" : bits == 32 ? "%r" : "%rd";
    return prefix + std::to_string(number);
  }
  std::string replaced() const {
    std::string all = text;
    auto replace = [&](const std::string &from, const std::string &to) {
      for (size_t at; (at = all.find(from)) != std::string::npos;)
        all.replace(at, from.size(), to);
    };
    replace("$d", registerName(result, 9));
    replace("$p", "%p9");
    const char *names[] = {"$a", "$b", "$c", "$e"};
    for (size_t i = 0; i < sources.size(); ++i)
      replace(names[i], registerName(sources[i], unsigned(10 + i)));
    return all;
  }
  /// Loads the sources from 8 bytes each, and stores the result to 8 bytes.
  std::string body() const {
    std::string text = "mul.wide.u32 %rd4, %r3, 32;\nadd.u64 %rd4, %rd1, %rd4;\n"
                       "mul.wide.u32 %rd5, %r3, 8;\nadd.u64 %rd5, %rd0, %rd5;\n"
                       "mov.b64 %rd6, 0;\nst.global.b64 [%rd5], %rd6;\n";
    for (size_t i = 0; i < sources.size(); ++i) {
      unsigned bits = sources[i] == 1 ? 32 : sources[i];
      text += "ld.global.b" + std::to_string(bits) + " " + registerName(bits, unsigned(10 + i)) +
              ", [%rd4+" + std::to_string(8 * i) + "];\n";
      if (sources[i] == 1)
        text += "and.b32 %r8, %r" + std::to_string(10 + i) + ", 1;\nsetp.ne.b32 %p" +
                std::to_string(10 + i) + ", %r8, 0;\n";
    }
    text += replaced() + "\n";
    if (result == 0)
      return text + "mov.b32 %r9, 0;\n@%p9 mov.b32 %r9, 1;\nst.global.b32 [%rd5], %r9;\n";
    return text + "st.global.b" + std::to_string(result) + " [%rd5], " + registerName(result, 9) +
           ";\n";
  }

  /// The result of each vector.
  std::vector<uint64_t> run(const std::vector<Vector> &vectors) const {
    KernelRun kernel{body()};
    kernel.target = target;
    kernel.options = options;
    kernel.options.checks = false;
    kernel.threads = 128;
    kernel.blocks = uint32_t((vectors.size() + 127) / 128);
    kernel.outputWords = size_t(kernel.blocks) * 128 * 2;
    kernel.input.assign(size_t(kernel.blocks) * 128 * 8, 0);
    std::memcpy(kernel.input.data(), vectors.data(), vectors.size() * sizeof(Vector));
    KernelOutcome outcome = runKernel(kernel);
    EXPECT_TRUE(outcome.findings.empty()) << outcome.report;
    std::vector<uint64_t> results(vectors.size());
    std::memcpy(results.data(), outcome.output.data(), results.size() * 8);
    return results;
  }
};

/// Runs an instruction and compares each result with the oracle's.
inline void expectResults(const OneInstruction &instruction, const std::vector<Vector> &vectors,
                          const std::function<uint64_t(const Vector &)> &oracle) {
  std::vector<uint64_t> results = instruction.run(vectors);
  unsigned shown = 0;
  for (size_t i = 0; i < vectors.size(); ++i) {
    uint64_t expected = oracle(vectors[i]);
    if (instruction.result && instruction.result < 64)
      expected &= (uint64_t(1) << instruction.result) - 1;
    if (results[i] == expected)
      continue;
    const Vector &v = vectors[i];
    ADD_FAILURE() << std::hex << instruction.text << " of " << v[0] << ", " << v[1] << ", " << v[2]
                  << ", " << v[3] << ": expected " << expected << ", but got " << results[i];
    if (++shown == 3)
      return;
  }
}

/// Random bits, small numbers, and bits with a long run of ones or zeros, cut to each width.
inline std::vector<Vector> randomVectors(const std::vector<unsigned> &widths, size_t count,
                                         uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Vector> vectors(count);
  for (Vector &vector : vectors) {
    vector = {};
    for (size_t i = 0; i < widths.size(); ++i) {
      uint64_t bits = random(), mode = random() % 4;
      if (mode == 0)
        bits = uint64_t(int64_t(bits % 80) - 40);
      else if (mode == 1)
        bits = (uint64_t(1) << (bits % widths[i])) + random() % 3 - 1;
      vector[i] = widths[i] == 64 ? bits : bits & ((uint64_t(1) << widths[i]) - 1);
    }
  }
  return vectors;
}

/// All vectors of these values for `count` sources.
inline std::vector<Vector> allPairs(const std::vector<uint64_t> &values) {
  std::vector<Vector> vectors;
  for (uint64_t a : values)
    for (uint64_t b : values)
      vectors.push_back({a, b});
  return vectors;
}

/// The message of the LoadError that a body gives; "" when it loads.
inline std::string loadError(const std::string &body, const std::string &target = "sm_90a") {
  KernelRun kernel{body};
  kernel.target = target;
  try {
    LoadedModule module(kernel.text());
  } catch (const LoadError &error) {
    return error.what();
  }
  return "";
}

} // namespace attune::sim::test
