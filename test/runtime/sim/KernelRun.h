// SPDX-License-Identifier: Apache-2.0
// How does a test run a few lines of PTX? They become the body of an entry with an input and an
// output buffer; what came out and what was found is returned.
#pragma once

#include "runtime/sim/Simulator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace attune::sim::test {

struct KernelRun {
  /// Bodies have %p<32>, %rs<32>, %r<64>, %rd<64>, %f<32> (b32) and `smem`; to begin with %r0 is the thread,
  /// %rd0 the output's address, %rd1 the input's and %rd2 the address of this thread's word of output.
  std::string body;
  std::string target = "sm_90a";
  /// Before the entry: declarations of the module.
  std::string declarations = "";
  /// Behind the parameters: ".reqntid 32".
  std::string directives = "";
  uint32_t threads = 32, blocks = 1, cluster = 1, sharedBytes = 4096;
  std::vector<uint32_t> input = {};
  /// Words of output; 0: one a thread of all blocks.
  size_t outputWords = 0;
  Options options = {};

  std::string text() const {
    return ".version 8.6\n.target " + target +
           "\n.address_size 64\n.extern .shared .align 1024 .b8 smem[];\n" + declarations +
           "\n.visible .entry kernel(.param .u64 output, .param .u64 input) " + directives +
           "\n{\n.reg .pred %p<32>;\n.reg .b16 %rs<32>;\n.reg .b32 %r<64>;\n.reg .b64 %rd<64>;\n"
           ".reg .b32 %f<32>;\n"
           "ld.param.u64 %rd0, [output];\nld.param.u64 %rd1, [input];\nmov.u32 %r0, %tid.x;\n"
           "mov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\nmad.lo.u32 %r3, %r1, %r2, %r0;\n"
           "mul.wide.u32 %rd3, %r3, 4;\nadd.u64 %rd2, %rd0, %rd3;\n" +
           body + "\nret;\n}\n";
  }
};

struct KernelOutcome {
  std::vector<uint32_t> output;
  std::vector<Finding> findings;
  Counters counters;
  std::string report;

  /// "race; in flight": the kinds found, each once, in order.
  std::string kinds() const {
    std::string list;
    for (const Finding &finding : findings)
      if (list.find(describe(finding.kind)) == std::string::npos)
        list += (list.empty() ? "" : "; ") + std::string(describe(finding.kind));
    return list;
  }
};

/// Throws LoadError, or std::invalid_argument as launch does.
inline KernelOutcome runKernel(const KernelRun &run) {
  LoadedModule module(run.text());
  GlobalMemory memory;
  size_t words = run.outputWords ? run.outputWords : size_t(run.threads) * run.blocks;
  std::vector<uint32_t> output(words, 0xcdcdcdcd);
  uint64_t outputAddress = memory.allocate(words * 4);
  memory.copyTo(outputAddress, output.data(), words * 4);
  uint64_t inputAddress = memory.allocate(std::max<size_t>(run.input.size() * 4, 4));
  memory.copyTo(inputAddress, run.input.data(), run.input.size() * 4);
  auto bytes = [](uint64_t value) {
    std::vector<uint8_t> raw(sizeof(value));
    std::memcpy(raw.data(), &value, sizeof(value));
    return raw;
  };
  LaunchRequest request{{run.blocks, 1, 1},
                        {run.threads, 1, 1},
                        {run.cluster, 1, 1},
                        run.sharedBytes,
                        {bytes(outputAddress), bytes(inputAddress)}};
  LaunchResult result = launch(module, *module.entry("kernel"), memory, request, run.options);
  memory.copyFrom(output.data(), outputAddress, words * 4);
  std::string report = printReport(result, module);
  return {std::move(output), std::move(result.findings), std::move(result.counters),
          std::move(report)};
}

/// Expects that a module with this instruction cannot be loaded, for a reason that `message` is in.
inline void expectRefused(const std::string &target, const std::string &instruction,
                          const std::string &message) {
  KernelRun run;
  run.target = target;
  run.body = instruction;
  try {
    LoadedModule module(run.text());
    FAIL() << "accepted " << instruction;
  } catch (const LoadError &error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

/// All completions and schedules, with a few seeds each.
inline std::vector<Options> everyOrder() {
  std::vector<Options> all;
  for (Completion completion : {Completion::Early, Completion::Late, Completion::Random})
    for (Schedule schedule : {Schedule::RoundRobin, Schedule::Random, Schedule::LowestFirst,
                              Schedule::HighestFirst, Schedule::StarveOne})
      for (uint64_t seed : {0, 1, 2}) {
        Options options;
        options.completion = completion;
        options.schedule = schedule;
        options.seed = seed;
        all.push_back(options);
      }
  return all;
}

} // namespace attune::sim::test
