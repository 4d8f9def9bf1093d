// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Inputs.h"

#include "compiler/reference/Npy.h"
#include "runtime/bundle/Evaluate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <unistd.h>

namespace attune::run {
namespace {

using bundle::KernelInfo;
using bundle::OperandInfo;
using bundle::OperandRole;
using reference::Argument;
using reference::ElementType;
using reference::isFloat;
using reference::spellShape;
using reference::Tensor;

/// A stream of random numbers that is the same everywhere: a counter, mixed.
class Random {
public:
  Random(uint64_t seed, const std::string &name) : state(seed) {
    for (char letter : name) // operands of one run are independent
      state = mix(state + uint8_t(letter));
  }

  uint64_t bits() { return mix(state += 0x9e3779b97f4a7c15u); }
  /// In (0, 1].
  double uniform() { return double((bits() >> 11) + 1) * 0x1p-53; }
  double normal() {
    if (spare) {
      double value = *spare;
      spare.reset();
      return value;
    }
    double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * std::numbers::pi * uniform();
    spare = radius * std::sin(angle);
    return radius * std::cos(angle);
  }

private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  uint64_t state;
  std::optional<double> spare;
};

/// Zeros, if this computer can hold them; `who` is "operand 'q'".
Tensor allocate(const std::string &who, ElementType type, std::vector<int64_t> shape) {
  int64_t bytes = byteSize(type);
  bool counted = true;
  for (int64_t size : shape)
    counted &= !__builtin_mul_overflow(bytes, size, &bytes);
  int64_t memory = int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGESIZE));
  if (!counted || bytes > memory)
    throw Failure(who + ": a tensor of " + spellShape(shape) + " elements of type " +
                  std::string(bundle::spelling(type)) + " does not fit in the " +
                  std::to_string(memory >> 20) + " MiB of this computer");
  return Tensor::zeros(type, std::move(shape));
}

/// Rows and cols are standard normal, float tables (slopes, gains, sinks) are in (0, 1]; integers
/// are 0 to 3 and sorted along the last dimension, so that they can be the groups of a mask.
Tensor makeRandom(const OperandInfo &operand, std::vector<int64_t> shape, uint64_t seed) {
  Tensor tensor = allocate("operand '" + operand.name + "'", operand.dtype, std::move(shape));
  Random random(seed, operand.name);
  int64_t last = tensor.shape.empty() ? 1 : tensor.shape.back();
  for (int64_t i = 0, end = tensor.numElements(); i < end; ++i) {
    if (!isFloat(tensor.type))
      tensor.set(i, operand.dtype == ElementType::I1 ? int64_t(random.bits() & 1)
                                                     : i % last * 4 / last);
    else
      tensor.set(i, operand.isTokens() ? random.normal() : random.uniform());
  }
  return tensor;
}

std::string typeName(ElementType type) { return std::string(bundle::spelling(type)); }

/// "1x12x433x32", with ? for what is open.
std::string spellExpected(const OperandInfo &operand) {
  std::string text;
  for (int64_t size : operand.shape)
    text += (text.empty() ? "" : "x") + (size < 0 ? std::string("?") : std::to_string(size));
  return text;
}

/// The sizes that --tokens and its kin give an operand.
std::vector<int64_t> defaultShape(const OperandInfo &operand, const Flags &flags) {
  std::vector<int64_t> shape = operand.shape;
  int64_t kvHeads = flags.kvHeads.value_or(flags.heads);
  if (operand.isTokens()) {
    bool keys = operand.role == OperandRole::Cols;
    shape[0] = flags.batch;
    shape[1] = keys ? kvHeads : flags.heads;
    shape[2] = operand.axis == "q" || !keys ? flags.tokens : flags.kvTokens.value_or(flags.tokens);
    return shape;
  }
  if (shape.size() == 1 && shape[0] < 0) // a number a head, as slopes and sinks are
    shape[0] = flags.heads;
  if (std::count(shape.begin(), shape.end(), bundle::dynamicSize))
    throw Failure("operand '" + operand.name + "': the shape of a table of rank " +
                  std::to_string(shape.size()) + " cannot be made up; give " + operand.name + "=" +
                  spellExpected(operand) + " with sizes for the question marks, or a file");
  return shape;
}

/// "1x12x433x32" as sizes; nothing if it is something else.
std::optional<std::vector<int64_t>> parseShape(std::string_view text) {
  std::vector<int64_t> shape;
  while (true) {
    int64_t size;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0 || size >= bundle::sizeLimit)
      return std::nullopt;
    shape.push_back(size);
    text.remove_prefix(size_t(end - text.data()));
    if (text.empty())
      return shape;
    if (text.front() != 'x')
      return std::nullopt;
    text.remove_prefix(1);
  }
}

void checkShape(const OperandInfo &operand, const Tensor &tensor, const std::string &value) {
  bool fits = tensor.shape.size() == operand.shape.size();
  for (size_t dim = 0; fits && dim < operand.shape.size(); ++dim)
    fits = operand.shape[dim] < 0 || operand.shape[dim] == tensor.shape[dim];
  if (!fits)
    throw Failure("operand '" + operand.name + "': expected a tensor of shape " +
                  spellExpected(operand) + ", found " + spellShape(tensor.shape) + " in '" + value +
                  "'");
}

Tensor readTensor(const OperandInfo &operand, const std::string &path, bool convertTypes) {
  auto tensor = reference::readNpy(path);
  if (!tensor)
    throw Failure("operand '" + operand.name + "': " + llvm::toString(tensor.takeError()));
  if (operand.dtype == ElementType::Index && tensor->type == ElementType::I64)
    tensor->type = ElementType::Index;
  if (tensor->type != operand.dtype) {
    if (!convertTypes)
      throw Failure("operand '" + operand.name + "': expected elements of type " +
                    typeName(operand.dtype) + ", found " + typeName(tensor->type) + " in '" + path +
                    "'; --convert rounds them");
    *tensor = reference::convert(*tensor, operand.dtype);
  }
  return *tensor;
}

Argument parseScalar(const OperandInfo &operand, const std::string &text) {
  const char *end = text.data() + text.size();
  if (!isFloat(operand.dtype)) {
    int64_t value;
    auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end)
      throw Failure("operand '" + operand.name + "': expected a whole number, found '" + text +
                    "'");
    return value;
  }
  double value;
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    throw Failure("operand '" + operand.name + "': expected a number, found '" + text + "'");
  return value;
}

Argument gatherInput(const OperandInfo &operand, const Flags &flags) {
  auto given = flags.arguments.find(operand.name);
  if (given == flags.arguments.end()) {
    if (operand.isTensor() && flags.random)
      return makeRandom(operand, defaultShape(operand, flags), flags.seed);
    throw Failure("operand '" + operand.name + "' is missing: give " + operand.name +
                  (operand.isTensor() ? "=FILE.npy, a shape, or --random" : "=NUMBER"));
  }
  if (!operand.isTensor())
    return parseScalar(operand, given->second);
  auto shape = parseShape(given->second);
  Tensor tensor = shape ? makeRandom(operand, *shape, flags.seed)
                        : readTensor(operand, given->second, flags.convert);
  checkShape(operand, tensor, given->second);
  return tensor;
}

} // namespace

std::vector<Argument> gatherInputs(const Flags &flags, Program &program) {
  const KernelInfo &info = program.info();
  std::string names;
  for (const OperandInfo &operand : info.operands)
    names += (names.empty() ? "" : ", ") + operand.name;
  for (const auto &[name, value] : flags.arguments)
    if (std::none_of(info.operands.begin(), info.operands.end(),
                     [&](const OperandInfo &operand) { return operand.name == name; }))
      throw Failure("kernel @" + info.name + " has no operand '" + name + "'; it has " + names);
  std::vector<Argument> inputs;
  for (const OperandInfo &operand : info.operands)
    inputs.push_back(gatherInput(operand, flags));
  return inputs;
}

namespace {

/// The inputs of a launch, for the sizes that a kernel demands of its results.
class InputValues final : public bundle::LaunchValues {
public:
  explicit InputValues(const std::vector<Argument> &inputs) : inputs(inputs) {}

  int64_t size(size_t argument, int64_t dimension) const override {
    return std::get<Tensor>(inputs[argument]).shape[size_t(dimension)];
  }
  int64_t scalar(size_t argument) const override { return std::get<int64_t>(inputs[argument]); }

private:
  const std::vector<Argument> &inputs;
};

/// The shape of a result that is none of tokens: a condition says what each size is.
std::vector<int64_t> shapeOfTable(const KernelInfo &info, const OperandInfo &result,
                                  const std::vector<Argument> &inputs) {
  using bundle::Expression;
  std::vector<int64_t> shape = result.shape;
  for (const bundle::Condition &condition : info.conditions) {
    const Expression &demand = condition.expression;
    if (demand.kind != Expression::Kind::Eq || demand.arguments[0].kind != Expression::Kind::Size ||
        demand.arguments[0].operand != result.name)
      continue;
    const char *problem = nullptr;
    auto size =
        bundle::evaluate(bundle::toSteps(demand.arguments[1], info), InputValues(inputs), problem);
    if (!size || *size < 0)
      throw Failure("result '" + result.name +
                    "': its sizes cannot be found: " + (problem ? problem : "one is negative"));
    shape[size_t(demand.arguments[0].number)] = *size;
  }
  return shape;
}

} // namespace

std::vector<Tensor> makeResults(const KernelInfo &info,
                                const std::map<std::string, int64_t> &lengths,
                                const std::vector<Argument> &inputs) {
  int64_t batch = 1, heads = 1;
  std::map<std::string, int64_t> tokens = lengths;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!info.operands[i].isTokens())
      continue;
    const auto &shape = std::get<Tensor>(inputs[i]).shape;
    batch = std::max(batch, shape[0]);
    heads = std::max(heads, shape[1]);
    tokens[info.operands[i].axis] = shape[2];
  }
  std::vector<Tensor> results;
  for (const OperandInfo &result : info.results) {
    std::vector<int64_t> shape = result.shape;
    if (!result.isTokens()) {
      shape = shapeOfTable(info, result, inputs);
      results.push_back(allocate("result '" + result.name + "'", result.dtype, shape));
      continue;
    }
    auto length = tokens.find(result.axis);
    if (length == tokens.end())
      throw Failure("result '" + result.name + "': no operand lies on its axis '" + result.axis +
                    "'; give its length with --length " + result.axis + "=N");
    shape[0] = batch;
    shape[1] = heads;
    shape[2] = length->second;
    results.push_back(allocate("result '" + result.name + "'", result.dtype, shape));
  }
  return results;
}

} // namespace attune::run
