// SPDX-License-Identifier: Apache-2.0
// Does the host divide lanes of integers as C++ does, where doubles give the quotient and where they do
// not?
#include "test/compiler/target/host/HostHarness.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int64_t kTokens = 40;

/// All seven divisions of x 2^s + x by y 2^t + y, joined to one number: h = 31 h + result. The table has
/// (s, t), then y; the divisor is one number, or with `ofLanes` a number a row.
std::string divisionsKernel(const std::string &type, bool ofLanes) {
  std::string body = fillIn(R"(
  %r = tile.map (%e = %t) at (%i) from (%i0) : (!tile.rows<16, i32>) -> !tile.rows<16, i32> {
    %s = tile.read %y[%c0, %c0] : !y -> i32
    %u = tile.read %y[%c0, %c1] : !y -> i32
    %f = tile.read %y[%c1, {place}] : !y -> i32
    %s64 = arith.extsi %s : i32 to i64
    %u64 = arith.extsi %u : i32 to i64
    %e64 = arith.extsi %e : i32 to i64
    %f64 = arith.extsi %f : i32 to i64
    %es = arith.shli %e64, %s64 : i64
    %fs = arith.shli %f64, %u64 : i64
    %sum = arith.addi %es, %e64 : i64
    %z = arith.addi %fs, %f64 : i64
    %a = {cast} %sum : i64 to {type}
    %d = {cast} %z : i64 to {type}
    %factor = arith.constant 31 : {type}
    %h0 = arith.constant 1 : {type}
)",
                            {{"type", type},
                             {"place", ofLanes ? "%i" : "%c0"},
                             {"cast", type == "i64" ? "arith.bitcast" : "arith.trunci"}});
  std::vector<std::string> ops = {"divsi",      "divui",     "remsi",    "remui",
                                  "floordivsi", "ceildivsi", "ceildivui"};
  for (size_t index = 0; index < ops.size(); ++index)
    body += fillIn(R"(
    %q{n} = arith.{op} %a, %d : {type}
    %p{n} = arith.muli %h{n}, %factor : {type}
    %h{m} = arith.addi %p{n}, %q{n} : {type}
)",
                   {{"op", ops[index]},
                    {"type", type},
                    {"n", std::to_string(index)},
                    {"m", std::to_string(index + 1)}});
  body += type == "i64" ? R"(
    %c32 = arith.constant 32 : i64
    %upper = arith.shrui %h7, %c32 : i64
    %both = arith.xori %h7, %upper : i64
    %v = arith.trunci %both : i64 to i32
    tile.yield %v : i32
  })"
                        : "    tile.yield %h7 : i32\n  }";
  return fillIn(R"(
!x = memref<?x?x?xi32, strided<[?, ?, ?]>>
!y = memref<?x?xi32, strided<[?, ?]>>
tile.kernel @divisions(%x: !x {tile.name = "x"}, %y: !y {tile.name = "y"}, %o: !x {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = tile.load %x[%b, %h, %i0] : !x -> !tile.rows<16, i32>
  {body}
  tile.store %r, %o[%b, %h, %i0] : !tile.rows<16, i32>, !x
  tile.return
}
)",
                {{"body", body}});
}

template <typename Signed> double joinDivisions(double x, int s, double y, int t) {
  using Unsigned = std::make_unsigned_t<Signed>;
  Unsigned a = Unsigned((uint64_t(int64_t(x)) << s) + uint64_t(int64_t(x)));
  Unsigned d = Unsigned((uint64_t(int64_t(y)) << t) + uint64_t(int64_t(y)));
  Signed quotient = Signed(a) / Signed(d), rest = Signed(a) % Signed(d);
  bool isOff = rest != 0, isBelow = isOff && (rest < 0) != (Signed(d) < 0);
  Unsigned joined = 1;
  for (Unsigned next : {Unsigned(quotient), Unsigned(a / d), Unsigned(rest), Unsigned(a % d),
                        Unsigned(quotient - isBelow), Unsigned(quotient + (isOff && !isBelow)),
                        Unsigned(a / d + (a % d != 0))})
    joined = joined * 31 + next;
  return int32_t(sizeof(Signed) == 8 ? uint64_t(joined) ^ uint64_t(joined) >> 32 : joined);
}

struct Divisions {
  int s, t;
  double greatest;
  std::vector<double> divisors;
};

template <typename Signed>
void checkDivisions(const std::string &type, const std::vector<Divisions> &cases) {
  for (bool ofLanes : {false, true})
    for (HostLevel level : getRunnableLevels()) {
      Kernel kernel(divisionsKernel(type, ofLanes), level);
      for (const Divisions &now : cases)
        for (double divisor : now.divisors) {
          SCOPED_TRACE(testing::Message()
                       << type << " " << now.s << " " << now.t << " " << divisor);
          Tensor x(Dtype::I32, {1, 1, kTokens}), y(Dtype::I32, {2, kTokens});
          Tensor o(Dtype::I32, {1, 1, kTokens});
          y.set({0, 0}, now.s);
          y.set({0, 1}, now.t);
          for (int64_t i = 0; i < kTokens; ++i) {
            double near = i < 20 ? i - 10 : now.greatest - (i - 20) / 2;
            x.set({0, 0, i}, i % 2 ? near : -near);
            y.set({1, i}, i % 3 ? divisor : 1);
          }
          y.set({1, 0}, divisor);
          kernel.run({{"x", x}, {"y", y}, {"o", o}});
          for (int64_t i = 0; i < kTokens; ++i)
            EXPECT_EQ(o.get({0, 0, i}), joinDivisions<Signed>(x.get({0, 0, i}), now.s,
                                                              y.get({1, ofLanes ? i : 0}), now.t))
                << "at " << i;
        }
    }
}

TEST(HostDivision, Of32Bits) {
  // 2^31 - 1 in magnitude at most; the shift of 32 adds what a cut to 32 bits drops.
  checkDivisions<int32_t>("i32",
                          {{32, 32, 2147483647.0, {1, 2, 3, -7, 2147483647, -2147483648.0}}});
}

TEST(HostDivision, Of64Bits) {
  checkDivisions<int64_t>("i64", {{1, 1, 100, {1, 3, -7}},
                                  {31, 1, 1048575, {1, 3, 5, 1048575, -3}}, // below 2^51
                                  {31, 1, 1048576, {1, 3}},                 // some not
                                  {31, 31, 1048575, {1, 2, 1048575, 1048576, -5}},
                                  {38, 1, 1048575, {1, 3, -11}}, // below 2^58, where doubles round
                                  {42, 1, 1048575, {1, 3, -11, 2147483647}}}); // up to 2^62
}

} // namespace
