// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/analysis/Planning.h"
#include "compiler/Passes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;

namespace attune::test {

OwningOpRef<ModuleOp> parsePrimitives(const std::string &text) {
  OwningOpRef<ModuleOp> module = parse(text);
  if (!module)
    return module;
  PassManager passes(module->getContext());
  passes.addPass(createInlineHelpersPass());
  passes.addNestedPass<attn::KernelOp>(createExpandSugarPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));
  return module;
}

Planned::Planned(const std::string &text) : module(parsePrimitives(text)) {
  if (!module)
    return;
  FailureOr<SweepPlan> made = planSweeps(kernelOf(*module));
  EXPECT_TRUE(succeeded(made)) << text;
  if (succeeded(made))
    plan = std::move(*made);
}

std::string planningError(const std::string &text) {
  OwningOpRef<ModuleOp> module = parsePrimitives(text);
  if (!module)
    return "";
  std::string messages;
  ScopedDiagnosticHandler handler(module->getContext(), [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  EXPECT_TRUE(failed(planSweeps(kernelOf(*module)))) << text;
  return messages;
}

std::vector<Argument> operands(std::mt19937_64 &generator, int64_t queries, int64_t keys,
                               double offset) {
  constexpr int64_t headSize = 4;
  auto tokens = [&](int64_t heads, int64_t count) {
    return normal(generator, ElementType::F32, {1, heads, count, headSize});
  };
  Tensor q = tokens(2, queries), k = tokens(1, keys), v = tokens(1, keys), u = tokens(2, keys);
  for (int64_t i = 0; i < 2 * queries; ++i)
    q.set(i * headSize + 3, q.real(i * headSize + 3) + 2 * offset);
  for (int64_t j = 0; j < keys; ++j)
    k.set(j * headSize + 3, 1.0);
  for (int64_t j = 0; j < 2 * keys; ++j)
    u.set(j * headSize + 3, 1.0);
  Tensor z = normal(generator, ElementType::F32, {1, 2, queries});
  Tensor g = normal(generator, ElementType::F32, {1, 1, keys});
  Tensor slope = tensorOf(ElementType::F32, {2}, {0.5, 0.125});
  return {q, k, v, u, z, g, slope, int64_t(5)};
}

void expectClose(const Tensor &found, const Tensor &exact, double tolerance) {
  ASSERT_EQ(found.shape, exact.shape);
  for (int64_t i = 0, end = exact.numElements(); i < end; ++i) {
    double a = found.real(i), b = exact.real(i);
    if (std::isfinite(b))
      ASSERT_NEAR(a, b, tolerance * std::max(1.0, std::fabs(b))) << "at " << i;
    else
      ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << a << " for " << b << " at " << i;
  }
}

} // namespace attune::test
