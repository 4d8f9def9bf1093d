// SPDX-License-Identifier: Apache-2.0
// Running attn kernels through the lowering and the host back end, against the reference.
#include "test/compiler/passes/LoweredKernels.h"

#include "compiler/Dialects.h"
#include "compiler/Passes.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Reference.h"
#include "dialects/tile/TileOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "test/compiler/target/host/HostHarness.h"
#include "gtest/gtest.h"
#include <random>

namespace attune::test {

static const char *const Types = R"(
!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
)";

static mlir::MLIRContext &getContext() {
  static mlir::MLIRContext context = [] {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
  }();
  return context;
}

static mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &kernel) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(Types + kernel, &getContext());
  EXPECT_TRUE(module) << kernel;
  return module;
}

std::string lower(const std::string &kernel, const std::string &tiles) {
  auto module = parse(kernel);
  if (!module)
    return "";
  mlir::PassManager manager(&getContext());
  manager.addPass(createInlineHelpersPass());
  manager.addNestedPass<attn::KernelOp>(createExpandSugarPass());
  manager.addPass(mlir::createCanonicalizerPass());
  PlanPassOptions plan;
  plan.target = getHostFacts(getRunnableLevels().back()).name;
  plan.planOverride = tiles;
  manager.addNestedPass<attn::KernelOp>(createPlanPass(plan));
  manager.addPass(createLowerToTilePass());
  manager.addPass(mlir::createCanonicalizerPass());
  manager.addNestedPass<tile::KernelOp>(createNarrowIndicesPass());
  manager.addPass(mlir::createCSEPass());
  if (failed(manager.run(*module))) {
    ADD_FAILURE() << "the kernel is refused";
    return "";
  }
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

//===--- arguments ----------------------------------------------------------------------------===//

static reference::ElementType elementOf(Dtype dtype) {
  switch (dtype) {
  case Dtype::F32: return reference::ElementType::F32;
  case Dtype::Bf16: return reference::ElementType::BF16;
  case Dtype::F16: return reference::ElementType::F16;
  case Dtype::I64: return reference::ElementType::I64;
  case Dtype::I32: return reference::ElementType::I32;
  case Dtype::I8: return reference::ElementType::I8;
  }
  return reference::ElementType::F32;
}

static Dtype dtypeOf(mlir::Type type) {
  return type.isF32()         ? Dtype::F32
         : type.isBF16()      ? Dtype::Bf16
         : type.isF16()       ? Dtype::F16
         : type.isInteger(64) ? Dtype::I64
         : type.isInteger(32) ? Dtype::I32
                              : Dtype::I8;
}

/// The harness's bytes as a tensor of the reference.
static reference::Tensor asReference(const Tensor &tensor) {
  reference::Tensor view;
  view.type = elementOf(tensor.dtype);
  view.shape = tensor.shape;
  view.strides = tensor.strides;
  view.data = std::shared_ptr<std::byte>(reinterpret_cast<std::byte *>(tensor.data),
                                         [tensor](std::byte *) {});
  return view;
}

/// Rows and cols have the shape of the lengths; other tensors the given one.
static Tensor makeTensor(mlir::Type type, const Lengths &lengths,
                         const std::vector<int64_t> &tableShape) {
  if (auto table = mlir::dyn_cast<mlir::RankedTensorType>(type))
    return Tensor(dtypeOf(table.getElementType()), tableShape);
  mlir::Type element = attn::getPlaceElementType(type);
  bool isRows = mlir::isa<attn::RowsType>(type);
  std::vector<int64_t> shape = {isRows ? lengths.batch : lengths.keyBatch,
                                isRows ? lengths.heads : lengths.keyHeads,
                                isRows ? lengths.queries : lengths.keys};
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(element)) {
    shape.push_back(vector.getNumElements());
    element = vector.getElementType();
  }
  return Tensor(dtypeOf(element), shape);
}

static void fill(Tensor &tensor, const std::string &name, unsigned seed, const LoweredCase &test) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  int64_t count = 1;
  for (int64_t size : tensor.shape)
    count *= size;
  for (int64_t flat = 0; flat < count; ++flat) {
    std::vector<int64_t> index(tensor.shape.size());
    int64_t rest = flat;
    for (int dim = index.size() - 1; dim >= 0; --dim) {
      index[dim] = rest % tensor.shape[dim];
      rest /= tensor.shape[dim];
    }
    double value = normal(random);
    if (tensor.dtype == Dtype::I32 || tensor.dtype == Dtype::I8)
      value = std::floor(4 * value);
    tensor.set(index, test.change ? test.change(name, flat, value) : value);
  }
}

/// The kernel, what runs before it (or null), and the shape of what that fills: numbers a tile of keys.
struct Programs {
  std::unique_ptr<Kernel> main, before;
  int64_t tileKeys = 0, summaries = 0;
};

static Programs compilePrograms(const std::string &text) {
  Programs programs;
  HostLevel level = getRunnableLevels().back();
  programs.main = std::make_unique<Kernel>(text, level);
  auto module = parse(text);
  auto kernel = *module->getOps<tile::KernelOp>().begin();
  programs.tileKeys = kernel.getConfig().getKeys();
  auto before = kernel->getAttrOfType<mlir::FlatSymbolRefAttr>("tile.before");
  if (!before)
    return programs;
  programs.before = std::make_unique<Kernel>(text, level, before.getValue().str());
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (kernel.getArgAttr(index, "tile.workspace"))
      programs.summaries = mlir::cast<mlir::MemRefType>(type).getShape().back();
  return programs;
}

static void runOnce(Programs &programs, attn::KernelOp kernel, const LoweredCase &test,
                    const Lengths &lengths) {
  std::map<std::string, Tensor> tensors;
  std::vector<reference::Argument> arguments;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    std::string name = kernel.getOperandName(index).str();
    if (type.isIntOrIndexOrFloat()) {
      double value = test.scalars.at(name);
      arguments.push_back(mlir::isa<mlir::FloatType>(type) ? reference::Argument(value)
                                                           : reference::Argument(int64_t(value)));
      continue;
    }
    auto shape = test.tables.find(name);
    Tensor tensor = makeTensor(type, lengths,
                               shape == test.tables.end() ? std::vector<int64_t>() : shape->second);
    fill(tensor, name, index + 1, test);
    tensors[name] = tensor;
    arguments.push_back(asReference(tensor));
  }
  for (auto [index, type] : llvm::enumerate(kernel.getResultTypes())) {
    Tensor result = makeTensor(type, lengths, {});
    result.fillWith(-77);
    tensors[kernel.getResultName(index)] = result;
  }
  if (programs.before) {
    int64_t tiles = (lengths.keys + programs.tileKeys - 1) / programs.tileKeys;
    Tensor workspace(Dtype::I64, {lengths.batch, lengths.heads, tiles, programs.summaries});
    tensors["mask.summaries"] = workspace;
    programs.before->run(tensors, test.scalars);
  }
  programs.main->run(tensors, test.scalars);
  reference::Options eager;
  eager.mode = reference::Mode::Eager;
  eager.threads = 1;
  auto exact = reference::evaluate(kernel, arguments, {});
  auto rounded = reference::evaluate(kernel, arguments, eager);
  ASSERT_TRUE(bool(exact)) << llvm::toString(exact.takeError());
  ASSERT_TRUE(bool(rounded)) << llvm::toString(rounded.takeError());
  for (unsigned index = 0; index < kernel.getResultTypes().size(); ++index) {
    std::string name = kernel.getResultName(index);
    auto verdict = reference::judge(asReference(tensors[name]), (*exact)[index], (*rounded)[index],
                                    reference::resultType(kernel, index));
    EXPECT_TRUE(verdict.passes()) << name << " of " << lengths.queries << " x " << lengths.keys
                                  << ": error share " << verdict.share << ", disagreements "
                                  << verdict.found.disagreements << ", found " << verdict.worstFound
                                  << ", exact " << verdict.worstExact;
  }
}

void expectAsReference(const LoweredCase &test, const std::vector<Lengths> &lengths) {
  std::string text = lower(test.kernel, test.tiles);
  if (text.empty())
    return;
  Programs programs = compilePrograms(text);
  auto module = parse(test.kernel);
  auto kernel = *module->getOps<attn::KernelOp>().begin();
  for (const Lengths &each : lengths)
    runOnce(programs, kernel, test, each);
  if (::testing::Test::HasFailure())
    ADD_FAILURE() << text;
}

} // namespace attune::test
