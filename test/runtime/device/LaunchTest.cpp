// SPDX-License-Identifier: Apache-2.0
// What does a launch check? One test a message; then the launches that have to work.
#include "test/runtime/device/ScaleAdd.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

using namespace attune;
using namespace attune::testing;
using bundle::BlobFormat;

namespace {

bundle::Bundle scaleAddHost() {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(readAll(ATTUNE_TEST_KERNEL));
  contents.manifest.kernels[0].variants = {scaleAddVariant("x86-64", BlobFormat::Elf)};
  return contents;
}

class Launch : public ::testing::Test {
protected:
  Device device{"host:2"};
  Kernel kernel{device, openBundle(scaleAddHost()), "scale_add"};
  ScaleAddProblem problem;

  std::string refusal(std::vector<Argument> arguments) {
    std::string message = messageOf([&] { kernel.launch(arguments); }, ATTUNE_INVALID_ARGUMENT);
    EXPECT_EQ(messageOf([&] { kernel.check(arguments); }, ATTUNE_INVALID_ARGUMENT), message);
    return message;
  }
  std::string refusal() { return refusal(problem.arguments()); }

  /// A kernel that differs from scale_add in its manifest only.
  template <typename Change> Kernel changed(Change change) {
    bundle::Bundle contents = scaleAddHost();
    change(contents.manifest.kernels[0]);
    return Kernel(device, openBundle(contents), "scale_add");
  }
};

TEST_F(Launch, ComputesWhatTheKernelSays) {
  kernel.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Launch, InitializerListOfTensorsAndNumbers) {
  kernel.launch({problem.a, problem.b, problem.t, 2.0f, 5, problem.o});
  problem.expectRight();
}

TEST_F(Launch, FewerArguments) {
  EXPECT_EQ(refusal({&problem.a}),
            "kernel 'scale_add': expected 6 arguments (a, b, t, s, w, o), but got 1");
}

TEST_F(Launch, NoArguments) {
  EXPECT_EQ(attune_kernel_launch(kernel.get(), nullptr, 6, nullptr), ATTUNE_INVALID_ARGUMENT);
  EXPECT_STREQ(attune_last_message(),
               "kernel 'scale_add': expected arguments, but got a null pointer");
}

TEST_F(Launch, NumberForATensor) {
  std::vector<Argument> arguments = problem.arguments();
  arguments[0] = 3;
  EXPECT_EQ(refusal(arguments),
            "kernel 'scale_add': operand 'a': expected a tensor, but got a number");
}

TEST_F(Launch, TensorForANumber) {
  std::vector<Argument> arguments = problem.arguments();
  arguments[3] = &problem.a;
  EXPECT_EQ(refusal(arguments),
            "kernel 'scale_add': operand 's': expected a real number (f32), but got a tensor");
}

TEST_F(Launch, IntegerForARealNumber) {
  std::vector<Argument> arguments = problem.arguments();
  arguments[3] = 1;
  EXPECT_EQ(refusal(arguments),
            "kernel 'scale_add': operand 's': expected a real number (f32), but got an integer");
}

TEST_F(Launch, RealNumberForAnIndex) {
  std::vector<Argument> arguments = problem.arguments();
  arguments[4] = 1.5;
  EXPECT_EQ(refusal(arguments),
            "kernel 'scale_add': operand 'w': expected an integer (index), but got a real number");
}

TEST_F(Launch, UnknownKindOfArgument) {
  std::vector<Argument> arguments = problem.arguments();
  std::vector<attune_argument> raw;
  for (const Argument &argument : arguments)
    raw.push_back(argument.get());
  int kind = 77;
  std::memcpy(&raw[4].kind, &kind, sizeof(kind));
  EXPECT_EQ(attune_kernel_launch(kernel.get(), raw.data(), raw.size(), nullptr),
            ATTUNE_INVALID_ARGUMENT);
  EXPECT_STREQ(attune_last_message(), "kernel 'scale_add': operand 'w': expected an integer "
                                      "(index), but got an argument of unknown kind");
}

TEST_F(Launch, NullTensor) {
  std::vector<Argument> arguments = problem.arguments();
  arguments[5] = static_cast<const DLTensor *>(nullptr);
  EXPECT_EQ(refusal(arguments),
            "kernel 'scale_add': result 'o': expected a tensor, but got a null pointer");
}

TEST_F(Launch, WrongRank) {
  problem.a.ndim = 3;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected rank 4, but got 3");
}

TEST_F(Launch, NegativeRank) {
  problem.t.ndim = -1;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 't': expected rank 1, but got -1");
}

TEST_F(Launch, WrongDtype) {
  problem.b.dtype = {kDLBfloat, 16, 1};
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected dtype f32, but got bf16");
}

TEST_F(Launch, VectorDtype) {
  problem.b.dtype = {kDLFloat, 32, 4};
  EXPECT_EQ(refusal(),
            "kernel 'scale_add': operand 'b': expected dtype f32, but got vectors of 4 lanes");
}

TEST_F(Launch, UnknownDtype) {
  problem.b.dtype = {200, 32, 1};
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected dtype f32, but got type code 200 "
                       "of 32 bits");
}

TEST_F(Launch, EveryDtypeTakesItsOwnOnly) {
  using bundle::ElementType;
  constexpr uint8_t boolean = 6;
  const std::pair<ElementType, DLDataType> pairs[] = {
      {ElementType::F64, {kDLFloat, 64, 1}}, {ElementType::F32, {kDLFloat, 32, 1}},
      {ElementType::F16, {kDLFloat, 16, 1}}, {ElementType::BF16, {kDLBfloat, 16, 1}},
      {ElementType::I64, {kDLInt, 64, 1}},   {ElementType::Index, {kDLInt, 64, 1}},
      {ElementType::I32, {kDLInt, 32, 1}},   {ElementType::I8, {kDLInt, 8, 1}},
      {ElementType::I1, {boolean, 8, 1}},    {ElementType::I1, {kDLUInt, 8, 1}}};
  for (const auto &[wanted, unused] : pairs) {
    Kernel other = changed([&](bundle::KernelInfo &info) { info.operands[2].dtype = wanted; });
    for (const auto &[meant, given] : pairs) {
      problem.t.dtype = given;
      bool fits = wanted == meant || (given.code == kDLInt && given.bits == 64 &&
                                      (wanted == ElementType::I64 || wanted == ElementType::Index));
      if (fits)
        other.check(problem.arguments());
      else
        messageOf([&] { other.check(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT);
    }
  }
}

TEST_F(Launch, TensorOnAnotherDevice) {
  problem.a.device = {kDLCUDA, 1};
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected a tensor on host:2, but got one "
                       "on cuda:1");
}

TEST_F(Launch, TensorOnUnknownDevice) {
  int type = 12345;
  std::memcpy(&problem.a.device.device_type, &type, sizeof(type));
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected a tensor on host:2, but got one "
                       "on device type 12345, number 0");
}

TEST_F(Launch, NullShape) {
  problem.a.shape = nullptr;
  EXPECT_EQ(refusal(),
            "kernel 'scale_add': operand 'a': expected sizes, but its shape pointer is null");
}

TEST_F(Launch, WrongFixedSize) {
  problem.aShape[3] = 16;
  EXPECT_EQ(refusal(),
            "kernel 'scale_add': operand 'a': expected size 8 in dimension 3, but got 16");
}

TEST_F(Launch, NegativeSize) {
  problem.aShape[2] = -1;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected the size of dimension 2 to be "
                       "from 0 to 2147483647, but got -1");
}

TEST_F(Launch, SizeOf2To31) {
  problem.bShape[2] = int64_t(1) << 31;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected the size of dimension 2 to be "
                       "from 0 to 2147483647, but got 2147483648");
}

TEST_F(Launch, InnermostDimensionWithGaps) {
  int64_t strides[] = {640, 160, 16, 2};
  problem.a.strides = strides;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected stride 1 in dimension 3 "
                       "(contiguous), but got 2; make a contiguous copy of it");
}

TEST_F(Launch, TableWithGaps) {
  int64_t strides[] = {2};
  problem.t.strides = strides;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 't': expected stride 1 in dimension 0 "
                       "(contiguous), but got 2; make a contiguous copy of it");
}

TEST_F(Launch, StrideThatIsNotAligned) {
  int64_t strides[] = {360, 90, 9, 1};
  problem.a.strides = strides;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected the stride of dimension 2 to be "
                       "a multiple of 16 bytes, but got 9 elements of 4 bytes");
}

TEST_F(Launch, VectorsThatAreNoWholeNumberOfMoves) {
  Kernel small = changed(
      [](bundle::KernelInfo &info) { info.operands[0].shape[3] = info.results[0].shape[3] = 6; });
  problem.aShape[3] = problem.oShape[3] = 6;
  EXPECT_NO_THROW(small.check(problem.arguments()));
}

TEST_F(Launch, DataThatIsNotAligned) {
  problem.a.byte_offset = 8;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': expected data aligned to 16 bytes, but "
                       "its address is 8 bytes past a multiple of it");
}

TEST_F(Launch, TableThatIsNotAlignedToItsElements) {
  problem.t.byte_offset = 2;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 't': expected data aligned to 4 bytes, but "
                       "its address is 2 bytes past a multiple of it");
}

TEST_F(Launch, NullData) {
  problem.a.data = nullptr;
  EXPECT_EQ(refusal(),
            "kernel 'scale_add': operand 'a': expected data, but its data pointer is null");
}

TEST_F(Launch, ResultThatOverlapsItself) {
  int64_t strides[] = {320, 0, 8, 1};
  problem.o.strides = strides;
  EXPECT_EQ(refusal(), "kernel 'scale_add': result 'o': expected each element in its own place, "
                       "but dimension 1 has stride 0");
}

TEST_F(Launch, StridesBeyondTheAddressSpace) {
  int64_t strides[] = {int64_t(1) << 60, 80, 8, 1};
  problem.a.strides = strides;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': its sizes and strides reach beyond the "
                       "address space");
}

TEST_F(Launch, StridesOfTheSmallestNumber) {
  int64_t strides[] = {INT64_MIN, 80, 8, 1};
  problem.a.strides = strides;
  problem.aShape[0] = 3;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': its sizes and strides reach beyond the "
                       "address space");
}

TEST_F(Launch, SizesWhoseProductOverflows) {
  for (std::vector<int64_t> *shape : {&problem.aShape, &problem.bShape, &problem.oShape})
    *shape = {INT32_MAX, INT32_MAX, INT32_MAX, 8};
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'a': its sizes and strides reach beyond the "
                       "address space");
}

TEST_F(Launch, TokensOfOneAxisDiffer) {
  problem.oShape[2] = 9;
  EXPECT_EQ(refusal(), "kernel 'scale_add': result 'o': expected 10 tokens along axis 'q' as 'a' "
                       "has, but got 9");
}

TEST_F(Launch, BatchesDiffer) {
  problem.bShape[0] = 3;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected batch 1 or 2 as 'a' has, but got "
                       "3");
}

TEST_F(Launch, ResultWithoutTheBatch) {
  problem.oShape[0] = 1;
  EXPECT_EQ(refusal(), "kernel 'scale_add': result 'o': expected batch 2 as 'a' has, but got 1");
}

TEST_F(Launch, ResultWithABatchThatNobodyHas) {
  ScaleAddProblem single(1, 4, 10, 3, 2);
  single.oShape[0] = 2;
  EXPECT_EQ(refusal(single.arguments()),
            "kernel 'scale_add': result 'o': expected batch 1, but got 2");
}

TEST_F(Launch, HeadsThatDoNotDivide) {
  problem.bShape[1] = 3;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected a number of heads that divides "
                       "the 4 of 'a', but got 3");
}

TEST_F(Launch, NoHeadsWhereOthersHaveSome) {
  problem.bShape[1] = 0;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'b': expected a number of heads that divides "
                       "the 4 of 'a', but got 0");
}

TEST_F(Launch, ResultWithFewerHeads) {
  problem.oShape[1] = 2;
  EXPECT_EQ(refusal(), "kernel 'scale_add': result 'o': expected 4 heads as 'a' has, but got 2");
}

TEST_F(Launch, IndexOf2To31) {
  problem.w = int64_t(1) << 31;
  EXPECT_EQ(refusal(), "kernel 'scale_add': operand 'w': expected an index from -2147483647 to "
                       "2147483647, but got 2147483648");
}

TEST_F(Launch, NumbersThatDoNotFitTheirType) {
  struct {
    bundle::ElementType type;
    bundle::ParameterType passed;
    int64_t value;
    const char *message;
  } cases[] = {
      {bundle::ElementType::I32, bundle::ParameterType::I32, int64_t(1) << 31,
       "expected an i32 from -2147483648 to 2147483647, but got 2147483648"},
      {bundle::ElementType::I8, bundle::ParameterType::I8, 128,
       "expected an i8 from -128 to 127, but got 128"},
      {bundle::ElementType::I1, bundle::ParameterType::I8, 2,
       "expected an i1 from 0 to 1, but got 2"},
  };
  for (const auto &c : cases) {
    Kernel other = changed([&](bundle::KernelInfo &info) {
      info.operands[4].dtype = c.type;
      info.variants[0].parameters[17].type = c.passed;
    });
    problem.w = c.value;
    EXPECT_EQ(messageOf([&] { other.check(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
              std::string("kernel 'scale_add': operand 'w': ") + c.message);
  }
}

TEST_F(Launch, StrideThatDoesNotFit32Bits) {
  Kernel other = changed([](bundle::KernelInfo &info) {
    info.variants[0].parameters[4].type = bundle::ParameterType::I32;
  });
  int64_t strides[] = {int64_t(1) << 33, 80, 8, 1};
  problem.a.strides = strides;
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'a': expected the stride of dimension 0 to fit 32 bits, "
            "but got 8589934592");
}

TEST_F(Launch, AxisThatHasToBeAMultiple) {
  Kernel other = changed([](bundle::KernelInfo &info) { info.checks = {{"k", 64, ""}}; });
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'b': expected a multiple of 64 tokens along axis 'k', but "
            "got 3");
}

TEST_F(Launch, AxisThatHasToBeAsLongAsAnother) {
  Kernel other = changed([](bundle::KernelInfo &info) { info.checks = {{"q", 0, "k"}}; });
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'a': expected as many tokens along axis 'q' as along 'k', "
            "3, but got 10");
}

//===-- Conditions of the kernel ---===//

using bundle::Expression;
using Kind = Expression::Kind;

/// What a kernel with this condition says of the problem; "" when it launches.
class Condition : public Launch {
protected:
  std::string verdict(Expression expression) {
    Kernel other =
        changed([&](bundle::KernelInfo &info) { info.conditions = {{expression, "text"}}; });
    try {
      other.check(problem.arguments());
      return "";
    } catch (const Error &error) {
      EXPECT_EQ(error.status(), ATTUNE_INVALID_ARGUMENT);
      EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
                error.what());
      return error.what();
    }
  }
  bool holds(Expression expression) { return verdict(std::move(expression)).empty(); }

  /// Is `kind` of left and right exactly `value`? `w` stands for one, so that nothing is constant.
  bool gives(Kind kind, int64_t left, int64_t right, int64_t value) {
    Expression one = Expression::binary(Kind::Eq, w, Expression::constant(problem.w));
    Expression both =
        Expression::binary(kind, Expression::binary(Kind::Mul, one, Expression::constant(left)),
                           Expression::constant(right));
    return holds(Expression::binary(Kind::Eq, both, Expression::constant(value))) &&
           !holds(Expression::binary(Kind::Ne, both, Expression::constant(value)));
  }

  Expression w = Expression::scalar("w");
};

TEST_F(Condition, NamesItsTextAndTheValues) {
  Kernel other = changed([&](bundle::KernelInfo &info) {
    info.conditions = {{Expression::binary(Kind::Le, Expression::constant(0), w), "w >= 0"}};
  });
  other.launch(problem.arguments());
  problem.expectRight();
  problem.w = -3;
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected 'w >= 0', but w is -3");
}

TEST_F(Condition, RefusedLaunchWritesNothing) {
  EXPECT_FALSE(holds(Expression::constant(0)));
  for (float value : problem.oData)
    EXPECT_EQ(value, 0);
}

TEST_F(Condition, AllOfThemAreChecked) {
  Kernel other = changed([&](bundle::KernelInfo &info) {
    info.conditions = {{Expression::binary(Kind::Le, Expression::constant(0), w), "w >= 0"},
                       {Expression::binary(Kind::Lt, w, Expression::constant(5)), "w < 5"}};
  });
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected 'w < 5', but w is 5");
}

TEST_F(Condition, EachValueOnce) {
  Expression tokens = Expression::size("a", 2), entries = Expression::size("t", 0);
  Expression sum = Expression::binary(Kind::Add, Expression::binary(Kind::Add, w, tokens),
                                      Expression::binary(Kind::Add, w, entries));
  EXPECT_EQ(verdict(Expression::binary(Kind::Lt, sum, tokens)),
            "kernel 'scale_add': expected 'text', but w is 5, size q is 10, dimension 0 of t is 4");
}

TEST_F(Condition, ThatReadsNothing) {
  EXPECT_EQ(verdict(Expression::constant(0)),
            "kernel 'scale_add': expected 'text', but it never holds");
  EXPECT_EQ(verdict(Expression::constant(1)), "");
}

TEST_F(Condition, Boolean) {
  Kernel other = changed([](bundle::KernelInfo &info) {
    info.operands[4].dtype = bundle::ElementType::I1;
    info.variants[0].parameters[17].type = bundle::ParameterType::I8;
    info.conditions = {{Expression::scalar("w"), "w"}};
  });
  problem.w = 1;
  other.check(problem.arguments());
  problem.w = 0;
  EXPECT_EQ(messageOf([&] { other.check(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected 'w', but w is false");
}

TEST_F(Condition, Operators) {
  EXPECT_TRUE(gives(Kind::Add, -7, 2, -5));
  EXPECT_TRUE(gives(Kind::Sub, -7, 2, -9));
  EXPECT_TRUE(gives(Kind::Mul, -7, 2, -14));
  EXPECT_TRUE(gives(Kind::Max, -7, 2, 2));
  EXPECT_TRUE(gives(Kind::Min, -7, 2, -7));
  for (auto [left, right] : {std::pair{-7, 2}, {2, -7}, {2, 2}}) {
    EXPECT_TRUE(gives(Kind::Eq, left, right, left == right));
    EXPECT_TRUE(gives(Kind::Ne, left, right, left != right));
    EXPECT_TRUE(gives(Kind::Lt, left, right, left < right));
    EXPECT_TRUE(gives(Kind::Le, left, right, left <= right));
  }
  for (int left : {0, 1, 6})
    for (int right : {0, 1, 6}) {
      EXPECT_TRUE(gives(Kind::And, left, right, left && right));
      EXPECT_TRUE(gives(Kind::Or, left, right, left || right));
    }
  Expression six = Expression::constant(6), nothing = Expression::constant(0);
  EXPECT_TRUE(holds(Expression::select(w, six, nothing)));
  EXPECT_TRUE(holds(Expression::select(nothing, nothing, w)));
  EXPECT_FALSE(holds(Expression::select(w, nothing, six)));
}

TEST_F(Condition, DivisionRoundsDownOrUp) {
  struct {
    int64_t left, right, down, up, rest;
  } cases[] = {{7, 2, 3, 4, 1},    {-7, 2, -4, -3, 1},
               {6, 2, 3, 3, 0},    {-6, 2, -3, -3, 0},
               {0, 5, 0, 0, 0},    {INT64_MIN, 2, INT64_MIN / 2, INT64_MIN / 2, 0},
               {-1, 64, -1, 0, 63}};
  for (const auto &c : cases) {
    EXPECT_TRUE(gives(Kind::FloorDiv, c.left, c.right, c.down)) << c.left;
    EXPECT_TRUE(gives(Kind::CeilDiv, c.left, c.right, c.up)) << c.left;
    EXPECT_TRUE(gives(Kind::Mod, c.left, c.right, c.rest)) << c.left;
  }
}

TEST_F(Condition, DivisorThatIsNotAboveZero) {
  for (int64_t divisor : {0, -1, -5})
    for (Kind kind : {Kind::FloorDiv, Kind::CeilDiv, Kind::Mod}) {
      problem.w = divisor;
      Expression quotient = Expression::binary(kind, Expression::constant(INT64_MIN), w);
      std::string expected = "kernel 'scale_add': expected 'text', but a divisor is not above 0: "
                             "w is " +
                             std::to_string(divisor);
      EXPECT_EQ(verdict(Expression::binary(Kind::Le, quotient, quotient)), expected);
      // Also in a part that decides nothing.
      EXPECT_EQ(verdict(Expression::binary(Kind::Or, Expression::constant(1), quotient)), expected);
    }
}

TEST_F(Condition, Overflow) {
  const std::pair<Kind, std::pair<int64_t, int64_t>> cases[] = {
      {Kind::Add, {INT64_MAX, 1}},
      {Kind::Sub, {INT64_MIN, 1}},
      {Kind::Mul, {INT64_MIN, -1}},
      {Kind::Mul, {int64_t(1) << 32, int64_t(1) << 32}}};
  for (const auto &[kind, numbers] : cases) {
    Expression value = Expression::binary(kind, Expression::constant(numbers.first),
                                          Expression::constant(numbers.second));
    EXPECT_EQ(verdict(Expression::binary(Kind::Le, value, w)),
              "kernel 'scale_add': expected 'text', but it overflows 64 bits: w is 5");
  }
}

TEST_F(Launch, GridThatOverflows) {
  Kernel other = changed([](bundle::KernelInfo &info) {
    using bundle::Expression;
    Expression huge = Expression::constant(INT32_MAX);
    for (int i = 0; i < 3; ++i)
      huge = Expression::binary(Expression::Kind::Mul, huge, Expression::constant(INT32_MAX));
    info.variants[0].grid[0] = huge;
  });
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected the launch size along x to be from 0 to "
            "9223372036854775806, but it overflows 64 bits");
}

TEST_F(Launch, GridOfAScalar) {
  using bundle::Expression;
  auto refusalOf = [&](Expression size) {
    Kernel other = changed([&](bundle::KernelInfo &info) { info.variants[0].grid[1] = size; });
    return messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT);
  };
  const std::string expected = "kernel 'scale_add': expected the launch size along y to be from 0 "
                               "to 9223372036854775806, but ";
  problem.w = 0;
  EXPECT_EQ(refusalOf(Expression::ceilDiv(Expression::size("o", 2), Expression::scalar("w"))),
            expected + "a divisor is not above 0: size q is 10, w is 0");
  problem.w = -3;
  EXPECT_EQ(refusalOf(Expression::scalar("w")), expected + "it is -3: w is -3");
  // Four heads, as the kernel of the file has them.
  Kernel other = changed([&](bundle::KernelInfo &info) {
    info.variants[0].grid[1] =
        Expression::binary(Expression::Kind::Sub, Expression::scalar("w"), Expression::constant(1));
  });
  problem.w = 5;
  other.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Launch, MoreTasksThan64BitsCount) {
  Kernel other = changed([](bundle::KernelInfo &info) {
    for (bundle::Expression &size : info.variants[0].grid)
      size = bundle::Expression::constant(INT32_MAX);
  });
  EXPECT_EQ(messageOf([&] { other.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': the number of tasks overflows 64 bits");
}

TEST_F(Launch, ExpressionsOfEveryKind) {
  using bundle::Expression;
  Expression tiles = Expression::ceilDiv(Expression::size("o", 2), Expression::constant(4));
  Expression more = Expression::binary(Expression::Kind::Add, tiles, Expression::constant(7));
  Expression capped = Expression::binary(Expression::Kind::Min, more, tiles);
  Expression least = Expression::binary(Expression::Kind::Max, capped, Expression::constant(0));
  Expression once = Expression::binary(Expression::Kind::Mul, least, Expression::constant(1));
  Kernel other = changed([&](bundle::KernelInfo &info) { info.variants[0].grid[0] = once; });
  other.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Launch, StreamOnTheHost) {
  int something;
  EXPECT_EQ(
      messageOf([&] { kernel.launch(problem.arguments(), &something); }, ATTUNE_INVALID_ARGUMENT),
      "kernel 'scale_add': the host has no streams: expected a null stream");
}

TEST_F(Launch, RefusedLaunchWritesNothing) {
  problem.bShape[1] = 3;
  refusal();
  for (float value : problem.oData)
    EXPECT_EQ(value, 0);
}

TEST_F(Launch, NoQueries) {
  ScaleAddProblem empty(2, 4, 0, 3, 2);
  kernel.launch(empty.arguments());
}

TEST_F(Launch, NoBatch) {
  ScaleAddProblem empty(0, 4, 10, 3, 2);
  kernel.launch(empty.arguments());
}

TEST_F(Launch, NoHeads) {
  ScaleAddProblem empty(2, 0, 10, 3, 0);
  kernel.launch(empty.arguments());
}

TEST_F(Launch, NoKeysStillWritesTheResult) {
  ScaleAddProblem keyless(2, 4, 10, 0, 2);
  kernel.launch(keyless.arguments());
  keyless.expectRight();
}

TEST_F(Launch, OneToken) {
  ScaleAddProblem single(1, 1, 1, 1, 1);
  kernel.launch(single.arguments());
  single.expectRight();
}

TEST_F(Launch, ManyTokens) {
  ScaleAddProblem many(1, 2, 131072, 1, 1);
  kernel.launch(many.arguments());
  many.expectRight();
}

TEST_F(Launch, BatchOfOneIsShared) {
  problem.bShape[0] = 1;
  kernel.launch(problem.arguments());
  EXPECT_EQ(problem.oData[0], problem.expected(0, 0, 0, 0));
}

TEST_F(Launch, StridedTokens) {
  // Tokens lie before heads: (batch, tokens, heads, dim) in memory.
  int64_t strides[] = {320, 8, 32, 1};
  std::vector<float> data(problem.aData.size());
  for (size_t b = 0; b < 2; ++b)
    for (size_t h = 0; h < 4; ++h)
      for (size_t i = 0; i < 10; ++i)
        for (size_t d = 0; d < 8; ++d)
          data[b * 320 + i * 32 + h * 8 + d] = problem.aData[((b * 4 + h) * 10 + i) * 8 + d];
  problem.a.data = data.data();
  problem.a.strides = strides;
  kernel.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Launch, ByteOffset) {
  std::vector<float> shifted(problem.aData.size() + 4);
  std::copy(problem.aData.begin(), problem.aData.end(), shifted.begin() + 4);
  problem.a.data = shifted.data();
  problem.a.byte_offset = 16;
  kernel.launch(problem.arguments());
  problem.expectRight();
}

TEST_F(Launch, StrideOfADimensionWithOneEntryIsFree) {
  ScaleAddProblem single(1, 4, 10, 3, 2);
  int64_t strides[] = {12345, 80, 8, 1};
  single.a.strides = strides;
  kernel.launch(single.arguments());
  single.expectRight();
}

TEST_F(Launch, NotANumberIsPassedOn) {
  problem.s = std::numeric_limits<float>::quiet_NaN();
  kernel.launch(problem.arguments());
  EXPECT_TRUE(std::isnan(problem.oData[0]));
}

TEST_F(Launch, BoundsOfAnIndex) {
  for (int64_t bound : {-(bundle::sizeLimit - 1), bundle::sizeLimit - 1}) {
    problem.w = bound;
    kernel.launch(problem.arguments());
    problem.expectRight();
  }
}

TEST_F(Launch, ManyThreadsLaunchTheSameKernel) {
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<ScaleAddProblem>> problems;
  for (int i = 0; i < 4; ++i)
    problems.push_back(std::make_unique<ScaleAddProblem>(1, 4, 33 + i, 3, 2));
  for (auto &own : problems)
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round)
        kernel.launch(own->arguments());
    });
  for (std::thread &thread : threads)
    thread.join();
  for (auto &own : problems)
    own->expectRight();
}

} // namespace
