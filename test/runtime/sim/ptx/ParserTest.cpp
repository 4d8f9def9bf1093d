// SPDX-License-Identifier: Apache-2.0
// Does the parser read what PTX says, and refuse all else with the line?
#include "runtime/sim/ptx/Syntax.h"
#include "test/runtime/sim/ptx/SampleText.h"

#include "gtest/gtest.h"

#include <ctime>
#include <deque>

using namespace attune::sim;
using namespace attune::sim::ptx;
using Kind = Operand::Kind;

namespace {

/// Opcodes are views of the module's text: modules live as long as the program.
const Function &parseBody(const std::string &body) {
  static std::deque<Module> modules;
  modules.push_back(parse(sampleModule(body)));
  return modules.back().functions.at(0);
}

/// The operands of the first statement. Opcodes are any word: what they mean is not the parser's.
std::vector<Operand> parseOperands(const std::string &operands) {
  return parseBody("  frob " + operands + ";").statements.at(0).operands;
}

struct Refusal {
  uint32_t line = 0;
  std::string message;
};

Refusal refuse(const std::string &text) {
  try {
    parse(text);
  } catch (const LoadError &error) {
    return {error.line, error.what()};
  }
  return {0, "accepted"};
}

const std::string head = ".version 8.6\n.target sm_90a\n.address_size 64\n";

//===-- Modules ---===//

TEST(Parser, ReadsVersionAndTarget) {
  Module module = parse(".version 7.8\n.target sm_80, debug\n.address_size 64\n");
  EXPECT_EQ(module.version, 78u);
  EXPECT_EQ(module.target, 80u);
  EXPECT_EQ(module.targetSuffix, 0);
  module = parse(head);
  EXPECT_EQ(module.version, 86u);
  EXPECT_EQ(module.target, 90u);
  EXPECT_EQ(module.targetSuffix, 'a');
}

TEST(Parser, ReadsEntryDirectives) {
  Module module = parse(head + R"(
.visible .entry a(.param .u32 x)
.explicitcluster .reqnctapercluster 2, 1, 1
.reqntid 384
.minnctapersm 1 .maxnreg 168
{ .pragma "nounroll"; ret; }
.weak .entry b() .maxntid 16, 8 .maxclusterrank 8 { ret; }
.entry c { ret; }
)");
  ASSERT_EQ(module.functions.size(), 3u);
  const Function &a = module.functions[0], &b = module.functions[1];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.line, 5u);
  EXPECT_TRUE(a.isEntry);
  EXPECT_EQ(a.requiredThreads[0], 384u);
  EXPECT_EQ(a.requiredThreads[1], 1u);
  EXPECT_EQ(a.requiredThreads[2], 1u);
  EXPECT_EQ(a.maximumThreads[0], 0u);
  EXPECT_EQ(a.requiredCluster[0], 2u);
  EXPECT_EQ(a.maximumRegisters, 168u);
  EXPECT_EQ(b.maximumThreads[0], 16u);
  EXPECT_EQ(b.maximumThreads[1], 8u);
  EXPECT_EQ(b.maximumThreads[2], 1u);
  EXPECT_TRUE(module.functions[2].parameters.empty());
}

TEST(Parser, LaysOutParametersAsTheDriverDoes) {
  Module module = parse(head + R"(
.entry k(.param .u32 a, .param .u64 .ptr .global .align 1 b, .param .b8 c,
  .param .align 64 .b8 map[128], .param .f32 d, .param .b16 e[3]) { ret; })");
  const std::vector<Variable> &parameters = module.functions.at(0).parameters;
  ASSERT_EQ(parameters.size(), 6u);
  const uint64_t offsets[] = {0, 8, 16, 64, 192, 196}, bytes[] = {4, 8, 1, 128, 4, 6};
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(parameters[i].offset, offsets[i]) << i;
    EXPECT_EQ(parameters[i].bytes, bytes[i]) << i;
    EXPECT_EQ(parameters[i].space, Space::Param);
  }
  EXPECT_EQ(parameters[3].name, "map");
  EXPECT_EQ(parameters[3].alignment, 64u);
  EXPECT_EQ(module.functions[0].parameterBytes, 202u);
}

TEST(Parser, SkipsWhatIsForOthers) {
  Module module = parse(head + R"(
.file 1 "a.mlir"
.file 2 "b.mlir", 1700000000, 4096
.extern .func (.param .b32 r) vprintf(.param .b64 a, .param .b64 b) .noreturn;
.section .debug_abbrev
{
$L__label:
.b8 1
.b32 $L__label
}
.visible .entry declared(.param .u64 x);
.entry k() {
.loc 1 7 3
  ret;
.loc 2 9 4, function_name $L__label+12, inlined_at 1 5 6
  ret;
}
)");
  ASSERT_EQ(module.functions.size(), 1u);
  EXPECT_EQ(module.files.at(2), "b.mlir");
  const std::vector<Location> &locations = module.functions[0].locations;
  ASSERT_EQ(locations.size(), 2u);
  EXPECT_EQ(locations[0].statement, 0u);
  EXPECT_EQ(locations[0].line, 7u);
  EXPECT_EQ(locations[1].statement, 1u);
  EXPECT_EQ(locations[1].file, 2u);
  EXPECT_EQ(locations[1].column, 4u);
}

TEST(Parser, KnowsTheLinesOfTheText) {
  Module module = parse(sampleModule("  /* two\n lines */ add.s32 %r1, %r2, 3; // more\n"));
  const Statement &statement = module.functions.at(0).statements.at(0);
  EXPECT_EQ(statement.line, sampleBodyLine + 1);
  EXPECT_EQ(module.line(statement.line), "lines */ add.s32 %r1, %r2, 3; // more");
  EXPECT_EQ(module.line(1), ".version 8.6");
  EXPECT_EQ(module.line(0), "");
  EXPECT_EQ(module.line(1000), "");
}

//===-- Variables ---===//

TEST(Parser, ReadsVariablesOfAllSpaces) {
  Function function = parse(head + R"(
.extern .shared .align 1024 .b8 dynamic[];
.global .align 16 .b8 bytes[6] = {1, -1, 0x7f, 255};
.visible .const .u32 words[] = {1, 2, 3};
.global .f32 one = 0f3F800000;
.global .f64 two[2] = {0d4000000000000000, 0d0000000000000000};
.global .s64 minus = -2;
.entry k() {
  .local .align 4 .b8 depot[32];
  .shared .v4 .f32 vector, other;
  .shared .b32 matrix[3][5];
  frob dynamic, bytes, words, one, two, minus, depot, vector, other, matrix, bytes+2;
})")
                          .functions.at(0);
  const std::vector<Variable> &variables = function.variables;
  ASSERT_EQ(variables.size(), 10u);
  EXPECT_EQ(variables[0].space, Space::Shared);
  EXPECT_EQ(variables[0].bytes, 0u);
  EXPECT_EQ(variables[0].alignment, 1024u);
  EXPECT_EQ(variables[1].bytes, 6u);
  EXPECT_EQ(variables[1].initial, (std::vector<uint8_t>{1, 255, 127, 255}));
  EXPECT_EQ(variables[2].space, Space::Const);
  EXPECT_EQ(variables[2].bytes, 12u);
  EXPECT_EQ(variables[2].initial[4], 2);
  EXPECT_EQ(variables[3].initial, (std::vector<uint8_t>{0, 0, 0x80, 0x3f}));
  EXPECT_EQ(variables[4].initial[7], 0x40);
  EXPECT_EQ(variables[5].initial, (std::vector<uint8_t>{254, 255, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(variables[6].space, Space::Local);
  EXPECT_EQ(variables[6].bytes, 32u);
  EXPECT_EQ(variables[7].alignment, 16u);
  EXPECT_EQ(variables[8].bytes, 16u);
  EXPECT_EQ(variables[9].bytes, 60u);
  const Operand &last = function.statements.at(0).operands.at(10);
  EXPECT_EQ(last.kind, Kind::Variable);
  EXPECT_EQ(last.index, 1u);
  EXPECT_EQ(last.bits, 2);
}

TEST(Parser, KeepsOnlyTheVariablesThatAFunctionNames) {
  Module module = parse(head + R"(
.global .b32 a; .global .b32 b;
.entry first() { frob b; }
.entry second() { .shared .b32 unused; frob a, b; }
)");
  ASSERT_EQ(module.functions[0].variables.size(), 1u);
  EXPECT_EQ(module.functions[0].variables[0].name, "b");
  EXPECT_EQ(module.functions[1].variables.size(), 2u);
}

//===-- Registers, labels and blocks ---===//

TEST(Parser, RegistersTakeRoomWhenTheyAreUsed) {
  Function function = parse(head + R"(.entry k() {
  .reg .b32 %r<90000000>; .reg .pred p, q; .reg .b64 %rd<5>;
  .reg .b128 wide; .reg .f16 half; .reg .u32 %r1a;
  frob %r89999999, %r7, q, %r7, %rd4, wide, half, %r1a;
})")
                          .functions.at(0);
  std::vector<std::pair<std::string, RegisterClass>> expected = {
      {"%r89999999", RegisterClass::B32}, {"%r7", RegisterClass::B32},
      {"q", RegisterClass::Predicate},    {"%rd4", RegisterClass::B64},
      {"wide", RegisterClass::B128},      {"half", RegisterClass::B16},
      {"%r1a", RegisterClass::B32}};
  ASSERT_EQ(function.registers.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(function.registers[i].name, expected[i].first);
    EXPECT_EQ(function.registers[i].width, expected[i].second);
  }
  EXPECT_EQ(function.statements[0].operands[3].index, 1u);
}

TEST(Parser, InnerNamesHideOuterOnes) {
  const Function &function = parseBody(R"(
  .reg .b32 x;
  frob x;
  { .reg .b64 x; .reg .b32 %r<2>; frob x, %r1, %r5; { frob x; } }
  frob x, %r1;
)");
  auto width = [&](size_t statement, size_t operand) {
    return function.registers[function.statements[statement].operands[operand].index].width;
  };
  EXPECT_EQ(width(0, 0), RegisterClass::B32);
  EXPECT_EQ(width(1, 0), RegisterClass::B64);
  EXPECT_EQ(width(2, 0), RegisterClass::B64);
  EXPECT_EQ(width(3, 0), RegisterClass::B32);
  auto index = [&](size_t statement, size_t operand) {
    return function.statements[statement].operands[operand].index;
  };
  EXPECT_NE(index(1, 1), index(3, 1));
  EXPECT_EQ(index(0, 0), index(3, 0));
}

TEST(Parser, BlocksOfInlineAssemblyRepeatTheirNames) {
  const Function &function = parseBody(R"(
  { .reg .pred P1; WAIT: frob P1; @P1 bra.uni DONE; bra.uni WAIT; DONE: }
  { .reg .pred P1; WAIT: frob P1; @!P1 bra.uni DONE; bra.uni WAIT; DONE: }
)");
  const std::vector<Statement> &code = function.statements;
  ASSERT_EQ(code.size(), 7u);
  EXPECT_EQ(code[1].operands[0].kind, Kind::Label);
  EXPECT_EQ(code[1].operands[0].index, 3u);
  EXPECT_EQ(code[2].operands[0].index, 0u);
  EXPECT_EQ(code[4].operands[0].index, 6u);
  EXPECT_EQ(code[5].operands[0].index, 3u);
  EXPECT_NE(code[1].guard, code[4].guard);
  EXPECT_FALSE(code[1].guardNegated);
  EXPECT_TRUE(code[4].guardNegated);
  EXPECT_EQ(code[0].guard, Statement::unguarded);
}

TEST(Parser, LabelsOfOuterBlocksAreSeenFromInnerOnes) {
  const Function &function =
      parseBody("{ { bra AFTER; } bra BEFORE; BEFORE: } AFTER: bra END; ret; END:");
  EXPECT_EQ(function.statements[0].operands[0].index, 2u);
  EXPECT_EQ(function.statements[1].operands[0].index, 2u);
  EXPECT_EQ(function.statements[2].operands[0].index, 4u);
}

TEST(Parser, ALabelMayStandAtTheEnd) {
  Function function = parse(head + ".entry k() { bra END; END: }").functions.at(0);
  EXPECT_EQ(function.statements.at(0).operands.at(0).index, 1u);
}

TEST(Parser, ReadsListsOfTargets) {
  const Function &function = parseBody(R"(
  A: frob;
  T: .branchtargets A, B,
     C;
  brx.idx %r1, T;
  B: frob;
  C:
)");
  ASSERT_EQ(function.branchTargets.size(), 1u);
  EXPECT_EQ(function.branchTargets[0], (std::vector<uint32_t>{0, 2, 3}));
  EXPECT_EQ(function.statements[1].operands[1].kind, Kind::TargetList);
}

//===-- Statements and operands ---===//

TEST(Parser, CutsOpcodesAtTheirDots) {
  const Function &function = parseBody(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%d1];"
      "ld .global\n.L2::128B.v4.b32 %r1;");
  EXPECT_EQ(function.statements[0].opcode,
            (std::vector<std::string_view>{"cp", "async", "bulk", "tensor", "4d", "shared::cluster",
                                           "global", "tile", "mbarrier::complete_tx::bytes"}));
  EXPECT_EQ(function.statements[1].opcode,
            (std::vector<std::string_view>{"ld", "global", "L2::128B", "v4", "b32"}));
}

TEST(Parser, ReadsNumbers) {
  const std::pair<const char *, int64_t> cases[] = {
      {"0", 0},
      {"42", 42},
      {"-1", -1},
      {"42U", 42},
      {"0x1F", 31},
      {"0XffffffffffffffffU", -1},
      {"-0x10", -16},
      {"017", 15},
      {"0b101", 5},
      {"4611686293305294848", 4611686293305294848},
      {"18446744073709551615", -1},
      {"-9223372036854775808", INT64_MIN},
      {"WARP_SZ", 32},
  };
  for (auto [text, value] : cases) {
    Operand operand = parseOperands(text).at(0);
    EXPECT_EQ(operand.kind, Kind::Integer) << text;
    EXPECT_EQ(operand.bits, value) << text;
  }
  Operand single = parseOperands("0f3f800000").at(0), decimal = parseOperands("-1.5e+1").at(0);
  EXPECT_EQ(single.kind, Kind::Float32);
  EXPECT_EQ(single.bits, 0x3f800000);
  EXPECT_EQ(parseOperands("0dBFF0000000000000").at(0).bits, int64_t(0xbff0000000000000));
  EXPECT_EQ(decimal.kind, Kind::Float64);
  EXPECT_EQ(decimal.bits, int64_t(0xc02e000000000000));
}

TEST(Parser, ReadsOperandsOfEveryKind) {
  std::vector<Operand> operands = parseOperands(
      "%r1, !%p2, _, {%r1, _, 3}, %r1|%p1, _|%p1, %tid.x, %cluster_ctarank, sv+16, p0, p1+4");
  ASSERT_EQ(operands.size(), 11u);
  EXPECT_EQ(operands[0].kind, Kind::Register);
  EXPECT_TRUE(operands[1].negated);
  EXPECT_EQ(operands[2].kind, Kind::Sink);
  ASSERT_EQ(operands[3].kind, Kind::Vector);
  ASSERT_EQ(operands[3].parts.size(), 3u);
  EXPECT_EQ(operands[3].parts[1].kind, Kind::Sink);
  EXPECT_EQ(operands[3].parts[2].bits, 3);
  ASSERT_EQ(operands[4].kind, Kind::Pair);
  EXPECT_EQ(operands[4].parts[0].index, operands[0].index);
  EXPECT_EQ(operands[5].parts[0].kind, Kind::Sink);
  EXPECT_EQ(operands[6].kind, Kind::Special);
  EXPECT_EQ(Special(operands[6].index), Special::TidX);
  EXPECT_EQ(Special(operands[7].index), Special::ClusterCtarank);
  EXPECT_EQ(operands[8].kind, Kind::Variable);
  EXPECT_EQ(operands[8].bits, 16);
  EXPECT_EQ(operands[9].kind, Kind::Parameter);
  EXPECT_EQ(operands[10].index, 1u);
  EXPECT_EQ(operands[10].bits, 4);
}

TEST(Parser, ReadsAddresses) {
  std::vector<Operand> operands =
      parseOperands("[%d1], [%d1+8], [%d1+-8], [sv+4+4], [p0], [1024], [%d2, {%r1, 0}]");
  const int64_t offsets[] = {0, 8, -8, 8, 0, 0, 0};
  const Kind bases[] = {Kind::Register,  Kind::Register, Kind::Register, Kind::Variable,
                        Kind::Parameter, Kind::Integer,  Kind::Register};
  ASSERT_EQ(operands.size(), 7u);
  for (size_t i = 0; i < operands.size(); ++i) {
    EXPECT_EQ(operands[i].kind, Kind::Address) << i;
    EXPECT_EQ(operands[i].bits, offsets[i]) << i;
    EXPECT_EQ(operands[i].parts[0].kind, bases[i]) << i;
  }
  EXPECT_EQ(operands[3].parts[0].bits, 0);
  EXPECT_EQ(operands[5].parts[0].bits, 1024);
  ASSERT_EQ(operands[6].parts.size(), 2u);
  EXPECT_EQ(operands[6].parts[1].kind, Kind::Vector);
  EXPECT_EQ(operands[6].parts[1].parts.size(), 2u);
}

TEST(Parser, EverySpecialRegisterIsReadByItsSpelling) {
  for (unsigned i = 0; i <= unsigned(Special::TotalSharedSize); ++i) {
    Operand operand = parseOperands(std::string(spelling(Special(i)))).at(0);
    EXPECT_EQ(operand.kind, Kind::Special);
    EXPECT_EQ(operand.index, i) << spelling(Special(i));
  }
}

//===-- What is refused ---===//

struct BadText {
  const char *name, *text;
  /// In the body of the sample module.
  uint32_t line;
  const char *message;
};

class BadBody : public testing::TestWithParam<BadText> {};

TEST_P(BadBody, IsRefusedWithItsLine) {
  Refusal refusal = refuse(sampleModule(std::string("  frob;\n") + GetParam().text));
  EXPECT_EQ(refusal.line, sampleBodyLine + 1 + GetParam().line) << refusal.message;
  EXPECT_NE(refusal.message.find(GetParam().message), std::string::npos) << refusal.message;
}

const BadText badBodies[] = {
    {"NoSemicolon", "add.s32 %r1, %r2, 3\nadd", 1, "expected ',' between operands"},
    {"NoOperand", "add.s32 %r1, , 3;", 0, "expected an operand, but found ','"},
    {"UnknownName", "add.s32 %r1, %x, 3;", 0, "there is no register, variable or parameter '%x'"},
    {"BeyondTheRange", "add.s32 %r16, %r2, 3;", 0, "'%r16'"},
    {"LeadingZeroIsAnotherName", "add.s32 %r01, %r2, 3;", 0, "'%r01'"},
    {"UnknownComponent", "mov.b32 %r1, %tid.w;", 0, "'%tid' with '.w'"},
    {"VectorOfIndices", "mov.b32 %r1, %tid;", 0, "'%tid'"},
    {"UnknownLabel", "\nbra nowhere;", 1, "there is no label 'nowhere'"},
    {"LabelOfAnInnerBlock", "{ L: frob; }\nbra L;", 1, "there is no label 'L'"},
    {"LabelTwice", "L: frob;\nL: frob;", 1, "'L' is declared twice"},
    {"LabelAsValue", "L: mov.b64 %d1, L;", 0, "is no operand of this instruction"},
    {"BranchToAVariable", "bra gv;", 0, "there is no label 'gv'"},
    {"RegisterTwice", ".reg .b32 a;\n.reg .b64 a;", 1, "'a' is declared twice"},
    {"RangeTwice", ".reg .b32 %a<4>;\n.reg .b32 %a<2>;", 1, "declared twice"},
    {"NameInARange", ".reg .b32 %a<4>;\n.reg .b32 %a3; frob;", 1, "'%a3' is declared twice"},
    {"RangesOverlap", ".reg .b32 %a<11>;\n.reg .b32 %a1<2>; frob;", 1, "'%a10' is declared twice"},
    {"RegisterOfABlockThatIsClosed", "{ .reg .b32 x; }\nfrob x;", 1, "'x'"},
    {"HugeRange", ".reg .b32 %a<4000000000>;", 0, "a number of registers is at most"},
    {"ByteRegister", ".reg .b8 a;", 0, "registers have 16 bits or more"},
    {"UnknownType", ".reg .bf16 a;", 0, "expected a type such as .b32, but found '.bf16'"},
    {"GuardIsNoPredicate", "@%r1 bra L; L:", 0, "expected a predicate behind '@'"},
    {"GuardOfNothing", "@%p1;", 0, "expected an instruction behind the guard"},
    {"IntegerTooLarge", "frob 18446744073709551616;", 0, "expected an integer of 64 bits"},
    {"BadOctal", "frob 08;", 0, "expected an integer"},
    {"BadSuffix", "frob 3u;", 0, "expected an integer"},
    {"ShortFloat", "frob 0f3f8;", 0, "expected 0f and 8 or 0d and 16"},
    {"SignBeforeBits", "frob -0f3f800000;", 0, "expected no sign"},
    {"MinusAsOffset", "frob [%d1-4];", 0, "write +-4"},
    {"OpenAddress", "frob [%d1;", 0, "expected ']' behind an address"},
    {"AddressOfNothing", "frob [];", 0, "expected an operand"},
    {"AddressOfASpecialRegister", "frob [%clock64];", 0, "as address"},
    {"VectorInAVector", "frob {{%r1}};", 0, "expected an operand"},
    {"NoResultOfTwo", "frob _|_;", 0, "expected one of two results"},
    {"OpenVector", "frob {%r1;", 0, "expected '}' behind the elements"},
    {"NegatedNumber", "frob !1;", 0, "expected an operand"},
    {"NegatedVariable", "frob !gv;", 0, "only a predicate"},
    {"Call", "call foo;", 0, "runs no calls"},
    {"Prototype", "L: .callprototype _ (.param .b32 x);", 0, "runs no calls"},
    {"ListAfterItsUse", "brx.idx %r1, T; T: .branchtargets L; L:", 0, "'T'"},
    {"ListOfNothing", "T: .branchtargets;", 0, "expected a label"},
    {"ParameterInABody", ".param .b32 x;", 0, "no .param variables in a body"},
    {"UnknownDirective", ".frob 3;", 0, "no directive '.frob' in a body"},
    {"SharedWithAValue", ".shared .b32 x = 5;", 0, "only .global and .const"},
    {"TooManyValues", ".global .b32 x[2] = {1, 2, 3};", 0, "larger than it may be: at most 8"},
    {"ValueOfAnotherType", ".global .f32 x = 1;", 0, "expected an integer that fits"},
    {"ValueDoesNotFit", ".global .b8 x = 256;", 0, "expected an integer that fits"},
    {"VariableOfNoSize", ".shared .b8 x[0];", 0, "'x' has no size"},
    {"AlignmentOfThree", ".shared .align 3 .b8 x[4];", 0, "power of two"},
    {"VectorTooWide", ".shared .v4 .b64 x;", 0, "at most 16 bytes"},
    {"HugeArray", ".global .b8 x[1000000000][1000000000];", 0, "at most"},
    {"HugeVariable", ".global .b64 x[1000000000];", 0, "larger than it may be"},
    {"PredicateVariable", ".global .pred x;", 0, "cannot have the type .pred"},
    {"StrangeCharacter", "frob #;", 0, "no such character: '#'"},
    {"ControlCharacter", "frob \x01;", 0, "no such character: 0x01"},
    {"HighByte", "frob \xff;", 0, "no such character: 0xff"},
    {"OpenComment", "frob; /* never", 0, "does not end: expected '*/'"},
    {"OpenString", ".pragma \"never;\n", 0, "does not end"},
    {"LoneDot", "add. s32;", 0, "expected a word right behind '.'"},
    {"LonePercent", "frob %;", 0, "expected a name behind '%'"},
};
INSTANTIATE_TEST_SUITE_P(Parser, BadBody, testing::ValuesIn(badBodies),
                         [](const auto &info) { return info.param.name; });

class BadModule : public testing::TestWithParam<BadText> {};

TEST_P(BadModule, IsRefusedWithItsLine) {
  Refusal refusal = refuse(GetParam().text);
  EXPECT_EQ(refusal.line, GetParam().line) << refusal.message;
  EXPECT_NE(refusal.message.find(GetParam().message), std::string::npos) << refusal.message;
}

#define HEAD ".version 8.6\n.target sm_90a\n.address_size 64\n"
const BadText badModules[] = {
    {"Empty", "", 1, "expected PTX to begin with '.version', but found the end of the text"},
    {"NoVersion", ".target sm_80", 1, "expected PTX to begin with '.version'"},
    {"BadVersion", ".version 8", 1, "expected a version such as 8.0"},
    {"NoTarget", ".version 8.0\n.address_size 64", 2, "expected '.target'"},
    {"UnknownTarget", ".version 8.0\n.target sm_20", 2, "sm_75 to sm_90a"},
    {"VersionTooOld", ".version 7.8\n.target sm_90a", 2, "needs .version 8.0 or later"},
    {"ShortAddresses", ".version 8.0\n.target sm_80\n.address_size 32", 3, "64-bit addresses only"},
    {"Function", HEAD ".func foo() { ret; }", 4, "runs no .func"},
    {"EntryTwice", HEAD ".entry k() { ret; }\n.entry k() { ret; }", 5, "there are two entries 'k'"},
    {"OpenBody", HEAD ".entry k() {\n ret;\n", 6, "expected '}' to end the body of 'k'"},
    {"OpenBlock", HEAD ".entry k() {\n { ret; }", 5, "expected '}'"},
    {"UnknownDirective", HEAD ".frob", 4, "no directive '.frob' of a module"},
    {"UnknownOfAFunction", HEAD ".entry k() .frob {}", 4, "no directive '.frob' of a function"},
    {"TwoKindsOfThreads", HEAD ".entry k() .reqntid 32 .maxntid 32 {}", 4, "expected one of them"},
    {"ThreadsTwice", HEAD ".entry k() .reqntid 32 .reqntid 32 {}", 4, "is there twice"},
    {"ClusterOfAmpere", ".version 8.0\n.target sm_80\n.entry k() .explicitcluster {}", 3,
     "'.explicitcluster' needs .target sm_90"},
    {"TooManyThreads", HEAD ".entry k() .reqntid 64, 32 {}", 4, "at most 1024"},
    {"NoThreads", HEAD ".entry k() .reqntid 0 {}", 4, "1 or more"},
    {"FourNumbers", HEAD ".entry k() .reqntid 1, 1, 1, 1 {}", 4, "at most three numbers"},
    {"ExternGlobal", HEAD ".extern .global .b32 x;", 4, "links nothing"},
    {"ManyGlobals", HEAD ".global .b8 a[200000000];\n.global .b8 b[200000000];", 5,
     "the .global variables have more than"},
    {"ManyParameters", HEAD ".entry k(.param .b8 x[40000]) {}", 4, "more than 32764 bytes"},
    {"ParameterOfNoSize", HEAD ".entry k(.param .b8 x[]) {}", 4, "has no size"},
    {"ExternEntry", HEAD ".extern .entry k() {}", 4, "cannot be .extern"},
    {"TwoLinkages", HEAD ".visible .extern .global .b32 x;", 4, "at most"},
    {"OpenSection", HEAD ".section .debug { .b8 1", 4, "expected '}' to end the section"},
};
INSTANTIATE_TEST_SUITE_P(Parser, BadModule, testing::ValuesIn(badModules),
                         [](const auto &info) { return info.param.name; });

//===-- Hostile text ---===//

TEST(Parser, BlocksNestOnlySoDeep) {
  Refusal refusal = refuse(sampleModule(std::string(100000, '{')));
  EXPECT_NE(refusal.message.find("nest deeper"), std::string::npos) << refusal.message;
}

TEST(Parser, TextIsOnlySoLong) {
  Refusal refusal = refuse(head + std::string(17 << 20, '\n'));
  EXPECT_EQ(refusal.line, 0u);
  EXPECT_NE(refusal.message.find("reads at most 16777216"), std::string::npos) << refusal.message;
}

/// Processor time to parse, the best of three tries: others may use the processor, too.
double parseTime(const std::string &text) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    std::clock_t begin = std::clock();
    refuse(text);
    best = std::min(best, double(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

std::string repeat(size_t times, auto piece) {
  std::string text;
  for (size_t i = 0; i < times; ++i)
    text += piece(std::to_string(i));
  return text;
}

TEST(Parser, TimeGrowsWithTheTextAlone) {
  // 16 times the text may take up to 80 times as long; quadratic would be 256 times.
  auto check = [](const char *what, auto make) {
    double few = parseTime(make(500)), many = parseTime(make(8000));
    EXPECT_LT(many, 80 * few) << what;
  };
  check("pending labels", [](size_t count) {
    return sampleModule(
        std::string(60, '{') + repeat(count, [](std::string i) { return "bra L" + i + ";\n"; }) +
        std::string(60, '}') + repeat(count, [](std::string i) { return "L" + i + ":\n"; }));
  });
  check("ranges", [](size_t count) {
    return sampleModule(repeat(count, [](std::string i) {
      return ".reg .b32 a" + i + "_<1000000>; frob a" + i + "_99999;\n";
    }));
  });
  check("blocks", [](size_t count) {
    return sampleModule(
        repeat(count, [](std::string) { return "{ .reg .b32 x; L: frob x; bra L; }\n"; }));
  });
  check("variables", [](size_t count) {
    return head + ".global .b8 v[4000] = {" + repeat(3999, [](std::string) { return "1,"; }) +
           "1};" + repeat(count, [](std::string i) { return ".entry k" + i + "() { frob v; }\n"; });
  });
}

} // namespace
