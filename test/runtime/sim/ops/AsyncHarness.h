// SPDX-License-Identifier: Apache-2.0
// How do tests of asynchronous instructions run a piece of PTX under every policy?
#pragma once

#include "runtime/sim/Simulator.h"
#include "runtime/sim/TensorMap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace attune::sim {

/// A kernel `k` of this body: `in` and `out` are %rd1 and %rd2, the tensor map is %rd3, the thread's
/// number %r1, shared memory %r2 (32 bits).
inline std::string kernel(const std::string &body, const std::string &target = "sm_90a") {
  return ".version 8.6\n.target " + target +
         "\n.address_size 64\n.extern .shared .align 1024 .b8 smem[];\n"
         ".visible .entry k(.param .u64 in, .param .u64 out, .param .align 64 .b8 map[128]) {\n"
         ".reg .pred %p<8>;\n.reg .b16 %h<8>;\n.reg .b32 %r<64>;\n.reg .b64 %rd<64>;\n"
         "ld.param.b64 %rd1, [in];\ncvta.to.global.u64 %rd1, %rd1;\n"
         "ld.param.b64 %rd2, [out];\ncvta.to.global.u64 %rd2, %rd2;\n"
         "mov.b64 %rd3, map;\ncvta.param.u64 %rd3, %rd3;\n"
         "mov.u32 %r1, %tid.x;\nmov.b32 %r2, smem;\n" +
         body + "ret;\n}\n";
}

/// Waits at the mbarrier at [address] for a parity (both as PTX operands); `name` makes the labels
/// unique.
inline std::string waitParity(const std::string &address, const std::string &parity,
                              const std::string &name) {
  return "W" + name + ":\nmbarrier.try_wait.parity.shared::cta.b64 %p7, [" + address + "], " +
         parity + ";\n@!%p7 bra W" + name + ";\n";
}

inline const char fenceInit[] = "fence.mbarrier_init.release.cluster;\nbar.sync 0;\n";

/// Every choice of when copies complete, with several schedules and seeds.
inline std::vector<Options> allPolicies() {
  std::vector<Options> all;
  for (Completion completion : {Completion::Early, Completion::Late, Completion::Random})
    for (Schedule schedule : {Schedule::RoundRobin, Schedule::Random, Schedule::HighestFirst})
      for (uint64_t seed : {1, 2, 3}) {
        Options options;
        options.completion = completion;
        options.schedule = schedule;
        options.seed = seed;
        options.threads = 1;
        all.push_back(options);
      }
  return all;
}

inline std::string textOf(const std::vector<Finding> &findings) {
  std::string text;
  for (const Finding &finding : findings)
    text += std::string(describe(finding.kind)) + " in line " + std::to_string(finding.party.line) +
            ": " + finding.message + "\n";
  return text;
}

class AsyncTest : public testing::Test {
protected:
  std::vector<uint8_t> input = std::vector<uint8_t>(65536);
  size_t outputBytes = 65536;
  std::array<uint32_t, 3> grid{1, 1, 1}, cluster{1, 1, 1};
  uint32_t threads = 32, sharedBytes = 32768;
  /// Given the addresses of input and output.
  std::function<TensorMap(uint64_t, uint64_t)> makeMap;

  AsyncTest() {
    for (size_t i = 0; i < input.size(); ++i)
      input[i] = uint8_t(i * 7 + i / 256);
  }

  struct Run {
    std::vector<uint8_t> output;
    std::vector<Finding> findings;
    Counters counters;
  };

  Run run(const LoadedModule &module, const Options &options) {
    GlobalMemory memory;
    uint64_t in = memory.allocate(input.size()), out = memory.allocate(outputBytes);
    memory.copyTo(in, input.data(), input.size());
    Run result{std::vector<uint8_t>(outputBytes, initialOutput), {}, {}};
    memory.copyTo(out, result.output.data(), outputBytes);
    LaunchRequest request;
    request.grid = grid;
    request.cluster = cluster;
    request.threads = {threads, 1, 1};
    request.dynamicSharedBytes = sharedBytes;
    std::vector<uint8_t> map(128);
    if (makeMap)
      encodeTensorMap(makeMap(in, out), map.data());
    auto bytesOf = [](uint64_t value) {
      std::vector<uint8_t> bytes(8);
      std::memcpy(bytes.data(), &value, 8);
      return bytes;
    };
    request.parameters = {bytesOf(in), bytesOf(out), map};
    LaunchResult launched = launch(module, *module.entry("k"), memory, request, options);
    result.findings = launched.findings;
    result.counters = launched.counters;
    memory.copyFrom(result.output.data(), out, outputBytes);
    return result;
  }

  /// The kernel gives `expected`, and nothing is found, under every policy.
  void expectOutput(const std::string &text, const std::vector<uint8_t> &expected) {
    LoadedModule module(text);
    for (const Options &options : allPolicies()) {
      Run result = run(module, options);
      ASSERT_EQ(textOf(result.findings), "");
      result.output.resize(expected.size());
      ASSERT_EQ(result.output, expected);
    }
  }

  template <typename T> void expectValues(const std::string &text, const std::vector<T> &expected) {
    std::vector<uint8_t> bytes(expected.size() * sizeof(T));
    std::memcpy(bytes.data(), expected.data(), bytes.size());
    expectOutput(text, bytes);
  }

  /// All findings under every policy are of these kinds with this text in the message.
  void expectFindings(const std::string &text, const std::set<FindingKind> &kinds,
                      const std::string &message = "") {
    LoadedModule module(text);
    for (const Options &options : allPolicies()) {
      Run result = run(module, options);
      ASSERT_FALSE(result.findings.empty())
          << "completion " << int(options.completion) << ", schedule " << int(options.schedule);
      for (const Finding &finding : result.findings) {
        ASSERT_TRUE(kinds.count(finding.kind)) << textOf(result.findings);
        ASSERT_NE(finding.message.find(message), std::string::npos) << textOf(result.findings);
      }
    }
  }
  void expectFinding(const std::string &text, FindingKind kind, const std::string &message) {
    expectFindings(text, {kind}, message);
  }

  /// Under every policy something with this text is found, maybe beside other things.
  void expectAmongFindings(const std::string &text, const std::string &message) {
    LoadedModule module(text);
    for (const Options &options : allPolicies()) {
      Run result = run(module, options);
      ASSERT_NE(textOf(result.findings).find(message), std::string::npos)
          << textOf(result.findings);
    }
  }

  void expectRefused(const std::string &body, const std::string &message) {
    try {
      LoadedModule module(kernel(body));
      FAIL() << "expected it to be refused";
    } catch (const LoadError &error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }

  uint8_t initialOutput = 0;
};

} // namespace attune::sim
