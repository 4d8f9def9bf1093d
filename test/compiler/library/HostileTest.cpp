// SPDX-License-Identifier: Apache-2.0
// What does the library say of source and options that nobody should give it?
#include "test/compiler/library/Library.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <random>

using testing::HasSubstr;

namespace {

Outcome compileWith(void (*change)(attune_compile_options &)) {
  attune_compile_options options = optionsFor("x86-64");
  change(options);
  return compile(readExample("dense.mlir"), &options);
}

TEST(CompilerLibrary, RefusesNullPointers) {
  attune_output *output = nullptr;
  EXPECT_EQ(attune_compile(nullptr, 0, nullptr, &output), ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(attune_compiler_last_message(), HasSubstr("source"));
  EXPECT_EQ(attune_compile("", 0, nullptr, nullptr), ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(attune_compiler_last_message(), HasSubstr("output"));
  EXPECT_EQ(attune_compile_stage("", 0, nullptr, nullptr, &output),
            ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(attune_compiler_last_message(), HasSubstr("stage"));
  EXPECT_EQ(output, nullptr);
  EXPECT_STREQ(static_cast<const char *>(attune_output_data(nullptr)), "");
  EXPECT_EQ(attune_output_size(nullptr), 0u);
  attune_output_free(nullptr);
}

TEST(CompilerLibrary, RefusesOptionsThatMakeNoSense) {
  auto message = [](void (*change)(attune_compile_options &)) {
    Outcome outcome = compileWith(change);
    EXPECT_EQ(outcome.status, ATTUNE_COMPILER_INVALID_ARGUMENT);
    return outcome.text;
  };
  EXPECT_THAT(message([](auto &options) { options.struct_size = 7; }), HasSubstr("struct_size"));
  EXPECT_THAT(message([](auto &options) { options.struct_size = size_t(-1); }),
              HasSubstr("struct_size"));
  EXPECT_THAT(message([](auto &options) { options.packed_heads = -1; }),
              HasSubstr("from 0 to 256"));
  EXPECT_THAT(message([](auto &options) { options.packed_heads = 1000; }),
              HasSubstr("from 0 to 256"));
  EXPECT_THAT(message([](auto &options) { options.self_tests = 3; }), HasSubstr("self_tests"));
  EXPECT_EQ(
      message([](auto &options) { options.targets = "sm_7"; }),
      "expected a target among host, native, x86-64, x86-64-v3, x86-64-v4, sm_80, sm_90a, but "
      "got 'sm_7'");
  EXPECT_THAT(message([](auto &options) { options.targets = ""; }), HasSubstr("but got ''"));
  EXPECT_THAT(message([](auto &options) { options.targets = "x86-64,,sm_80"; }),
              HasSubstr("but got ''"));
  Outcome outcome = compileWith([](auto &options) { options.plan = "queries=many"; });
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_REFUSED);
  EXPECT_THAT(outcome.text, HasSubstr("many"));
}

/// A caller that was built against a later version: what we know counts, what we do not has to be zero.
TEST(CompilerLibrary, TakesLongerOptionsWhoseRestIsZero) {
  struct {
    attune_compile_options known;
    int64_t later;
  } options = {optionsFor("x86-64"), 0};
  options.known.struct_size = sizeof(options);
  std::string source = readExample("dense.mlir");
  EXPECT_EQ(compile(source, &options.known).status, ATTUNE_COMPILER_OK);
  options.later = 1;
  Outcome outcome = compile(source, &options.known);
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(outcome.text, HasSubstr("does not know"));
  attune_compile_options zero = {};
  EXPECT_EQ(compile(source, &zero).status, ATTUNE_COMPILER_OK);
}

TEST(CompilerLibrary, ShowsWhereTheSourceIsWrong) {
  Outcome outcome =
      compile("// one line\nattn.kernel @k(%q: !attn.rows<f32>) -> !attn.rows<f32> {\n"
              "  return %nothing : !attn.rows<f32>\n}\n");
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_REFUSED);
  EXPECT_EQ(outcome.text, "3:10: error: use of undeclared SSA value name\n"
                          "  return %nothing : !attn.rows<f32>\n"
                          "         ^");
}

TEST(CompilerLibrary, ShowsNotesWithTheirPlaces) {
  Outcome outcome = compile("attn.kernel @k(%q: !attn.rows<f32>) -> !attn.rows<f32> {\n"
                            "\t%r = arith.constant 1 : index\n"
                            "\t%r = arith.constant 2 : index\n"
                            "  return %q : !attn.rows<f32>\n}\n");
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_REFUSED);
  EXPECT_EQ(outcome.text, "3:2: error: redefinition of SSA value '%r'\n"
                          "\t%r = arith.constant 2 : index\n"
                          "\t^\n"
                          "2:2: note: previously defined here\n"
                          "\t%r = arith.constant 1 : index\n"
                          "\t^");
}

/// Locations that a source names are not looked for: they may be of files that it should not see.
TEST(CompilerLibrary, OpensNoFileThatTheSourceNames) {
  Outcome outcome =
      compile("attn.kernel @k(%q: !attn.rows<f32>) -> !attn.rows<f64> {\n"
              "  return %q : !attn.rows<f32> loc(\"" ATTUNE_EXAMPLES "/dense.mlir\":1:1)\n}\n");
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_REFUSED);
  EXPECT_THAT(outcome.text, HasSubstr("dense.mlir:1:1: error:"));
  EXPECT_THAT(outcome.text, testing::Not(HasSubstr("SPDX")));
}

TEST(CompilerLibrary, RefusesWhatIsNoText) {
  using namespace std::string_literals;
  for (const std::string &source :
       {""s, "\0"s, "attn.kernel\0@k"s, "ML\xefR and so on"s, "\xff\xfe\xfd"s, "{}"s, "// nothing"s,
        std::string(100000, '('), std::string(100000, '<'), "tensor<"s + std::string(5000, '[')}) {
    Outcome outcome = compile(source);
    EXPECT_NE(outcome.status, ATTUNE_COMPILER_OK);
    EXPECT_NE(outcome.status, ATTUNE_COMPILER_INTERNAL) << outcome.text;
    EXPECT_NE(outcome.text, "");
  }
}

/// Attention whose score is `count` additions, each of the one before.
std::string makeChain(int count) {
  std::string lines, last = "%x";
  for (int number = 0; number < count; ++number) {
    std::string next = "%" + std::to_string(number);
    lines += next + " = arith.addf " + last + ", %x : f32\n";
    last = next;
  }
  return "!q = !attn.rows<vector<16xf32>>\n!k = !attn.cols<vector<16xf32>>\n!s = "
         "!attn.matrix<f32>\n"
         "attn.kernel @chain(%q: !q, %k: !k, %v: !k) -> !q {\n"
         "%s = dot %q, %k : !q, !k\n%m = map (%x = %s) : (!s) -> !s {\n" +
         lines + "yield " + last + " : f32 }\n%p = softmax %m : !s\n" +
         "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q\n}\n";
}

/// Analyses recurse along operands: a caller with little stack must not fall over a long program.
TEST(CompilerLibrary, GoesDeepOnThreadsWithLittleStack) {
  std::string source = makeChain(20000);
  pthread_attr_t attributes;
  pthread_t thread;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
  auto body = [](void *source) -> void * {
    EXPECT_EQ(compileStage(*static_cast<std::string *>(source), "plan").status, ATTUNE_COMPILER_OK);
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, &source), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(CompilerLibrary, RefusesSourceThatIsTooLong) {
  Outcome outcome = compile(std::string((4 << 20) + 1, ' '));
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(outcome.text, HasSubstr("expected at most 4194304 bytes, but got 4194305"));
}

/// Programs with a few bytes changed are compiled to primitives or refused; nothing else happens.
TEST(CompilerLibrary, SurvivesChangedBytes) {
  std::string source = readExample("alibi-window.mlir");
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::string changed = source;
    for (int change = 0; change < 3; ++change)
      changed[random() % changed.size()] = char(1 + random() % 255);
    Outcome outcome = compileStage(changed, "attn");
    EXPECT_NE(outcome.status, ATTUNE_COMPILER_INTERNAL) << changed;
    EXPECT_NE(outcome.text, "");
    refused += outcome.status != ATTUNE_COMPILER_OK;
  }
  EXPECT_GT(refused, 20);
}

} // namespace
