// SPDX-License-Identifier: Apache-2.0
// How is the region of a map or where evaluated at many places at once?
//
// A region is translated once into a list of steps over numbered registers; a step computes one op
// at all places. Nothing is reordered or simplified: a step is the definition of its op. Functions
// that are called are translated in place.
#ifndef ATTUNE_COMPILER_REFERENCE_REGION_H
#define ATTUNE_COMPILER_REFERENCE_REGION_H

#include "compiler/reference/Lanes.h"
#include "compiler/reference/Reference.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace attune::reference {

/// What is known of the row values that a number was computed from (see "guarded readings" in
/// RegionArith.cpp). A set of bits.
enum RowFacts : unsigned { NoFacts = 0, FromMaximum = 1, FromSum = 2 };

/// A captured tensor, with the name of the operand that it is.
struct Table {
  Tensor tensor;
  std::string name;
};

/// What a region may name besides its arguments.
struct Environment {
  Mode mode = Mode::Exact;
  /// Entries outside of a table are 0, as in kernels; else reading one is an error.
  bool zeroOutside = false;
  llvm::DenseMap<mlir::Value, Lanes> scalars;
  llvm::DenseMap<mlir::Value, const Table *> tables;
  /// Tokens of each axis.
  llvm::StringMap<int64_t> lengths;
};

using Register = unsigned;

/// The registers of a program while it runs.
struct Frame {
  int64_t places = 0;
  std::vector<Lanes> registers;
  /// Why the evaluation stopped; empty while all is well.
  std::string error;

  /// Makes register `index` hold `width` numbers a place, uniform or not, and returns it.
  Lanes &define(Register index, bool integer, int64_t width, bool uniform);
};

using Step = std::function<void(Frame &)>;

/// A translated region. Immutable; several threads may run it, each with a frame of its own.
class Program {
public:
  /// A frame to run this program in, as often as wanted.
  Frame makeFrame() const;

  /// Evaluates at `places` places, at least one: `arguments` of the region, then the registers of
  /// `results`. Returns whether it succeeded; frame.error says why not.
  bool run(Frame &frame, int64_t places, std::vector<Lanes> &arguments) const;

  std::vector<Register> arguments;
  std::vector<Register> results;

private:
  friend class RegionBuilder;
  std::vector<Step> steps;
  std::vector<Lanes> initial;
};

/// Translates regions. One file translates the ops of one dialect.
class RegionBuilder {
public:
  RegionBuilder(const Environment &environment) : environment(environment) {}

  /// A program of a block that ends in a terminator whose operands are the results. `facts` has an
  /// entry for each of the first arguments.
  llvm::Expected<Program> translate(mlir::Block &block, llvm::ArrayRef<unsigned> facts);

  /// A program of one op outside of regions, all of whose operands are scalars.
  llvm::Expected<Program> translate(mlir::Operation *op);

  /// The same of one that may have operands which are `arguments` of the program.
  llvm::Expected<Program> translate(mlir::Operation *op, mlir::ValueRange arguments);

  // For the translators of ops.

  /// The register of a value: an earlier result, an argument or a captured scalar.
  Register use(mlir::Value value);
  /// A new register for a result.
  Register define(mlir::Value value);
  void add(Step step) { program.steps.push_back(std::move(step)); }
  /// Adds the rounding that a float result of an op has in eager evaluation.
  void addRounding(mlir::Value value);
  /// Gives `value` a register with a constant.
  void defineConstant(mlir::Value value, Lanes lanes);

  const Table *getTable(mlir::Value value);
  unsigned getFacts(mlir::Value value);
  void setFacts(mlir::Value value, unsigned facts);
  const Environment &getEnvironment() const { return environment; }

  /// Records why the op cannot be translated; the first reason is kept.
  void fail(mlir::Operation *op, const llvm::Twine &why);

private:
  void translateBlock(mlir::Block &block);
  void translateOp(mlir::Operation *op);
  void translateCall(mlir::Operation *op);
  llvm::Expected<Program> finish();

  /// What the values of one block stand for; a called function has a scope of its own.
  struct Scope {
    llvm::DenseMap<mlir::Value, Register> registers;
    llvm::DenseMap<mlir::Value, const Table *> tables;
  };

  const Environment &environment;
  Program program;
  std::vector<Scope> scopes;
  std::vector<unsigned> factsOf;
  std::string error;
};

/// Each translates `op` if it knows it, and says whether it does.
bool translateArith(RegionBuilder &builder, mlir::Operation *op);
bool translateMath(RegionBuilder &builder, mlir::Operation *op);
bool translateVector(RegionBuilder &builder, mlir::Operation *op);
bool translateIndexing(RegionBuilder &builder, mlir::Operation *op);

/// The float type that a value's numbers have, F64 if they are not floats.
ElementType floatTypeOf(mlir::Type type);
/// The bits of a value's integers: 64 for index.
unsigned bitsOf(mlir::Type type);
/// Numbers in one value of a type: the elements of a vector, else 1.
int64_t widthOf(mlir::Type type);
/// Are the numbers of a type integers?
bool isInteger(mlir::Type type);

//===--- Steps of common shape ----------------------------------------------------------------===//

/// out = function(in...) number by number; the operands have one width.
template <typename Out, typename... In, typename Function>
Step pointwise(Register out, std::array<Register, sizeof...(In)> in, Function function) {
  return [=](Frame &frame) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      bool uniform = (frame.registers[in[I]].uniform && ...);
      int64_t width = frame.registers[in[0]].width;
      Lanes &result = frame.define(out, std::is_same_v<Out, int64_t>, width, uniform);
      Out *to = result.values<Out>().data();
      auto from = std::make_tuple(frame.registers[in[I]].template values<In>().data()...);
      std::array<int64_t, sizeof...(In)> strides = {frame.registers[in[I]].stride()...};
      int64_t places = uniform ? 1 : frame.places;
      for (int64_t place = 0; place < places; ++place)
        for (int64_t lane = 0; lane < width; ++lane)
          *to++ = function(std::get<I>(from)[place * strides[I] + lane]...);
    }(std::index_sequence_for<In...>());
  };
}

/// Moves numbers inside each place: number `lane` of the result is number `source[lane]` of the
/// operands laid end to end.
Step rearrange(Register out, std::vector<Register> in, std::vector<int64_t> source);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_REGION_H
