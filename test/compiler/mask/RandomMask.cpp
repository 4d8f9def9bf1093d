// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/RandomMask.h"

#include <algorithm>

using namespace attune::mask::test;

int64_t RandomMask::number(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

bool RandomMask::chance(double probability) {
  return std::bernoulli_distribution(probability)(generator);
}

std::string RandomMask::emit(const std::string &operation) {
  std::string name = "%v" + std::to_string(values++);
  text.body += "    " + name + " = " + operation + "\n";
  return name;
}

std::string RandomMask::constant(int64_t value) {
  return emit("arith.constant " + std::to_string(value) + " : index");
}

std::string RandomMask::leaf() {
  switch (number(0, 9)) {
  case 0:
  case 1:
  case 2: return "%i";
  case 3:
  case 4:
  case 5: return "%j";
  case 6: return "%w";
  case 7: return emit("arith.index_cast %e : i32 to index");
  default: return constant(number(-6, 20));
  }
}

std::string RandomMask::divisor() {
  switch (number(0, 7)) {
  case 0: return "%n";
  case 1: return "%p";
  case 2: return emit("arith.muli %n, %p : index");
  case 3:
    if (options.onGrids)
      return chance(0.5) ? "%W" : "%X";
    return "%n";
  default: return constant(number(1, 12));
  }
}

std::string RandomMask::quotient(unsigned depth) {
  std::string dividend = integer(depth), size = divisor();
  switch (number(0, 5)) {
  case 0: return emit("arith.floordivsi " + dividend + ", " + size + " : index");
  case 1: return emit("arith.ceildivsi " + dividend + ", " + size + " : index");
  case 2:
    return emit("affine.apply affine_map<(a)[n] -> (a mod n)>(" + dividend + ")[" + size + "]");
  case 3: {
    std::string factor = std::to_string(number(1, 6)), shift = std::to_string(number(0, 9));
    return emit("affine.apply affine_map<(a) -> ((a + " + shift + ") floordiv " + factor +
                " - a mod " + factor + ")>(" + dividend + ")");
  }
  case 4: {
    std::string name = "%v" + std::to_string(values++);
    text.body += "    " + name + ":3 = affine.delinearize_index " + dividend + " into (" + size +
                 ", " + std::to_string(number(1, 5)) + ") : index, index, index\n";
    return name + "#" + std::to_string(number(0, 2));
  }
  default: {
    // x - n (x // n).
    std::string quotient = emit("arith.floordivsi " + dividend + ", " + size + " : index");
    std::string whole = emit("arith.muli " + quotient + ", " + size + " : index");
    return emit("arith.subi " + dividend + ", " + whole + " : index");
  }
  }
}

std::string RandomMask::bits(unsigned depth) {
  std::string left = integer(depth);
  switch (number(0, 4)) {
  case 0: return emit("arith.shrsi " + left + ", " + constant(number(0, 4)) + " : index");
  case 1: return emit("arith.shli " + left + ", " + constant(number(0, 3)) + " : index");
  case 2:
    return emit("arith.andi " + left + ", " + constant((1 << number(1, 5)) - number(1, 3)) +
                " : index");
  case 3: return emit("math.ctpop " + left + " : index");
  default: {
    const char *names[] = {"andi", "ori", "xori"};
    return emit(std::string("arith.") + names[number(0, 2)] + " " + left + ", " + integer(depth) +
                " : index");
  }
  }
}

std::string RandomMask::choice(unsigned depth) {
  std::string left = integer(depth), right = integer(depth);
  if (chance(0.3))
    return emit("arith.select " + truth(0) + ", " + left + ", " + right + " : index");
  const char *names[] = {"maxsi", "minsi", "maxui", "minui"};
  return emit(std::string("arith.") + names[number(0, chance(0.2) ? 3 : 1)] + " " + left + ", " +
              right + " : index");
}

std::string RandomMask::entry(unsigned depth) {
  std::string index = integer(depth);
  switch (number(0, 3)) {
  case 0: return emit("attn.load %t[" + index + "] : tensor<?xi32> -> index");
  case 1: return emit("attn.load %u[" + index + "] : tensor<?xi32> -> index");
  case 2: return emit("attn.load %t[%i] : tensor<?xi32> -> index");
  default: return emit("attn.load %g[%h, " + index + "] : tensor<?x?xi32> -> index");
  }
}

/// Arithmetic of 32 bits, which may wrap.
std::string RandomMask::narrow(unsigned depth) {
  std::string left = emit("arith.index_cast " + integer(depth) + " : index to i32");
  const char *names[] = {"addi", "subi", "muli"};
  std::string joined =
      emit(std::string("arith.") + names[number(0, 2)] + " " + left + ", %e : i32");
  return emit(std::string(chance(0.7) ? "arith.index_cast " : "arith.index_castui ") + joined +
              " : i32 to index");
}

std::string RandomMask::operation(unsigned depth) {
  auto binary = [&](const char *name) {
    std::string left = integer(depth), right = integer(depth);
    return emit(std::string("arith.") + name + " " + left + ", " + right + " : index");
  };
  switch (number(0, 13)) {
  case 0:
  case 1: return binary("addi");
  case 2:
  case 3: return binary("subi");
  case 4: return binary("muli");
  case 5: return emit("arith.muli " + integer(depth) + ", " + constant(number(-4, 6)) + " : index");
  case 6: return emit("math.absi " + integer(depth) + " : index");
  case 7: return choice(depth);
  case 8: return bits(depth);
  case 9: return entry(depth);
  case 10: return narrow(depth);
  default: return quotient(depth);
  }
}

std::string RandomMask::integer(unsigned depth) {
  return depth == 0 || chance(0.2) ? leaf() : operation(depth - 1);
}

std::string RandomMask::comparison() {
  if (chance(0.08))
    return emit("attn.load %f[" + integer(1) + "] : tensor<?xi1>");
  const char *orders[] = {"slt", "sle", "sgt", "sge", "eq", "ne", "ult", "uge"};
  std::string order = orders[number(0, chance(0.1) ? 7 : 5)];
  std::string left = integer(options.integerDepth), right = integer(options.integerDepth - 1);
  return emit("arith.cmpi " + order + ", " + left + ", " + right + " : index");
}

std::string RandomMask::truth(unsigned depth) {
  if (depth == 0 || chance(0.2))
    return comparison();
  std::string left = truth(depth - 1);
  switch (number(0, 9)) {
  case 0: return emit("arith.xori " + left + ", %yes : i1");
  case 1: return emit("arith.xori " + left + ", " + truth(depth - 1) + " : i1");
  case 2: return emit("arith.cmpi eq, " + left + ", " + truth(depth - 1) + " : i1");
  case 3:
    return emit("arith.select " + left + ", " + truth(depth - 1) + ", " + truth(depth - 1) +
                " : i1");
  case 4: {
    std::string one = emit("arith.extui " + left + " : i1 to i32");
    std::string other = emit("arith.extui " + truth(depth - 1) + " : i1 to i32");
    std::string sum = emit("arith.addi " + one + ", " + other + " : i32");
    return emit("arith.cmpi sge, " + sum + ", " + (chance(0.5) ? one : "%e") + " : i32");
  }
  default: {
    const char *name = chance(0.5) ? "arith.andi " : "arith.ori ";
    return emit(name + left + ", " + truth(depth - 1) + " : i1");
  }
  }
}

RandomMask::RandomMask(uint64_t seed, RandomMaskOptions options)
    : generator(seed), options(options) {
  text.operands = "%w: index, %n: index, %p: index, %t: tensor<?xi32>, %u: tensor<?xi32> "
                  "{attn.sorted, attn.range = [-3, 50]}, %f: tensor<?xi1>, %g: tensor<?x?xi32>, "
                  "%es: !attn.cols<i32> {attn.range = [0, 9]}";
  text.bindings = ", %e = %es";
  text.bindingTypes = ", !attn.cols<i32>";
  queries = number(1, 60);
  keys = number(1, 60);
  if (options.onGrids) {
    text.operands += ", %H: index, %W: index, %Y: index, %X: index";
    text.prologue = "  axis q grid (%H, %W)\n  axis k grid (%Y, %X)\n";
    for (int64_t &size : sizes)
      size = number(1, 8);
    queries = sizes[0] * sizes[1];
    keys = sizes[2] * sizes[3];
  }
  text.body = "    %yes = arith.constant true\n";
  std::string result = truth(options.logicDepth);
  text.body += "    yield " + result + " : i1";
}

void RandomMask::fill(Problem &problem) {
  auto numbers = [&](int64_t count, int64_t low, int64_t high) {
    std::vector<double> list(static_cast<size_t>(count));
    for (double &value : list)
      value = double(number(low, high));
    return list;
  };
  problem.set("w", number(-10, 30));
  problem.set("n", number(1, 12));
  problem.set("p", number(1, 5));
  int64_t entries = number(1, 50), columns = number(1, 50);
  problem.set("t", Table{{entries}, numbers(entries, -8, 60)});
  std::vector<double> sorted = numbers(entries, -3, 50);
  std::sort(sorted.begin(), sorted.end());
  problem.set("u", Table{{entries}, sorted});
  problem.set("f", Table{{columns}, numbers(columns, 0, 1)});
  problem.set("g", Table{{2, columns}, numbers(2 * columns, -4, 30)});
  problem.set("es", Table{{1, 1, keys}, numbers(keys, 0, 9)});
  const char *names[] = {"H", "W", "Y", "X"};
  for (size_t dim = 0; options.onGrids && dim < 4; ++dim)
    problem.set(names[dim], sizes[dim]);
  problem.head = number(0, 1);
}
