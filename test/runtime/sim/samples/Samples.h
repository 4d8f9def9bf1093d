// SPDX-License-Identifier: Apache-2.0
// How are the sample kernels launched, and what should they compute? PTX of attention kernels that
// other compilers made, with a double-precision evaluation beside each.
#pragma once

#include "runtime/sim/Simulator.h"

#include <string>
#include <vector>

namespace attune::sim::test {

/// What came of a run: findings, the bits of all results, and errors against the evaluation.
struct SampleRun {
  LaunchResult result;
  std::vector<uint8_t> bits;
  /// Error over what is allowed; above 1 (or NaN) is wrong. Logarithms of sums apart.
  double worst = 0, worstLogSum = 0;
};

struct Sample {
  const char *file;
  /// In order of what is launched: forward or backward.
  SampleRun (*run)(const LoadedModule &module, const Options &options);
};

/// The four kernels, by file.
const std::vector<Sample> &samples();

/// The text of a file in Inputs.
std::string readSample(const std::string &file);

} // namespace attune::sim::test
