// SPDX-License-Identifier: Apache-2.0
// What does PTX text say, once it is read? Names are resolved and scopes are gone; what an
// instruction means is for the decoder.
#pragma once

#include "runtime/sim/Error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::sim::ptx {

/// PTX as LLVM writes it knows registers by width alone; typed declarations (.u32, .f32) are read
/// as their width.
enum class RegisterClass : uint8_t { Predicate, B16, B32, B64, B128 };

struct RegisterInfo {
  std::string name;
  RegisterClass width;
};

enum class Space : uint8_t { Generic, Global, Shared, Local, Const, Param };

/// A variable or a parameter.
struct Variable {
  std::string name;
  Space space = Space::Global;
  uint32_t alignment = 1;
  /// 0 for `extern .shared` arrays of no size: they begin where the dynamic shared memory does.
  uint64_t bytes = 0;
  /// Of .global and .const with an initialiser: the first bytes, and 0 behind them. Else empty.
  std::vector<uint8_t> initial;
  /// Of parameters: set when a value of this many bytes is passed at this offset.
  uint64_t offset = 0;
};

enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  LanemaskEq,
  LanemaskLe,
  LanemaskLt,
  LanemaskGe,
  LanemaskGt,
  ClusterIdX,
  ClusterIdY,
  ClusterIdZ,
  NclusterIdX,
  NclusterIdY,
  NclusterIdZ,
  ClusterCtaidX,
  ClusterCtaidY,
  ClusterCtaidZ,
  ClusterNctaidX,
  ClusterNctaidY,
  ClusterNctaidZ,
  ClusterCtarank,
  ClusterNctarank,
  IsExplicitCluster,
  SmId,
  NsmId,
  GridId,
  Clock,
  ClockHi,
  Clock64,
  GlobalTimer,
  GlobalTimerLo,
  GlobalTimerHi,
  DynamicSharedSize,
  TotalSharedSize,
};
/// Its spelling, "%tid.x".
std::string_view spelling(Special special);

struct Operand {
  enum class Kind : uint8_t {
    /// `index` is into Function::registers.
    Register,
    /// `bits` is the integer, sign-extended to 64 bits.
    Integer,
    /// 0fXXXXXXXX: `bits` is the bit pattern.
    Float32,
    /// 0dXXXXXXXXXXXXXXXX: `bits` is the bit pattern.
    Float64,
    /// A special register: `index` is a Special.
    Special,
    /// The address of a variable: `index` is into Function::variables; `bits` is added to it.
    Variable,
    /// A parameter: `index` is into Function::parameters; `bits` is added to it.
    Parameter,
    /// `index` is into Function::statements: where the branch goes. May be one past the end.
    Label,
    /// A .branchtargets list: `index` is into Function::branchTargets.
    TargetList,
    /// [base + bits]: parts[0] is the base (Register, Variable, Parameter or Integer). A tensor
    /// address [map, {c0, c1}] has parts[1], a Vector.
    Address,
    /// {a, b, ...}: parts.
    Vector,
    /// d|p: parts[0] and parts[1].
    Pair,
    /// _: the result is not wanted.
    Sink,
  };
  Kind kind = Kind::Sink;
  /// !%p
  bool negated = false;
  uint32_t index = 0;
  int64_t bits = 0;
  std::vector<Operand> parts;
};

struct Statement {
  /// 1-based line of the text where it begins.
  uint32_t line = 0;
  /// Index into Function::registers, or none.
  static constexpr uint32_t unguarded = ~0u;
  uint32_t guard = unguarded;
  bool guardNegated = false;
  /// The opcode between its dots: "ld", "global", "v4", "b32". "shared::cta" is one part. Views
  /// into Module::text.
  std::vector<std::string_view> opcode;
  std::vector<Operand> operands;
};

/// A source position (.loc) from here on.
struct Location {
  uint32_t statement;
  uint32_t file, line, column;
};

struct Function {
  std::string name;
  uint32_t line = 0;
  bool isEntry = false;
  std::vector<Variable> parameters;
  uint64_t parameterBytes = 0;
  std::vector<RegisterInfo> registers;
  /// Variables of the function and of the module that it names.
  std::vector<Variable> variables;
  std::vector<std::vector<uint32_t>> branchTargets;
  std::vector<Statement> statements;
  std::vector<Location> locations;
  /// .reqntid (0: absent), .maxntid, .explicitcluster with .reqnctapercluster, .maxnreg,
  /// .minnctapersm.
  uint32_t requiredThreads[3] = {0, 0, 0};
  uint32_t maximumThreads[3] = {0, 0, 0};
  uint32_t requiredCluster[3] = {0, 0, 0};
  uint32_t maximumRegisters = 0, minimumBlocks = 0;
};

struct Module {
  Module() = default;
  // A copy's opcodes would be views of the original.
  Module(Module &&) = default;
  Module &operator=(Module &&) = default;

  /// The text, owned: views point into it.
  std::string text;
  /// .version 8.6 is 86.
  uint32_t version = 0;
  /// .target sm_90a is 90 with suffix 'a'; no suffix is 0.
  uint32_t target = 0;
  char targetSuffix = 0;
  std::vector<Function> functions;
  /// By .file.
  std::vector<std::string> files;

  /// The line of the text without blanks around it.
  std::string_view line(uint32_t number) const;
};

/// Whether an integer fits in this many bits, signed or unsigned.
bool fitsIn(int64_t value, unsigned bits);

/// Reads PTX. Throws LoadError at the first thing that is wrong: hostile text gives an error,
/// never a crash, within time and memory linear in its size.
Module parse(std::string text);

} // namespace attune::sim::ptx
