// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Check.h"

#include "compiler/reference/Compare.h"
#include "tools/attn-run/Flags.h"
#include "tools/attn-run/Progress.h"

#include <cstdio>

namespace attune::run {

using reference::spellShape;
using reference::Tensor;

std::vector<Tensor> evaluate(attn::KernelOp kernel, const std::vector<reference::Argument> &inputs,
                             reference::Mode mode) {
  Progress progress(mode == reference::Mode::Exact ? "reference, in double" : "eager, rounding");
  reference::Options options;
  options.mode = mode;
  options.progress = [&](double share) { progress.update(share); };
  auto results = reference::evaluate(kernel, inputs, options);
  if (!results)
    throw Failure(llvm::toString(results.takeError()));
  return std::move(*results);
}

namespace {

std::string spellIndices(const std::vector<int64_t> &indices) {
  std::string text;
  for (int64_t index : indices)
    text += (text.empty() ? "" : ", ") + std::to_string(index);
  return "[" + text + "]";
}

void print(const std::string &name, const reference::Verdict &verdict) {
  std::printf("%s: max error %.3g (relative %.3g), rms error %.3g; eager: max error %.3g, rms "
              "error %.3g; %.3g %% of what is allowed: %s\n",
              name.c_str(), verdict.found.maxAbsolute, verdict.found.maxRelative,
              verdict.found.rootMeanSquare, verdict.eager.maxAbsolute, verdict.eager.rootMeanSquare,
              100 * verdict.share, verdict.passes() ? "passes" : "FAILS");
  if (verdict.passes())
    return;
  std::printf("  worst at %s: expected %.9g within %.3g, found %.9g\n",
              spellIndices(verdict.worst).c_str(), verdict.worstExact, verdict.allowed,
              verdict.worstFound);
  if (verdict.found.disagreements)
    std::printf("  %lld places are NaN or infinite in only one of the two\n",
                static_cast<long long>(verdict.found.disagreements));
}

} // namespace

bool check(attn::KernelOp kernel, const bundle::KernelInfo &info,
           const std::vector<reference::Argument> &inputs, const std::vector<Tensor> &results) {
  std::vector<Tensor> exact = evaluate(kernel, inputs, reference::Mode::Exact);
  std::vector<Tensor> eager = evaluate(kernel, inputs, reference::Mode::Eager);
  bool passes = true;
  for (size_t i = 0; i < results.size(); ++i) {
    const bundle::OperandInfo &result = info.results[i];
    if (exact[i].shape != results[i].shape)
      throw Failure("result '" + result.name + "': the reference has shape " +
                    spellShape(exact[i].shape) + ", the device " + spellShape(results[i].shape));
    reference::Verdict verdict = reference::judge(results[i], exact[i], eager[i], result.dtype);
    print(result.name, verdict);
    passes &= verdict.passes();
  }
  return passes;
}

} // namespace attune::run
