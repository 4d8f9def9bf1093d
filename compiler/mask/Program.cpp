// SPDX-License-Identifier: Apache-2.0
// How are programs over tiles built (hash-consed, folded by constants and by ranges) and evaluated?
#include "compiler/mask/Program.h"
#include "compiler/mask/Arithmetic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

using namespace attune;
using namespace attune::mask;

namespace {

using Wide = __int128;

/// An enclosure; everything where the exact one may leave 62 bits, since the value may then wrap.
Range fitting(Wide low, Wide high) {
  constexpr Wide limit = Wide(1) << 62;
  if (low < -limit || high > limit)
    return Range::everything();
  return {int64_t(low), int64_t(high)};
}

template <typename Function> Range overCorners(Range a, Range b, Function &&function) {
  Wide corners[] = {function(a.low, b.low), function(a.low, b.high), function(a.high, b.low),
                    function(a.high, b.high)};
  return fitting(*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
}

Range rangeOfModulo(Range a, Range b) {
  if (a.low >= 0 && a.high < b.low)
    return a;
  return {0, std::max<int64_t>(b.high, 1) - 1};
}

/// Of bit operations: not negative numbers stay below the next power of two.
Range rangeOfBits(Opcode opcode, Range a, Range b) {
  if (opcode == Opcode::BitAnd && (a.low >= 0 || b.low >= 0))
    return {0, a.low < 0 ? b.high : b.low < 0 ? a.high : std::min(a.high, b.high)};
  if (a.low < 0 || b.low < 0)
    return Range::everything();
  uint64_t top = uint64_t(a.high) | uint64_t(b.high);
  int64_t ones = int64_t(top == 0 ? 0 : ~uint64_t(0) >> __builtin_clzll(top));
  return {0, ones};
}

Range rangeOf(Opcode opcode, Range a, Range b, Range c) {
  switch (opcode) {
  case Opcode::Add: return fitting(Wide(a.low) + b.low, Wide(a.high) + b.high);
  case Opcode::Subtract: return fitting(Wide(a.low) - b.high, Wide(a.high) - b.low);
  case Opcode::Multiply: return overCorners(a, b, [](Wide x, Wide y) { return x * y; });
  case Opcode::FloorDivide:
    if (b.low < 1)
      return Range::everything();
    return overCorners(a, b, [](Wide x, Wide y) { return floorDivide(int64_t(x), int64_t(y)); });
  case Opcode::Modulo: return b.low < 1 ? Range::everything() : rangeOfModulo(a, b);
  case Opcode::Minimum: return {std::min(a.low, b.low), std::min(a.high, b.high)};
  case Opcode::Maximum: return {std::max(a.low, b.low), std::max(a.high, b.high)};
  case Opcode::BitAnd:
  case Opcode::BitOr:
  case Opcode::BitXor: return rangeOfBits(opcode, a, b);
  case Opcode::Select: return {std::min(b.low, c.low), std::max(b.high, c.high)};
  default: return {0, 1};
  }
}

bool isCommutative(Opcode opcode) {
  switch (opcode) {
  case Opcode::Add:
  case Opcode::Multiply:
  case Opcode::Minimum:
  case Opcode::Maximum:
  case Opcode::BitAnd:
  case Opcode::BitOr:
  case Opcode::BitXor:
  case Opcode::Equal:
  case Opcode::And:
  case Opcode::Or: return true;
  default: return false;
  }
}

bool isPowerOfTwo(int64_t number) { return number > 0 && (number & (number - 1)) == 0; }

int64_t costOf(const Program &program, const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Constant:
  case Opcode::Input:
  case Opcode::Uniform:
  case Opcode::Entries:
  case Opcode::Fold:
  case Opcode::Summary: return 0;
  case Opcode::AtToken:
  case Opcode::Entry: return 2;
  case Opcode::LowerBound:
  case Opcode::UpperBound: return 40;
  case Opcode::FloorDivide:
  case Opcode::Modulo: {
    std::optional<int64_t> divisor = program.constantOf(instruction.operands[1]);
    return divisor && isPowerOfTwo(*divisor) ? 1 : 4;
  }
  default: return 1;
  }
}

} // namespace

/// Of all but the range. Most of the time of an analysis is spent looking instructions up.
static uint64_t hashOf(const Instruction &instruction) {
  uint64_t hash = 0;
  auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  };
  auto &operands = instruction.operands;
  mix(uint64_t(instruction.opcode) | uint64_t(instruction.input) << 8 |
      uint64_t(instruction.side) << 16 | uint64_t(instruction.dim) << 32);
  mix(uint64_t(instruction.number));
  mix(reinterpret_cast<uintptr_t>(instruction.node));
  mix(uint64_t(uint32_t(operands[0].id)) << 32 | uint32_t(operands[1].id));
  mix(uint32_t(operands[2].id));
  return hash;
}

static bool computesTheSame(const Instruction &one, const Instruction &other) {
  return one.opcode == other.opcode && one.number == other.number && one.input == other.input &&
         one.dim == other.dim && one.node == other.node && one.side == other.side &&
         one.operands == other.operands;
}

/// Places of `slots` are tried one after the other; at most half of them are taken.
Value Program::intern(const Instruction &instruction) {
  if (2 * (instructions.size() + 1) > slots.size())
    growSlots();
  uint64_t hash = hashOf(instruction);
  size_t slot = hash & (slots.size() - 1);
  for (; slots[slot].id >= 0; slot = (slot + 1) & (slots.size() - 1)) {
    Instruction &other = instructions[slots[slot].id];
    if (slots[slot].hash != uint32_t(hash >> 32) || !computesTheSame(other, instruction))
      continue;
    other.low = std::max(other.low, instruction.low);
    other.high = std::min(other.high, instruction.high);
    return {slots[slot].id};
  }
  slots[slot] = {int(instructions.size()), uint32_t(hash >> 32)};
  instructions.push_back(instruction);
  return {slots[slot].id};
}

void Program::growSlots() {
  size_t count = std::max<size_t>(2 * slots.size(), 256);
  slots.assign(count, {});
  for (auto [id, instruction] : llvm::enumerate(instructions)) {
    uint64_t hash = hashOf(instruction);
    size_t slot = hash & (count - 1);
    while (slots[slot].id >= 0)
      slot = (slot + 1) & (count - 1);
    slots[slot] = {int(id), uint32_t(hash >> 32)};
  }
}

Value Program::constant(int64_t number) {
  Instruction instruction;
  instruction.number = instruction.low = instruction.high = number;
  return intern(instruction);
}

Value Program::input(Input input, unsigned dim, int64_t low, int64_t high) {
  Instruction instruction{.opcode = Opcode::Input, .input = input, .dim = dim};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

Value Program::uniform(const Node *node, int64_t low, int64_t high) {
  if (low == high)
    return constant(low);
  Instruction instruction{.opcode = Opcode::Uniform, .node = node};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

Value Program::atToken(const Node *node, Side side, int64_t low, int64_t high) {
  Instruction instruction{.opcode = Opcode::AtToken, .node = node, .side = side};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

Value Program::entry(const Node *node, Value index, int64_t low, int64_t high) {
  Instruction instruction{.opcode = Opcode::Entry, .node = node, .operands = {index}};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

Value Program::lowerBound(const Node *node, Value number) {
  Instruction instruction{.opcode = Opcode::LowerBound, .node = node, .operands = {number}};
  instruction.high = MaximumEntries;
  return intern(instruction);
}

Value Program::upperBound(const Node *node, Value number) {
  Instruction instruction{.opcode = Opcode::UpperBound, .node = node, .operands = {number}};
  instruction.high = MaximumEntries;
  return intern(instruction);
}

Value Program::entries(const Node *node) {
  Instruction instruction{.opcode = Opcode::Entries, .node = node};
  instruction.high = MaximumEntries;
  return intern(instruction);
}

Value Program::fold(int64_t number, int64_t low, int64_t high) {
  Instruction instruction{.opcode = Opcode::Fold, .number = number};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

Value Program::summary(int64_t number, int64_t low, int64_t high) {
  Instruction instruction{.opcode = Opcode::Summary, .number = number};
  instruction.low = low, instruction.high = high;
  return intern(instruction);
}

std::optional<int64_t> Program::constantOf(Value value) const {
  const Instruction &instruction = instructions[value.id];
  if (instruction.opcode == Opcode::Constant)
    return instruction.number;
  return std::nullopt;
}

Value Program::make(Opcode opcode, Value a, Value b, Value c) {
  // A length is 0 where there are no tokens, and a block computes what it needs before it knows.
  bool isDivision = opcode == Opcode::FloorDivide || opcode == Opcode::Modulo;
  if (isDivision && instructions[b.id].low < 1)
    b = make(Opcode::Maximum, b, constant(1));
  // Constants come last, other operands of commutative operations in the order of their making.
  if (isCommutative(opcode) && (constantOf(a) || (!constantOf(b) && b.id < a.id)))
    std::swap(a, b);
  if (Value folded = simplified(opcode, a, b, c))
    return folded;
  auto rangeOfValue = [&](Value value) {
    return value ? Range{instructions[value.id].low, instructions[value.id].high} : Range{0, 0};
  };
  Range range = rangeOf(opcode, rangeOfValue(a), rangeOfValue(b), rangeOfValue(c));
  if (range.low == range.high)
    return constant(range.low);
  Instruction instruction{.opcode = opcode, .operands = {a, b, c}};
  instruction.low = range.low, instruction.high = range.high;
  return intern(instruction);
}

Value Program::simplified(Opcode opcode, Value a, Value b, Value c) {
  std::optional<int64_t> x = constantOf(a), y, z;
  if (b)
    y = constantOf(b);
  if (c)
    z = constantOf(c);
  bool isDivision = opcode == Opcode::FloorDivide || opcode == Opcode::Modulo;
  if (x && (!b || y) && (!c || z) && !(isDivision && *y < 1))
    return constant(compute(opcode, *x, y.value_or(0), z.value_or(0)));
  switch (opcode) {
  case Opcode::Add:
  case Opcode::Subtract:
  case Opcode::Multiply:
  case Opcode::FloorDivide:
  case Opcode::Modulo: return foldArithmetic(opcode, a, b);
  case Opcode::Minimum:
  case Opcode::Maximum: return foldExtremum(opcode, a, b);
  case Opcode::LessEqual:
  case Opcode::Equal: return foldComparison(opcode, a, b);
  case Opcode::And:
  case Opcode::Or: return foldLogic(opcode, a, b);
  case Opcode::Not:
    if (instructions[a.id].opcode == Opcode::Not)
      return instructions[a.id].operands[0];
    return {};
  case Opcode::Select:
    if (x)
      return *x ? b : c;
    if (b == c)
      return b;
    if (instructions[a.id].opcode == Opcode::Not)
      return make(Opcode::Select, instructions[a.id].operands[0], c, b);
    return {};
  default: return {};
  }
}

Value Program::foldArithmetic(Opcode opcode, Value a, Value b) {
  std::optional<int64_t> y = constantOf(b);
  const Instruction left = instructions[a.id];
  // (x + c) + d and its like: constants meet.
  if ((opcode == Opcode::Add || opcode == Opcode::Subtract) && y) {
    int64_t number = opcode == Opcode::Add ? *y : -*y;
    if (number == 0)
      return a;
    if (left.opcode == Opcode::Add)
      if (std::optional<int64_t> other = constantOf(left.operands[1]))
        return make(Opcode::Add, left.operands[0], constant(number + *other));
    if (opcode == Opcode::Subtract)
      return make(Opcode::Add, a, constant(number));
    return {};
  }
  if (opcode == Opcode::Subtract && a == b)
    return constant(0);
  if (std::optional<int64_t> x = constantOf(a); x && opcode == Opcode::Subtract) {
    const Instruction right = instructions[b.id];
    // c - (d - y), c - (y + d), 0 - (x - y).
    if (right.opcode == Opcode::Subtract && constantOf(right.operands[0]))
      return add(right.operands[1], constant(*x - *constantOf(right.operands[0])));
    if (right.opcode == Opcode::Add && constantOf(right.operands[1]))
      return subtract(constant(*x - *constantOf(right.operands[1])), right.operands[0]);
    if (right.opcode == Opcode::Subtract && *x == 0)
      return subtract(right.operands[1], right.operands[0]);
  }
  if (opcode == Opcode::Multiply && y == 0)
    return constant(0);
  if ((opcode == Opcode::Multiply || opcode == Opcode::FloorDivide) && y == 1)
    return a;
  if (opcode == Opcode::Modulo && left.low >= 0 && left.high < instructions[b.id].low)
    return a;
  return {};
}

Value Program::foldExtremum(Opcode opcode, Value a, Value b) {
  // Copies: making values moves instructions.
  const Instruction left = instructions[a.id], right = instructions[b.id];
  bool isMinimum = opcode == Opcode::Minimum;
  if (a == b || (isMinimum ? left.high <= right.low : left.low >= right.high))
    return a;
  if (isMinimum ? right.high <= left.low : right.low >= left.high)
    return b;
  auto has = [](const Instruction &extremum, Value operand) {
    return extremum.operands[0] == operand || extremum.operands[1] == operand;
  };
  // min(min(x, y), y).
  if (left.opcode == opcode && has(left, b))
    return a;
  if (right.opcode == opcode && has(right, a))
    return b;
  // min(max(x, y), y) = y.
  Opcode opposite = isMinimum ? Opcode::Maximum : Opcode::Minimum;
  if (left.opcode == opposite && has(left, b))
    return b;
  if (right.opcode == opposite && has(right, a))
    return a;
  // min(max(x, z), max(y, z)) = max(min(x, y), z): each distributes over the other.
  if (left.opcode == opposite && right.opcode == opposite)
    for (unsigned index : {0, 1})
      if (has(right, left.operands[index])) {
        Value z = left.operands[index], x = left.operands[1 - index];
        Value y = right.operands[right.operands[0] == z ? 1 : 0];
        return make(opposite, make(opcode, x, y), z);
      }
  // x + c and x // c grow with x: which is the least is known if it is of what they are made of.
  bool grows = left.opcode == Opcode::Add || left.opcode == Opcode::FloorDivide;
  if (grows && left.opcode == right.opcode && left.operands[1] == right.operands[1]) {
    Value x = left.operands[0], y = right.operands[0], least = foldExtremum(opcode, x, y);
    if (least == x || least == y)
      return least == x ? a : b;
  }
  return {};
}

Value Program::foldComparison(Opcode opcode, Value a, Value b) {
  // Copies: making values moves instructions.
  const Instruction left = instructions[a.id], right = instructions[b.id];
  if (opcode == Opcode::Equal) {
    if (a == b)
      return truth(true);
    if (left.high < right.low || right.high < left.low)
      return truth(false);
    return {};
  }
  if (a == b || left.high <= right.low)
    return truth(true);
  if (left.low > right.high)
    return truth(false);
  // x + c <= y + d.
  if (left.opcode == Opcode::Add && right.opcode == Opcode::Add && constantOf(left.operands[1]) &&
      constantOf(left.operands[1]) == constantOf(right.operands[1]))
    return atMost(left.operands[0], right.operands[0]);
  // c - x <= d and d <= c - x.
  if (left.opcode == Opcode::Subtract && constantOf(b) && constantOf(left.operands[0]))
    return atMost(constant(*constantOf(left.operands[0]) - *constantOf(b)), left.operands[1]);
  if (right.opcode == Opcode::Subtract && constantOf(a) && constantOf(right.operands[0]))
    return atMost(right.operands[1], constant(*constantOf(right.operands[0]) - *constantOf(a)));
  // x + c <= d and d <= x + c, once for each x.
  if (left.opcode == Opcode::Add && constantOf(b) && constantOf(left.operands[1]))
    return atMost(left.operands[0], constant(*constantOf(b) - *constantOf(left.operands[1])));
  if (right.opcode == Opcode::Add && constantOf(a) && constantOf(right.operands[1]))
    return atMost(constant(*constantOf(a) - *constantOf(right.operands[1])), right.operands[0]);
  return {};
}

Value Program::foldLogic(Opcode opcode, Value a, Value b) {
  bool isAnd = opcode == Opcode::And;
  if (a == b)
    return a;
  if (std::optional<int64_t> y = constantOf(b))
    return (*y == 1) == isAnd ? a : b;
  const Instruction left = instructions[a.id], right = instructions[b.id];
  if ((left.opcode == Opcode::Not && left.operands[0] == b) ||
      (right.opcode == Opcode::Not && right.operands[0] == a))
    return truth(!isAnd);
  if (left.opcode == opcode && (left.operands[0] == b || left.operands[1] == b))
    return a;
  if (right.opcode == opcode && (right.operands[0] == a || right.operands[1] == a))
    return b;
  if (left.opcode == Opcode::Not && right.opcode == Opcode::Not)
    return make(Opcode::Not,
                make(isAnd ? Opcode::Or : Opcode::And, left.operands[0], right.operands[0]));
  return {};
}

llvm::SmallVector<int> Program::needed(llvm::ArrayRef<Value> roots) const {
  int last = -1;
  for (Value root : roots)
    last = std::max(last, root.id);
  // Operands come before users: one walk from the last to the first, over sets of 64.
  llvm::SmallVector<uint64_t, 64> wanted(last / 64 + 1);
  auto want = [&](Value value) {
    if (value)
      wanted[value.id / 64] |= uint64_t(1) << value.id % 64;
  };
  llvm::for_each(roots, want);
  llvm::SmallVector<int> order;
  for (size_t word = wanted.size(); word-- > 0;)
    while (wanted[word] != 0) {
      int bit = 63 - llvm::countl_zero(wanted[word]), id = int(64 * word) + bit;
      wanted[word] &= ~(uint64_t(1) << bit);
      order.push_back(id);
      llvm::for_each(instructions[id].operands, want);
    }
  std::reverse(order.begin(), order.end());
  return order;
}

void Program::renumber(Opcode opcode, llvm::function_ref<int64_t(int64_t)> numberOf) {
  for (Instruction &instruction : instructions)
    if (instruction.opcode == opcode)
      instruction.number = numberOf(instruction.number);
}

int64_t Program::cost(llvm::ArrayRef<Value> roots) const {
  int64_t sum = 0;
  for (int id : needed(roots))
    sum += costOf(*this, instructions[id]);
  return sum;
}

bool Program::depends(Value value, llvm::function_ref<bool(const Instruction &)> wanted) const {
  return llvm::any_of(needed(value), [&](int id) { return wanted(instructions[id]); });
}

Evaluator::Evaluator(const Program &program) : program(program) {}

llvm::SmallVector<int64_t> Evaluator::evaluate(llvm::ArrayRef<Value> roots, Leaf leaf) {
  values.resize(program.size());
  for (int id : program.needed(roots)) {
    const Instruction &instruction = program[Value{id}];
    llvm::SmallVector<int64_t, 3> operands;
    for (Value operand : instruction.operands)
      if (operand)
        operands.push_back(values[operand.id]);
    if (instruction.opcode == Opcode::Constant)
      values[id] = instruction.number;
    else if (isLeaf(instruction.opcode))
      values[id] = leaf(instruction, operands);
    else
      values[id] = compute(instruction.opcode, operands[0], operands.size() > 1 ? operands[1] : 0,
                           operands.size() > 2 ? operands[2] : 0);
  }
  llvm::SmallVector<int64_t> results;
  for (Value root : roots)
    results.push_back(values[root.id]);
  return results;
}
