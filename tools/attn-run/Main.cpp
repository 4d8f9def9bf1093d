// SPDX-License-Identifier: Apache-2.0
// Runs an attention kernel on tensors: attn-run --help says how.
#include "compiler/reference/Npy.h"
#include "tools/attn-run/Bench.h"
#include "tools/attn-run/Check.h"
#include "tools/attn-run/Flags.h"
#include "tools/attn-run/Inputs.h"
#include "tools/attn-run/Launch.h"
#include "tools/attn-run/Listing.h"
#include "tools/attn-run/Program.h"
#include "tools/attn-run/Progress.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

using namespace attune;
using namespace attune::run;
using attune::reference::spellShape;
using attune::reference::Tensor;

namespace {

void writeOutputs(const Flags &flags, const bundle::KernelInfo &info,
                  const std::vector<Tensor> &results) {
  std::string names;
  for (const bundle::OperandInfo &result : info.results)
    names += (names.empty() ? "" : ", ") + result.name;
  for (const auto &[name, path] : flags.outputs) {
    size_t index = results.size();
    for (size_t i = 0; i < results.size(); ++i)
      if (info.results[i].name == name || (name.empty() && results.size() == 1))
        index = i;
    if (index == results.size())
      throw Failure(name.empty()
                        ? "the kernel has several results (" + names + "); write -o NAME=FILE"
                        : "the kernel has no result '" + name + "'; it has " + names);
    if (llvm::Error error = reference::writeNpy(path, results[index]))
      throw Failure(llvm::toString(std::move(error)));
  }
}

/// One line a result: what it is and which numbers are in it.
void summarize(const bundle::OperandInfo &info, const Tensor &result) {
  double least = std::numeric_limits<double>::infinity(), greatest = -least, sum = 0;
  int64_t nans = 0, count = result.numElements();
  for (int64_t i = 0; i < count; ++i) {
    double value = result.real(i);
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    sum += value;
  }
  std::printf("%s: %s %s", info.name.c_str(), std::string(bundle::spelling(result.type)).c_str(),
              spellShape(result.shape).c_str());
  if (count > nans)
    std::printf(", from %.6g to %.6g, mean %.6g", least, greatest, sum / double(count - nans));
  if (nans)
    std::printf(", %lld NaN", static_cast<long long>(nans));
  std::printf("\n");
}

/// The results by the meaning of the program, rounded to their types.
std::vector<Tensor> runReference(Program &program, const std::vector<reference::Argument> &inputs) {
  std::vector<Tensor> results =
      evaluate(program.meaning("--device=reference"), inputs, reference::Mode::Exact);
  for (size_t i = 0; i < results.size(); ++i)
    results[i] = reference::convert(results[i], program.info().results[i].dtype);
  return results;
}

bool sameBits(const Tensor &left, const Tensor &right) {
  return std::memcmp(left.data.get(), right.data.get(),
                     size_t(left.numElements() * byteSize(left.type))) == 0;
}

/// Runs as often as --repeat says; every run has to give the bits of the first.
std::vector<Tensor> runRepeatedly(Launch &launch, const Flags &flags,
                                  const bundle::KernelInfo &info) {
  Progress progress("running");
  launch.run();
  std::vector<Tensor> first = launch.results();
  for (int64_t i = 1; i < flags.repeat; ++i) {
    launch.run();
    std::vector<Tensor> again = launch.results();
    for (size_t result = 0; result < first.size(); ++result)
      if (!sameBits(first[result], again[result]))
        throw Failure("result '" + info.results[result].name + "' has other bits in run " +
                      std::to_string(i + 1) + " than in the first");
    progress.update(double(i + 1) / double(flags.repeat));
  }
  return first;
}

/// What --sim-options and --counters ask of a simulated device.
std::string simOptions(const Flags &flags) {
  if (!flags.counters)
    return flags.simOptions;
  return flags.simOptions + (flags.simOptions.empty() ? "" : ",") + "counters=on";
}

int runKernel(const Flags &flags) {
  bool onReference = flags.device == "reference", simulated = flags.device.starts_with("sim");
  if ((flags.counters || !flags.simOptions.empty()) && !simulated)
    throw Failure("--counters and --sim-options are about the simulator; use --device=sim");
  if (simulated && flags.bench)
    throw Failure("--bench would time the simulator, not the kernel; --counters estimates what "
                  "bounds it");
  if (onReference && (flags.check || flags.bench))
    throw Failure("--check and --bench are about compiled code; --device=reference has none");
  Program program(flags);
  if (flags.list) {
    std::fputs(listBundle(program.code(flags)).c_str(), stdout);
    return 0;
  }
  if (flags.check)
    program.meaning("--check");
  std::vector<reference::Argument> inputs = gatherInputs(flags, program);
  std::vector<Tensor> results;
  bool passes = true;
  if (onReference) {
    results = runReference(program, inputs);
  } else {
    results = makeResults(program.info(), flags.lengths, inputs);
    Launch launch(flags.device, simOptions(flags), program.code(flags), program.info(), inputs,
                  results);
    results = runRepeatedly(launch, flags, program.info());
    std::fputs(launch.counters().c_str(), stdout);
    std::fputs(launch.describePrePasses().c_str(), stdout);
    if (flags.check)
      passes = check(program.meaning("--check"), program.info(), inputs, results);
    if (flags.bench)
      bench(launch, measureWork(program, launch.target(), inputs, results), flags);
  }
  if (!flags.check && !flags.bench)
    for (size_t i = 0; i < results.size(); ++i)
      summarize(program.info().results[i], results[i]);
  writeOutputs(flags, program.info(), results);
  return passes ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  Flags flags;
  if (std::optional<int> code = parseFlags(argc, argv, flags))
    return *code;
  try {
    return runKernel(flags);
  } catch (const std::exception &error) {
    std::fflush(stdout);
    std::fprintf(stderr, "attn-run: error: %s\n", error.what());
    return 1;
  }
}
