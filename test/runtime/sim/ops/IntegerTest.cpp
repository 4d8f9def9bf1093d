// SPDX-License-Identifier: Apache-2.0
// Do integer instructions give what arithmetic in 128 bits gives?
#include "test/runtime/sim/OpsHarness.h"

namespace attune::sim::test {
namespace {

using Wide = __int128;

struct Type {
  std::string name;
  unsigned bits;
  bool isSigned;
  Wide value(uint64_t raw) const {
    uint64_t cut = bits == 64 ? raw : raw & ((uint64_t(1) << bits) - 1);
    bool negative = isSigned && cut >> (bits - 1) & 1;
    return negative ? Wide(cut) - (Wide(1) << bits) : Wide(cut);
  }
};
const Type types[] = {{"u16", 16, false}, {"s16", 16, true},  {"u32", 32, false},
                      {"s32", 32, true},  {"u64", 64, false}, {"s64", 64, true}};
const unsigned bitTypes[] = {16, 32, 64};

using Binary = std::function<Wide(Wide, Wide)>;
void expectBinary(const std::string &opcode, const Type &type, const Binary &f) {
  OneInstruction one{opcode + "." + type.name + " $d, $a, $b;", type.bits, {type.bits, type.bits}};
  expectResults(one, randomVectors(one.sources, 512, type.bits),
                [&](const Vector &v) { return uint64_t(f(type.value(v[0]), type.value(v[1]))); });
}

TEST(Integers, SumsDifferencesAndExtremes) {
  for (const Type &type : types) {
    expectBinary("add", type, [](Wide a, Wide b) { return a + b; });
    expectBinary("sub", type, [](Wide a, Wide b) { return a - b; });
    expectBinary("min", type, [](Wide a, Wide b) { return b < a ? b : a; });
    expectBinary("max", type, [](Wide a, Wide b) { return b < a ? a : b; });
  }
}

/// The bits from `shift` on of an exact product, which has up to 128 bits.
uint64_t highBits(const Type &type, Wide a, Wide b) {
  if (type.bits < 64)
    return uint64_t((a * b) >> type.bits);
  // By halves of 32 bits, of the sizes; negated if need be.
  using U = unsigned __int128;
  U x = a < 0 ? U(-a) : U(a), y = b < 0 ? U(-b) : U(b);
  U product = x * y;
  if ((a < 0) != (b < 0))
    product = ~product + 1;
  return uint64_t(product >> 64);
}

TEST(Integers, Products) {
  for (const Type &type : types) {
    expectBinary("mul.lo", type, [](Wide a, Wide b) {
      return Wide((unsigned __int128)(a) * (unsigned __int128)(b));
    });
    expectBinary("mul.hi", type, [&](Wide a, Wide b) { return Wide(highBits(type, a, b)); });
    OneInstruction low{
        "mad.lo." + type.name + " $d, $a, $b, $c;", type.bits, {type.bits, type.bits, type.bits}};
    auto vectors = randomVectors(low.sources, 512, 7);
    expectResults(low, vectors, [](const Vector &v) { return v[0] * v[1] + v[2]; });
    OneInstruction high = low;
    high.text = "mad.hi." + type.name + " $d, $a, $b, $c;";
    expectResults(high, vectors, [&](const Vector &v) {
      return highBits(type, type.value(v[0]), type.value(v[1])) + v[2];
    });
  }
}

TEST(Integers, WideProducts) {
  for (const Type &type : types) {
    if (type.bits == 64)
      continue;
    unsigned wide = 2 * type.bits;
    OneInstruction mul{"mul.wide." + type.name + " $d, $a, $b;", wide, {type.bits, type.bits}};
    expectResults(mul, randomVectors(mul.sources, 512, 1),
                  [&](const Vector &v) { return uint64_t(type.value(v[0]) * type.value(v[1])); });
    OneInstruction mad{
        "mad.wide." + type.name + " $d, $a, $b, $c;", wide, {type.bits, type.bits, wide}};
    expectResults(mad, randomVectors(mad.sources, 512, 2), [&](const Vector &v) {
      return uint64_t(type.value(v[0]) * type.value(v[1])) + v[2];
    });
  }
}

TEST(Integers, QuotientsAndRemainders) {
  for (const Type &type : types) {
    // Truncated towards zero; what PTX leaves open is all ones.
    expectBinary("div", type, [](Wide a, Wide b) { return b == 0 ? -1 : a / b; });
    expectBinary("rem", type, [](Wide a, Wide b) { return b == 0 ? -1 : a - a / b * b; });
  }
}

TEST(Integers, TheLeastNumberByMinusOneDoesNotTrap) {
  OneInstruction div{"div.s32 $d, $a, $b;"}, rem{"rem.s32 $d, $a, $b;"};
  std::vector<Vector> vectors{{0x80000000, 0xffffffff}};
  EXPECT_EQ(div.run(vectors)[0], 0x80000000u);
  EXPECT_EQ(rem.run(vectors)[0], 0u);
}

TEST(Integers, SignsAndDifferences) {
  for (const Type &type : types) {
    if (type.isSigned) {
      OneInstruction neg{"neg." + type.name + " $d, $a;", type.bits, {type.bits}};
      auto vectors = randomVectors(neg.sources, 256, 3);
      expectResults(neg, vectors, [](const Vector &v) { return 0 - v[0]; });
      OneInstruction abs{"abs." + type.name + " $d, $a;", type.bits, {type.bits}};
      expectResults(abs, vectors,
                    [&](const Vector &v) { return type.value(v[0]) < 0 ? 0 - v[0] : v[0]; });
    }
    OneInstruction sad{
        "sad." + type.name + " $d, $a, $b, $c;", type.bits, {type.bits, type.bits, type.bits}};
    expectResults(sad, randomVectors(sad.sources, 256, 4), [&](const Vector &v) {
      Wide distance = type.value(v[0]) - type.value(v[1]);
      return v[2] + uint64_t(distance < 0 ? -distance : distance);
    });
  }
}

TEST(Integers, SaturatedSums) {
  const Type &s32 = types[3];
  auto clamp = [](Wide value) {
    return value > 0x7fffffff          ? Wide(0x7fffffff)
           : value < -Wide(0x80000000) ? -Wide(0x80000000)
                                       : value;
  };
  expectBinary("add.sat", s32, [&](Wide a, Wide b) { return clamp(a + b); });
  expectBinary("sub.sat", s32, [&](Wide a, Wide b) { return clamp(a - b); });
}

TEST(Integers, Logic) {
  for (unsigned bits : bitTypes) {
    std::string type = ".b" + std::to_string(bits);
    OneInstruction one{"and" + type + " $d, $a, $b;", bits, {bits, bits}};
    auto vectors = randomVectors(one.sources, 256, bits);
    expectResults(one, vectors, [](const Vector &v) { return v[0] & v[1]; });
    one.text = "or" + type + " $d, $a, $b;";
    expectResults(one, vectors, [](const Vector &v) { return v[0] | v[1]; });
    one.text = "xor" + type + " $d, $a, $b;";
    expectResults(one, vectors, [](const Vector &v) { return v[0] ^ v[1]; });
    OneInstruction unary{"not" + type + " $d, $a;", bits, {bits}};
    expectResults(unary, vectors, [](const Vector &v) { return ~v[0]; });
    unary.text = "cnot" + type + " $d, $a;";
    expectResults(unary, vectors, [](const Vector &v) { return uint64_t(v[0] == 0); });
  }
}

TEST(Integers, LogicOfPredicates) {
  std::vector<Vector> vectors{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  OneInstruction one{"and.pred $p, $a, $b;", 0, {1, 1}};
  expectResults(one, vectors, [](const Vector &v) { return v[0] && v[1]; });
  one.text = "or.pred $p, $a, $b;";
  expectResults(one, vectors, [](const Vector &v) { return v[0] || v[1]; });
  one.text = "xor.pred $p, $a, $b;";
  expectResults(one, vectors, [](const Vector &v) { return v[0] != v[1]; });
  one.text = "not.pred $p, $a;";
  expectResults(one, vectors, [](const Vector &v) { return !v[0]; });
  one.text = "mov.pred $p, $b;";
  expectResults(one, vectors, [](const Vector &v) { return v[1]; });
}

TEST(Integers, ShiftsByTheWidthAndMore) {
  for (const Type &type : types) {
    OneInstruction left{
        "shl.b" + std::to_string(type.bits) + " $d, $a, $b;", type.bits, {type.bits, 32}};
    std::vector<Vector> vectors = randomVectors({type.bits}, 512, 5);
    std::mt19937 random(6);
    for (Vector &v : vectors)
      v[1] = random() % 8 ? random() % 70 : random();
    expectResults(left, vectors,
                  [&](const Vector &v) { return v[1] >= type.bits ? 0 : v[0] << v[1]; });
    OneInstruction right{"shr." + type.name + " $d, $a, $b;", type.bits, {type.bits, 32}};
    // Rounded down, which is what copies of the sign come to.
    expectResults(right, vectors, [&](const Vector &v) {
      Wide value = type.value(v[0]);
      for (uint64_t i = 0; i < std::min<uint64_t>(v[1], 70); ++i)
        value = (value - (value & 1)) / 2;
      return uint64_t(value);
    });
  }
}

TEST(Integers, FunnelShifts) {
  std::vector<Vector> vectors = randomVectors({32, 32, 7}, 512, 8);
  vectors.push_back({0x12345678, 0x9abcdef0, 32});
  vectors.push_back({0x12345678, 0x9abcdef0, 0xffffffff});
  for (bool clamps : {false, true})
    for (bool right : {false, true}) {
      OneInstruction one{std::string("shf.") + (right ? "r." : "l.") + (clamps ? "clamp" : "wrap") +
                             ".b32 $d, $a, $b, $c;",
                         32,
                         {32, 32, 32}};
      expectResults(one, vectors, [&](const Vector &v) {
        unsigned n = clamps ? unsigned(std::min<uint64_t>(v[2], 32)) : v[2] % 32;
        uint32_t low = uint32_t(v[0]), high = uint32_t(v[1]);
        // Bit by bit.
        uint64_t result = 0;
        for (unsigned i = 0; i < 32; ++i) {
          unsigned from = right ? i + n : i + 32 - n;
          bool bit = from < 32 ? low >> from & 1 : high >> (from - 32) & 1;
          result |= uint64_t(bit) << i;
        }
        return result;
      });
    }
}

TEST(Integers, TablesOfThreeBits) {
  auto vectors = randomVectors({32, 32, 32}, 64, 9);
  for (unsigned table : {0u, 0x80u, 0xf8u, 0x96u, 0xcau, 0x1bu, 0xffu, 0x6au}) {
    OneInstruction one{"lop3.b32 $d, $a, $b, $c, " + std::to_string(table) + ";", 32, {32, 32, 32}};
    expectResults(one, vectors, [&](const Vector &v) {
      uint64_t result = 0;
      for (unsigned i = 0; i < 32; ++i) {
        unsigned index = (v[0] >> i & 1) * 4 + (v[1] >> i & 1) * 2 + (v[2] >> i & 1);
        result |= uint64_t(table >> index & 1) << i;
      }
      return result;
    });
  }
}

TEST(Integers, FieldsAreExtracted) {
  for (const Type &type : types) {
    if (type.bits == 16)
      continue;
    OneInstruction one{"bfe." + type.name + " $d, $a, $b, $c;", type.bits, {type.bits, 32, 32}};
    auto vectors = randomVectors({type.bits, 7, 7}, 1024, 10);
    vectors.push_back({~uint64_t(0), 0x1ff, 0x105});
    // As the PTX ISA writes it.
    expectResults(one, vectors, [&](const Vector &v) {
      unsigned position = v[1] & 0xff, length = v[2] & 0xff, top = type.bits - 1;
      bool sign = false;
      if (type.isSigned && length)
        sign = v[0] >> std::min(position + length - 1, top) & 1;
      uint64_t result = 0;
      for (unsigned i = 0; i <= top; ++i) {
        bool bit = i < length && position + i <= top ? v[0] >> (position + i) & 1 : sign;
        result |= uint64_t(bit) << i;
      }
      return result;
    });
  }
}

TEST(Integers, FieldsAreInserted) {
  for (unsigned bits : {32u, 64u}) {
    OneInstruction one{
        "bfi.b" + std::to_string(bits) + " $d, $a, $b, $c, $e;", bits, {bits, bits, 32, 32}};
    expectResults(one, randomVectors({bits, bits, 7, 7}, 1024, 11), [&](const Vector &v) {
      unsigned position = v[2] & 0xff, length = v[3] & 0xff;
      uint64_t result = v[1];
      for (unsigned i = 0; i < length && position + i < bits; ++i) {
        result &= ~(uint64_t(1) << (position + i));
        result |= (v[0] >> i & 1) << (position + i);
      }
      return result;
    });
  }
}

uint64_t permuted(const Vector &v, unsigned selectors) {
  uint64_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned selector = selectors >> (4 * i) & 0xf, index = selector & 7;
    uint8_t byte = uint8_t(index < 4 ? v[0] >> (8 * index) : v[1] >> (8 * (index - 4)));
    if (selector & 8)
      byte = int8_t(byte) < 0 ? 0xff : 0;
    result |= uint64_t(byte) << (8 * i);
  }
  return result;
}

TEST(Integers, BytesArePermuted) {
  auto vectors = randomVectors({32, 32, 32}, 512, 12);
  OneInstruction one{"prmt.b32 $d, $a, $b, $c;", 32, {32, 32, 32}};
  expectResults(one, vectors, [](const Vector &v) { return permuted(v, unsigned(v[2])); });
  // The table of the PTX ISA, highest byte first.
  const std::pair<const char *, std::array<unsigned, 4>> modes[] = {
      {"f4e", {0x3210, 0x4321, 0x5432, 0x6543}}, {"b4e", {0x5670, 0x6701, 0x7012, 0x0123}},
      {"rc8", {0x0000, 0x1111, 0x2222, 0x3333}}, {"ecl", {0x3210, 0x3211, 0x3222, 0x3333}},
      {"ecr", {0x0000, 0x1110, 0x2210, 0x3210}}, {"rc16", {0x1010, 0x3232, 0x1010, 0x3232}}};
  for (const auto &[mode, table] : modes) {
    one.text = std::string("prmt.b32.") + mode + " $d, $a, $b, $c;";
    expectResults(one, vectors,
                  [&, &table = table](const Vector &v) { return permuted(v, table[v[2] & 3]); });
  }
}

TEST(Integers, BitsAreCounted) {
  for (unsigned bits : {32u, 64u}) {
    std::string type = ".b" + std::to_string(bits);
    auto vectors = randomVectors({bits}, 256, 13);
    vectors.push_back({0});
    OneInstruction one{"popc" + type + " $d, $a;", 32, {bits}};
    expectResults(one, vectors, [&](const Vector &v) {
      uint64_t count = 0;
      for (unsigned i = 0; i < bits; ++i)
        count += v[0] >> i & 1;
      return count;
    });
    one.text = "clz" + type + " $d, $a;";
    expectResults(one, vectors, [&](const Vector &v) {
      uint64_t count = 0;
      while (count < bits && !(v[0] >> (bits - 1 - count) & 1))
        ++count;
      return count;
    });
    OneInstruction reversed{"brev" + type + " $d, $a;", bits, {bits}};
    expectResults(reversed, vectors, [&](const Vector &v) {
      uint64_t result = 0;
      for (unsigned i = 0; i < bits; ++i)
        result |= (v[0] >> i & 1) << (bits - 1 - i);
      return result;
    });
  }
}

TEST(Integers, TheTopmostBitIsFound) {
  for (const Type &type : types) {
    if (type.bits == 16)
      continue;
    auto vectors = randomVectors({type.bits}, 256, 14);
    vectors.push_back({0});
    vectors.push_back({~uint64_t(0) >> (64 - type.bits)});
    auto place = [&](const Vector &v) -> int {
      Wide value = type.value(v[0]);
      for (int i = int(type.bits) - 1; i >= 0; --i)
        if ((value >> i & 1) != (value < 0 ? 1 : 0))
          return i;
      return -1;
    };
    OneInstruction one{"bfind." + type.name + " $d, $a;", 32, {type.bits}};
    expectResults(one, vectors, [&](const Vector &v) { return uint64_t(place(v)); });
    one.text = "bfind.shiftamt." + type.name + " $d, $a;";
    expectResults(one, vectors, [&](const Vector &v) {
      return place(v) < 0 ? ~uint64_t(0) : type.bits - 1 - unsigned(place(v));
    });
  }
}

TEST(Integers, LanesThatAreOffKeepTheirValue) {
  KernelRun kernel{"and.b32 %r5, %r0, 1;\nsetp.ne.b32 %p1, %r5, 0;\nmov.b32 %r6, 7;\n"
                   "@%p1 add.s32 %r6, %r0, 100;\nst.global.b32 [%rd2], %r6;"};
  KernelOutcome outcome = runKernel(kernel);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane % 2 ? lane + 100 : 7);
}

TEST(Integers, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("add.b32 %r5, %r6, %r7;").find("no form for this type"), std::string::npos);
  EXPECT_NE(loadError("mul.s32 %r5, %r6, %r7;").find(".lo, .hi or .wide"), std::string::npos);
  EXPECT_NE(loadError("mul.wide.s64 %rd5, %rd6, %rd7;").find("16 and 32 bits"), std::string::npos);
  EXPECT_NE(loadError("add.sat.u32 %r5, %r6, %r7;").find("add and sub of .s32"), std::string::npos);
  EXPECT_NE(loadError("neg.u32 %r5, %r6;").find("a signed type"), std::string::npos);
  EXPECT_NE(loadError("add.ftz.s32 %r5, %r6, %r7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("shl.u32 %r5, %r6, %r7;").find(".b16, .b32 or .b64"), std::string::npos);
  EXPECT_NE(loadError("lop3.b32 %r5, %r6, %r7, %r8, 256;").find("a table of 8 bits"),
            std::string::npos);
  EXPECT_NE(loadError("bfe.u16 %rs5, %rs6, %r7, %r8;").find("expected .u32"), std::string::npos);
  EXPECT_NE(loadError("add.s32 %r5, %r6;").find("expected 3 operands"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
