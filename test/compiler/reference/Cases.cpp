// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/reference/Cases.h"

#include "compiler/Dialects.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace attune::test {

mlir::MLIRContext &context() {
  static auto *shared = [] {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
  }();
  return *shared;
}

mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
  std::string prelude = "!q = !attn.rows<vector<4xf32>>\n!k = !attn.cols<vector<4xf32>>\n"
                        "!s = !attn.matrix<f32>\n!r = !attn.rows<f32>\n!c = !attn.cols<f32>\n";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(prelude + text, &context());
  EXPECT_TRUE(module) << text;
  return module;
}

attn::KernelOp kernelOf(mlir::ModuleOp module) {
  auto kernels = module.getOps<attn::KernelOp>();
  return *kernels.begin();
}

Tensor normal(std::mt19937_64 &generator, ElementType type, std::vector<int64_t> shape) {
  Tensor tensor = Tensor::zeros(type, std::move(shape));
  std::normal_distribution<double> distribution;
  for (int64_t i = 0, end = tensor.numElements(); i < end; ++i)
    tensor.set(i, distribution(generator));
  return tensor;
}

Tensor tensorOf(ElementType type, std::vector<int64_t> shape, const std::vector<double> &values) {
  Tensor tensor = Tensor::zeros(type, std::move(shape));
  EXPECT_EQ(size_t(tensor.numElements()), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(int64_t(i), values[i]);
  return tensor;
}

double at(const Tensor &tensor, std::vector<int64_t> indices) {
  return tensor.real(tensor.offset(indices));
}

std::vector<Tensor> evaluate(const std::string &text, const std::vector<Argument> &arguments,
                             reference::Mode mode) {
  auto module = parse(text);
  if (!module)
    return {};
  auto results = reference::evaluate(kernelOf(*module), arguments, {.mode = mode});
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return *results;
}

std::string failure(const std::string &text, const std::vector<Argument> &arguments) {
  auto module = parse(text);
  if (!module)
    return "";
  auto results = reference::evaluate(kernelOf(*module), arguments);
  if (!results)
    return llvm::toString(results.takeError());
  ADD_FAILURE() << "expected an error, found results";
  return "";
}

} // namespace attune::test
