// SPDX-License-Identifier: Apache-2.0
// How does a test write a mask as a program, give it numbers, and evaluate it pair by pair? The
// evaluator knows the ops of the language and nothing of formulas.
#ifndef ATTUNE_TEST_COMPILER_MASK_MASKPROGRAM_H
#define ATTUNE_TEST_COMPILER_MASK_MASKPROGRAM_H

#include "compiler/mask/Formula.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include <string>

namespace attune::mask::test {

/// The text of one mask.
struct MaskText {
  /// Operands of the kernel beside %queries, %keys, %values: "%w: index, %doc: tensor<?xi32> {attn.sorted}".
  std::string operands;
  /// The region of `where`, from (%b, %h, %i, %j) and what is bound to `yield ... : i1`.
  std::string body;
  /// Declarations and scalars of the kernel's body: "axis q grid (%H, %W)".
  std::string prologue = "";
  /// Elements that the region reads: names, operands and types ", %d = %docs", ", !attn.cols<i32>".
  std::string bindings = "", bindingTypes = "";
};

/// A parsed mask.
class MaskProgram {
public:
  explicit MaskProgram(const MaskText &text);

  /// Did it parse? The test has failed if not.
  explicit operator bool() const { return graph != nullptr; }
  attn::KernelOp kernel() const;
  const ExpressionGraph &expressions() const { return *graph; }
  const Domain &domain() const;
  /// The grid of an axis, as nodes of its sizes; empty if it has none.
  TokenGrid grid(llvm::StringRef axis);

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<ExpressionGraph> graph;
  llvm::DenseMap<mlir::Value, const Node *> scalars;
};

/// A table's numbers, row-major; integers are whole.
struct Table {
  std::vector<int64_t> shape;
  std::vector<double> numbers;
};

/// The numbers of one launch, at one batch and head.
class Problem final : public Environment {
public:
  Problem(const MaskProgram &program, int64_t queries, int64_t keys);

  /// Operands by name (without %). Rows and cols of numbers are tables of shape (1, 1, tokens).
  void set(llvm::StringRef name, int64_t number) { scalars[name] = number; }
  void set(llvm::StringRef name, Table table) { tables[name] = std::move(table); }
  /// A one-dimensional table.
  void set(llvm::StringRef name, llvm::ArrayRef<int64_t> numbers);

  int64_t queries, keys, batch = 0, head = 0;

  /// Do all predicates of the mask hold, by their definition?
  bool visible(int64_t query, int64_t key) const;
  /// The integer (or truth: 0 or 1) that a node computes at a pair.
  int64_t evaluate(const Node *node, int64_t query, int64_t key) const;

  std::optional<int64_t> uniform(const Node *node) const override;
  std::optional<int64_t> at(const Node *node, Side side, int64_t token) const override;
  std::optional<int64_t> entry(const Node *node, int64_t index) const override;
  std::optional<int64_t> entries(const Node *node) const override;

private:
  struct Number {
    int64_t integer = 0;
    double real = 0;
  };
  struct Place;
  Number compute(const Node *node, Place &place) const;
  Number leaf(const Node *node, const Place &place) const;
  Number algebra(const Node *node, llvm::ArrayRef<Number> x) const;
  Number opaque(const Node *node, llvm::ArrayRef<Number> x) const;
  const Table *table(mlir::Value operand) const;
  std::string nameOf(mlir::Value operand) const;

  const MaskProgram &program;
  llvm::StringMap<int64_t> scalars;
  llvm::StringMap<Table> tables;
};

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_MASKPROGRAM_H
