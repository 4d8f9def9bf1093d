// SPDX-License-Identifier: Apache-2.0
// Does the PTX of programs that reach further than the examples agree with the reference, as
// closely as the design asks? And are NaNs and a lack of keys right in both?
// More of the examples themselves is in test/e2e/SimTest.cpp.
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Reference.h"
#include "compiler/target/Signature.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/target/nvptx/SimLaunch.h"

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
  void pass(SimLaunch &launch, const std::vector<Argument> &arguments);

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

void Example::pass(SimLaunch &launch, const std::vector<Argument> &arguments) {
  for (const LaunchParameter &parameter : getLaunchParameters(program)) {
    const Argument &argument = arguments[parameter.argument];
    if (parameter.kind == ParameterKind::Scalar) {
      if (parameter.type.isF32())
        launch.add(float(std::get<double>(argument)));
      else
        launch.add(std::get<int64_t>(argument));
      continue;
    }
    const auto &tensor = std::get<reference::Tensor>(argument);
    if (parameter.kind == ParameterKind::Pointer)
      launch.addMemory(tensor.data.get(), tensor.numElements() * byteSize(tensor.type));
    else
      launch.add(parameter.kind == ParameterKind::Size ? tensor.shape[parameter.dim]
                                                       : tensor.strides[parameter.dim]);
  }
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
  int64_t tile = program.getConfig().getQueries();
  const std::vector<int64_t> &shape = exact[0].shape;
  std::array<uint32_t, 3> grid{uint32_t((shape[2] + tile - 1) / tile), uint32_t(shape[1]),
                               uint32_t(shape[0])};
  for (const sim::Options &order : differentOrders()) {
    std::vector<reference::Tensor> results;
    std::vector<Argument> all = arguments;
    for (unsigned index = 0; index < exact.size(); ++index) {
      results.push_back(
          reference::Tensor::zeros(reference::resultType(kernel, index), exact[index].shape));
      // What is not written must not look right by accident.
      for (int64_t n = 0; n < results.back().numElements(); ++n)
        results.back().set(n, 12345.0);
      all.push_back(results.back());
    }
    SimLaunch launch;
    pass(launch, all);
    ASSERT_NO_FATAL_FAILURE(launch.run(code, grid, order));
    for (unsigned index = 0; index < results.size(); ++index) {
      reference::Verdict verdict =
          judge(results[index], exact[index], eager[index], reference::resultType(kernel, index));
      // With one key an eager evaluation makes no error, but we round an exponent's argument, of
      // which an f32 result may show a trace.
      bool close = keys == 1 && results[index].type == ElementType::F32 &&
                   verdict.found.disagreements == 0 && verdict.found.maxRelative < 1e-6;
      EXPECT_TRUE(close || verdict.passes())
          << "result " << index << ", " << queries << " x " << keys << ": " << verdict.worstFound
          << " instead of " << verdict.worstExact << ", allowed " << verdict.allowed << ", "
          << verdict.found.disagreements << " disagreements";
    }
  }
}

TEST_P(Example, PropagatesNaN) { check(9, 9, true); }

/// Those that have queries without having keys.
class TwoAxes : public Example {};

TEST_P(TwoAxes, TakesNoKeys) { check(5, 0); }

class Further : public Example {};

TEST_P(Further, AgreesWithReference) {
  for (int64_t tokens : {1, 17, 130})
    check(tokens, tokens);
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
INSTANTIATE_TEST_SUITE_P(All, TwoAxes, testing::Values(ATTUNE_EXAMPLES "/cross-attention.mlir"),
                         nameOf);
const std::string further = ATTUNE_TEST_INPUTS "/programs";
INSTANTIATE_TEST_SUITE_P(More, Example, testing::ValuesIn(filesOf(further)), nameOf);
INSTANTIATE_TEST_SUITE_P(More, Further, testing::ValuesIn(filesOf(further)), nameOf);

} // namespace
