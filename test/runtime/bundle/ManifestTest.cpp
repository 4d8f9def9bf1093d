// SPDX-License-Identifier: Apache-2.0
// Is every mistake in a manifest found, and named by the field that it is in?
#include "test/runtime/bundle/SampleBundle.h"

#include <gtest/gtest.h>

#include <functional>

using namespace attune::bundle;

namespace {

std::string sampleText() {
  Result<std::string> text = printManifest(sampleBundle().manifest);
  EXPECT_TRUE(text) << text.message();
  return *text;
}

/// The sample with the first `from` replaced.
std::string replaced(const std::string &from, const std::string &to) {
  std::string text = sampleText();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string parseMessage(const std::string &text) {
  Result<Manifest> manifest = parseManifest(text);
  EXPECT_FALSE(manifest);
  return manifest.message();
}

TEST(ManifestText, RoundTrip) {
  Result<Manifest> manifest = parseManifest(sampleText());
  ASSERT_TRUE(manifest) << manifest.message();
  EXPECT_TRUE(*manifest == sampleBundle().manifest);
  EXPECT_EQ(*printManifest(*manifest), sampleText());
}

TEST(ManifestText, DefaultsOfOptionalFields) {
  Result<Manifest> manifest = parseManifest(
      R"({"producer": "p", "kernels": [{"name": "k", "operands": [],
          "results": [{"name": "o", "role": "table", "dtype": "f32", "shape": []}],
          "variants": [{"target": "x86-64", "format": "elf", "blob": 0, "entry": "e", "threads": 1,
            "shared_bytes": 0, "scratch_bytes": 0, "grid": [1, 1, 1], "parameters": []}]}]})");
  ASSERT_TRUE(manifest) << manifest.message();
  EXPECT_EQ(manifest->kernels[0].variants[0].alignment, 1);
  EXPECT_EQ(manifest->kernels[0].variants[0].tool, "");
  EXPECT_TRUE(manifest->kernels[0].checks.empty());
  EXPECT_TRUE(manifest->kernels[0].conditions.empty());
  EXPECT_TRUE(manifest->kernels[0].variants[0].masks.empty());
  EXPECT_TRUE(checkManifest(*manifest, 1));
}

TEST(ManifestText, NotJson) {
  EXPECT_EQ(parseMessage("{").rfind("manifest is not JSON: ", 0), 0u);
  EXPECT_EQ(parseMessage("").rfind("manifest is not JSON: ", 0), 0u);
  EXPECT_EQ(parseMessage("\xff").rfind("manifest is not JSON: ", 0), 0u);
}

TEST(ManifestText, NotAnObject) {
  EXPECT_EQ(parseMessage("[]"), "manifest: expected an object, but got array");
}

TEST(ManifestText, MissingField) {
  EXPECT_EQ(parseMessage(R"({"producer": "p"})"), "manifest: field 'kernels' is missing");
  EXPECT_EQ(parseMessage(replaced(R"("dtype": "bf16",)", "")),
            "manifest: kernels[0].operands[0]: field 'dtype' is missing");
}

TEST(ManifestText, UnknownField) {
  EXPECT_EQ(parseMessage(R"({"producer": "p", "kernels": [], "more": 1})"),
            "manifest: unknown field 'more'");
  EXPECT_EQ(parseMessage(replaced(R"("threads": 256)", R"("threads": 256, "warps": 8)")),
            "manifest: kernels[0].variants[0]: unknown field 'warps'");
}

TEST(ManifestText, FieldOfAnotherType) {
  EXPECT_EQ(
      parseMessage(replaced(R"("threads": 256)", R"("threads": "256")")),
      R"(manifest: kernels[0].variants[0].threads: expected an integer of 64 bits, but got "256")");
  EXPECT_EQ(
      parseMessage(replaced(R"("threads": 256)", R"("threads": 2.5)")),
      "manifest: kernels[0].variants[0].threads: expected an integer of 64 bits, but got 2.5");
  EXPECT_EQ(parseMessage(R"({"producer": 1, "kernels": []})"),
            "manifest: producer: expected a string, but got 1");
  EXPECT_EQ(parseMessage(R"({"producer": "", "kernels": {}})"),
            "manifest: kernels: expected an array, but got object");
  EXPECT_EQ(parseMessage(R"({"producer": "", "kernels": [7]})"),
            "manifest: kernels[0]: expected an object, but got 7");
}

TEST(ManifestText, NumberBeyond64Bits) {
  EXPECT_EQ(parseMessage(replaced(R"("threads": 256)", R"("threads": 18446744073709551615)")),
            "manifest: kernels[0].variants[0].threads: expected an integer of 64 bits, but got "
            "18446744073709551615");
}

TEST(ManifestText, LongValueIsCutInTheMessage) {
  std::string message = parseMessage(
      replaced(R"("threads": 256)", R"("threads": ")" + std::string(500, 'x') + R"(")"));
  EXPECT_LT(message.size(), 160u);
  EXPECT_EQ(message.substr(message.size() - 3), "...");
}

TEST(ManifestText, WordThatIsNotInTheList) {
  EXPECT_EQ(parseMessage(replaced(R"("dtype": "bf16")", R"("dtype": "bfloat16")")),
            "manifest: kernels[0].operands[0].dtype: expected one of f64, f32, f16, bf16, i64, "
            "i32, i8, i1, index, but got \"bfloat16\"");
  EXPECT_EQ(parseMessage(replaced(R"("role": "rows")", R"("role": 3)")),
            "manifest: kernels[0].operands[0].role: expected one of rows, cols, table, scalar, but "
            "got 3");
}

TEST(ManifestText, ShapeOfAScalar) {
  EXPECT_EQ(parseMessage(replaced(R"("dtype": "index")", R"("dtype": "index", "shape": [])")),
            "manifest: scalar 'w' has no shape, but there is a field 'shape'");
}

TEST(ManifestText, NegativeSize) {
  EXPECT_EQ(parseMessage(replaced("128\n", "-1\n")),
            "manifest: kernels[0].operands[0].shape[3]: expected null or a size of at least 0, but "
            "got -1");
}

TEST(ManifestText, GridOfTwoSizes) {
  std::string text = R"({"producer": "p", "kernels": [{"name": "k", "operands": [],
          "results": [], "variants": [{"target": "x86-64", "format": "elf", "blob": 0,
            "entry": "e", "threads": 1, "shared_bytes": 0, "scratch_bytes": 0, "grid": [1, 1],
            "parameters": []}]}]})";
  EXPECT_EQ(parseMessage(text),
            "manifest: kernels[0].variants[0].grid: expected an array of three expressions, but "
            "got array");
}

TEST(ManifestText, UnknownOperator) {
  EXPECT_EQ(
      parseMessage(replaced(R"("ceildiv")", R"("log")")),
      "manifest: kernels[0].conditions[2].expression[0]: expected one of constant, size, ceildiv, "
      "mul, add, max, min, scalar, sub, floordiv, mod, eq, ne, lt, le, and, or, select, but got "
      "\"log\"");
  EXPECT_EQ(
      parseMessage(replaced(R"("ceildiv")", R"("constant")")),
      "manifest: kernels[0].conditions[2].expression[0]: expected an operator (a constant is a "
      "plain number), but got \"constant\"");
}

TEST(ManifestText, ArgumentsOfAnOperator) {
  auto message = [](const std::string &expression) {
    return parseMessage(
        replaced(R"("conditions": [)",
                 R"("conditions": [{"text": "t", "expression": )" + expression + "},"));
  };
  const std::string path = "manifest: kernels[0].conditions[0].expression: expected ";
  EXPECT_EQ(message("[]"), path + "an operator and its arguments, but got array");
  EXPECT_EQ(message(R"(["scalar", "w", 1])"), path + "scalar and 1 argument, but got array");
  EXPECT_EQ(message(R"(["size", "q"])"), path + "size and 2 arguments, but got array");
  EXPECT_EQ(message(R"(["lt", 1])"), path + "lt and 2 arguments, but got array");
  EXPECT_EQ(message(R"(["select", 1, 2])"), path + "select and 3 arguments, but got array");
  EXPECT_EQ(message(R"(["scalar", 1])"),
            "manifest: kernels[0].conditions[0].expression[1]: expected a string, but got 1");
  EXPECT_EQ(message(R"("w")"), path + "an integer of 64 bits, but got \"w\"");
}

TEST(ManifestText, FieldsOfACondition) {
  EXPECT_EQ(parseMessage(replaced(R"("text": "w >= -3")", R"("words": "w >= -3")")),
            "manifest: kernels[0].conditions[0]: unknown field 'words'");
  EXPECT_EQ(parseMessage(replaced(R"("conditions": [)", R"("conditions": [{"expression": 1},)")),
            "manifest: kernels[0].conditions[0]: field 'text' is missing");
  EXPECT_EQ(parseMessage(replaced(R"("conditions": [)", R"("conditions": [{"text": ""},)")),
            "manifest: kernels[0].conditions[0]: field 'expression' is missing");
}

TEST(ManifestText, BlobIndexBelowZero) {
  EXPECT_EQ(parseMessage(replaced(R"("blob": 0)", R"("blob": -1)")),
            "manifest: kernels[0].variants[0].blob: expected the index of a blob, but got -1");
}

TEST(ManifestText, DeepNesting) {
  std::string expression = "1";
  for (int i = 0; i < 33; ++i)
    expression = R"(["add", 1, )" + expression + "]";
  std::string text = replaced(R"("conditions": [)",
                              R"("conditions": [{"text": "t", "expression": )" + expression + "},");
  EXPECT_NE(parseMessage(text).find("expected an expression that is less deeply nested"),
            std::string::npos);
  EXPECT_EQ(parseMessage(std::string(100000, '[')),
            "manifest is not JSON: expected at most 64 levels of nesting at byte 64");
}

//===-- What the types do not say ------------------------------------------------------------------

/// The sample after a change, and the message of its check, less "manifest: ".
std::string checkMessage(std::function<void(KernelInfo &)> change) {
  Bundle bundle = sampleBundle();
  change(bundle.manifest.kernels[0]);
  Result<void> checked = checkManifest(bundle.manifest, bundle.blobs.size());
  EXPECT_FALSE(checked);
  EXPECT_EQ(checked.message().rfind("manifest: kernels[0]", 0), 0u) << checked.message();
  return checked.message().substr(std::min<size_t>(10, checked.message().size()));
}

TEST(ManifestCheck, SampleIsSound) {
  Result<void> checked = checkManifest(sampleBundle().manifest, 3);
  EXPECT_TRUE(checked) << checked.message();
}

TEST(ManifestCheck, TwoKernelsOfOneName) {
  Manifest manifest = sampleBundle().manifest;
  manifest.kernels.push_back(manifest.kernels[0]);
  EXPECT_EQ(checkManifest(manifest, 3).message(),
            "manifest: kernels[1].name: expected a name of its own, but got 'alibi_window' again");
}

TEST(ManifestCheck, Names) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.name = ""; }),
            "kernels[0].name: expected a name, but got ''");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[1].name = "a b"; }),
            "kernels[0].operands[1].name: expected a name, but got 'a b'");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.results[0].name = "q"; }),
            "kernels[0].results[0].name: expected a name of its own, but got 'q' again");
}

TEST(ManifestCheck, Operands) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.results.clear(); }),
            "kernels[0].results: expected at least one result, but got none");
  EXPECT_EQ(checkMessage([](KernelInfo &k) {
              k.results[0] = {"o", OperandRole::Scalar, "", ElementType::F32, {}};
            }),
            "kernels[0].results[0].role: expected a tensor, but got scalar");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands.resize(200, k.operands[0]); }),
            "kernels[0]: expected at most 128 operands and results, but got 201");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[3].dtype = ElementType::BF16; }),
            "kernels[0].operands[3].dtype: expected a type that can be passed by value, but got "
            "bf16");
}

TEST(ManifestCheck, Axes) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[0].axis = ""; }),
            "kernels[0].operands[0].axis: expected the name of an axis, but got ''");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[2].axis = "q"; }),
            "kernels[0].operands[2].axis: expected an axis only for rows and cols, but got 'q' for "
            "table");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.checks[0].axis = "z"; }),
            "kernels[0].checks[0].axis: expected an axis of the kernel, but got 'z'");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.checks[1].like = "z"; }),
            "kernels[0].checks[1].like: expected an axis of the kernel, but got 'z'");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.checks[0].multiple = 0; }),
            "kernels[0].checks[0].multiple: expected an integer from 1 to 2147483647, but got 0");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.checks[1].multiple = 4; }),
            "kernels[0].checks[1]: expected either 'multiple' or 'like', but got both");
}

TEST(ManifestCheck, Shapes) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[0].shape.resize(2); }),
            "kernels[0].operands[0].shape (rank): expected an integer from 3 to 8, but got 2");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[2].shape.resize(9, 1); }),
            "kernels[0].operands[2].shape (rank): expected an integer from 0 to 8, but got 9");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[0].shape[3] = sizeLimit; }),
            "kernels[0].operands[0].shape[3]: expected an integer from 0 to 2147483647, but got "
            "2147483648");
}

TEST(ManifestCheck, Targets) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].target = "x86-64"; }),
            "kernels[0].variants[0].target: expected sm_ and a compute capability for format ptx, "
            "but got 'x86-64'");
  for (const char *wrong : {"sm_", "sm_8", "sm_80b", "sm_a80", "sm_12345", "sm_9a"})
    EXPECT_NE(checkMessage([&](KernelInfo &k) { k.variants[0].target = wrong; }), "");
  for (const char *right : {"sm_80", "sm_90a", "sm_100f", "sm_120"}) {
    Bundle bundle = sampleBundle();
    bundle.manifest.kernels[0].variants[0].target = right;
    EXPECT_TRUE(checkManifest(bundle.manifest, 3)) << right;
  }
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[1].target = "sm_80"; }),
            "kernels[0].variants[1].target: expected x86-64, x86-64-v3 or x86-64-v4 for format "
            "elf, but got 'sm_80'");
}

TEST(ManifestCheck, NumbersOfAVariant) {
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].blob = 3; }),
            "kernels[0].variants[0].blob: expected an index below 3, but got 3");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].entry = ""; }),
            "kernels[0].variants[0].entry: expected the name of a symbol, but got ''");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].threads = 1025; }),
            "kernels[0].variants[0].threads: expected an integer from 1 to 1024, but got 1025");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[1].threads = 2; }),
            "kernels[0].variants[1].threads: expected an integer from 0 to 1, but got 2");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].sharedBytes = -1; }),
            "kernels[0].variants[0].shared_bytes: expected an integer from 0 to 1048576, but got "
            "-1");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[1].scratchBytes = INT64_MAX; }),
            "kernels[0].variants[1].scratch_bytes: expected an integer from 0 to 1073741824, but "
            "got 9223372036854775807");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].alignment = 0; }),
            "kernels[0].variants[0].alignment: expected an integer from 1 to 4096, but got 0");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.variants[0].alignment = 24; }),
            "kernels[0].variants[0].alignment: expected a power of two, but got 24");
}

TEST(ManifestCheck, Grid) {
  auto gridMessage = [](Expression expression) {
    return checkMessage([&](KernelInfo &k) { k.variants[0].grid[1] = expression; });
  };
  EXPECT_EQ(gridMessage(Expression::size("x", 0)),
            "kernels[0].variants[0].grid[1]: expected an operand or result of kernel "
            "'alibi_window', but got 'x'");
  EXPECT_EQ(gridMessage(Expression::size("w", 0)),
            "kernels[0].variants[0].grid[1]: expected a tensor, but got scalar 'w'");
  EXPECT_EQ(gridMessage(Expression::size("o", 4)),
            "kernels[0].variants[0].grid[1]: expected a dimension below 4 of 'o', but got 4");
  EXPECT_EQ(gridMessage(Expression::constant(-1)),
            "kernels[0].variants[0].grid[1]: expected an integer from 0 to 2147483647, but got -1");
  EXPECT_EQ(gridMessage(Expression::ceilDiv(Expression::constant(1), Expression::constant(0))),
            "kernels[0].variants[0].grid[1][2]: expected a divisor above 0, but got 0");
  Expression large = Expression::constant(1);
  for (int i = 0; i < 6; ++i)
    large = Expression::binary(Expression::Kind::Add, large, large);
  EXPECT_NE(gridMessage(large).find("expected at most 64 numbers and operators"),
            std::string::npos);
  Expression odd = Expression::binary(Expression::Kind::Mul, large, large);
  odd.arguments = {Expression::constant(1)};
  EXPECT_EQ(gridMessage(odd), "kernels[0].variants[0].grid[1]: expected 2 arguments, but got 1");
}

TEST(ManifestCheck, EveryOperatorInAGrid) {
  Expression w = Expression::scalar("w");
  Expression all = Expression::select(w, Expression::ceilDiv(Expression::size("o", 2), w),
                                      Expression::constant(-1));
  for (Expression::Kind kind : {Expression::Kind::Sub, Expression::Kind::FloorDiv,
                                Expression::Kind::Mod, Expression::Kind::Lt, Expression::Kind::Or})
    all = Expression::binary(kind, all, w);
  Bundle bundle = sampleBundle();
  bundle.manifest.kernels[0].variants[0].grid[0] = all;
  Result<void> checked = checkManifest(bundle.manifest, 3);
  EXPECT_TRUE(checked) << checked.message();
  auto gridMessage = [](Expression expression) {
    return checkMessage([&](KernelInfo &k) { k.variants[0].grid[1] = expression; });
  };
  EXPECT_EQ(gridMessage(Expression::scalar("x")),
            "kernels[0].variants[0].grid[1]: expected an operand of kernel 'alibi_window', but got "
            "'x'");
  EXPECT_EQ(gridMessage(Expression::scalar("q")),
            "kernels[0].variants[0].grid[1]: expected a scalar, but got rows 'q'");
  EXPECT_EQ(gridMessage(Expression::binary(
                Expression::Kind::Add, w,
                Expression::binary(Expression::Kind::Mod, w, Expression::constant(-8)))),
            "kernels[0].variants[0].grid[1][2][2]: expected a divisor above 0, but got -8");
}

TEST(ManifestCheck, Conditions) {
  auto conditionMessage = [](Expression expression) {
    return checkMessage([&](KernelInfo &k) { k.conditions[1].expression = expression; });
  };
  const std::string path = "kernels[0].conditions[1].expression";
  EXPECT_EQ(conditionMessage(Expression::scalar("x")),
            path + ": expected an operand of kernel 'alibi_window', but got 'x'");
  EXPECT_EQ(conditionMessage(Expression::scalar("q")),
            path + ": expected a scalar, but got rows 'q'");
  EXPECT_EQ(conditionMessage(Expression::size("w", 0)),
            path + ": expected a tensor, but got scalar 'w'");
  EXPECT_EQ(conditionMessage(Expression::binary(Expression::Kind::Lt, Expression::constant(1),
                                                Expression::size("q", 4))),
            path + "[2]: expected a dimension below 4 of 'q', but got 4");
  Expression odd =
      Expression::select(Expression::constant(1), Expression::constant(1), Expression::constant(1));
  odd.arguments.pop_back();
  EXPECT_EQ(conditionMessage(odd), path + ": expected 3 arguments, but got 2");
  EXPECT_EQ(checkMessage([](KernelInfo &k) {
              k.operands[3].dtype = ElementType::F32;
              for (Variant &variant : k.variants)
                variant.parameters.pop_back();
            }),
            "kernels[0].conditions[0].expression[2]: expected a scalar of an integer type, but got "
            "'w' of f32");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.conditions[1].text = ""; }),
            "kernels[0].conditions[1].text (length): expected an integer from 1 to 65536, but got "
            "0");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.conditions.resize(129, k.conditions[0]); }),
            "kernels[0].conditions: expected at most 128, but got 129");
}

TEST(ManifestCheck, LargeAndDeepConditions) {
  auto conditionMessage = [](Expression expression) {
    return checkMessage([&](KernelInfo &k) { k.conditions[0].expression = expression; });
  };
  Expression large = Expression::scalar("w"), deep = Expression::scalar("w");
  for (int i = 0; i < 6; ++i)
    large = Expression::binary(Expression::Kind::And, large, large);
  EXPECT_NE(conditionMessage(large).find("expected at most 64 numbers and operators, but got more"),
            std::string::npos);
  // As deep as a condition of at most 64 numbers and operators can be.
  for (int i = 0; i < 31; ++i)
    deep = Expression::binary(Expression::Kind::Add, deep, Expression::constant(INT64_MIN));
  Bundle bundle = sampleBundle();
  bundle.manifest.kernels[0].conditions[0].expression = deep;
  Result<void> checked = checkManifest(bundle.manifest, 3);
  EXPECT_TRUE(checked) << checked.message();
  Result<Manifest> read = parseManifest(*printManifest(bundle.manifest));
  ASSERT_TRUE(read) << read.message();
  EXPECT_TRUE(*read == bundle.manifest);
}

TEST(ManifestCheck, Parameters) {
  auto parameterMessage = [](Parameter parameter, size_t variant = 0) {
    return checkMessage([&](KernelInfo &k) { k.variants[variant].parameters[0] = parameter; });
  };
  EXPECT_EQ(parameterMessage(Parameter::pointer("x")),
            "kernels[0].variants[0].parameters[0].operand: expected an operand or result of kernel "
            "'alibi_window', but got 'x'");
  EXPECT_EQ(parameterMessage(Parameter::pointer("w")),
            "kernels[0].variants[0].parameters[0].operand: expected a tensor, but got scalar 'w'");
  EXPECT_EQ(parameterMessage(Parameter::scalar("q", ElementType::I64)),
            "kernels[0].variants[0].parameters[0].operand: expected a scalar, but got rows 'q'");
  EXPECT_EQ(parameterMessage(Parameter::scalar("w", ElementType::F32)),
            "kernels[0].variants[0].parameters[0].type: expected i64, but got f32");
  EXPECT_EQ(parameterMessage(Parameter::stride("q", 4)),
            "kernels[0].variants[0].parameters[0].dim: expected a dimension below 4 of 'q', but "
            "got 4");
  Parameter wide = Parameter::pointer("q");
  wide.type = ParameterType::I64;
  EXPECT_EQ(parameterMessage(wide),
            "kernels[0].variants[0].parameters[0].type: expected ptr, but got i64");
  EXPECT_EQ(checkMessage([](KernelInfo &k) {
              k.variants[0].parameters.resize(2049, Parameter::pointer("q"));
            }),
            "kernels[0].variants[0].parameters: expected at most 2048, but got 2049");
  EXPECT_EQ(parameterMessage(Parameter::tensorMap("q", {1, 1, 64, 64}, Swizzle::None), 1),
            "kernels[0].variants[1].parameters[0].kind: expected no tensor map in host code, but "
            "got tensor_map");
  EXPECT_EQ(parameterMessage(Parameter::tensorMap("q", {64, 64}, Swizzle::None)),
            "kernels[0].variants[0].parameters[0].box: expected 4 sizes, one a dimension of 'q', "
            "but got 2");
  EXPECT_EQ(parameterMessage(Parameter::tensorMap("q", {1, 1, 64, 512}, Swizzle::None)),
            "kernels[0].variants[0].parameters[0].box[3]: expected an integer from 1 to 256, but "
            "got 512");
}

TEST(ManifestCheck, Facts) {
  EXPECT_EQ(
      checkMessage([](KernelInfo &k) { k.operands[2].sorted = true; }),
      "kernels[0].operands[2]: expected facts (sorted, contiguous, range) only of a tensor of "
      "integers that is an operand, but got table 'slope' of f32");
  EXPECT_EQ(
      checkMessage([](KernelInfo &k) { k.operands[3].contiguous = true; }),
      "kernels[0].operands[3]: expected facts (sorted, contiguous, range) only of a tensor of "
      "integers that is an operand, but got scalar 'w' of index");
  EXPECT_EQ(checkMessage([](KernelInfo &k) {
              k.results[0].dtype = ElementType::I32;
              k.results[0].range = {0, 1};
            }),
            "kernels[0].results[0]: expected facts (sorted, contiguous, range) only of a tensor of "
            "integers that is an operand, but got the result 'o' of i32");
  EXPECT_EQ(checkMessage([](KernelInfo &k) { k.operands[4].range = {3, 2}; }),
            "kernels[0].operands[4].range: expected the lowest number and then the greatest, but "
            "got 3 and 2");
}

//===-- Workspaces and pre-passes ------------------------------------------------------------------

std::string variantMessage(std::function<void(Variant &)> change) {
  return checkMessage([&](KernelInfo &k) { change(k.variants[3]); });
}

TEST(ManifestCheck, Workspaces) {
  const std::string path = "kernels[0].variants[3].workspaces";
  EXPECT_EQ(variantMessage([](Variant &v) { v.workspaces[1].name = "bounds"; }),
            path + "[1].name: expected a name of its own, but got 'bounds' again");
  EXPECT_EQ(variantMessage([](Variant &v) { v.workspaces[1].name = "o"; }),
            path + "[1].name: expected a name of its own, but got 'o' again");
  EXPECT_EQ(variantMessage([](Variant &v) { v.workspaces[1].name = ""; }),
            path + "[1].name: expected a name, but got ''");
  EXPECT_EQ(variantMessage([](Variant &v) { v.workspaces.resize(65, v.workspaces[0]); }),
            path + ": expected at most 64, but got 65");
  EXPECT_EQ(
      variantMessage([](Variant &v) { v.workspaces[0].shape.resize(9, Expression::constant(1)); }),
      path + "[0].shape (rank): expected an integer from 0 to 8, but got 9");
  EXPECT_EQ(variantMessage([](Variant &v) { v.workspaces[0].shape[1].number = -1; }),
            path + "[0].shape[1]: expected an integer from 0 to 2147483647, but got -1");
  EXPECT_EQ(
      variantMessage([](Variant &v) { v.workspaces[0].shape[1] = Expression::size("bounds", 0); }),
      path + "[0].shape[1]: expected an operand or result of kernel 'alibi_window', but got "
             "'bounds'");
  EXPECT_EQ(variantMessage([](Variant &v) {
              v.workspaces[0].shape[1] =
                  Expression::ceilDiv(Expression::constant(4), Expression::constant(0));
            }),
            path + "[0].shape[1][2]: expected a divisor above 0, but got 0");
}

TEST(ManifestCheck, SelfTests) {
  KernelInfo kernel = sampleBundle().manifest.kernels[0];
  SelfTest sound;
  for (const std::vector<OperandInfo> *list : {&kernel.operands, &kernel.results})
    for (const OperandInfo &info : *list) {
      sound.shapes.emplace_back(info.shape);
      for (int64_t &size : sound.shapes.back())
        size = size == dynamicSize ? 2 : size;
    }
  Bundle bundle = sampleBundle();
  bundle.manifest.kernels[0].selfTest = sound;
  EXPECT_TRUE(checkManifest(bundle.manifest, bundle.blobs.size()));
  Result<std::string> text = printManifest(bundle.manifest);
  ASSERT_TRUE(text) << text.message();
  EXPECT_NE(text->find("\"self_test\""), std::string::npos);
  Result<Manifest> again = parseManifest(*text);
  ASSERT_TRUE(again) << again.message();
  EXPECT_EQ(*again, bundle.manifest);

  auto message = [&](std::function<void(SelfTest &)> change) {
    return checkMessage([&](KernelInfo &k) {
      k.selfTest = sound;
      change(*k.selfTest);
    });
  };
  const std::string path = "kernels[0].self_test";
  EXPECT_EQ(message([](SelfTest &t) { t.blob = 3; }),
            path + ".blob: expected an index below 3, but got 3");
  EXPECT_EQ(message([](SelfTest &t) { t.step = 0; }),
            path + ".step: expected an integer from 1 to 4194304, but got 0");
  EXPECT_EQ(message([](SelfTest &t) { t.shapes.pop_back(); }).rfind(path + ".shapes: expected", 0),
            0u);
  EXPECT_EQ(message([](SelfTest &t) {
              t.shapes[0].push_back(1);
            }).rfind(path + ".shapes[0]: expected 4 sizes, one a dimension of 'q'", 0),
            0u);
  EXPECT_EQ(message([](SelfTest &t) { t.shapes[0][2] = 0; }),
            path + ".shapes[0]: expected an integer from 1 to 4194304, but got 0");
  EXPECT_EQ(message([](SelfTest &t) {
              t.shapes[0][0] = t.shapes[0][1] = 4096;
            }).rfind(path + ".shapes[0] (elements): expected", 0),
            0u);
}

TEST(ManifestCheck, BoxesThatNoSwizzleHas) {
  auto message = [](std::vector<int64_t> box, Swizzle swizzle) {
    return variantMessage(
        [&](Variant &v) { v.parameters[0] = Parameter::tensorMap("k", box, swizzle); });
  };
  const std::string path =
      "kernels[0].variants[3].parameters[0].box: expected rows of a multiple of "
      "16 bytes, and of no more than are swizzled ";
  EXPECT_EQ(message({1, 1, 64, 128}, Swizzle::B128), path + "(128B), but got 256 bytes");
  EXPECT_EQ(message({1, 1, 64, 64}, Swizzle::B64), path + "(64B), but got 128 bytes");
  EXPECT_EQ(message({1, 1, 64, 4}, Swizzle::None), path + "(none), but got 8 bytes");
}

TEST(ManifestCheck, ParametersOfWorkspaces) {
  auto parameterMessage = [](Parameter parameter) {
    return variantMessage([&](Variant &v) { v.before[1].parameters[0] = parameter; });
  };
  const std::string path = "kernels[0].variants[3].before[1].parameters[0]";
  EXPECT_EQ(parameterMessage(Parameter::size("bounds", 2)),
            path + ".dim: expected a dimension below 2 of 'bounds', but got 2");
  EXPECT_EQ(parameterMessage(Parameter::stride("count", 0)),
            path + ".dim: expected a dimension below 0 of 'count', but got 0");
  EXPECT_EQ(parameterMessage(Parameter::stride("bounds", -1)),
            path + ".dim: expected a dimension below 2 of 'bounds', but got -1");
  EXPECT_EQ(parameterMessage(Parameter::scalar("count", ElementType::I64)),
            path + ".kind: expected pointer, size, stride or tensor_map of workspace 'count', but "
                   "got scalar");
  Parameter wide = Parameter::pointer("bounds");
  wide.type = ParameterType::I64;
  EXPECT_EQ(parameterMessage(wide), path + ".type: expected ptr, but got i64");
  // The workspaces of a variant are its own.
  EXPECT_EQ(checkMessage(
                [](KernelInfo &k) { k.variants[0].parameters[0] = Parameter::pointer("bounds"); }),
            "kernels[0].variants[0].parameters[0].operand: expected an operand or result of kernel "
            "'alibi_window', but got 'bounds'");
}

TEST(ManifestCheck, TensorMapsOfWorkspaces) {
  auto map = [](Variant &variant, std::vector<int64_t> box, Expression width) {
    variant.workspaces[0].shape[1] = std::move(width);
    variant.before[1].parameters[0] = Parameter::tensorMap("bounds", std::move(box), Swizzle::None);
  };
  auto message = [&](std::vector<int64_t> box, Expression width) {
    return variantMessage([&](Variant &v) { map(v, box, width); });
  };
  const std::string path = "kernels[0].variants[3].before[1].parameters[0]";
  // What is known at launch only is checked there.
  for (const Expression &width : {Expression::constant(4), Expression::size("k", 1)}) {
    Bundle bundle = sampleBundle();
    map(bundle.manifest.kernels[0].variants[3], {64, 4}, width);
    Result<void> checked = checkManifest(bundle.manifest, bundle.blobs.size());
    EXPECT_TRUE(checked) << checked.message();
  }
  EXPECT_EQ(message({64, 4}, Expression::constant(6)),
            path + ".operand: expected a workspace whose innermost dimension takes a multiple of "
                   "16 bytes, but got 24 bytes in 'bounds'");
  EXPECT_EQ(message({4}, Expression::constant(4)),
            path + ".box: expected 2 sizes, one a dimension of 'bounds', but got 1");
  EXPECT_EQ(message({1, 1}, Expression::constant(4)),
            path + ".box: expected rows of a multiple of 16 bytes, and of no more than are "
                   "swizzled (none), but got 4 bytes");
}

TEST(ManifestCheck, Masks) {
  const std::string path = "kernels[0].variants[3].masks";
  EXPECT_EQ(variantMessage([](Variant &v) { v.masks.resize(65, v.masks[0]); }),
            path + ": expected at most 64, but got 65");
  EXPECT_EQ(variantMessage([](Variant &v) { v.masks[1].summaries = -1; }),
            path + "[1].summaries: expected an integer from 0 to 1099511627776, but got -1");
  for (int64_t MaskInfo::*count :
       {&MaskInfo::perQueryTile, &MaskInfo::perQuery, &MaskInfo::perTilePair, &MaskInfo::perKey})
    EXPECT_EQ(variantMessage([&](Variant &v) { v.masks[1].*count = maxMaskOperations + 1; }),
              path + "[1].operations: expected an integer from 0 to 1099511627776, but got "
                     "1099511627777");
  EXPECT_EQ(variantMessage([](Variant &v) { v.masks[0].metadataBytes.number = -8; }),
            path + "[0].metadata_bytes: expected an integer from 0 to 2147483647, but got -8");
  EXPECT_EQ(variantMessage([](Variant &v) {
              v.masks[1].metadataBytes.arguments[0] = Expression::size("bounds", 0);
            }),
            path + "[1].metadata_bytes[1]: expected an operand or result of kernel "
                   "'alibi_window', but got 'bounds'");
}

TEST(ManifestCheck, PrePasses) {
  const std::string path = "kernels[0].variants[3].before";
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[0].target = "sm_80"; }),
            path + "[0].target: expected sm_86 (ptx) as the variant has, but got sm_80 (ptx)");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[1].format = BlobFormat::Cubin; }),
            path + "[1].target: expected sm_86 (ptx) as the variant has, but got sm_86 (cubin)");
  EXPECT_EQ(
      variantMessage([](Variant &v) { v.before[0].before = {v.before[1]}; }),
      path +
          "[0]: expected no workspaces, masks, pre-passes and conditions of its own, but got some");
  EXPECT_EQ(
      variantMessage([](Variant &v) { v.before[0].masks = v.masks; }),
      path +
          "[0]: expected no workspaces, masks, pre-passes and conditions of its own, but got some");
  EXPECT_EQ(
      variantMessage([](Variant &v) { v.before[0].workspaces = v.workspaces; }),
      path +
          "[0]: expected no workspaces, masks, pre-passes and conditions of its own, but got some");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before.resize(65, v.before[0]); }),
            path + ": expected at most 64 pre-passes, but got 65");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[1].blob = 3; }),
            path + "[1].blob: expected an index below 3, but got 3");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[1].threads = 0; }),
            path + "[1].threads: expected an integer from 1 to 1024, but got 0");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[1].entry = ""; }),
            path + "[1].entry: expected the name of a symbol, but got ''");
  EXPECT_EQ(variantMessage([](Variant &v) { v.before[0].grid[2] = Expression::scalar("x"); }),
            path + "[0].grid[2]: expected an operand of kernel 'alibi_window', but got 'x'");
  EXPECT_EQ(variantMessage([](Variant &v) {
              for (Variant &pass : v.before)
                pass.parameters.resize(1024, Parameter::pointer("q"));
            }),
            path + ": expected at most 2048 parameters, the variant's among them, but got 2050");
}

TEST(ManifestCheck, CodeInstead) {
  const std::string path = "kernels[0].variants[3].instead";
  auto withOther = [](auto change) {
    return variantMessage([&](Variant &v) {
      Variant other = v;
      change(other);
      v.instead = {other};
    });
  };
  EXPECT_EQ(withOther([](Variant &v) { v.target = "sm_80"; }),
            path + "[0].target: expected sm_86 (ptx) as the variant has, but got sm_80 (ptx)");
  EXPECT_EQ(withOther([](Variant &v) { v.format = BlobFormat::Cubin; }),
            path + "[0].target: expected sm_86 (ptx) as the variant has, but got sm_86 (cubin)");
  EXPECT_EQ(withOther([](Variant &v) { v.instead = {v}; }),
            path + "[0].instead: expected nothing of its own, but got some");
  EXPECT_EQ(withOther([](Variant &v) { v.rows = -1; }),
            path + "[0].rows: expected an integer from 0 to 2147483648, but got -1");
  EXPECT_EQ(withOther([](Variant &v) { v.keys = Expression::size("nobody", 1); }),
            path + "[0].keys: expected an operand or result of kernel 'alibi_window', but got "
                   "'nobody'");
  EXPECT_EQ(withOther([](Variant &v) { v.before[1].blob = 3; }),
            path + "[0].before[1].blob: expected an index below 3, but got 3");
  EXPECT_EQ(withOther([](Variant &v) { v.when = {{Expression::size("nobody", 1), "x"}}; }),
            path + "[0].when[0].expression: expected an operand or result of kernel "
                   "'alibi_window', but got 'nobody'");
  EXPECT_EQ(withOther([](Variant &v) { v.when = {{Expression::constant(1), ""}}; }),
            path + "[0].when[0].text (length): expected an integer from 1 to 65536, but got 0");
  EXPECT_EQ(variantMessage([](Variant &v) { v.instead.resize(9, Variant(v)); }),
            path + ": expected at most 8 variants, but got 9");
}

TEST(ManifestText, CodeInstead) {
  Manifest manifest = sampleBundle().manifest;
  Variant &variant = manifest.kernels[0].variants[3];
  variant.rows = 64;
  Variant other = variant;
  other.rows = 16;
  other.keys = Expression::size("k", 2);
  other.when = {
      {Expression::binary(Expression::Kind::Lt, Expression::constant(0), Expression::size("k", 1)),
       "heads of k > 0"}};
  variant.instead = {other};
  auto text = printManifest(manifest);
  ASSERT_TRUE(text) << text.message();
  auto parsed = parseManifest(*text);
  ASSERT_TRUE(parsed) << parsed.message();
  EXPECT_EQ(*parsed, manifest);
  size_t at = text->find(R"("when":)");
  ASSERT_NE(at, text->npos);
  EXPECT_EQ(parseMessage(text->substr(0, at) + R"("instead": [], )" + text->substr(at)),
            "manifest: kernels[0].variants[3].instead[0]: unknown field 'instead'");
}

TEST(ManifestText, NestedPrePasses) {
  std::string text = sampleText();
  size_t at = text.rfind(R"("alignment": 16)");
  ASSERT_NE(at, text.npos);
  for (const char *field : {"before", "masks", "workspaces"})
    EXPECT_EQ(parseMessage(std::string(text).insert(at, std::string("\"") + field + "\": [], ")),
              std::string("manifest: kernels[0].variants[3].before[1]: unknown field '") + field +
                  "'");
}

TEST(ManifestText, FieldsOfAWorkspace) {
  EXPECT_EQ(parseMessage(replaced(R"("name": "count")", R"("name": "count", "bytes": 8)")),
            "manifest: kernels[0].variants[3].workspaces[1]: unknown field 'bytes'");
  EXPECT_EQ(parseMessage(replaced(R"("workspaces": [)", R"("workspaces": [{"name": "x"},)")),
            "manifest: kernels[0].variants[3].workspaces[0]: field 'dtype' is missing");
}

TEST(ManifestText, FieldsOfAMask) {
  const std::string path = "manifest: kernels[0].variants[3].masks[0]";
  EXPECT_EQ(parseMessage(replaced(R"("level": "ranges")", R"("level": "guess")")),
            path + ".level: expected one of all, ranges, test, pieces, but got \"guess\"");
  EXPECT_EQ(parseMessage(replaced(R"("level": "ranges")", R"("level": "ranges", "cost": 1)")),
            path + ": unknown field 'cost'");
  EXPECT_EQ(parseMessage(replaced(R"("operations": [)", R"("operations": [1, )")),
            path + ".operations: expected four counts, but got array");
  EXPECT_EQ(parseMessage(replaced(R"("exact": true)", R"("exact": 1)")),
            path + ".exact: expected true or false, but got 1");
  EXPECT_EQ(parseMessage(replaced(R"("summaries": 0,)", "")),
            path + ": field 'summaries' is missing");
}

TEST(ManifestText, FactsOfAnOperand) {
  EXPECT_EQ(parseMessage(replaced(R"("sorted": true)", R"("sorted": 1)")),
            "manifest: kernels[0].operands[4].sorted: expected true or false, but got 1");
  EXPECT_EQ(parseMessage(replaced(R"("range": [)", R"("range": [7,)")),
            "manifest: kernels[0].operands[4].range: expected the lowest number and the greatest, "
            "but got array");
  Result<Manifest> manifest = parseManifest(replaced(R"("sorted": true)", R"("sorted": false)"));
  ASSERT_TRUE(manifest) << manifest.message();
  EXPECT_FALSE(manifest->kernels[0].operands[4].sorted);
  EXPECT_TRUE(manifest->kernels[0].operands[4].contiguous);
}

TEST(ManifestText, FieldThatIsThereTwice) {
  EXPECT_EQ(parseMessage(R"({"producer": "p", "kernels": [], "produce\u0072": "q"})"),
            "manifest: field 'producer' is there twice");
}

TEST(ManifestCheck, NarrowSizesAndStridesAreAllowed) {
  Bundle bundle = sampleBundle();
  Parameter narrow = Parameter::stride("q", 0);
  narrow.type = ParameterType::I32;
  bundle.manifest.kernels[0].variants[0].parameters[0] = narrow;
  EXPECT_TRUE(checkManifest(bundle.manifest, 3));
}

TEST(Manifest, FindsByName) {
  Manifest manifest = sampleBundle().manifest;
  ASSERT_NE(manifest.find("alibi_window"), nullptr);
  EXPECT_EQ(manifest.find("other"), nullptr);
  EXPECT_EQ(manifest.kernels[0].find("o"), &manifest.kernels[0].results[0]);
  EXPECT_EQ(manifest.kernels[0].find("w"), &manifest.kernels[0].operands[3]);
  EXPECT_EQ(manifest.kernels[0].find("x"), nullptr);
}

TEST(Manifest, SizesOfTypes) {
  EXPECT_EQ(byteSize(ElementType::BF16), 2);
  EXPECT_EQ(byteSize(ElementType::Index), 8);
  EXPECT_EQ(byteSize(ElementType::I1), 1);
  EXPECT_EQ(byteSize(ParameterType::TensorMap), 128);
  EXPECT_EQ(scalarParameterType(ElementType::I1), ParameterType::I8);
  EXPECT_EQ(scalarParameterType(ElementType::F16), std::nullopt);
  EXPECT_EQ(parseElementType("bf16"), ElementType::BF16);
  EXPECT_EQ(parseElementType("f8"), std::nullopt);
}

} // namespace
