// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/analysis/Mechanisms.h"

namespace attune::test {

namespace {

/// One map of `inputs` (`%x = %s, %y = %r`), of `types` to `result`, with `body` and %out as its value.
std::string map(const std::string &name, const std::string &inputs, const std::string &types,
                const std::string &result, const std::string &body) {
  return "  %" + name + " = map (" + inputs + ") at (%b, %h, %i, %j) : (" + types + ") -> " +
         result + " {\n    " + body + "\n    yield %out : f32\n  }\n";
}

std::string rowMap(const std::string &name, const std::string &inputs, const std::string &types,
                   const std::string &body) {
  return "  %" + name + " = map (" + inputs + ") at (%b, %h, %i) : (" + types + ") -> !r {\n    " +
         body + "\n    yield %out : f32\n  }\n";
}

std::string unary(const std::string &op, const std::string &name, const std::string &of) {
  return map(name, "%x = %" + of, "!s", "!s", "%out = " + op + " %x : f32");
}

std::string withRow(const std::string &op, const std::string &name, const std::string &of,
                    const std::string &row) {
  return map(name, "%x = %" + of + ", %y = %" + row, "!s, !r", "!s",
             "%out = " + op + " %x, %y : f32");
}

std::string product(const std::string &name, const std::string &a, const std::string &b) {
  return map(name, "%x = %" + a + ", %y = %" + b, "!s, !s", "!s", "%out = arith.mulf %x, %y : f32");
}

std::string reduce(const std::string &kind, const std::string &name, const std::string &of) {
  return "  %" + name + " = reduce " + kind + " %" + of + " over keys : !s\n";
}

std::string contract(const std::string &name, const std::string &of) {
  return "  %" + name + " = contract %" + of + ", %v : !s, !k -> !q\n";
}

/// %s, scaled products, and %m, the causal ones with two keys of look-ahead hidden from early rows.
const std::string scores = R"(  %s = dot %q, %k scale 0.5 : !q, !k
  %m = where %s in affine_set<(b, h, i, j)[w] : (j <= i - 2, i - j <= w)>[%w] : !s
)";

std::string kernel(const std::string &body, const std::string &results,
                   const std::string &resultTypes) {
  return "attn.kernel @test(%q: !q, %k: !k, %v: !k, %u: !k, %z: !r, %g: !c, %slope: tensor<?xf32>, "
         "%w: index) -> (" +
         resultTypes + ") {\n" + scores + body + "  return " + results + " : " + resultTypes +
         "\n}\n";
}

std::string vectorKernel(const std::string &body) { return kernel(body, "%o", "!q"); }

const std::string softmax = "  %p = softmax %m : !s\n";

//===--- Normalised by a sum of exponentials ---------------------------------------------------===//

std::vector<Mechanism> softmaxLike() {
  return {
      {"softmax with logsumexp",
       kernel(softmax + contract("o", "p") + "  %l = logsumexp %m : !s\n", "%o, %l", "!q, !r"),
       {{.frames = 1, .scalars = 1, .vectors = 1}}},
      {"softmax", vectorKernel(softmax + contract("o", "p")), {{1, 1, 0, 1}}, true},
      {"softmax with sink and logsumexp",
       kernel("  %p = softmax %m sink %z : !s\n" + contract("o", "p") +
                  "  %l = logsumexp %m sink %z : !s\n",
              "%o, %l", "!q, !r"),
       {{1, 1, 0, 1}}},
      {"sink in primitives",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l", "e") +
                    rowMap("n", "%x = %l, %y = %z", "!r, !r",
                           "%t = math.exp %y : f32   %out = arith.addf %x, %t : f32") +
                    withRow("arith.divf", "p", "e", "n") + contract("o", "p")),
       {{1, 1, 0, 1}}},
      {"exponentials over their sum without a maximum",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l", "e") +
                    withRow("arith.divf", "p", "e", "l") + contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      {"division after the contraction",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l", "e") + contract("n", "e") +
                    R"(  %o = map (%x = %n, %y = %l) : (!q, !r) -> !q {
    %t = vector.broadcast %y : f32 to vector<4xf32>
    %out = arith.divf %x, %t : vector<4xf32>
    yield %out : vector<4xf32>
  }
)"),
       {{1, 1, 0, 1}},
       true},
      {"alibi",
       vectorKernel(map("a", "%x = %m", "!s", "!s",
                        R"(%n = load %slope[%h] : tensor<?xf32>   %d = arith.subi %j, %i : index
    %c = arith.index_cast %d : index to i64   %f = arith.sitofp %c : i64 to f32
    %out = math.fma %n, %f, %x : f32)") +
                    "  %p = softmax %a : !s\n" + contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      {"gain as a factor",
       vectorKernel(unary("math.exp", "e", "m") +
                    map("f", "%x = %e, %y = %g", "!s, !c", "!s",
                        "%a = math.absf %y : f32   %out = arith.mulf %x, %a : f32") +
                    reduce("sum", "l", "f") + withRow("arith.divf", "p", "f", "l") +
                    contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      {"length of the weights is one",
       vectorKernel(unary("math.exp", "e", "m") + product("d", "e", "e") + reduce("sum", "l", "d") +
                    rowMap("n", "%x = %l", "!r", "%out = math.sqrt %x : f32") +
                    withRow("arith.divf", "p", "e", "n") + contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      {"gaussian window times softmax",
       vectorKernel(softmax +
                    map("f", "%x = %p", "!s", "!s",
                        R"(%d = arith.subi %j, %i : index   %c = arith.index_cast %d : index to i64
    %a = arith.sitofp %c : i64 to f32   %e = arith.mulf %a, %a : f32   %n = arith.negf %e : f32
    %y = math.exp %n : f32   %out = arith.mulf %x, %y : f32)") +
                    contract("o", "f")),
       {{1, 1, 0, 1}},
       true},
      {"rows whose visible scores are all -inf",
       kernel(map("a", "%x = %m", "!s", "!s",
                  R"(%low = arith.constant 0xFF800000 : f32   %n = arith.addi %i, %j : index
    %c4 = arith.constant 8 : index   %c = arith.cmpi slt, %n, %c4 : index
    %out = arith.select %c, %low, %x : f32)") +
                  "  %p = softmax %a : !s\n" + contract("o", "p") + "  %l = logsumexp %a : !s\n",
              "%o, %l", "!q, !r"),
       {{1, 1, 0, 1}}},
      {"temperature of the program",
       kernel(map("t", "%x = %m", "!s", "!s",
                  "%c = arith.constant -3.0 : f32   %out = arith.divf %x, %c : f32") +
                  "  %p = softmax %t : !s\n" + contract("o", "p") + "  %l = logsumexp %t : !s\n",
              "%o, %l", "!q, !r"),
       {{1, 1, 0, 1}}},
  };
}

//===--- Statistics of a row -------------------------------------------------------------------===//

std::vector<Mechanism> statistics() {
  std::string entropy =
      map("e", "%x = %p", "!s", "!s", "%t = math.log %x : f32   %out = arith.mulf %x, %t : f32") +
      reduce("sum", "n", "e") + rowMap("ent", "%x = %n", "!r", "%out = arith.negf %x : f32");
  return {
      {"entropy", kernel(softmax + entropy, "%ent", "!r"), {{1, 2, 0, 0}}, true},
      {"entropy and sum of squares beside softmax",
       kernel(softmax + contract("o", "p") + entropy + product("d", "p", "p") +
                  reduce("sum", "pp", "d"),
              "%o, %ent, %pp", "!q, !r, !r"),
       {{1, 3, 0, 1}},
       true},
      {"variance of the scores under the weights",
       kernel(softmax + product("a", "p", "m") + product("c", "a", "m") + reduce("sum", "x1", "a") +
                  reduce("sum", "x2", "c") +
                  rowMap("l", "%x = %x2, %y = %x1", "!r, !r",
                         "%t = arith.mulf %y, %y : f32   %out = arith.subf %x, %t : f32"),
              "%l", "!r"),
       {{1, 3, 0, 0}},
       true},
      {"expected distance",
       kernel(softmax +
                  map("f", "%x = %p", "!s", "!s",
                      R"(%d = arith.subi %i, %j : index   %c = arith.index_cast %d : index to i64
    %a = arith.sitofp %c : i64 to f32   %out = arith.mulf %x, %a : f32)") +
                  reduce("sum", "l", "f"),
              "%l", "!r"),
       {{1, 2, 0, 0}},
       true},
      {"largest, smallest and mean score",
       kernel(reduce("max", "a", "m") + reduce("min", "c", "m") + reduce("mean", "d", "m"),
              "%a, %c, %d", "!r, !r, !r"),
       {{0, 2, 2, 0}}},
      {"largest score beside softmax",
       kernel(softmax + contract("o", "p") + reduce("max", "a", "m"), "%o, %a", "!q, !r"),
       {{1, 1, 0, 1}}},
      {"largest weight",
       kernel(softmax + reduce("max", "a", "p"), "%a", "!r"),
       {{1, 1, 0, 0}},
       true},
      {"second moment about the mean",
       kernel(reduce("mean", "c", "m") + withRow("arith.subf", "d", "m", "c") +
                  product("e", "d", "d") + reduce("mean", "n", "e"),
              "%n", "!r"),
       {{0, 2, 0, 0}, {0, 1, 0, 0}},
       true},
      {"divergence of two maps",
       kernel(softmax +
                  "  %s2 = dot %q, %u scale 0.25 : !q, !k\n"
                  "  %m2 = where %s2 in affine_set<(b, h, i, j)[w] : (j <= i - 2, i - j <= "
                  "w)>[%w] : !s\n  %p2 = softmax %m2 : !s\n" +
                  map("d", "%x = %p, %y = %p2", "!s, !s", "!s",
                      R"(%r = arith.divf %x, %y : f32   %t = math.log %r : f32
    %out = arith.mulf %x, %t : f32)") +
                  reduce("sum", "l", "d"),
              "%l", "!r"),
       {{2, 4, 0, 0}}},
      {"sum of exponentials is a result",
       kernel(unary("math.exp", "e", "m") + reduce("sum", "l", "e"), "%l", "!r"),
       {{0, 1, 0, 0}}},
  };
}

//===--- Other weights -------------------------------------------------------------------------===//

std::vector<Mechanism> otherWeights() {
  std::string differential = "  %s2 = dot %q, %u scale 0.5 : !q, !k\n"
                             "  %m2 = where %s2 in affine_set<(b, h, i, j) : (j <= i - 1)> : !s\n"
                             "  %p2 = softmax %m2 : !s\n";
  std::string choose = R"(%zero = arith.constant 0.0 : f32
    %c = arith.cmpf ogt, %y, %zero : f32   %out = arith.select %c, %t, %zero : f32)";
  std::string chosen =
      map("e", "%x = %m, %y = %g", "!s, !c", "!s", "%t = math.exp %x : f32   " + choose);
  std::string chosenWeights = map("e", "%t = %p, %y = %g", "!s, !c", "!s", choose);
  std::string beside = reduce("mean", "d", "m") + rowMap("n", "%x = %l, %y = %d", "!r, !r",
                                                         R"(%one = arith.constant 1.0 : f32
    %a = arith.addf %x, %one : f32   %t = math.log %a : f32   %out = arith.addf %t, %y : f32)");
  return {
      {"sigmoid",
       vectorKernel(map("f", "%x = %m", "!s", "!s",
                        R"(%one = arith.constant 1.0 : f32   %n = arith.negf %x : f32
    %e = math.exp %n : f32   %d = arith.addf %one, %e : f32   %out = arith.divf %one, %d : f32)") +
                    contract("o", "f")),
       {{0, 0, 0, 1}}},
      {"polynomial over its sum",
       vectorKernel(map("f", "%x = %m", "!s", "!s",
                        R"(%one = arith.constant 1.0 : f32   %h2 = arith.constant 0.5 : f32
    %d = arith.mulf %x, %x : f32   %e = arith.mulf %d, %h2 : f32   %t = arith.addf %x, %e : f32
    %out = arith.addf %one, %t : f32)") +
                    reduce("sum", "l", "f") + withRow("arith.divf", "p", "f", "l") +
                    contract("o", "p")),
       {{0, 1, 0, 1}}},
      {"exponential of the size of a score",
       vectorKernel(unary("math.absf", "a", "m") + "  %p = softmax %a : !s\n" +
                    product("f", "p", "m") + contract("o", "f")),
       {{1, 1, 0, 1}}},
      {"differential on rows, two masks",
       vectorKernel(softmax + differential + contract("o1", "p") + contract("o2", "p2") +
                    R"(  %o = map (%x = %o1, %y = %o2, %l = %z) : (!q, !q, !r) -> !q {
    %t = vector.broadcast %l : f32 to vector<4xf32>   %e = arith.mulf %y, %t : vector<4xf32>
    %out = arith.subf %x, %e : vector<4xf32>
    yield %out : vector<4xf32>
  }
)"),
       {{2, 2, 0, 2}}},
      {"one normaliser over two masks",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l", "e") +
                    "  %m2 = where %s in affine_set<(b, h, i, j) : (j <= i - 1)> : !s\n" +
                    unary("math.exp", "e2", "m2") + reduce("sum", "l2", "e2") +
                    rowMap("n", "%x = %l, %y = %l2", "!r, !r", "%out = arith.addf %x, %y : f32") +
                    withRow("arith.divf", "p", "e", "n") + contract("o", "p")),
       {{2, 2, 0, 1}},
       true},
      {"chosen exponentials",
       vectorKernel(map("e", "%x = %m, %y = %g", "!s, !c", "!s",
                        R"(%zero = arith.constant 0.0 : f32   %c = arith.cmpf ogt, %y, %zero : f32
    %t = math.exp %x : f32   %out = arith.select %c, %t, %zero : f32)") +
                    reduce("sum", "l", "e") + withRow("arith.divf", "p", "e", "l") +
                    contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      // In a row without a chosen pair only the sums of chosen ones are 0, not all that stands beside them.
      {"logarithm of chosen exponentials beside a mean",
       kernel(chosen + reduce("sum", "l", "e") + beside, "%n", "!r"),
       {{1, 3, 0, 0}}},
      {"logarithm of the mass of chosen keys beside a mean",
       kernel(softmax + chosenWeights + reduce("sum", "l", "e") + beside, "%n", "!r"),
       {{2, 4, 0, 0}}},
      {"cosine about the mean",
       vectorKernel(reduce("mean", "c", "m") + withRow("arith.subf", "d", "m", "c") +
                    unary("math.cos", "f", "d") + contract("o", "f")),
       {{0, 2, 0, 2}}},
      {"relu of a product with an open row value",
       vectorKernel(reduce("mean", "c", "m") + withRow("arith.mulf", "d", "m", "c") +
                    map("f", "%x = %d", "!s", "!s",
                        R"(%zero = arith.constant 0.0 : f32
    %out = arith.maximumf %x, %zero : f32)") +
                    contract("o", "f")),
       {{0, 2, 0, 2}}},
      {"largest scaled by an open row value",
       kernel(reduce("mean", "c", "m") + withRow("arith.mulf", "d", "m", "c") +
                  reduce("max", "l", "d"),
              "%l", "!r"),
       {{0, 2, 2, 0}}},
  };
}

//===--- Two sweeps ----------------------------------------------------------------------------===//

std::vector<Mechanism> twoSweeps() {
  std::string aboveMean = softmax + reduce("mean", "c", "p") +
                          map("f", "%x = %p, %y = %c", "!s, !r", "!s",
                              R"(%zero = arith.constant 0.0 : f32   %d = arith.subf %x, %y : f32
    %out = arith.maximumf %d, %zero : f32)");
  return {
      {"tanh below the maximum",
       vectorKernel(reduce("max", "c", "m") + withRow("arith.subf", "d", "m", "c") +
                    unary("math.tanh", "f", "d") + contract("o", "f")),
       {{0, 0, 1, 0}, {0, 0, 0, 1}},
       true},
      {"weights above their mean",
       vectorKernel(aboveMean + reduce("sum", "l", "f") +
                    rowMap("n", "%x = %l", "!r",
                           "%e = arith.constant 0.01 : f32   %out = arith.addf %x, %e : f32") +
                    withRow("arith.divf", "t", "f", "n") + contract("o", "t")),
       {{1, 2, 0, 0}, {0, 1, 0, 1}},
       true},
      {"weights above their mean without a maximum",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l0", "e") +
                    withRow("arith.divf", "p", "e", "l0") + reduce("mean", "c", "p") +
                    map("f", "%x = %p, %y = %c", "!s, !r", "!s",
                        R"(%zero = arith.constant 0.0 : f32   %d = arith.subf %x, %y : f32
    %out = arith.maximumf %d, %zero : f32)") +
                    contract("o", "f")),
       {{1, 2, 0, 0}, {0, 0, 0, 1}},
       true},
      {"softmax of standardised scores",
       vectorKernel(reduce("mean", "c", "m") + withRow("arith.subf", "d", "m", "c") +
                    product("e", "d", "d") + reduce("mean", "n", "e") +
                    rowMap("t", "%x = %n", "!r",
                           R"(%eps = arith.constant 0.01 : f32   %a = arith.addf %x, %eps : f32
    %out = math.sqrt %a : f32)") +
                    withRow("arith.divf", "f", "d", "t") + "  %p = softmax %f : !s\n" +
                    contract("o", "p")),
       {{0, 2, 1, 0}, {0, 1, 0, 0}, {1, 1, 0, 1}},
       true},
      {"visible where the score is above the mean",
       vectorKernel(reduce("mean", "c", "m") +
                    R"(  %n = where (%x = %m, %y = %c) : (!s, !r) {
    %a = arith.cmpf ogt, %x, %y : f32
    yield %a : i1
  }
)" + "  %p = softmax %n : !s\n" +
                    contract("o", "p")),
       {{0, 2, 0, 0}, {1, 1, 0, 1}},
       true},
      {"weights kept above their mean without a maximum",
       vectorKernel(unary("math.exp", "e", "m") + reduce("sum", "l0", "e") +
                    withRow("arith.divf", "p", "e", "l0") + product("pp", "p", "p") +
                    reduce("sum", "c", "pp") +
                    R"(  %n = where (%x = %p, %y = %c) : (!s, !r) {
    %a = arith.cmpf ogt, %x, %y : f32
    yield %a : i1
  }
)" + contract("o", "n")),
       {{1, 2, 0, 0}, {0, 0, 0, 1}},
       true},
      {"sum of weights kept above their mean beside a mean",
       kernel(unary("math.exp", "e", "m") + reduce("sum", "l0", "e") +
                  withRow("arith.divf", "p", "e", "l0") + product("pp", "p", "p") +
                  reduce("sum", "c", "pp") +
                  R"(  %n = where (%x = %p, %y = %c) : (!s, !r) {
    %a = arith.cmpf ogt, %x, %y : f32
    yield %a : i1
  }
)" + reduce("sum", "t", "n") +
                  reduce("mean", "f", "s") +
                  rowMap("l", "%x = %t, %y = %f", "!r, !r", "%out = arith.addf %x, %y : f32"),
              "%l", "!r"),
       {{1, 4, 0, 0}, {0, 1, 0, 0}}},
      {"logistic of weights",
       vectorKernel(softmax +
                    map("f", "%x = %p", "!s", "!s",
                        R"(%one = arith.constant 1.5 : f32   %d = arith.subf %one, %x : f32
    %out = arith.divf %x, %d : f32)") +
                    contract("o", "f")),
       {{1, 1, 0, 0}, {0, 0, 0, 1}},
       true},
  };
}

//===--- Running values ------------------------------------------------------------------------===//

std::string scan(const std::string &kind, const std::string &name, const std::string &of,
                 const std::string &ways) {
  return "  %" + name + " = scan " + kind + " %" + of + " over keys " + ways + ": !s\n";
}

std::string sum(const std::string &name, const std::string &a, const std::string &b) {
  return map(name, "%x = %" + a + ", %y = %" + b, "!s, !s", "!s", "%out = arith.addf %x, %y : f32");
}

std::vector<Mechanism> running() {
  std::string gates =
      map("g0", "%x = %m, %y = %g", "!s, !c", "!s", "%out = arith.addf %y, %y : f32");
  return {
      {"a forget gate",
       vectorKernel(gates + scan("sum", "d", "g0", "reverse exclusive ") + sum("f", "m", "d") +
                    "  %p = softmax %f : !s\n" + contract("o", "p")),
       {{1, 1, 0, 1}},
       true},
      {"a cumulative weight",
       vectorKernel(softmax + scan("sum", "c", "p", "") + contract("o", "c")),
       {{1, 1}, {0, 0, 0, 1}},
       true},
      {"running extrema both ways",
       kernel(scan("max", "a", "m", "exclusive ") + scan("min", "c", "m", "reverse ") +
                  unary("math.tanh", "ta", "a") + unary("math.tanh", "tc", "c") +
                  reduce("sum", "x", "ta") + reduce("sum", "y", "tc"),
              "%x, %y", "!r, !r"),
       {{0, 1}, {0, 1}}},
  };
}

} // namespace

const std::vector<Mechanism> &mechanisms() {
  static const std::vector<Mechanism> all = [] {
    std::vector<Mechanism> result;
    for (auto &group : {softmaxLike(), statistics(), otherWeights(), twoSweeps(), running()})
      result.insert(result.end(), group.begin(), group.end());
    return result;
  }();
  return all;
}

} // namespace attune::test
