// SPDX-License-Identifier: Apache-2.0
// How fast does the simulator run an attention kernel? Products of tensor cores a second on one core,
// with the checkers on and off; compares nothing and gates nothing.
//
//   build/dev/bin/sim-speed [EXAMPLE [TOKENS]]
#include "test/e2e/Examples.h"

#include <chrono>
#include <cstdio>

using namespace attune::test;

namespace {

double seconds(const Compiled &compiled, const std::vector<Argument> &inputs,
               const std::string &options) {
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    auto begin = std::chrono::steady_clock::now();
    simulate(compiled, inputs, "threads=1," + options);
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

} // namespace

int main(int argc, char **argv) {
  std::string name = argc > 1 ? argv[1] : "dense";
  int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 1024;
  const Example *which = std::find_if(std::begin(examples), std::end(examples),
                                      [&](const Example &known) { return known.name == name; });
  if (which == std::end(examples)) {
    std::fprintf(stderr, "sim-speed: error: there is no example '%s'\n", name.c_str());
    return 1;
  }
  for (const Form &form : {Form{"bf16", 64}, Form{"bf16", 128}}) {
    Compiled &compiled = Compiled::of(example(name, form.element, form.size), "sm_80");
    Shape shape = shapeOf(*which, tokens);
    auto inputs = makeInputs(compiled.info, shape, which->scalars);
    // Of all pairs; a mask leaves fewer.
    double operations =
        4.0 * double(form.size) * double(shape.queries) * double(shape.keys) * double(shape.heads);
    std::printf("%s, %lld tokens, bf16, size %lld:", name.c_str(), static_cast<long long>(tokens),
                static_cast<long long>(form.size));
    for (const char *options :
         {"numerics=fast", "numerics=fast,checks=off", "numerics=exact", "numerics=f64"})
      std::printf("  %s %.3g GFLOP/s", options,
                  operations / seconds(compiled, inputs, options) / 1e9);
    std::printf("\n");
  }
  return 0;
}
