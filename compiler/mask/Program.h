// SPDX-License-Identifier: Apache-2.0
// Which integer arithmetic answers a question about tiles? A pure program, built once with folding,
// then interpreted (pictures, predictions, verification) or emitted (kernels): one text for both.
#ifndef ATTUNE_COMPILER_MASK_PROGRAM_H
#define ATTUNE_COMPILER_MASK_PROGRAM_H

#include "compiler/mask/Formula.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>

namespace attune::mask {

enum class Opcode {
  Constant, // `number`
  Input,    // `input`, `dim`
  Uniform,  // `node`
  /// `node` at the token of its side (RowToken or ColumnToken).
  AtToken,
  /// Entry a of the last dimension of the table that `node` reads; 0 outside of it.
  Entry,
  /// The least x in [0, entries] with entry(x) >= a (LowerBound), > a (UpperBound): sorted tables.
  LowerBound,
  UpperBound,
  /// How many entries the last dimension of the table that `node` reads has.
  Entries,
  Fold,    // result `number` of the folds over the rows of the tile
  Summary, // `number` of the summaries of the column tile
  Add,     // integers; nothing wraps (mask-analysis: all inputs are bounded)
  Subtract,
  Multiply,
  FloorDivide, // divisor at least 1
  Modulo,      // a - b * (a // b)
  Minimum,
  Maximum,
  BitAnd,
  BitOr,
  BitXor,
  LessEqual, // truths are 0 or 1
  Equal,
  And, // of truths
  Or,
  Not,
  Select, // a ? b : c
};

/// Rows are the side that owns the tile (queries in the forward direction), columns the side that is
/// walked. First and Last are inclusive ends of the tile or the piece in question, clipped to what
/// exists; `dim` is the coordinate where the tile is a box, else 0. RowToken and ColumnToken are a
/// single token's (or its coordinate); ColumnTile is the number of a column tile.
enum class Input { RowFirst, RowLast, ColumnFirst, ColumnLast, RowToken, ColumnToken, ColumnTile };

/// A value of a program; null when default-made.
struct Value {
  int id = -1;
  explicit operator bool() const { return id >= 0; }
  bool operator==(const Value &) const = default;
};

struct Instruction {
  Opcode opcode = Opcode::Constant;
  int64_t number = 0;
  Input input = Input::RowFirst;
  unsigned dim = 0;
  const Node *node = nullptr;
  Side side = Side::Query;
  std::array<Value, 3> operands = {};
  /// Encloses the value, at every legal launch.
  int64_t low = 0, high = 0;
  bool operator==(const Instruction &) const = default;
};

/// Hash-consed and folded as it is built. Operands come before users.
class Program {
public:
  Value constant(int64_t number);
  Value truth(bool value) { return constant(value); }
  Value input(Input input, unsigned dim, int64_t low, int64_t high);
  Value uniform(const Node *node, int64_t low, int64_t high);
  Value atToken(const Node *node, Side side, int64_t low, int64_t high);
  Value entry(const Node *node, Value index, int64_t low, int64_t high);
  Value lowerBound(const Node *node, Value number);
  Value upperBound(const Node *node, Value number);
  Value entries(const Node *node);
  Value fold(int64_t number, int64_t low, int64_t high);
  Value summary(int64_t number, int64_t low, int64_t high);
  /// Arithmetic, comparisons, truths; folds constants and identities, uses ranges. Divides by
  /// max(b, 1).
  Value make(Opcode opcode, Value a, Value b = {}, Value c = {});
  Value add(Value a, Value b) { return make(Opcode::Add, a, b); }
  Value subtract(Value a, Value b) { return make(Opcode::Subtract, a, b); }
  Value atMost(Value a, Value b) { return make(Opcode::LessEqual, a, b); }

  const Instruction &operator[](Value value) const { return instructions[value.id]; }
  size_t size() const { return instructions.size(); }
  std::optional<int64_t> constantOf(Value value) const;
  bool isTrue(Value value) const { return constantOf(value) == 1; }
  bool isFalse(Value value) const { return constantOf(value) == 0; }

  /// What computing `roots` together costs, in scalar operations: 1 each, 4 a division by what is not
  /// a power of two, 2 an entry, 40 a bisection; inputs, constants, uniforms, folds, summaries are free.
  int64_t cost(llvm::ArrayRef<Value> roots) const;
  /// Does `value` depend on an instruction for which `wanted` holds?
  bool depends(Value value, llvm::function_ref<bool(const Instruction &)> wanted) const;

  /// What computing `roots` takes, operands before users: ids.
  llvm::SmallVector<int> needed(llvm::ArrayRef<Value> roots) const;

  /// Gives folds or summaries other numbers, when the program is finished.
  void renumber(Opcode opcode, llvm::function_ref<int64_t(int64_t)> numberOf);

private:
  Value intern(const Instruction &instruction);
  void growSlots();
  /// An equal value that exists or is simpler; null: none is known.
  Value simplified(Opcode opcode, Value a, Value b, Value c);
  Value foldArithmetic(Opcode opcode, Value a, Value b);
  Value foldExtremum(Opcode opcode, Value a, Value b);
  Value foldComparison(Opcode opcode, Value a, Value b);
  Value foldLogic(Opcode opcode, Value a, Value b);

  std::vector<Instruction> instructions;
  /// Instructions by their hashes, of which this is the upper half.
  struct Slot {
    int id = -1;
    uint32_t hash = 0;
  };
  std::vector<Slot> slots;
};

/// In infix, for messages and tests: `min(RowLast, %3 - 1) // 128`; nodes are those of expressions.
std::string toString(const Program &program, Value value);

/// Evaluates values of a program; leaves (Input, Uniform, AtToken, Entry, bounds, Fold, Summary) come from
/// `leaf`, which gets the values of the instruction's operands.
class Evaluator {
public:
  using Leaf = llvm::function_ref<int64_t(const Instruction &, llvm::ArrayRef<int64_t> operands)>;
  explicit Evaluator(const Program &program);
  /// The values of `roots`; only what they need is evaluated.
  llvm::SmallVector<int64_t> evaluate(llvm::ArrayRef<Value> roots, Leaf leaf);

private:
  const Program &program;
  std::vector<int64_t> values;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_PROGRAM_H
