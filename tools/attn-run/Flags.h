// SPDX-License-Identifier: Apache-2.0
// What did the user ask attn-run for?
#ifndef ATTUNE_TOOLS_ATTN_RUN_FLAGS_H
#define ATTUNE_TOOLS_ATTN_RUN_FLAGS_H

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace attune::run {

/// Something that the user has to put right, or a run that failed: one sentence.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Flags {
  /// attn text or a bundle.
  std::string file;
  std::string kernel;
  /// The attn text that a bundle was compiled from.
  std::string program;
  std::string device = "host";
  /// NAME=VALUE of the command line: a .npy file, a shape of random numbers, or a number.
  std::map<std::string, std::string> arguments;
  /// Result name, or "" for the only result, and the file that it goes to.
  std::map<std::string, std::string> outputs;

  /// Tokens of an axis that no operand is on.
  std::map<std::string, int64_t> lengths;

  bool random = false, convert = false, check = false, bench = false, counters = false;
  /// Says what is in the bundle, runs nothing.
  bool list = false;
  /// A file of PTX that takes the place of the compiled one; "": none.
  std::string ptx;
  /// Of a simulated device, see attune_sim_configure.
  std::string simOptions;
  uint64_t seed = 1;
  int64_t batch = 1, heads = 8, tokens = 1024;
  std::optional<int64_t> kvHeads, kvTokens;
  int64_t repeat = 1;
  int64_t warmup = 3;
  /// 0: as many as fill a second.
  int64_t iterations = 0;
};

/// Reads the command line. Returns an exit code instead if that is all there is to do: after
/// --help, or a mistake that was reported.
std::optional<int> parseFlags(int argc, char **argv, Flags &flags);

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_FLAGS_H
