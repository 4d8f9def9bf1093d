// SPDX-License-Identifier: Apache-2.0
// Does the tile program of a kernel compute what the kernel means? Each case is lowered, compiled
// for this machine and compared with the reference, at lengths that do and do not fit the tiles.
#include "test/compiler/passes/LoweredKernels.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace attune::test;

namespace {

const std::vector<Lengths> Some = {{1, 1},    {17, 17},  {16, 32}, {70, 70},
                                   {33, 100}, {100, 33}, {0, 5},   {5, 0}};
const std::vector<Lengths> Few = {{17, 17}, {50, 70}, {5, 0}};
const double Infinity = std::numeric_limits<double>::infinity();

/// `body` between the scores %s and the result; %o is the result.
std::string attention(const std::string &operands, const std::string &body) {
  return "attn.kernel @f(%q: !q, %k: !k, %v: !k" + operands + ") -> !q {\n" +
         "  %s = dot %q, %k scale 0.25 : !q, !k\n" + body + "\n  return %o : !q\n}";
}

std::string softmaxOf(const std::string &mask, const std::string &operands) {
  return attention(operands, "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n" + mask +
                                 "\n yield %y : i1 }\n  %p = softmax %m : !s\n"
                                 "  %o = contract %p, %v : !s, !k -> !q");
}

} // namespace

TEST(LowerToTile, Dense) {
  expectAsReference({attention("", "%p = softmax %s : !s  %o = contract %p, %v : !s, !k -> !q")},
                    Some);
}

TEST(LowerToTile, CausalWithLogsumexp) {
  expectAsReference({R"(
    attn.kernel @f(%q: !q, %k: !k, %v: !k) -> (!q, !r {attn.name = "lse"}) {
      %s = dot %q, %k scale 0.25 : !q, !k
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %p = softmax %m : !s
      %o = contract %p, %v : !s, !k -> !q
      %l = logsumexp %m : !s
      return %o, %l : !q, !r
    })"},
                    Some);
}

TEST(LowerToTile, WindowsOfEveryWidth) {
  for (double width : {-3.0, 0.0, 5.0, 40.0, 2147483647.0})
    expectAsReference(
        {softmaxOf("%y = holds affine_set<(i, j)[w] : (j <= i, i - j <= w)>(%i, %j)[%w]",
                   ", %w: index"),
         {{"w", width}}},
        Some);
}

TEST(LowerToTile, OffsetsLeaveRowsWithoutKeys) {
  for (double offset : {-40.0, -7.0, 0.0, 9.0})
    expectAsReference(
        {softmaxOf("%y = holds affine_set<(i, j)[n] : (j <= i + n)>(%i, %j)[%n]", ", %n: index"),
         {{"n", offset}}},
        Some);
}

TEST(LowerToTile, PrefixOrCausal) {
  expectAsReference({softmaxOf(R"(
      %a = arith.cmpi slt, %j, %n : index
      %c = arith.cmpi sle, %j, %i : index
      %y = arith.ori %a, %c : i1)",
                               ", %n: index"),
                     {{"n", 37}}},
                    Some);
}

TEST(LowerToTile, BlocksByFloorDivision) {
  expectAsReference(
      {softmaxOf("%y = holds affine_set<(i, j) : (i floordiv 12 - j floordiv 12 >= 0)>(%i, %j)",
                 "")},
      Some);
}

TEST(LowerToTile, StridesByRemainder) {
  expectAsReference({softmaxOf("%y = holds affine_set<(i, j) : ((i - j) mod 5 == 0)>(%i, %j)", "")},
                    Some);
}

TEST(LowerToTile, PredicatesThatAreNotLinear) {
  expectAsReference({softmaxOf(R"(
      %a = arith.muli %i, %j : index
      %n = arith.constant 90 : index
      %y = arith.cmpi sle, %a, %n : index)",
                               "")},
                    Few);
}

TEST(LowerToTile, MasksFromTables) {
  LoweredCase test{softmaxOf(R"(
      %a = load %doc[%i] : tensor<?xi32> -> index
      %c = load %doc[%j] : tensor<?xi32> -> index
      %y = arith.cmpi eq, %a, %c : index)",
                             ", %doc: tensor<?xi32>"),
                   {},
                   {{"doc", {100}}}};
  test.change = [](const std::string &name, int64_t flat, double value) {
    return name == "doc" ? double(flat / 20) : value;
  };
  expectAsReference(test, Few);
}

TEST(LowerToTile, MasksFromScalarTruths) {
  for (double flag : {0.0, 1.0})
    expectAsReference({softmaxOf(R"(
        %a = arith.cmpi sle, %j, %i : index
        %y = arith.ori %a, %all : i1)",
                                 ", %all: i1"),
                       {{"all", flag}}},
                      Few);
}

TEST(LowerToTile, RandomMasks) {
  std::mt19937 random(42);
  auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  auto term = [&] {
    static const char *const forms[] = {"i",
                                        "j",
                                        "i - j",
                                        "(i + 5) floordiv 7",
                                        "j floordiv 9",
                                        "j mod 6",
                                        "(i - j) floordiv 4",
                                        "i mod 11"};
    return std::string("(") + forms[pick(0, 7)] + ") * " + std::to_string(pick(-2, 2));
  };
  for (int round = 0; round < 20; ++round) {
    std::string mask;
    for (int part = 0; part < 3; ++part) {
      std::string name = "%p" + std::to_string(part);
      mask += name + " = holds affine_set<(i, j)[w] : (" + term() + " + " + term() + " + " +
              std::to_string(pick(-30, 60)) + (pick(0, 2) ? "" : " + w") + " >= 0)>(%i, %j)[%w]\n";
    }
    mask += std::string("%a = arith.") + (pick(0, 1) ? "andi" : "ori") + " %p0, %p1 : i1\n";
    mask += std::string("%y = arith.") + (pick(0, 1) ? "andi" : "ori") + " %a, %p2 : i1";
    LoweredCase test{softmaxOf(mask, ", %w: index"), {{"w", double(pick(-40, 40))}}};
    test.tiles = "queries=16,keys=16";
    expectAsReference(test, {{17, 17}, {70, 70}, {33, 90}, {90, 33}});
    if (HasFailure())
      FAIL() << mask;
  }
}

TEST(LowerToTile, AlibiOfEachHead) {
  expectAsReference({attention(", %slope: tensor<?xf32>", R"(
      %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
        %n = load %slope[%h] : tensor<?xf32>
        %d = arith.subi %j, %i : index
        %e = arith.index_cast %d : index to i64
        %f = arith.sitofp %e : i64 to f32
        %y = math.fma %n, %f, %x : f32
        yield %y : f32 }
      %p = softmax %a : !s
      %o = contract %p, %v : !s, !k -> !q)"),
                     {},
                     {{"slope", {4}}}},
                    {{40, 40, 2, 4, 4, 2}, {17, 50, 1, 4, 2, 1}});
}

TEST(LowerToTile, FewerKeyHeadsAndBatches) {
  expectAsReference({attention("", "%p = softmax %s : !s  %o = contract %p, %v : !s, !k -> !q")},
                    {{20, 40, 3, 8, 1, 1}, {20, 40, 2, 8, 2, 2}, {20, 40, 2, 3, 3, 1}});
}

TEST(LowerToTile, SoftcapOfMaskedScores) {
  expectAsReference({attention(", %cap: f32", R"(
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %c = map (%x = %m) : (!s) -> !s {
        %u = arith.divf %x, %cap : f32
        %t = math.tanh %u : f32
        %y = arith.mulf %t, %cap : f32
        yield %y : f32 }
      %p = softmax %c : !s
      %o = contract %p, %v : !s, !k -> !q)"),
                     {{"cap", 2.5}}},
                    Some);
}

TEST(LowerToTile, BiasOfKeysAndGateOfQueries) {
  LoweredCase test{attention(", %bias: !c, %gate: !r", R"(
      %a = map (%x = %s, %y = %bias, %g = %gate) : (!s, !c, !r) -> !s {
        %e = math.exp %g : f32
        %u = arith.mulf %x, %e : f32
        %z = arith.addf %u, %y : f32
        yield %z : f32 }
      %p = softmax %a : !s
      %o = contract %p, %v : !s, !k -> !q)")};
  // A key that is taken out by -inf, in a tile with others and alone.
  test.change = [](const std::string &name, int64_t flat, double value) {
    return name == "bias" && flat % 7 == 0 ? -Infinity : value;
  };
  expectAsReference(test, Some);
}

TEST(LowerToTile, SigmoidWithoutNormaliser) {
  expectAsReference({attention(", %bias: f32", R"(
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %p = map (%x = %m) : (!s) -> !s {
        %one = arith.constant 1.0 : f32
        %y = arith.addf %x, %bias : f32
        %n = arith.negf %y : f32
        %e = math.exp %n : f32
        %d = arith.addf %one, %e : f32
        %w = arith.divf %one, %d : f32
        yield %w : f32 }
      %o = contract %p, %v : !s, !k -> !q)"),
                     {{"bias", -1}}},
                    Some);
}

TEST(LowerToTile, SinkInPrimitives) {
  expectAsReference({attention(", %sink: tensor<?xf32>", R"(
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %e = map (%x = %m) : (!s) -> !s { %y = math.exp %x : f32  yield %y : f32 }
      %l = reduce sum %e over keys : !s
      %n = map (%x = %l) at (%b, %h, %i) : (!r) -> !r {
        %z = load %sink[%h] : tensor<?xf32>
        %w = math.exp %z : f32
        %y = arith.addf %x, %w : f32
        yield %y : f32 }
      %p = map (%x = %e, %y = %n) : (!s, !r) -> !s { %w = arith.divf %x, %y : f32  yield %w : f32 }
      %o = contract %p, %v : !s, !k -> !q)"),
                     {},
                     {{"sink", {1}}}},
                    Some);
}

TEST(LowerToTile, EntropyIsCentred) {
  LoweredCase test{R"(
    attn.kernel @f(%q: !q, %k: !k, %bias: !r) -> !r {
      %d = dot %q, %k : !q, !k
      %s = map (%x = %d, %y = %bias) : (!s, !r) -> !s {
        %z = arith.addf %x, %y : f32
        yield %z : f32 }
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %p = softmax %m : !s
      %l = logsumexp %m : !s
      %e = map (%x = %m, %w = %p) : (!s, !s) -> !s { %y = arith.mulf %x, %w : f32  yield %y : f32 }
      %t = reduce sum %e over keys : !s
      %r = map (%a = %l, %c = %t) : (!r, !r) -> !r { %y = arith.subf %a, %c : f32  yield %y : f32 }
      return %r : !r
    })"};
  expectAsReference(test, {{1, 1}, {17, 17}, {70, 70}, {33, 100}});
}

TEST(LowerToTile, MeanMaxAndMin) {
  expectAsReference({R"(
    attn.kernel @f(%q: !q, %k: !k) -> (!r, !r, !r) {
      %s = dot %q, %k : !q, !k
      %m = where %s in affine_set<(b, h, i, j) : (j <= i - 3)> : !s
      %a = reduce max %m over keys : !s
      %c = reduce min %m over keys : !s
      %d = reduce mean %m over keys : !s
      return %a, %c, %d : !r, !r, !r
    })"},
                    {{17, 17}, {70, 70}, {33, 100}});
}

TEST(LowerToTile, DifferenceOfTwoSoftmaxes) {
  expectAsReference({R"(
    attn.kernel @f(%q: !q, %k: !k, %q2: !q, %k2: !k, %v: !k, %lambda: f32) -> !q {
      %s = dot %q, %k scale 0.25 : !q, !k
      %t = dot %q2, %k2 scale 0.25 : !q, !k
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %n = where %t in affine_set<(b, h, i, j) : (j <= i)> : !s
      %a = softmax %m : !s
      %c = softmax %n : !s
      %p = map (%x = %a, %y = %c) : (!s, !s) -> !s {
        %u = arith.mulf %lambda, %y : f32
        %w = arith.subf %x, %u : f32
        yield %w : f32 }
      %o = contract %p, %v : !s, !k -> !q
      return %o : !q
    })",
                     {{"lambda", 0.3}}},
                    Some);
}

TEST(LowerToTile, SecondSweepOverFinishedRows) {
  expectAsReference({attention("", R"(
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %a = reduce mean %m over keys : !s
      %p = map (%x = %m, %y = %a) : (!s, !r) -> !s {
        %d = arith.subf %x, %y : f32
        %t = math.tanh %d : f32
        yield %t : f32 }
      %o = contract %p, %v : !s, !k -> !q)")},
                    Some);
}

TEST(LowerToTile, TwoMasksInOneSweep) {
  expectAsReference({R"(
    attn.kernel @f(%q: !q, %k: !k, %v: !k) -> (!q, !q) {
      %s = dot %q, %k scale 0.25 : !q, !k
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %n = where %s in affine_set<(b, h, i, j) : (i - j <= 20, j - i <= 4)> : !s
      %p = softmax %m : !s
      %r = softmax %n : !s
      %o = contract %p, %v : !s, !k -> !q
      %u = contract %r, %v : !s, !k -> !q
      return %o, %u : !q, !q
    })"},
                    Some);
}

TEST(LowerToTile, RowsOfVectorsAreMappedAfterwards) {
  expectAsReference({attention(", %gate: !q", R"(
      %p = softmax %s : !s
      %c = contract %p, %v : !s, !k -> !q
      %o = map (%x = %c, %g = %gate) : (!q, !q) -> !q {
        %two = arith.constant dense<2.0> : vector<16xf32>
        %zero = arith.constant dense<0.0> : vector<16xf32>
        %t = arith.maximumf %x, %zero : vector<16xf32>
        %y = arith.mulf %t, %g : vector<16xf32>
        %z = arith.mulf %y, %two : vector<16xf32>
        yield %z : vector<16xf32> })")},
                    {{70, 70}, {100, 33}, {5, 0}});
}

TEST(LowerToTile, Bfloat16InputsAndResults) {
  expectAsReference({R"(
    !bq = !attn.rows<vector<32xbf16>>
    !bk = !attn.cols<vector<32xbf16>>
    attn.kernel @f(%q: !bq, %k: !bk, %v: !bk) -> !bq {
      %s = dot %q, %k scale 0.1767767 : !bq, !bk
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %p = softmax %m : !s
      %o = contract %p, %v : !s, !bk -> !bq
      return %o : !bq
    })"},
                    Some);
}

TEST(LowerToTile, NotANumberStaysInItsRow) {
  LoweredCase test{attention("", "%p = softmax %s : !s  %o = contract %p, %v : !s, !k -> !q")};
  test.change = [](const std::string &name, int64_t flat, double value) {
    return name == "q" && flat == 16 * 3 + 2 ? std::nan("") : value;
  };
  expectAsReference(test, {{17, 17}, {50, 70}});
}

TEST(LowerToTile, HiddenNotANumberDoesNotSpread) {
  LoweredCase test{attention("", R"(
      %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
      %p = softmax %m : !s
      %o = contract %p, %v : !s, !k -> !q)")};
  test.change = [](const std::string &name, int64_t flat, double value) {
    return name == "k" && flat == 16 * 12 + 2 ? std::nan("") : value;
  };
  expectAsReference(test, {{17, 17}, {50, 70}});
}
