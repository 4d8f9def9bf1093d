// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Bench.h"

#include "compiler/analysis/Stages.h"
#include "compiler/Compile.h"
#include "compiler/problem/Prediction.h"
#include "tools/attn-run/Progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace attune::run {
namespace {

using reference::Tensor;

double secondsOf(Launch &launch) {
  auto start = std::chrono::steady_clock::now();
  launch.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Runs what --warmup asks, then the timed runs; the times in ascending order.
std::vector<double> measure(Launch &launch, const Flags &flags) {
  Progress progress("running");
  double last = 0;
  for (int64_t i = 0; i < std::max<int64_t>(flags.warmup, 1); ++i)
    last = secondsOf(launch);
  constexpr double wanted = 1;
  int64_t count = flags.iterations
                      ? flags.iterations
                      : std::clamp<int64_t>(int64_t(wanted / std::max(last, 1e-9)), 5, 1000);
  std::vector<double> seconds;
  for (int64_t i = 0; i < count; ++i) {
    seconds.push_back(secondsOf(launch));
    progress.update(double(i + 1) / double(count));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

/// The threads of "host:2"; 0 is all.
int threadsOf(const std::string &device) {
  size_t colon = device.find(':');
  return colon == std::string::npos ? 0 : std::atoi(device.c_str() + colon + 1);
}

void printTimes(const std::vector<double> &seconds) {
  std::printf("median %.4g ms of %zu runs, from %.4g to %.4g ms\n",
              1e3 * seconds[seconds.size() / 2], seconds.size(), 1e3 * seconds.front(),
              1e3 * seconds.back());
}

/// The operands of a launch, as masks see them.
ProblemSizes getSizes(const bundle::KernelInfo &info,
                      const std::vector<reference::Argument> &inputs) {
  ProblemSizes sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bundle::OperandInfo &operand = info.operands[i];
    if (operand.isTokens()) {
      // The kernel that sweeps may read workspaces in place of the operands.
      const std::vector<int64_t> &shape = std::get<Tensor>(inputs[i]).shape;
      sizes.batch = std::max(sizes.batch, shape[0]);
      sizes.heads = std::max(sizes.heads, shape[1]);
      sizes.axes[operand.axis] = double(shape[2]);
    }
    if (operand.isTensor())
      sizes.tensors[operand.name] = std::get<Tensor>(inputs[i]);
    else if (const int64_t *integer = std::get_if<int64_t>(&inputs[i]))
      sizes.scalars[operand.name] = double(*integer);
    else
      sizes.scalars[operand.name] = std::get<double>(inputs[i]);
  }
  return sizes;
}

/// What the mask leaves of the launch for the code of `target`, if the program's text is known and
/// tells.
std::optional<mask::MaskWork> predict(Program &program, const std::string &target,
                                      const std::vector<reference::Argument> &inputs) {
  if (!program.hasMeaning())
    return std::nullopt;
  auto planned = runPasses(program.meaning("--bench"), Stage::Plan, target, {});
  if (failed(planned))
    return std::nullopt;
  attn::KernelOp kernel = findSweepingStage(**planned);
  if (!kernel)
    return std::nullopt;
  auto plan = planSweeps(kernel);
  if (failed(plan))
    return std::nullopt;
  ProblemSizes sizes = getSizes(program.info(), inputs);
  auto problem = MaskProblem::make(*plan, sizes);
  if (!problem)
    throw Failure(llvm::toString(problem.takeError()));
  // A mask of what an earlier kernel finds out tells nothing before.
  if (!(*problem)->madeUp().empty())
    return std::nullopt;
  auto config = kernel->getAttrOfType<tile::ConfigAttr>("attn.plan");
  return predictTotalWork(scheduleMask(*plan, getTiles(config)), **problem);
}

/// ", 41.2 % of the probed f32 peak". Throws when the work that has to be done was done faster than
/// the processor can: then the probe is wrong, or the count of the work.
std::string describeShare(double gflops, double peak, const Work &work) {
  char text[160];
  double percent = 100 * gflops / peak;
  if (percent <= 100) {
    std::snprintf(text, sizeof(text), ", %.3g %% of the probed f32 peak", percent);
    return text;
  }
  if (!work.visible)
    return ", more than the probed f32 peak: the mask leaves pairs out";
  std::snprintf(text, sizeof(text),
                "expected at most the probed peak of %.4g GFLOP/s, but got %.4g GFLOP/s (%.4g %%)",
                peak, gflops, percent);
  throw Failure(std::string(text) +
                "; something else ran on this machine during the probe, or the work is miscounted");
}

} // namespace

Work measureWork(Program &program, const std::string &target,
                 const std::vector<reference::Argument> &inputs,
                 const std::vector<Tensor> &results) {
  const bundle::KernelInfo &info = program.info();
  Work work;
  const std::vector<int64_t> *queries = nullptr;
  int64_t keys = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bundle::OperandInfo &operand = info.operands[i];
    if (operand.role == bundle::OperandRole::Rows && !queries)
      queries = &std::get<Tensor>(inputs[i]).shape;
    if (operand.role == bundle::OperandRole::Cols)
      keys = std::max(keys, std::get<Tensor>(inputs[i]).shape[2]);
  }
  if (!queries || results.empty())
    return work;
  const std::vector<int64_t> &shape = results.front().shape; // batch, heads, queries, numbers
  std::optional<mask::MaskWork> predicted = predict(program, target, inputs);
  work.visible = predicted && predicted->visiblePairs;
  work.computedPairs = predicted ? double(predicted->computedPairs) : 0;
  work.pairs = work.visible ? double(*predicted->visiblePairs)
                            : double(shape[0]) * double(shape[1]) * double(shape[2]) * double(keys);
  auto numbers = [](const std::vector<int64_t> &shape) {
    return shape.size() > 3 ? double(shape[3]) : 1.0;
  };
  work.operationsPerPair = 2 * (numbers(*queries) + numbers(shape));
  return work;
}

void bench(Launch &launch, const Work &work, const Flags &flags) {
  constexpr int attempts = 3;
  constexpr double steady = 0.95; // of the peak has to be there afterwards
  int threads = threadsOf(launch.deviceName());
  std::vector<double> seconds;
  double peak = 0, after = 0;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    peak = launch.onHost() ? probeFmaPeak(threads) : 0;
    seconds = measure(launch, flags);
    after = launch.onHost() ? probeFmaPeak(threads) : 0;
    if (std::min(peak, after) >= steady * std::max(peak, after))
      break;
  }
  bool unsteady = std::min(peak, after) < steady * std::max(peak, after);
  double gflops = work.pairs * work.operationsPerPair / seconds[seconds.size() / 2] / 1e9;
  std::printf("%s, %s, code for %s\n", launch.deviceName().c_str(), launch.describeDevice().c_str(),
              launch.describeCode().c_str());
  printTimes(seconds);
  std::string share = launch.onHost() ? describeShare(gflops, std::max(peak, after), work) : "";
  std::printf("%.4g GFLOP/s of %s pairs (%.4g operations a pair, %.4g pairs)%s\n", gflops,
              work.visible ? "visible" : "all (give --program to count the visible)",
              work.operationsPerPair, work.pairs, share.c_str());
  if (work.computedPairs > 0) {
    std::printf("predicted: %.4g pairs computed in the tiles that are visited", work.computedPairs);
    if (work.visible && work.pairs > 0)
      std::printf(", %.3g times the visible", work.computedPairs / work.pairs);
    std::printf("\n");
  }
  if (!launch.onHost())
    return;
  std::printf("probed peak of f32 multiply-adds: %.4g GFLOP/s before, %.4g after\n", peak, after);
  if (unsteady)
    std::printf("unreliable: the peak changed by more than 5 %% in each of %d attempts; something "
                "else is running on this machine\n",
                attempts);
}

} // namespace attune::run
