// SPDX-License-Identifier: Apache-2.0
// How does a test write a mask once, as the text of a kernel and as numbers? An expression that prints
// itself into the region of a `where` and evaluates itself, knowing nothing of formulas.
#ifndef ATTUNE_TEST_COMPILER_MASK_MASKEXPRESSION_H
#define ATTUNE_TEST_COMPILER_MASK_MASKEXPRESSION_H

#include "compiler/mask/PairBits.h"
#include "test/compiler/mask/MaskProgram.h"
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attune::mask::test {

/// Numbers of one problem: lengths, scalars and tables by name.
struct MaskNumbers {
  int64_t queries = 0, keys = 0;
  std::map<std::string, int64_t> scalars;
  std::map<std::string, std::vector<int64_t>> tables;
};

enum class MaskOperation {
  Query,
  Key,
  Queries, // length of the axis
  Keys,
  Number,
  Scalar, // `name`
  Entry,  // of table `name`; 0 outside of it
  Flag,   // of a table of truths
  Add,
  Subtract,
  Multiply,
  Divide, // floored, by what is at least 1
  Modulo,
  Minimum,
  Maximum,
  BitAnd,
  BitOr,
  BitXor,
  Choose, // condition, then, otherwise: numbers
  AtMost, // truths from here
  Less,
  Equal,
  Differ,
  And,
  Or,
  Xor,
  Not,
};

struct MaskNode {
  MaskOperation operation;
  int64_t number = 0;
  std::string name;
  bool isSorted = false;
  std::vector<std::shared_ptr<const MaskNode>> operands;
};

/// An integer or a truth of a pair; shared and immutable.
class Mask {
public:
  Mask(int64_t number) : Mask(MaskOperation::Number, {}) { node->number = number; }
  Mask(int number) : Mask(int64_t(number)) {}
  Mask(MaskOperation operation, std::vector<Mask> operands, std::string name = "",
       bool isSorted = false);

  const MaskNode &operator*() const { return *node; }
  std::shared_ptr<const MaskNode> shared() const { return node; }

private:
  std::shared_ptr<MaskNode> node;
};

Mask query();
Mask key();
Mask queries();
Mask keys();
Mask scalar(const std::string &name);
Mask entry(const std::string &table, Mask index, bool isSorted = false);
Mask flag(const std::string &table, Mask index);
Mask operator+(Mask a, Mask b);
Mask operator-(Mask a, Mask b);
Mask operator*(Mask a, Mask b);
Mask operator/(Mask a, Mask b);
Mask operator%(Mask a, Mask b);
Mask min(Mask a, Mask b);
Mask max(Mask a, Mask b);
Mask magnitude(Mask a);
Mask choose(Mask condition, Mask a, Mask b);
Mask operator<=(Mask a, Mask b);
Mask operator<(Mask a, Mask b);
Mask operator>=(Mask a, Mask b);
Mask operator>(Mask a, Mask b);
Mask operator==(Mask a, Mask b);
Mask operator!=(Mask a, Mask b);
Mask operator&(Mask a, Mask b);
Mask operator|(Mask a, Mask b);
Mask operator^(Mask a, Mask b);
Mask operator!(Mask a);

/// What a scalar or a table is called in the text.
std::string operandName(const std::string &name);
/// As the text of a kernel's only mask.
MaskText toText(const Mask &mask);

/// What is visible.
class VisiblePairs {
public:
  VisiblePairs(const Mask &mask, const MaskNumbers &numbers);
  bool operator()(int64_t query, int64_t key) const { return pairs(query, key); }
  const PairBits &bits() const { return pairs; }
  int64_t count() const;
  /// The least and the greatest number of keys of a query.
  std::pair<int64_t, int64_t> keysOfQueries() const;

private:
  int64_t queries, keys;
  PairBits pairs;
};

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_MASKEXPRESSION_H
