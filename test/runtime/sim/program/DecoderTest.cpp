// SPDX-License-Identifier: Apache-2.0
// Does the Decoder give operands the rows that they should have, and refuse what does not fit?
#include "runtime/sim/program/Decoder.h"
#include "test/runtime/sim/ptx/SampleText.h"

#include "gtest/gtest.h"

using namespace attune::sim;
using Kind = Preset::Kind;

namespace {

/// A Decoder at the first statement of a body. The opcodes are the tests' own.
struct Decoding {
  explicit Decoding(const std::string &body, const std::string &target = "sm_90a")
      : module(ptx::parse(sampleModule(body, target))), function(module.functions.at(0)),
        decoder(program, module, function) {
    next();
  }
  void next() { decoder.begin(function.statements.at(statement++)); }
  const ptx::Operand &operand(size_t index) const { return decoder.operand(index); }
  const Preset *preset(Row row) const {
    for (const Preset &preset : program.presets)
      if (preset.row == row)
        return &preset;
    return nullptr;
  }

  Program program;
  ptx::Module module;
  const ptx::Function &function;
  Decoder decoder;
  size_t statement = 0;
};

/// What `act` is refused with on the statement; "" when it is not.
template <typename Act> std::string refusal(const std::string &body, Act act) {
  Decoding decoding(body);
  try {
    act(decoding.decoder);
  } catch (const LoadError &error) {
    EXPECT_EQ(error.line, sampleBodyLine);
    return error.what();
  }
  return "";
}

#define EXPECT_REFUSED(body, act, message)                                                         \
  do {                                                                                             \
    std::string said = refusal(body, [](Decoder &decoder) { act; });                               \
    EXPECT_NE(said.find(message), std::string::npos) << said;                                      \
  } while (false)

//===-- Rows ---===//

TEST(Decoder, RegistersHaveRowsOfTheirWidth) {
  Decoding d("frob %h1, %r1, %d1, %q1, %r2, %d2, %q2, %p1, %p2;");
  const Width widths[] = {Width::B16, Width::B32, Width::B64, Width::B128,
                          Width::B32, Width::B64, Width::B128};
  std::vector<bool> taken(d.program.rows);
  for (size_t i = 0; i < 7; ++i) {
    unsigned rows = std::max(1u, bytesOf(widths[i]) / 4);
    Row row = d.decoder.destination(d.operand(i), widths[i]);
    EXPECT_EQ(row % rows, 0u) << i;
    for (unsigned k = 0; k < rows; ++k) {
      ASSERT_LT(row + k, d.program.rows);
      EXPECT_FALSE(taken[row + k]) << i;
      taken[row + k] = true;
    }
    EXPECT_EQ(d.decoder.source(d.operand(i), widths[i]), row);
    EXPECT_EQ(d.decoder.widthOf(d.operand(i)), widths[i]);
  }
  PredicateIndex first = d.decoder.predicateDestination(d.operand(7));
  PredicateIndex second = d.decoder.predicateDestination(d.operand(8));
  EXPECT_GT(first, Decoder::unwantedPredicate);
  EXPECT_GT(second, Decoder::unwantedPredicate);
  EXPECT_NE(first, second);
  EXPECT_GT(d.program.predicates, std::max(first, second));
  EXPECT_EQ(d.decoder.widthOf(d.operand(7)), std::nullopt);
}

TEST(Decoder, ConstantsOfAWidthShareARow) {
  Decoding d("frob -1, 65535, 4294967295, -1, 0f3f800000, 1065353216, 0dbff0000000000000;");
  Row half = d.decoder.source(d.operand(0), Width::B16);
  EXPECT_EQ(d.decoder.source(d.operand(1), Width::B16), half);
  EXPECT_EQ(d.preset(half)->value, 0xffffu);
  Row word = d.decoder.source(d.operand(2), Width::B32);
  EXPECT_EQ(d.decoder.source(d.operand(3), Width::B32), word);
  EXPECT_EQ(d.preset(word)->value, 0xffffffffu);
  EXPECT_FALSE(d.preset(word)->wide);
  Row wide = d.decoder.source(d.operand(3), Width::B64);
  EXPECT_NE(wide, word);
  EXPECT_TRUE(d.preset(wide)->wide);
  EXPECT_EQ(wide % 2, 0u);
  EXPECT_EQ(d.decoder.source(d.operand(4), Width::B32), d.decoder.source(d.operand(5), Width::B32));
  EXPECT_EQ(d.preset(d.decoder.source(d.operand(6), Width::B64))->value, 0xbff0000000000000u);
  EXPECT_EQ(d.decoder.constantRow(0x1ffffffff, Width::B32), word);
}

TEST(Decoder, FloatingPointConstantsTakeTheirType) {
  Decoding d("frob 1.5, 0f3fc00000, 0d3ff8000000000000, 0d7fefffffffffffff;");
  ScalarType single{ScalarType::Kind::Float, 32, 1}, wide{ScalarType::Kind::Float, 64, 1};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d.preset(d.decoder.source(d.operand(i), single))->value, 0x3fc00000u) << i;
    EXPECT_EQ(d.preset(d.decoder.source(d.operand(i), wide))->value, 0x3ff8000000000000u) << i;
  }
  EXPECT_EQ(d.preset(d.decoder.source(d.operand(3), single))->value, 0x7f800000u);
}

TEST(Decoder, SpecialRegistersAreRowsOfMov) {
  Decoding d("mov.b32 %r1, %tid.y; mov.b64 %d1, %gridid;");
  const Preset *y = d.preset(d.decoder.source(d.operand(1), Width::B32));
  ASSERT_NE(y, nullptr);
  EXPECT_EQ(y->kind, Kind::Special);
  EXPECT_EQ(ptx::Special(y->value), ptx::Special::TidY);
  EXPECT_FALSE(y->wide);
  d.next();
  EXPECT_TRUE(d.preset(d.decoder.source(d.operand(1), Width::B64))->wide);
}

TEST(Decoder, VariablesHavePlaces) {
  Decoding d(R"(
  .shared .b8 s1[3]; .shared .align 32 .b8 s2[5]; .local .b32 l1; .global .b64 g1;
  mov.b64 %d1, s1, s2, dyn+4, lv, l1, g1, gv+8, p1, s2;)");
  auto preset = [&](size_t index) {
    return *d.preset(d.decoder.source(d.operand(index), Width::B64));
  };
  EXPECT_EQ(preset(1).kind, Kind::Shared);
  EXPECT_EQ(preset(1).value, 0u);
  EXPECT_EQ(preset(2).value, 32u);
  // Behind 37 bytes, aligned to the 32 of s2.
  EXPECT_EQ(d.program.staticSharedBytes, 64u);
  EXPECT_EQ(d.program.sharedAlignment, 32u);
  EXPECT_EQ(preset(3).kind, Kind::Shared);
  EXPECT_EQ(preset(3).value, 64u);
  EXPECT_EQ(preset(3).offset, 4);
  EXPECT_EQ(preset(4).kind, Kind::Local);
  EXPECT_EQ(preset(4).value, 0u);
  EXPECT_EQ(preset(5).value, 64u);
  EXPECT_EQ(d.program.localBytes, 80u);
  EXPECT_EQ(preset(6).kind, Kind::Global);
  EXPECT_EQ(d.program.globals.at(preset(6).value).name, "g1");
  EXPECT_EQ(d.program.globals.at(preset(7).value).name, "gv");
  EXPECT_EQ(preset(7).offset, 8);
  EXPECT_EQ(preset(8).kind, Kind::Param);
  EXPECT_EQ(preset(8).value, 8u);
  EXPECT_EQ(preset(9).row, preset(2).row);
  // A 32-bit address of shared memory is a row of its own.
  EXPECT_FALSE(d.preset(d.decoder.source(d.operand(1), Width::B32))->wide);
}

TEST(Decoder, StaticSharedMemoryIsPackedWithoutDynamicMemory) {
  Decoding d(".shared .b8 s1[3]; .shared .b16 s2[3]; mov.b64 %d1, s1, s2;");
  EXPECT_EQ(d.program.staticSharedBytes, 10u);
}

TEST(Decoder, AddressesHaveBasesAndOffsets) {
  Decoding d("ld.shared.b32 [%d1+8]; ld.shared.b32 [%r1+-4]; ld.shared.b32 [sv+16];"
             "ld.local.b32 [64]; ld.param.b32 [p1+2];");
  AddressOperand wide = d.decoder.address(d.operand(0));
  EXPECT_TRUE(wide.wide);
  EXPECT_EQ(wide.base, d.decoder.source(d.operand(0).parts[0], Width::B64));
  EXPECT_EQ(wide.offset, 8);
  d.next();
  AddressOperand narrow = d.decoder.address(d.operand(0));
  EXPECT_FALSE(narrow.wide);
  EXPECT_EQ(narrow.offset, -4);
  d.next();
  AddressOperand variable = d.decoder.address(d.operand(0));
  EXPECT_TRUE(variable.wide);
  EXPECT_EQ(d.preset(variable.base)->kind, Kind::Shared);
  EXPECT_EQ(variable.offset, 16);
  d.next();
  AddressOperand integer = d.decoder.address(d.operand(0));
  EXPECT_EQ(integer.base, noOperand);
  EXPECT_EQ(integer.offset, 64);
  d.next();
  AddressOperand parameter = d.decoder.address(d.operand(0));
  EXPECT_EQ(d.preset(parameter.base)->value, 8u);
  EXPECT_EQ(parameter.offset, 2);
}

TEST(Decoder, RecordsTheRowsThatAreReadAndWritten) {
  Decoding d("st.global.b32 [%d1], %r1, %d2, 5; mov.b64 %d2;");
  d.decoder.address(d.operand(0));
  Row word = d.decoder.source(d.operand(1), Width::B32);
  Row wide = d.decoder.destination(d.operand(2), Width::B64);
  d.decoder.source(d.operand(3), Width::B32);
  Row base = d.decoder.source(d.operand(0).parts[0], Width::B64);
  const RegisterUse &use = d.program.uses.at(0);
  EXPECT_EQ(use.reads, (std::vector<Row>{base, base + 1, word, base, base + 1}));
  EXPECT_EQ(use.writes, (std::vector<Row>{wide, wide + 1}));
  d.next();
  EXPECT_TRUE(d.program.uses.at(1).reads.empty());
}

TEST(Decoder, GuardsAreIndicesOfPredicates) {
  Decoding d("@!%p3 frob %p3; frob;");
  EXPECT_EQ(d.decoder.instruction().guard, d.decoder.predicateSource(d.operand(0)).index);
  EXPECT_TRUE(d.decoder.instruction().guardNegated);
  EXPECT_EQ(d.decoder.instruction().line, sampleBodyLine);
  d.next();
  EXPECT_EQ(d.decoder.instruction().guard, Instruction::unguarded);
}

TEST(Decoder, PredicatesCanBeConstants) {
  Decoding d("setp !%p1, 0, 1, -1, _;");
  EXPECT_TRUE(d.decoder.predicateSource(d.operand(0)).negated);
  EXPECT_EQ(d.decoder.predicateSource(d.operand(1)).index, Decoder::alwaysFalse);
  EXPECT_EQ(d.decoder.predicateSource(d.operand(2)).index, Decoder::alwaysTrue);
  EXPECT_EQ(d.decoder.predicateSource(d.operand(3)).index, Decoder::alwaysTrue);
  EXPECT_EQ(d.decoder.predicateDestination(d.operand(4)), Decoder::unwantedPredicate);
}

TEST(Decoder, UnwantedResultsHaveARowOfAnyWidth) {
  Decoding d("mov.b64 {%r1, _}, %d1; mbarrier.arrive _;");
  std::vector<Row> rows = d.decoder.destinations(d.operand(0), 2, Width::B32);
  EXPECT_NE(rows[0], rows[1]);
  EXPECT_EQ(d.program.uses[0].writes, std::vector<Row>{rows[0]});
  d.next();
  Row row = d.decoder.destination(d.operand(0), Width::B64);
  EXPECT_EQ(row % 4, 0u);
  EXPECT_LE(row + 4, d.program.rows);
  EXPECT_EQ(row, rows[1]);
}

//===-- Modifiers ---===//

TEST(Decoder, ModifiersAreTakenInOrder) {
  Decoding d("ld.global.L1::evict_last.v4.bf16x2 %r1;");
  EXPECT_EQ(d.decoder.peek(), "global");
  EXPECT_FALSE(d.decoder.take("shared"));
  EXPECT_EQ(d.decoder.expectOneOf({"shared", "global"}, "a state space"), 1);
  EXPECT_TRUE(d.decoder.take("L1::evict_last"));
  EXPECT_EQ(d.decoder.takeOneOf({"v2", "v4"}), 1);
  EXPECT_EQ(d.decoder.takeOneOf({"v2", "v4"}), -1);
  ScalarType type = d.decoder.expectType();
  EXPECT_EQ(type.kind, ScalarType::Kind::BFloat);
  EXPECT_EQ(type.bits, 16u);
  EXPECT_EQ(type.elements, 2u);
  EXPECT_EQ(type.width(), Width::B32);
  EXPECT_EQ(type.memoryBytes(), 4u);
  EXPECT_EQ(d.decoder.peek(), "");
  EXPECT_FALSE(d.decoder.take(""));
  d.decoder.endModifiers();
}

TEST(Decoder, TypesHaveTheWidthOfTheirRegister) {
  Decoding d("frob.b8.s16.e4m3x2.u32.tf32.f64.b128;");
  const Width widths[] = {Width::B16, Width::B16, Width::B16, Width::B32,
                          Width::B32, Width::B64, Width::B128};
  for (Width width : widths)
    EXPECT_EQ(d.decoder.expectType().width(), width);
}

TEST(Decoder, TargetsHaveFeatures) {
  Decoding d("frob;");
  d.decoder.require(80);
  d.decoder.require(90);
  d.decoder.require(90, 'a');
  d.decoder.requireVersion(86);
  EXPECT_THROW(d.decoder.require(100), LoadError);
  EXPECT_THROW(d.decoder.requireVersion(87), LoadError);
  Decoding older("frob;", "sm_90");
  older.decoder.require(90);
  EXPECT_THROW(older.decoder.require(90, 'a'), LoadError);
}

//===-- What is refused ---===//

TEST(Decoder, SaysWhichStatementAndWhy) {
  std::string said = refusal("frob.b32 %r1, %d1;", [](Decoder &decoder) {
    decoder.source(decoder.operand(1), Width::B32);
  });
  EXPECT_EQ(said, "line 12: 'frob.b32 %r1, %d1;': expected a register of 32 bits, but '%d1' has 64 "
                  "bits");
}

TEST(Decoder, UnknownInstructionsAreNamed) {
  ptx::Module module = ptx::parse(sampleModule("  @%p1 frob.async.b32 %r1, 5; // text"));
  try {
    decode(module, module.functions.at(0));
    FAIL() << "accepted";
  } catch (const LoadError &error) {
    EXPECT_STREQ(error.what(), "line 12: '@%p1 frob.async.b32 %r1, 5; // text': the simulator does "
                               "not know this instruction");
  }
}

TEST(Decoder, RefusesBranchTablesThatTakeAllMemory) {
  std::string text = "  T: .branchtargets L";
  for (int i = 0; i < 2000; ++i)
    text += ", L";
  text += ";\n  L: ";
  for (int i = 0; i < 1000; ++i)
    text += "brx.idx %r1, T;";
  ptx::Module module = ptx::parse(sampleModule(text));
  try {
    decode(module, module.functions.at(0));
    FAIL() << "accepted";
  } catch (const LoadError &error) {
    EXPECT_STREQ(error.what(),
                 "line 13: the lists of targets of all branches have more than 1048576 labels");
  }
}

TEST(Decoder, RefusesRegistersOfAnotherWidth) {
  EXPECT_REFUSED("frob %d1;", decoder.source(decoder.operand(0), Width::B32), "'%d1' has 64 bits");
  EXPECT_REFUSED("frob %p1;", decoder.source(decoder.operand(0), Width::B32), "is a predicate");
  EXPECT_REFUSED("frob %h1;", decoder.destination(decoder.operand(0), Width::B32), "has 16 bits");
  EXPECT_REFUSED("frob %r1;", decoder.predicateSource(decoder.operand(0)), "expected a predicate");
  EXPECT_REFUSED("frob !%r1;", decoder.source(decoder.operand(0), Width::B32), "'!'");
  EXPECT_REFUSED("frob {%r1, %d1};", decoder.sources(decoder.operand(0), 2, Width::B32), "'%d1'");
}

TEST(Decoder, RefusesConstantsThatDoNotFit) {
  EXPECT_REFUSED("frob 65536;", decoder.source(decoder.operand(0), Width::B16),
                 "65536 does not fit in 16 bits");
  EXPECT_REFUSED("frob -32769;", decoder.source(decoder.operand(0), Width::B16), "does not fit");
  EXPECT_REFUSED("frob 4294967296;", decoder.source(decoder.operand(0), Width::B32),
                 "does not fit in 32 bits");
  EXPECT_REFUSED("frob 0f3f800000;", decoder.source(decoder.operand(0), Width::B64),
                 "does not fit here");
  EXPECT_REFUSED("frob.f32 1;", decoder.source(decoder.operand(0), decoder.expectType()),
                 "found an integer");
  EXPECT_REFUSED("frob.f16 1.0;", decoder.source(decoder.operand(0), decoder.expectType()),
                 "does not fit here");
  EXPECT_REFUSED("frob.s32 0f3f800000;", decoder.source(decoder.operand(0), decoder.expectType()),
                 "does not fit here");
  EXPECT_REFUSED("frob 5;", decoder.source(decoder.operand(0), Width::B128), "128 bits");
  EXPECT_REFUSED("frob 17;", decoder.constant(decoder.operand(0), 0, 16, "a barrier"),
                 "expected a barrier from 0 to 16, but found 17");
  EXPECT_REFUSED("frob %r1;", decoder.constant(decoder.operand(0), 0, 16, "a barrier"),
                 "found a register");
}

TEST(Decoder, RefusesWrongCounts) {
  EXPECT_REFUSED("frob %r1;", decoder.expectOperands(2), "expected 2 operands, but found 1");
  EXPECT_REFUSED("frob %r1;", decoder.expectOperands(2, 4), "expected 2 to 4 operands");
  EXPECT_REFUSED("frob %r1;", decoder.operand(1), "expected an operand 2");
  EXPECT_REFUSED("frob {%r1};", decoder.destinations(decoder.operand(0), 2, Width::B32),
                 "expected 2 registers in braces");
  EXPECT_REFUSED("frob {_, _};", decoder.destinations(decoder.operand(0), 2, Width::B32),
                 "at least one register");
  EXPECT_REFUSED("frob.a.b;", decoder.take("a"); decoder.endModifiers(), "has no '.b' here");
  EXPECT_REFUSED("frob.a;", decoder.expectOneOf({"x", "y"}, "a letter"),
                 "expected a letter (.x, .y), but found '.a'");
  EXPECT_REFUSED("frob;", decoder.expectType(), "expected a type, but found nothing");
}

TEST(Decoder, RefusesResultsThatAreNoRegisters) {
  EXPECT_REFUSED("add.s32 _;", decoder.destination(decoder.operand(0), Width::B32), "found '_'");
  EXPECT_REFUSED("and.pred _;", decoder.predicateDestination(decoder.operand(0)), "found '_'");
  EXPECT_REFUSED("frob 5;", decoder.destination(decoder.operand(0), Width::B32),
                 "found an integer");
  EXPECT_REFUSED("frob !%p1;", decoder.predicateDestination(decoder.operand(0)),
                 "expected a predicate for a result");
}

TEST(Decoder, RefusesSpecialRegistersWhereTheyCannotBe) {
  EXPECT_REFUSED("add.s32 %tid.x;", decoder.source(decoder.operand(0), Width::B32),
                 "by mov and cvt only");
  EXPECT_REFUSED("cvt.u64 %clock64;", decoder.source(decoder.operand(0), Width::B64),
                 "%clock64 changes");
  EXPECT_REFUSED("mov.b64 %tid.x;", decoder.source(decoder.operand(0), Width::B64),
                 "does not have 64 bits");
  EXPECT_REFUSED("mov.f32 %tid.x;", decoder.source(decoder.operand(0), decoder.expectType()),
                 "is an integer");
}

TEST(Decoder, RefusesAddressesOfAnotherSpace) {
  auto address = [](const char *body) {
    return refusal(body, [](Decoder &decoder) {
      for (size_t i = 0; i < decoder.operandCount(); ++i)
        if (decoder.operand(i).kind == ptx::Operand::Kind::Address)
          decoder.address(decoder.operand(i));
    });
  };
  const char *good[] = {
      "ld.global.b32 [gv];",
      "ld.b32 [gv];",
      "ld.shared::cta.b32 [sv];",
      "ld.param.b32 [p0];",
      "ld.const.b32 [%r1];",
      "cp.async.ca.shared.global [sv], [gv], 4;",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [sv], [gv], 16, [sv];",
      "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%d1, {%r1, %r2}], [sv];",
      ("cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], "
       "[%d1, {%r1, %r2}], [sv];"),
      "mbarrier.arrive.shared.b64 [sv];",
  };
  for (const char *body : good)
    EXPECT_EQ(address(body), "") << body;
  const std::pair<const char *, const char *> bad[] = {
      {"ld.global.b32 [sv];", "'sv' is in .shared memory, but the address is .global"},
      {"ld.shared.b32 [gv];", "'gv' is in .global memory, but the address is .shared"},
      {"ld.b32 [sv];", "but the address is generic"},
      {"ld.global.b32 [p0];", "'p0' is in .param memory"},
      {"ld.global.b32 [%r1];", "a .global address has 64 bits"},
      {"ld.b32 [%r1];", "a generic address has 64 bits"},
      {"ld.shared.b32 [%h1];", "expected a register of 64 bits"},
      {"ld.shared.b32 [1024];", "only .local addresses"},
      {"cp.async.ca.shared.global [gv], [sv], 4;", "the address is .shared"},
      {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [sv], [gv], 16, [gv];",
       "the address is .shared"},
  };
  for (auto [body, message] : bad)
    EXPECT_NE(address(body).find(message), std::string::npos) << body << address(body);
}

TEST(Decoder, RefusesAddressesAsOrdinaryValues) {
  EXPECT_REFUSED("add.s64 gv;", decoder.source(decoder.operand(0), Width::B64),
                 "by mov and cvta only");
  EXPECT_REFUSED("mov.b32 gv;", decoder.source(decoder.operand(0), Width::B32),
                 "does not have 32 bits");
  EXPECT_REFUSED("cvta.global.u64 sv;", decoder.source(decoder.operand(0), Width::B64),
                 "'sv' is in .shared memory");
  EXPECT_REFUSED("cvta.to.global.u64 gv;", decoder.source(decoder.operand(0), Width::B64),
                 "'gv' is in .global memory");
  EXPECT_REFUSED("frob [%d1];", decoder.source(decoder.operand(0), Width::B64),
                 "found an address in brackets");
  EXPECT_REFUSED("frob %d1;", decoder.address(decoder.operand(0)),
                 "expected an address in brackets");
}

TEST(Decoder, RefusesMoreSharedMemoryThanThereIs) {
  ptx::Module module =
      ptx::parse(sampleModule(".shared .b8 a[200000]; .shared .b8 b[200000]; mov.b64 %d1, a, b;"));
  Program program;
  EXPECT_THROW(Decoder(program, module, module.functions.at(0)), LoadError);
}

} // namespace
