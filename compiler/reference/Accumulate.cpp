// SPDX-License-Identifier: Apache-2.0
// The one loop that takes the time: sums of products, in order.
#include "compiler/reference/Evaluator.h"

// The same loop for newer processors, chosen when the program starts.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_LEVEL
#endif

namespace attune::reference {
namespace {

FOR_EACH_LEVEL void accumulateDouble(double *__restrict out, const double *__restrict in,
                                     double factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] += factor * in[i];
}

// All numbers are f32 ones that are kept as doubles. A product and a sum must not be fused.
FOR_EACH_LEVEL void accumulateFloat(double *__restrict out, const double *__restrict in,
                                    double factor, int64_t count) {
#pragma clang fp contract(off)
  for (int64_t i = 0; i < count; ++i) {
    float product = float(factor) * float(in[i]);
    out[i] = double(float(out[i]) + product);
  }
}

} // namespace

void accumulate(double *out, const double *in, double factor, int64_t count, bool eager) {
  if (eager)
    accumulateFloat(out, in, factor, count);
  else
    accumulateDouble(out, in, factor, count);
}

} // namespace attune::reference
