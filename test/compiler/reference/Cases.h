// SPDX-License-Identifier: Apache-2.0
// What do tests of kernels share: parsing, random tensors, and running the reference?
#ifndef ATTUNE_TEST_COMPILER_REFERENCE_CASES_H
#define ATTUNE_TEST_COMPILER_REFERENCE_CASES_H

#include "compiler/reference/Reference.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <random>
#include <string>

namespace attune::test {

using reference::Argument;
using reference::ElementType;
using reference::Tensor;

/// A context with every dialect that a kernel may use.
mlir::MLIRContext &context();

/// Parses and verifies a module; fails the test and returns null otherwise. The types !q (rows of 4
/// f32), !k (cols of 4 f32), !s (matrix of f32), !r and !c (rows and cols of f32) may be used.
mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text);

/// The only kernel of a module.
attn::KernelOp kernelOf(mlir::ModuleOp module);

/// Standard normal numbers of a generator, rounded to the type.
Tensor normal(std::mt19937_64 &generator, ElementType type, std::vector<int64_t> shape);

/// A dense tensor of the given numbers.
Tensor tensorOf(ElementType type, std::vector<int64_t> shape, const std::vector<double> &values);

/// Element of a tensor by indices.
double at(const Tensor &tensor, std::vector<int64_t> indices);

/// The results of the only kernel in `text`; fails the test on an error.
std::vector<Tensor> evaluate(const std::string &text, const std::vector<Argument> &arguments,
                             reference::Mode mode = reference::Mode::Exact);

/// The message of the error that evaluating the only kernel in `text` ends in; fails the test if
/// there is none.
std::string failure(const std::string &text, const std::vector<Argument> &arguments);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_REFERENCE_CASES_H
