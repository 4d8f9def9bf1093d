// SPDX-License-Identifier: Apache-2.0
// What do tests of the whole path share: text to bundle, bundle to results, results to a verdict?
#ifndef ATTUNE_TEST_E2E_HARNESS_H
#define ATTUNE_TEST_E2E_HARNESS_H

#include "runtime/attune.hpp"
#include "runtime/bundle/Manifest.h"
#include "test/compiler/reference/Cases.h"

#include <gtest/gtest.h>

#include <map>

namespace attune::test {

/// A program of examples/ in another form: head size `size` in place of 128, `element` of bf16.
std::string example(const std::string &name, const std::string &element, int64_t size);

/// A kernel, compiled for a target; "host" is every level of it, `packedHeads` that of CompileOptions.
/// The same text is compiled once.
class Compiled {
public:
  /// Fails the test if the text does not compile; `ok` is false then.
  static Compiled &of(const std::string &text, const std::string &target = "host",
                      int64_t packedHeads = 0);

  bool ok = false;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  bundle::KernelInfo info;
  std::string bytes;
};

/// Tensors of a problem: rows and cols of standard normal numbers, float tables in (0, 1].
struct Shape {
  int64_t batch = 1, heads = 2, kvHeads = 2, queries = 17, keys = 17;
};

/// An argument for each operand: tensors of the shape, tables of a number a head, and the numbers
/// in `scalars`, in order.
std::vector<reference::Argument> makeInputs(const bundle::KernelInfo &info, const Shape &shape,
                                            const std::vector<reference::Argument> &scalars = {},
                                            uint64_t seed = 1);

/// Values of operands by name.
using Named = std::map<std::string, reference::Argument>;

/// An argument for each operand: those of `values`, and random rows and cols for the others.
std::vector<reference::Argument> makeInputs(const bundle::KernelInfo &info, const Shape &shape,
                                            const Named &values, uint64_t seed = 1);

/// Runs on a device of this name ("host", "host:1"), with code up to `isa` ("": the best). Throws
/// attune::Error.
std::vector<Tensor> launch(const Compiled &compiled, const std::vector<reference::Argument> &inputs,
                           const std::string &device = "host", const std::string &isa = "");

/// Runs on the simulator, see attune_sim_configure for the options. `bundle` takes the place of the
/// compiled one if it is not "". Throws attune::Error, also when something is found; `warnings` gets
/// what is no error, and without it warnings fail the test.
std::vector<Tensor> simulate(const Compiled &compiled,
                             const std::vector<reference::Argument> &inputs,
                             const std::string &options, const std::string &bundle = "",
                             std::string *warnings = nullptr);

/// The entry of the code that a launch on this device runs.
std::string launchedEntry(const Compiled &compiled, const std::vector<reference::Argument> &inputs,
                          const std::string &device);

/// Fails the test unless the results of a launch are as good as they must be (Compare.h).
void expectAgreement(Compiled &compiled, const std::vector<reference::Argument> &inputs,
                     const std::vector<Tensor> &results);

/// Compiles, runs and judges.
void expectRight(const std::string &text, const Shape &shape,
                 const std::vector<reference::Argument> &scalars = {});

} // namespace attune::test

#endif // ATTUNE_TEST_E2E_HARNESS_H
