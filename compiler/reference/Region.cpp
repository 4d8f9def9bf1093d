// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Region.h"

#include "compiler/ElementTypes.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace attune::reference {

ElementType floatTypeOf(Type type) {
  ElementType element = elementTypeOf(type).value_or(ElementType::F64);
  return isFloat(element) ? element : ElementType::F64;
}

unsigned bitsOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
}

int64_t widthOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

bool isInteger(Type type) { return getElementTypeOrSelf(type).isIntOrIndex(); }

//===--- Running ------------------------------------------------------------------------------===//

Lanes &Frame::define(Register index, bool integer, int64_t width, bool uniform) {
  Lanes &lanes = registers[index];
  lanes.integer = integer;
  lanes.width = width;
  lanes.uniform = uniform;
  size_t size = size_t((uniform ? 1 : places) * width);
  lanes.reals.resize(integer ? 0 : size);
  lanes.integers.resize(integer ? size : 0);
  return lanes;
}

Frame Program::makeFrame() const {
  Frame frame;
  frame.registers = initial;
  return frame;
}

bool Program::run(Frame &frame, int64_t places, std::vector<Lanes> &values) const {
  frame.places = places;
  for (size_t i = 0; i < values.size(); ++i)
    std::swap(frame.registers[arguments[i]], values[i]);
  for (const Step &step : steps) {
    step(frame);
    if (!frame.error.empty())
      return false;
  }
  return true;
}

Step rearrange(Register out, std::vector<Register> in, std::vector<int64_t> source) {
  return [out, in = std::move(in), source = std::move(source)](Frame &frame) {
    bool uniform = true;
    for (Register operand : in)
      uniform &= frame.registers[operand].uniform;
    bool integer = frame.registers[in[0]].integer;
    int64_t width = int64_t(source.size());
    frame.define(out, integer, width, uniform);
    auto move = [&]<typename T>(T) {
      T *to = frame.registers[out].values<T>().data();
      for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place)
        for (int64_t lane : source) {
          size_t operand = 0;
          for (; lane >= frame.registers[in[operand]].width; ++operand)
            lane -= frame.registers[in[operand]].width;
          const Lanes &from = frame.registers[in[operand]];
          *to++ = from.values<T>()[place * from.stride() + lane];
        }
    };
    integer ? move(int64_t()) : move(double());
  };
}

//===--- Translating --------------------------------------------------------------------------===//

Register RegionBuilder::define(Value value) {
  Register index = Register(program.initial.size());
  program.initial.emplace_back();
  program.initial.back().integer = isInteger(value.getType());
  program.initial.back().width = widthOf(value.getType());
  factsOf.push_back(NoFacts);
  scopes.back().registers[value] = index;
  return index;
}

void RegionBuilder::defineConstant(Value value, Lanes lanes) {
  Register index = define(value);
  program.initial[index] = std::move(lanes);
}

Register RegionBuilder::use(Value value) {
  auto &registers = scopes.back().registers;
  if (auto known = registers.find(value); known != registers.end())
    return known->second;
  auto scalar = environment.scalars.find(value);
  assert(scalar != environment.scalars.end() && "a region names arguments and scalars only");
  defineConstant(value, scalar->second);
  return registers[value];
}

const Table *RegionBuilder::getTable(Value value) {
  if (auto known = scopes.back().tables.find(value); known != scopes.back().tables.end())
    return known->second;
  return environment.tables.lookup(value);
}

unsigned RegionBuilder::getFacts(Value value) { return factsOf[use(value)]; }

void RegionBuilder::setFacts(Value value, unsigned facts) { factsOf[use(value)] = facts; }

void RegionBuilder::addRounding(Value value) {
  ElementType type = floatTypeOf(value.getType());
  if (environment.mode == Mode::Exact || isInteger(value.getType()) || type == ElementType::F64)
    return;
  Register index = use(value);
  add([=](Frame &frame) { roundTo(type, frame.registers[index].reals); });
}

void RegionBuilder::fail(Operation *op, const Twine &why) {
  if (error.empty())
    error = ("'" + op->getName().getStringRef() + "' " + why).str();
}

void RegionBuilder::translateCall(Operation *op) {
  auto call = cast<func::CallOp>(op);
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, call.getCalleeAttr());
  if (!callee || callee.isExternal())
    return fail(op, "calls @" + call.getCallee() + ", which has no body in this module");
  constexpr size_t deepest = 64;
  if (scopes.size() > deepest)
    return fail(op, "calls @" + call.getCallee() + " more than 64 calls deep; is it recursive?");

  Scope scope;
  for (auto [parameter, argument] : llvm::zip(callee.getArguments(), call.getOperands())) {
    if (isa<TensorType>(argument.getType()))
      scope.tables[parameter] = getTable(argument);
    else
      scope.registers[parameter] = use(argument);
  }
  scopes.push_back(std::move(scope));
  translateBlock(callee.getBody().front());
  std::vector<Register> returned;
  if (error.empty())
    for (Value value : callee.getBody().front().getTerminator()->getOperands())
      returned.push_back(use(value));
  scopes.pop_back();
  if (error.empty())
    for (auto [result, index] : llvm::zip(call.getResults(), returned))
      scopes.back().registers[result] = index;
}

void RegionBuilder::translateOp(Operation *op) {
  if (isa<func::CallOp>(op))
    return translateCall(op);
  if (!translateArith(*this, op) && !translateMath(*this, op) && !translateVector(*this, op) &&
      !translateIndexing(*this, op))
    fail(op, "has no meaning inside a region");
}

void RegionBuilder::translateBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (!error.empty())
      return;
    translateOp(&op);
  }
}

llvm::Expected<Program> RegionBuilder::finish() {
  if (!error.empty())
    return llvm::createStringError(error);
  return std::move(program);
}

llvm::Expected<Program> RegionBuilder::translate(Block &block, ArrayRef<unsigned> facts) {
  scopes.emplace_back();
  for (BlockArgument argument : block.getArguments()) {
    program.arguments.push_back(define(argument));
    if (argument.getArgNumber() < facts.size())
      setFacts(argument, facts[argument.getArgNumber()]);
  }
  translateBlock(block);
  if (error.empty())
    for (Value value : block.getTerminator()->getOperands())
      program.results.push_back(use(value));
  return finish();
}

llvm::Expected<Program> RegionBuilder::translate(Operation *op) { return translate(op, {}); }

llvm::Expected<Program> RegionBuilder::translate(Operation *op, ValueRange arguments) {
  scopes.emplace_back();
  for (Value argument : arguments)
    program.arguments.push_back(define(argument));
  translateOp(op);
  if (error.empty())
    for (Value value : op->getResults())
      program.results.push_back(use(value));
  return finish();
}

} // namespace attune::reference
