// SPDX-License-Identifier: Apache-2.0
// How does one PTX statement become an Instruction? Each family of `ops` registers a function for
// every first word of an opcode ("ld", "mma"); that function reads modifiers and operands through
// a Decoder, which refuses what does not fit.
#pragma once

#include "runtime/sim/program/Program.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

namespace attune::sim {

/// How wide an operand's register has to be.
enum class Width : uint8_t { B16, B32, B64, B128 };
unsigned bytesOf(Width width);

/// What a type suffix (.s32, .bf16x2) says.
struct ScalarType {
  enum class Kind : uint8_t { Bits, Unsigned, Signed, Float, BFloat, Float8E4M3, Float8E5M2, TF32 };
  Kind kind = Kind::Bits;
  /// Of one element; 16 for bf16x2.
  unsigned bits = 32;
  /// 2 for f16x2, 4 for e4m3x4.
  unsigned elements = 1;
  /// The register that it needs: b8 lies in 16 bits.
  Width width() const;
  unsigned memoryBytes() const { return bits * elements / 8; }
};

/// [base + offset]: base is a row of 4 or 8 bytes a lane, or noOperand.
struct AddressOperand {
  Row base = noOperand;
  bool wide = true;
  int64_t offset = 0;
};

/// A predicate that is read, maybe negated.
struct PredicateOperand {
  PredicateIndex index = 0;
  bool negated = false;
};

class Decoder {
public:
  /// Predicates that every kernel has.
  static constexpr PredicateIndex alwaysFalse = 0, alwaysTrue = 1, unwantedPredicate = 2;

  Decoder(Program &program, const ptx::Module &module, const ptx::Function &function);

  /// Makes `statement` the current one, with a fresh instruction at the end of the program.
  void begin(const ptx::Statement &statement);

  /// The instruction that is being made; line and guard are set.
  Instruction &instruction();
  /// A detail that lives as long as the program; becomes the instruction's.
  template <typename T> T &makeDetail() {
    auto made = std::make_unique<T>();
    T &detail = *made;
    instruction().detail = &detail;
    program.details.push_back(std::move(made));
    return detail;
  }

  //===-- Modifiers: the opcode's parts behind the first, in order ---===//

  /// The next part without taking it; "" at the end.
  std::string_view peek() const;
  /// Takes the next part if it is `part`.
  bool take(std::string_view part);
  /// Takes the next part if it is one of `parts` and says which; -1 if it is none.
  int takeOneOf(std::initializer_list<std::string_view> parts);
  /// The same, but the part has to be there. `what` is for the message: "a rounding mode".
  int expectOneOf(std::initializer_list<std::string_view> parts, const char *what);
  /// Takes the next part as a type. `what` as above.
  ScalarType expectType(const char *what = "a type");
  /// The same; false when the next part is no type.
  bool takeType(ScalarType &type);
  /// Fails if parts are left.
  void endModifiers();

  /// Fails unless the module's target has this: (80), (90, 'a'). A feature with a suffix is of that
  /// target alone.
  void require(unsigned target, char suffix = 0);
  /// Fails unless the module's .version is this or later: (80) is 8.0.
  void requireVersion(unsigned version);

  //===-- Operands ---===//

  size_t operandCount() const;
  const ptx::Operand &operand(size_t index) const;
  void expectOperands(size_t least, size_t most);
  void expectOperands(size_t count) { expectOperands(count, count); }

  /// The width of a register, for instructions that take wider ones than their type says (ld, st,
  /// cvt) and where the operand decides; nothing for what is no register, and for predicates.
  std::optional<Width> widthOf(const ptx::Operand &operand) const;
  /// The row of a register that is written; _ is a row that nothing reads, and is refused where PTX
  /// wants the result to have a name.
  Row destination(const ptx::Operand &operand, Width width);
  /// The row of a value that is read: a register; a constant (an integer that fits in the width,
  /// signed or unsigned; a float where `type` is one or .b32, .b64; Width is like .b); in mov, cvt
  /// and cvta also a special register that does not change, and in mov and cvta a variable's
  /// address. A special register that changes (sim::changes) is for mov to read when it runs.
  Row source(const ptx::Operand &operand, Width width);
  Row source(const ptx::Operand &operand, ScalarType type);
  PredicateIndex predicateDestination(const ptx::Operand &operand);
  PredicateOperand predicateSource(const ptx::Operand &operand);
  /// Checks the state space of a variable against those that the opcode names, in order. A base of
  /// 4 bytes is refused where addresses are global or generic.
  AddressOperand address(const ptx::Operand &operand);
  /// An integer constant from `low` to `high`.
  int64_t constant(const ptx::Operand &operand, int64_t low, int64_t high, const char *what);
  /// {a, b, c, d} of `count` elements; where count is 1, also a single operand, but for matrices.
  std::vector<Row> destinations(const ptx::Operand &operand, size_t count, Width width);
  std::vector<Row> sources(const ptx::Operand &operand, size_t count, Width width);

  /// A row of this width that holds a constant in every lane.
  Row constantRow(uint64_t value, Width width);

  /// Throws a LoadError with the statement's line and text: "line 7: 'add.f32 ...': <message>".
  [[noreturn]] void fail(const std::string &message) const;

  Program &program;
  const ptx::Module &module;
  const ptx::Function &function;

private:
  void placeRegisters();
  void placeVariables();
  Row makeRows(unsigned rows);
  Row registerRow(const ptx::Operand &operand, Width width) const;
  Row specialRow(ptx::Special special, Width width);
  Row variableRow(const ptx::Operand &operand, Width width);
  Row presetRow(Preset preset);
  bool opcodeIs(std::initializer_list<std::string_view> words) const;
  void recordUse(std::vector<Row> &rows, Row row, Width width) const;
  const ptx::Variable &variableOf(const ptx::Operand &operand) const;
  void checkSpace(const ptx::Operand &address) const;
  uint64_t constantBits(const ptx::Operand &operand, ScalarType type) const;
  bool mayDiscard(const ptx::Operand &operand) const;
  bool wantsBraces() const;

  const ptx::Statement *statement = nullptr;
  size_t nextPart = 1;
  /// Row of each register of 16 bits and more, predicate index of the others.
  std::vector<uint32_t> registerPlaces;
  /// Of each variable of the function: its offset in shared or local memory, or its place in
  /// Program::globals.
  std::vector<uint64_t> variablePlaces;
  std::map<std::tuple<Preset::Kind, bool, uint64_t, int64_t>, Row> presetRows;
  Row unwanted = noOperand;
};

/// Decodes the current statement into decoder.instruction(). Throws LoadError.
using DecodeFunction = void (*)(Decoder &decoder);

/// The instructions that the simulator knows, by the first word of the opcode.
using InstructionSet = std::map<std::string_view, DecodeFunction>;

/// Decodes an entry function: records, rows, where branches meet, register uses. Throws LoadError.
std::unique_ptr<Program> decode(const ptx::Module &module, const ptx::Function &function);

} // namespace attune::sim
