// SPDX-License-Identifier: Apache-2.0
// Types of numbers, alone and in vectors and tensors, and types that no operand has.
#include "compiler/ElementTypes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace attune {
namespace {

/// The bundle's spelling of the element type of `type`; "none" if it has none.
std::string spell(Type type) {
  auto element = elementTypeOf(type);
  return element ? std::string(bundle::spelling(*element)) : "none";
}

TEST(ElementTypes, scalarsKeepTheirName) {
  MLIRContext context;
  Builder b(&context);
  for (Type type : std::initializer_list<Type>{b.getF64Type(), b.getF32Type(), b.getF16Type(),
                                               b.getBF16Type(), b.getI64Type(), b.getI32Type(),
                                               b.getI8Type(), b.getI1Type(), b.getIndexType()}) {
    std::string name;
    llvm::raw_string_ostream(name) << type;
    EXPECT_EQ(spell(type), name);
  }
}

TEST(ElementTypes, vectorsAndTensorsHaveThatOfTheirElements) {
  MLIRContext context;
  Builder b(&context);
  EXPECT_EQ(spell(VectorType::get({6, 11}, b.getBF16Type())), "bf16");
  EXPECT_EQ(spell(RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type())), "i32");
}

TEST(ElementTypes, otherTypesHaveNone) {
  MLIRContext context;
  Builder b(&context);
  EXPECT_EQ(spell(b.getIntegerType(16)), "none");
  EXPECT_EQ(spell(b.getTF32Type()), "none");
  EXPECT_EQ(spell(NoneType::get(&context)), "none");
  EXPECT_EQ(spell(VectorType::get({4}, b.getIntegerType(4))), "none");
}

} // namespace
} // namespace attune
