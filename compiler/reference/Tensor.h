// SPDX-License-Identifier: Apache-2.0
// What does the reference evaluate on: a strided tensor in host memory, and a scalar.
#ifndef ATTUNE_COMPILER_REFERENCE_TENSOR_H
#define ATTUNE_COMPILER_REFERENCE_TENSOR_H

#include "compiler/reference/Number.h"

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace attune::reference {

/// A tensor of any rank. Copies share their bytes.
struct Tensor {
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  /// In elements, one a dimension.
  std::vector<int64_t> strides;
  /// The first element; valid as long as a copy of the tensor is alive.
  std::shared_ptr<std::byte> data;

  /// A dense row-major tensor of zeros, aligned to 64 bytes.
  static Tensor zeros(ElementType type, std::vector<int64_t> shape);

  int64_t rank() const { return int64_t(shape.size()); }
  int64_t numElements() const;
  /// Are the elements next to one another in row-major order?
  bool isDense() const;
  /// Distance, in elements, of the entry at `indices` from the first one.
  int64_t offset(std::span<const int64_t> indices) const;

  /// The element at a distance, as a number: a float exactly, an integer as itself.
  double real(int64_t offset) const;
  int64_t integer(int64_t offset) const;
  /// Stores a number, rounded once to the type of the tensor.
  void set(int64_t offset, double value);
  void set(int64_t offset, int64_t value);
};

/// An argument of a kernel: a tensor for rows, cols and tables; a number for a scalar.
using Argument = std::variant<Tensor, double, int64_t>;

/// A dense copy of `tensor` with elements of `type`, each rounded once.
Tensor convert(const Tensor &tensor, ElementType type);

/// Row-major strides of `shape`.
std::vector<int64_t> denseStrides(std::span<const int64_t> shape);

/// "2x8x100x64".
std::string spellShape(std::span<const int64_t> shape);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_TENSOR_H
