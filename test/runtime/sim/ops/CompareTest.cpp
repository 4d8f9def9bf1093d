// SPDX-License-Identifier: Apache-2.0
// Are comparisons true when the PTX ISA says so, for all types, with what is no number?
#include "test/runtime/sim/OpsHarness.h"
#include "test/runtime/sim/numerics/ExactSearch.h"

#include <bit>

namespace attune::sim::test {
namespace {

/// How two values are to each other, and which comparisons hold then.
enum Relation { Less, Equal, Greater, Unordered };
struct Comparison {
  const char *name;
  bool holds[4];
};
const Comparison ordered[] = {
    {"eq", {false, true, false, false}}, {"ne", {true, false, true, false}},
    {"lt", {true, false, false, false}}, {"le", {true, true, false, false}},
    {"gt", {false, false, true, false}}, {"ge", {false, true, true, false}}};
const Comparison forUnsigned[] = {{"lo", {true, false, false, false}},
                                  {"ls", {true, true, false, false}},
                                  {"hi", {false, false, true, false}},
                                  {"hs", {false, true, true, false}}};
const Comparison unordered[] = {
    {"equ", {false, true, false, true}}, {"neu", {true, false, true, true}},
    {"ltu", {true, false, false, true}}, {"leu", {true, true, false, true}},
    {"gtu", {false, false, true, true}}, {"geu", {false, true, true, true}},
    {"num", {true, true, true, false}},  {"nan", {false, false, false, true}}};

template <typename T> Relation relate(T a, T b) {
  return a < b ? Less : a == b ? Equal : a > b ? Greater : Unordered;
}

struct Type {
  std::string name;
  unsigned bits;
  std::function<Relation(uint64_t, uint64_t)> relation;
  std::vector<const Comparison *> comparisons;
};

std::vector<const Comparison *>
all(std::initializer_list<std::pair<const Comparison *, size_t>> l) {
  std::vector<const Comparison *> list;
  for (auto [first, count] : l)
    for (size_t i = 0; i < count; ++i)
      list.push_back(first + i);
  return list;
}

template <typename T> Type integer(const std::string &name) {
  auto relation = [](uint64_t a, uint64_t b) { return relate(T(a), T(b)); };
  bool isSigned = T(-1) < T(0);
  return {name, sizeof(T) * 8, relation,
          isSigned ? all({{ordered, 6}}) : all({{ordered, 6}, {forUnsigned, 4}})};
}
template <typename T> Type bits(const std::string &name) {
  return {name, sizeof(T) * 8, [](uint64_t a, uint64_t b) { return relate(T(a), T(b)); },
          all({{ordered, 2}})};
}
template <typename F> Type floating(const std::string &name, unsigned bits, F value) {
  return {name, bits, [=](uint64_t a, uint64_t b) { return relate(value(a), value(b)); },
          all({{ordered, 6}, {unordered, 8}})};
}
float f32(uint64_t bits) { return std::bit_cast<float>(uint32_t(bits)); }
float flushedF32(uint64_t bits) {
  float value = f32(bits);
  return std::fpclassify(value) == FP_SUBNORMAL ? 0 : value;
}

std::vector<Type> types() {
  return {
      integer<uint16_t>("u16"),
      integer<int16_t>("s16"),
      integer<uint32_t>("u32"),
      integer<int32_t>("s32"),
      integer<uint64_t>("u64"),
      integer<int64_t>("s64"),
      bits<uint16_t>("b16"),
      bits<uint32_t>("b32"),
      bits<uint64_t>("b64"),
      floating("f32", 32, f32),
      floating("ftz.f32", 32, flushedF32),
      floating("f64", 64, [](uint64_t bits) { return std::bit_cast<double>(bits); }),
      floating("f16", 16, [](uint64_t bits) { return f16().value(bits & 0xffff); }),
      floating("ftz.f16", 16,
               [](uint64_t bits) { return (bits & 0x7c00) == 0 ? 0 : f16().value(bits & 0xffff); }),
      floating("bf16", 16, [](uint64_t bits) { return bf16().value(bits & 0xffff); })};
}

/// Corners of all types against each other, equal pairs, and random ones.
std::vector<Vector> vectors() {
  std::vector<Vector> list = allPairs({0,
                                       1,
                                       0x8000,
                                       0x8001,
                                       0x7fff,
                                       0x7c00,
                                       0xfc00,
                                       0x3c00,
                                       0x7c01,
                                       0x80000000,
                                       0x80000001,
                                       0x7fffffff,
                                       0x7f800000,
                                       0xff800000,
                                       0x3f800000,
                                       0xffffffff,
                                       0x8000000000000000,
                                       0x7fffffffffffffff,
                                       0x7ff0000000000000,
                                       0x7ff8000000000000,
                                       0xffffffffffffffff,
                                       0x3ff0000000000000});
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i)
    list.push_back({random(), random()});
  for (Vector &v : list)
    v[2] = random() & 1;
  return list;
}

TEST(Comparisons, OfAllTypes) {
  for (const Type &type : types())
    for (const Comparison *comparison : type.comparisons) {
      OneInstruction one{std::string("setp.") + comparison->name + "." + type.name + " $p, $a, $b;",
                         0,
                         {type.bits, type.bits}};
      expectResults(one, vectors(),
                    [&](const Vector &v) { return comparison->holds[type.relation(v[0], v[1])]; });
    }
}

TEST(Comparisons, WithAnotherPredicateAndTwoResults) {
  const std::pair<const char *, bool (*)(bool, bool)> combinations[] = {
      {"and", [](bool a, bool b) { return a && b; }},
      {"or", [](bool a, bool b) { return a || b; }},
      {"xor", [](bool a, bool b) { return a != b; }}};
  for (const auto &[name, combine] : combinations)
    for (bool negated : {false, true})
      for (bool second : {false, true}) {
        std::string results = second ? " %p20|$p, " : " $p|%p20, ";
        OneInstruction one{std::string("setp.lt.") + name + ".s32" + results + "$a, $b, " +
                               (negated ? "!" : "") + "$c;",
                           0,
                           {32, 32, 1}};
        expectResults(one, vectors(), [&, combine = combine](const Vector &v) {
          bool less = int32_t(v[0]) < int32_t(v[1]);
          return combine(less != second, bool(v[2] & 1) != negated);
        });
      }
}

TEST(Comparisons, OfTwoHalves) {
  for (bool high : {false, true}) {
    OneInstruction one{
        std::string("setp.leu.f16x2 ") + (high ? "%p20|$p" : "$p|%p20") + ", $a, $b;", 0, {32, 32}};
    expectResults(one, vectors(), [&](const Vector &v) {
      unsigned shift = high ? 16 : 0;
      long double a = f16().value(v[0] >> shift & 0xffff), b = f16().value(v[1] >> shift & 0xffff);
      return !(a > b);
    });
  }
}

TEST(Comparisons, LanesThatAreOffKeepTheirPredicate) {
  KernelRun kernel{"setp.lt.u32 %p1, %r0, 16;\nand.b32 %r5, %r0, 1;\nsetp.ne.b32 %p2, %r5, 0;\n"
                   "@%p2 setp.ge.u32 %p1, %r0, 16;\nselp.b32 %r6, 1, 0, %p1;\n"
                   "st.global.b32 [%rd2], %r6;"};
  KernelOutcome outcome = runKernel(kernel);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], uint32_t((lane < 16) != bool(lane % 2))) << lane;
}

TEST(Comparisons, AsNumbers) {
  OneInstruction one{"set.gt.u32.f32 $d, $a, $b;"};
  expectResults(one, vectors(),
                [](const Vector &v) { return f32(v[0]) > f32(v[1]) ? 0xffffffff : 0; });
  one.text = "set.ne.f32.s32 $d, $a, $b;";
  expectResults(one, vectors(),
                [](const Vector &v) { return uint32_t(v[0]) != uint32_t(v[1]) ? 0x3f800000 : 0; });
  OneInstruction with{"set.lt.and.s32.u32 $d, $a, $b, $c;", 32, {32, 32, 1}};
  expectResults(with, vectors(), [](const Vector &v) {
    return uint32_t(v[0]) < uint32_t(v[1]) && v[2] & 1 ? 0xffffffff : 0;
  });
}

TEST(Comparisons, Selecting) {
  for (const auto &[type, bits] : {std::pair<std::string, unsigned>{"b16", 16},
                                   {"b32", 32},
                                   {"b64", 64},
                                   {"f32", 32},
                                   {"f64", 64},
                                   {"s16", 16},
                                   {"u64", 64}}) {
    OneInstruction one{"selp." + type + " $d, $a, $b, $c;", bits, {bits, bits, 1}};
    expectResults(one, vectors(), [](const Vector &v) { return v[2] & 1 ? v[0] : v[1]; });
  }
  auto list = vectors();
  for (size_t i = 0; i < list.size(); ++i)
    list[i][2] = list[i * 7 % list.size()][0];
  OneInstruction bySign{"slct.b32.s32 $d, $a, $b, $c;", 32, {32, 32, 32}};
  expectResults(bySign, list, [](const Vector &v) { return int32_t(v[2]) >= 0 ? v[0] : v[1]; });
  OneInstruction byReal{"slct.u64.f32 $d, $a, $b, $c;", 64, {64, 64, 32}};
  expectResults(byReal, list, [](const Vector &v) { return f32(v[2]) >= 0 ? v[0] : v[1]; });
  byReal.text = "slct.ftz.u64.f32 $d, $a, $b, $c;";
  list.push_back({1, 2, 0x807fffff});
  list.push_back({1, 2, 0x80800000});
  expectResults(byReal, list, [](const Vector &v) { return flushedF32(v[2]) >= 0 ? v[0] : v[1]; });
}

TEST(Comparisons, TestingKindsOfNumbers) {
  const std::pair<const char *, std::function<bool(int)>> tests[] = {
      {"finite", [](int kind) { return kind != FP_INFINITE && kind != FP_NAN; }},
      {"infinite", [](int kind) { return kind == FP_INFINITE; }},
      {"number", [](int kind) { return kind != FP_NAN; }},
      {"notanumber", [](int kind) { return kind == FP_NAN; }},
      {"normal", [](int kind) { return kind == FP_NORMAL; }},
      {"subnormal", [](int kind) { return kind == FP_SUBNORMAL; }}};
  for (const auto &[name, holds] : tests) {
    OneInstruction one{std::string("testp.") + name + ".f32 $p, $a;", 0, {32}};
    expectResults(one, vectors(), [&, &holds = holds](const Vector &v) {
      return holds(std::fpclassify(f32(v[0])));
    });
    OneInstruction wide{std::string("testp.") + name + ".f64 $p, $a;", 0, {64}};
    expectResults(wide, vectors(), [&, &holds = holds](const Vector &v) {
      return holds(std::fpclassify(std::bit_cast<double>(v[0])));
    });
  }
}

TEST(Comparisons, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("setp.lt.b32 %p1, %r5, %r6;").find(".eq and .ne only"), std::string::npos);
  EXPECT_NE(loadError("setp.lo.s32 %p1, %r5, %r6;").find("unsigned integers"), std::string::npos);
  EXPECT_NE(loadError("setp.lo.f32 %p1, %f5, %f6;").find("unsigned integers"), std::string::npos);
  EXPECT_NE(loadError("setp.equ.s32 %p1, %r5, %r6;").find("floating-point"), std::string::npos);
  EXPECT_NE(loadError("setp.eq.ftz.s32 %p1, %r5, %r6;").find(".ftz"), std::string::npos);
  EXPECT_NE(loadError("setp.eq.f16 %p1|%p2, %rs5, %rs6;").find("one result"), std::string::npos);
  EXPECT_NE(loadError("set.eq.f32.f16 %r4, %rs5, %rs6;").find("no .f32"), std::string::npos);
  EXPECT_NE(loadError("slct.ftz.b32.s32 %r4, %r5, %r6, %r7;").find("type of c"), std::string::npos);
  EXPECT_NE(loadError("setp.eq.s32 %r4, %r5, %r6;").find("a predicate"), std::string::npos);
  EXPECT_NE(loadError("setp.s32 %p1, %r5, %r6;").find("a comparison"), std::string::npos);
  EXPECT_NE(loadError("set.eq.u16.u32 %rs4, %r5, %r6;").find(".u32, .s32 and .f32"),
            std::string::npos);
}

} // namespace
} // namespace attune::sim::test
