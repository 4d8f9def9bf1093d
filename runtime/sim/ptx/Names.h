// SPDX-License-Identifier: Apache-2.0
// What does a name mean in a block of PTX? Blocks nest, and inner names hide outer ones.
#pragma once

#include "runtime/sim/ptx/Syntax.h"

#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace attune::sim::ptx {

struct Symbol {
  enum class Kind : uint8_t { Register, Variable, Parameter, Label, TargetList } kind;
  RegisterClass width = RegisterClass::B32;
  /// Of a register: into Function::registers, or `unused` until an instruction names it. Of a
  /// variable: into all that were declared. Else as in Operand.
  uint32_t index = 0;
  static constexpr uint32_t unused = ~0u;
};

/// A label that is named before its place is known.
struct PendingLabel {
  std::string_view name;
  uint32_t line;
  /// Of an operand: the statement and the operand. Of a .branchtargets list: the list and the entry.
  bool inList;
  uint32_t owner, entry;
};

/// The names of one block.
class Scope {
public:
  /// Throws LoadError when the block has this name already.
  void declare(std::string_view name, Symbol symbol, uint32_t line);
  /// `%r<count>`: %r0 ... as registers.
  void declareRange(std::string_view prefix, RegisterClass width, uint32_t count, uint32_t line);
  /// Null when the block has no such name.
  Symbol *find(std::string_view name);
  /// Throws LoadError when a name is declared both alone and by a range.
  void checkRanges() const;

  std::vector<PendingLabel> pending;

private:
  struct Range {
    RegisterClass width;
    uint32_t count, line;
  };
  struct Declared {
    Symbol symbol;
    uint32_t line;
  };
  /// The range that has `name`, which is the range's prefix with a number behind it.
  const Range *findRange(std::string_view name, uint64_t scale) const;

  std::map<std::string_view, Declared> names;
  std::map<std::string_view, Symbol> members;
  std::map<std::string_view, Range> ranges;
};

/// %tid.x is "%tid" and "x"; `component` is empty for %laneid.
std::optional<Special> findSpecial(std::string_view name, std::string_view component);

} // namespace attune::sim::ptx
