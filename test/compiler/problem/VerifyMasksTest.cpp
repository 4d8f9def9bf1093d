// SPDX-License-Identifier: Apache-2.0
// Does the verification find what is wrong, and only that?
#include "compiler/problem/VerifyMasks.h"
#include "test/compiler/analysis/Planning.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::test;

namespace {

std::string masked(const std::string &operands, const std::string &body) {
  return "attn.kernel @masked(%q: !q, %k: !k, %v: !k" + operands +
         ") -> !q {\n  %s = dot %q, %k : !q, !k\n"
         "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n" +
         body +
         "\n    yield %y : i1\n  }\n"
         "  %o = contract %m, %v : !s, !k -> !q\n  return %o : !q\n}\n";
}

const std::string documents =
    masked(", %t: tensor<?xi32> {attn.sorted}",
           "%a = load %t[%i] : tensor<?xi32>  %c = load %t[%j] : tensor<?xi32>\n"
           "%y = arith.cmpi eq, %a, %c : i32");

/// What is printed, and how many masks are wrong.
std::pair<std::string, unsigned> verify(const std::string &text, const VerifyOptions &options) {
  Planned planned(text);
  std::string words;
  llvm::raw_string_ostream stream(words);
  auto unsound = verifyMasks(planned.plan, options, stream);
  if (!unsound) {
    ADD_FAILURE() << llvm::toString(unsound.takeError());
    return {};
  }
  return {words, *unsound};
}

std::string messageOf(const std::string &options) {
  Planned planned(masked(", %w: index, %t: tensor<?xi32>",
                         "%a = load %t[%j] : tensor<?xi32> -> index\n"
                         "%d = arith.addi %a, %w : index\n"
                         "%y = arith.cmpi sle, %i, %d : index"));
  auto parsed = parseVerifyOptions(planned.kernel(), options);
  return parsed ? "" : llvm::toString(parsed.takeError());
}

} // namespace

TEST(VerifyMasks, SoundMasksGetALine) {
  VerifyOptions options;
  options.given.axes = {{"q", 200}, {"k", 200}};
  options.problems = 1;
  options.tiles = {{64, 64}};
  auto [words, unsound] = verify(masked("", "%y = arith.cmpi sle, %j, %i : index"), options);
  EXPECT_EQ(unsound, 0u);
  EXPECT_EQ(words,
            "@masked: tiles of 64 x 64, both ways, 1 problem: 32 tiles: 12 empty, 8 partial, "
            "12 full; 32 tight; level ranges; unsound: 0\n");
}

TEST(VerifyMasks, ABrokenFactIsFoundAndBlamed) {
  VerifyOptions options;
  options.given.axes = {{"q", 256}, {"k", 256}};
  options.problems = 1;
  std::vector<double> ids(256, 0);
  for (size_t i = 128; i < 256; ++i)
    ids[i] = i % 2 ? 0 : 1; // the first document comes back
  options.given.tensors["t"] = tensorOf(ElementType::I32, {256}, ids);
  auto [words, unsound] = verify(documents, options);
  EXPECT_EQ(unsound, 1u);
  EXPECT_NE(words.find("is said to be"), std::string::npos) << words;
  EXPECT_NE(words.find("there: t[i] = "), std::string::npos) << words;
  EXPECT_NE(words.find("the claim rests on a declared fact that is not true: operand 't': expected "
                       "sorted numbers (its attribute attn.sorted), found 0 after 1 at index 129"),
            std::string::npos)
      << words;
}

TEST(VerifyMasks, TrueFactsAreNotBlamed) {
  VerifyOptions options;
  options.problems = 2;
  auto [words, unsound] = verify(documents, options);
  EXPECT_EQ(unsound, 0u);
  EXPECT_EQ(words.find("fact"), std::string::npos) << words;
}

TEST(VerifyMasks, WhatDependsOnScoresIsTakenBothWays) {
  VerifyOptions options;
  options.problems = 1;
  auto [words, unsound] =
      verify(masked("", "%zero = arith.constant 0.0 : f32\n"
                        "%g = arith.cmpf ogt, %x, %zero : f32\n"
                        "%e = arith.cmpi sle, %j, %i : index\n%y = arith.andi %g, %e : i1"),
             options);
  EXPECT_EQ(unsound, 0u);
  EXPECT_NE(words.find("0 full; what has no value here taken both ways;"), std::string::npos)
      << words;
}

TEST(VerifyOptions, AreReadForTheKernel) {
  Planned planned(masked(", %w: index", "%y = arith.cmpi sle, %j, %w : index"));
  auto parsed = parseVerifyOptions(
      planned.kernel(), "q=30, k=100,w=64,tiles=16x32:64x8,problems=7,seed=9,batch=3,heads=4");
  ASSERT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
  EXPECT_EQ(parsed->given.axes["q"], 30);
  EXPECT_EQ(parsed->given.axes["k"], 100);
  EXPECT_EQ(parsed->given.scalars["w"], 64);
  EXPECT_EQ(parsed->tiles, (std::vector<std::pair<int64_t, int64_t>>{{16, 32}, {64, 8}}));
  EXPECT_EQ(parsed->problems, 7);
  EXPECT_EQ(parsed->seed, 9);
  EXPECT_EQ(parsed->given.batch, 3);
  EXPECT_EQ(parsed->given.heads, 4);
}

TEST(VerifyOptions, MistakesAreNamed) {
  EXPECT_EQ(messageOf("q"), "expected NAME=VALUE, such as q=300 or doc=doc.npy, but got 'q'");
  EXPECT_EQ(
      messageOf("z=3"),
      "'z' is no operand of kernel @masked (it has q, k, v, w, t), no axis (q, k), and none of "
      "batch, heads, tiles, problems, seed");
  EXPECT_EQ(messageOf("t=3"), "'t': expected a file .npy for this tensor, but got '3'");
  EXPECT_EQ(messageOf("w=wide"), "'w': expected a number, but got 'wide'");
  EXPECT_EQ(messageOf("tiles=64"), "'tiles': expected a whole number of at least 1, but got ''");
  EXPECT_EQ(messageOf("q=-4"), "'q': expected a whole number of at least 0, but got '-4'");
}
