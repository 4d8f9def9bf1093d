// SPDX-License-Identifier: Apache-2.0
// Does the PTX of every example, and of programs that reach further, agree with the reference, as
// closely as the design asks?
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Reference.h"
#include "compiler/target/Signature.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/target/nvptx/PtxMachine.h"
#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <random>

using namespace attune;
using namespace attune::test;
using reference::Argument;
using reference::ElementType;

namespace {

class Example : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerNvptxDialects(registry);
    context.appendDialectRegistry(registry);
    source = mlir::parseSourceFile<mlir::ModuleOp>(GetParam(), &context);
    ASSERT_TRUE(source);
    kernel = *source->getOps<attn::KernelOp>().begin();
    lowered = source->clone();
    mlir::PassManager passes(&context);
    TargetPipelineOptions options;
    options.target = "sm_80";
    buildTilePipeline(passes, options);
    ASSERT_TRUE(succeeded(passes.run(*lowered)));
    program = *lowered->getOps<tile::KernelOp>().begin();
    auto compiled = compileToPtx(program);
    ASSERT_TRUE(succeeded(compiled));
    code = *compiled;
  }

  void check(int64_t queries, int64_t keys, bool withNaN = false);
  Argument makeArgument(unsigned index, int64_t queries, int64_t keys);
  std::vector<uint64_t> parameters(const std::vector<Argument> &arguments);

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> source, lowered;
  attn::KernelOp kernel;
  tile::KernelOp program;
  PtxCode code;
  std::mt19937_64 random{7};
};

ElementType elementType(mlir::Type type) {
  return type.isBF16() ? ElementType::BF16 : type.isF16() ? ElementType::F16 : ElementType::F32;
}

reference::Tensor normal(std::mt19937_64 &random, ElementType type, std::vector<int64_t> shape) {
  reference::Tensor tensor = reference::Tensor::zeros(type, std::move(shape));
  std::normal_distribution<double> distribution;
  for (int64_t n = 0; n < tensor.numElements(); ++n)
    tensor.set(n, distribution(random));
  return tensor;
}

/// Random tokens and tables; scalars that make something of lengths near 100.
Argument Example::makeArgument(unsigned index, int64_t queries, int64_t keys) {
  mlir::Type type = program.getArgumentTypes()[index];
  auto memref = llvm::dyn_cast<mlir::MemRefType>(type);
  if (type.isIndex())
    return int64_t(30);
  if (!memref)
    return 1.5;
  ElementType element = elementType(memref.getElementType());
  if (memref.getRank() < 3)
    return normal(random, element,
                  memref.getRank() == 1 ? std::vector<int64_t>{2} : std::vector{queries, keys});
  bool rows = llvm::isa<attn::RowsType>(kernel.getArgumentTypes()[index]);
  bool grouped = GetParam().find("gqa") != std::string::npos;
  std::vector<int64_t> shape{1, grouped ? (rows ? 8 : 1) : 2, rows ? queries : keys};
  for (int64_t dim = 3; dim < memref.getRank(); ++dim)
    shape.push_back(memref.getDimSize(dim));
  return normal(random, element, shape);
}

std::vector<uint64_t> Example::parameters(const std::vector<Argument> &arguments) {
  std::vector<uint64_t> result;
  for (const LaunchParameter &parameter : getLaunchParameters(program)) {
    const Argument &argument = arguments[parameter.argument];
    if (parameter.kind == ParameterKind::Scalar) {
      result.push_back(parameter.type.isF32()
                           ? std::bit_cast<uint32_t>(float(std::get<double>(argument)))
                           : uint64_t(std::get<int64_t>(argument)));
      continue;
    }
    const auto &tensor = std::get<reference::Tensor>(argument);
    result.push_back(parameter.kind == ParameterKind::Pointer ? uint64_t(tensor.data.get())
                     : parameter.kind == ParameterKind::Size  ? tensor.shape[parameter.dim]
                                                              : tensor.strides[parameter.dim]);
  }
  return result;
}

void Example::check(int64_t queries, int64_t keys, bool withNaN) {
  unsigned operands = program.getArgumentTypes().size() - program.getResultCount();
  std::vector<Argument> arguments;
  for (unsigned index = 0; index < operands; ++index)
    arguments.push_back(makeArgument(index, queries, keys));
  if (withNaN) // in one number of one query and of one key
    for (int index : {0, 1}) {
      auto &tensor = std::get<reference::Tensor>(arguments[index]);
      tensor.set(tensor.offset(std::vector<int64_t>{0, 0, 3, 5}), NAN);
    }
  auto exact = cantFail(reference::evaluate(kernel, arguments));
  auto eager = cantFail(reference::evaluate(kernel, arguments, {reference::Mode::Eager}));
  std::vector<reference::Tensor> results;
  for (unsigned index = 0; index < exact.size(); ++index) {
    results.push_back(
        reference::Tensor::zeros(reference::resultType(kernel, index), exact[index].shape));
    arguments.push_back(results.back());
  }
  PtxMachine machine(code.text);
  for (const Argument &argument : arguments)
    if (auto *tensor = std::get_if<reference::Tensor>(&argument))
      machine.allow(tensor->data.get(),
                    tensor->numElements() * (tensor->type == ElementType::F32 ? 4 : 2));
  LaunchOptions launch;
  int64_t tile = program.getConfig().getQueries();
  const std::vector<int64_t> &shape = results[0].shape;
  launch.grid = {int((shape[2] + tile - 1) / tile), int(shape[1]), int(shape[0])};
  launch.threads = code.threads;
  launch.sharedBytes = code.sharedBytes;
  launch.parameters = parameters(arguments);
  launch.lateCopies = launch.reverseWarps = true;
  machine.launch(launch);
  for (unsigned index = 0; index < results.size(); ++index) {
    reference::Verdict verdict =
        judge(results[index], exact[index], eager[index], reference::resultType(kernel, index));
    EXPECT_TRUE(verdict.passes()) << "result " << index << ", " << queries << " x " << keys << ": "
                                  << verdict.worstFound << " instead of " << verdict.worstExact
                                  << ", allowed " << verdict.allowed << ", "
                                  << verdict.found.disagreements << " disagreements";
  }
}

TEST_P(Example, AgreesWithReference) {
  bool cross = GetParam().find("cross") != std::string::npos;
  check(1, cross ? 3 : 1);
  check(17, cross ? 40 : 17);
  check(cross ? 90 : 130, 130);
}

TEST_P(Example, PropagatesNaN) { check(9, 9, true); }

TEST_P(Example, TakesNoKeysOrNoTokens) {
  check(0, 0);
  if (GetParam().find("cross") != std::string::npos)
    check(5, 0);
}

std::vector<std::string> filesOf(const std::string &folder) {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".mlir")
      names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  return names;
}

std::string nameOf(const testing::TestParamInfo<std::string> &info) {
  std::string name = std::filesystem::path(info.param).stem();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(filesOf(ATTUNE_EXAMPLES)), nameOf);
INSTANTIATE_TEST_SUITE_P(More, Example, testing::ValuesIn(filesOf(ATTUNE_TEST_INPUTS "/programs")),
                         nameOf);

} // namespace
