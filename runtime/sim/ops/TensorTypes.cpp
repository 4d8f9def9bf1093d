// SPDX-License-Identifier: Apache-2.0
// Reads types and shapes of mma and wgmma (PTX ISA, "Matrix multiply-accumulate operation using
// mma.sync instruction" and "wgmma.mma_async").
#include "runtime/sim/ops/TensorTypes.h"

#include "runtime/sim/machine/Warp.h"

#include <charconv>
#include <optional>

namespace attune::sim {

using TypeKind = ScalarType::Kind;

static std::optional<TensorElement> elementOf(const ScalarType &type) {
  if (type.elements != 1)
    return std::nullopt;
  switch (type.kind) {
  case TypeKind::Float:
    if (type.bits == 16)
      return TensorElement::F16;
    break;
  case TypeKind::BFloat: return TensorElement::BF16;
  case TypeKind::TF32: return TensorElement::TF32;
  case TypeKind::Float8E4M3: return TensorElement::E4M3;
  case TypeKind::Float8E5M2: return TensorElement::E5M2;
  case TypeKind::Signed:
    if (type.bits == 8)
      return TensorElement::S8;
    break;
  case TypeKind::Unsigned:
    if (type.bits == 8)
      return TensorElement::U8;
    break;
  case TypeKind::Bits: break;
  }
  return std::nullopt;
}

static std::optional<TensorResult> resultOf(const ScalarType &type) {
  if (type.elements == 1 && type.kind == TypeKind::Float && type.bits == 32)
    return TensorResult::F32;
  if (type.elements == 1 && type.kind == TypeKind::Float && type.bits == 16)
    return TensorResult::F16;
  if (type.elements == 1 && type.kind == TypeKind::Signed && type.bits == 32)
    return TensorResult::S32;
  return std::nullopt;
}

static bool isFloat8(TensorElement element) {
  return element == TensorElement::E4M3 || element == TensorElement::E5M2;
}
static bool isInteger(TensorElement element) {
  return element == TensorElement::S8 || element == TensorElement::U8;
}

TensorTypes takeTensorTypes(Decoder &decoder) {
  auto result = resultOf(decoder.expectType("the type of a product"));
  auto a = elementOf(decoder.expectType("the type of operand A"));
  auto b = elementOf(decoder.expectType("the type of operand B"));
  if (!result || !a || !b)
    decoder.fail("expected .f32, .f16 or .s32, and elements of .f16, .bf16, .tf32, .e4m3, .e5m2, "
                 ".s8 or .u8");
  bool alike = *a == *b || (isFloat8(*a) && isFloat8(*b)) || (isInteger(*a) && isInteger(*b));
  if (!alike)
    decoder.fail("expected A and B of one type, or both of eight bits");
  if (isInteger(*a) != (*result == TensorResult::S32))
    decoder.fail("products of integers are .s32, those of floats .f32 or .f16");
  if (*result == TensorResult::F16 && *a != TensorElement::F16 && !isFloat8(*a))
    decoder.fail("only products of .f16, .e4m3 and .e5m2 can be .f16");
  return {*result, *a, *b};
}

TensorShape takeTensorShape(Decoder &decoder) {
  std::string_view part = decoder.peek(), rest = part;
  TensorShape shape;
  auto take = [&](char letter, unsigned &number) {
    if (rest.empty() || rest.front() != letter)
      return false;
    auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), number);
    rest.remove_prefix(size_t(end - rest.data()));
    return error == std::errc();
  };
  if (!take('m', shape.m) || !take('n', shape.n) || !take('k', shape.k) || !rest.empty())
    decoder.fail("expected a shape such as .m16n8k16");
  decoder.take(part);
  return shape;
}

void pointToRows(Warp &warp, const Row *rows, unsigned count, const uint32_t **pointers) {
  for (unsigned i = 0; i < count; ++i)
    pointers[i] = warp.lanes32(rows[i]);
}

} // namespace attune::sim
