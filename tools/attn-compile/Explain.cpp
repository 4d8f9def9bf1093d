// SPDX-License-Identifier: Apache-2.0
// Collects what the planner, the mask analysis and the targets know of a kernel, and prints it.
#include "tools/attn-compile/Explain.h"

#include "compiler/analysis/MaskBounds.h"
#include "compiler/analysis/Sweeps.h"
#include "compiler/picture/MaskPicture.h"
#include "compiler/plan/TileChoice.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace attune {

namespace {

/// Numbers of the block at the given problem: lengths, scalar operands, and arithmetic on them.
class UniformNumbers {
public:
  UniformNumbers(attn::KernelOp kernel, const ProblemSizes &sizes) : kernel(kernel), sizes(sizes) {}

  int64_t length(StringRef axis) const {
    auto found = sizes.axes.find(axis.str());
    return found == sizes.axes.end() ? 1024 : int64_t(found->second);
  }

  std::optional<int64_t> operator()(const Node *node) const {
    switch (node->kind) {
    case NodeKind::Constant:
      return int64_t(node->number);
    case NodeKind::IndexB:
    case NodeKind::IndexH:
      return 0; // the first sequence and head stand for all
    case NodeKind::Size:
      return length(node->axis.getValue());
    case NodeKind::Scalar:
      return scalar(node->source);
    case NodeKind::Opaque:
      return compute(node);
    default:
      return std::nullopt;
    }
  }

private:
  std::optional<int64_t> scalar(Value value) const {
    IntegerAttr constant;
    if (matchPattern(value, m_Constant(&constant)))
      return constant.getInt();
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument)
      return std::nullopt;
    auto found = sizes.scalars.find(kernel.getOperandName(argument.getArgNumber()).str());
    return found == sizes.scalars.end() ? std::nullopt : std::optional<int64_t>(found->second);
  }

  std::optional<int64_t> compute(const Node *node) const {
    SmallVector<int64_t, 2> values;
    for (const Node *operand : node->operands) {
      auto value = (*this)(operand);
      if (!value)
        return std::nullopt;
      values.push_back(*value);
    }
    Operation *operation = node->operation;
    if (isa<arith::IndexCastOp, arith::ExtSIOp>(operation))
      return values[0];
    if (isa<arith::AddIOp>(operation))
      return values[0] + values[1];
    if (isa<arith::SubIOp>(operation))
      return values[0] - values[1];
    if (isa<arith::MulIOp>(operation))
      return values[0] * values[1];
    return std::nullopt;
  }

  mutable attn::KernelOp kernel; // op accessors are not const
  const ProblemSizes &sizes;
};

/// One kernel planned for one target.
struct PlannedKernel {
  OwningOpRef<ModuleOp> module;
  attn::KernelOp kernel;
  SweepPlan plan;
  const Target *target;
  tile::ConfigAttr config;
};

FailureOr<PlannedKernel> planKernel(attn::KernelOp kernel, StringRef target,
                                    const CompileOptions &options) {
  auto module = runPasses(kernel, Stage::Plan, target, options);
  if (failed(module))
    return failure();
  auto planned = *(**module).getOps<attn::KernelOp>().begin();
  auto plan = planSweeps(planned);
  if (failed(plan))
    return failure();
  auto config = planned->getAttrOfType<tile::ConfigAttr>("attn.plan");
  return PlannedKernel{std::move(*module), planned, std::move(*plan), Target::find(target), config};
}

/// The pairs that some accumulator or frame of the plan looks at.
Formula getMask(const SweepPlan &plan, MaskFormulas &formulas) {
  std::vector<Domain> domains;
  auto add = [&](const Domain &domain) {
    if (!llvm::is_contained(domains, domain))
      domains.push_back(domain);
  };
  for (const Frame &frame : plan.frames)
    add(frame.domain);
  for (const Accumulator &accumulator : plan.accumulators)
    add(accumulator.domain);
  Formula mask;
  mask.kind = FormulaKind::Or;
  for (const Domain &domain : domains)
    mask.parts.push_back(formulas.build(domain));
  if (mask.parts.size() == 1) {
    Formula only = std::move(mask.parts.front());
    return only;
  }
  return mask;
}

/// The axes of the scores: the first product's, else those of the kernel's first rows and cols.
std::pair<StringRef, StringRef> getAxes(attn::KernelOp kernel) {
  StringRef rows = "q", cols = "k";
  kernel.walk([&](Operation *operation) {
    for (Value value : operation->getResults())
      if (auto matrix = dyn_cast<attn::MatrixType>(value.getType())) {
        rows = matrix.getRowAxis().getValue();
        cols = matrix.getColAxis().getValue();
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return {rows, cols};
}

MaskScene getScene(PlannedKernel &planned, const ProblemSizes &sizes, MaskFormulas &formulas) {
  UniformNumbers numbers(planned.kernel, sizes);
  auto [rows, cols] = getAxes(planned.kernel);
  MaskScene scene;
  scene.mask = getMask(planned.plan, formulas);
  scene.queries = numbers.length(rows);
  scene.keys = numbers.length(cols);
  scene.tileQueries = planned.config.getQueries();
  scene.tileKeys = planned.config.getKeys();
  scene.uniform = numbers;
  scene.title = llvm::formatv("{0}: {1} = {2}, {3} = {4}, tiles {5} x {6}", planned.kernel.getSymName(),
                              rows, scene.queries, cols, scene.keys, scene.tileQueries,
                              scene.tileKeys);
  for (auto &[name, value] : sizes.scalars)
    scene.title += llvm::formatv(", {0} = {1}", name, int64_t(value)).str();
  return scene;
}

void printTiles(const PlannedKernel &planned, llvm::raw_ostream &stream) {
  tile::ConfigAttr config = planned.config;
  stream << "  " << planned.target->name << ": tiles of " << config.getQueries() << " queries x "
         << config.getKeys() << " keys";
  if (planned.target->isHost()) {
    stream << ", one thread a tile of queries\n";
    return;
  }
  stream << ", " << config.getThreads() << " threads, " << config.getStages() << " stages, "
         << getSharedBytes(config, *planned.target, getKernelShape(planned.plan))
         << " bytes of shared memory\n";
}

/// The names of scalar operands that the mask needs and nobody gave.
std::string missingScalars(attn::KernelOp kernel, const ProblemSizes &sizes) {
  std::string names;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    std::string name = kernel.getOperandName(index).str();
    if (type.isIntOrIndex() && !sizes.scalars.count(name))
      names += " --scalar " + name + "=...";
  }
  return names;
}

void printWork(const MaskScene &scene, const MaskWork &work, const std::string &missing,
               llvm::raw_ostream &stream) {
  stream << "  at " << scene.queries << " queries x " << scene.keys << " keys (a head): ";
  if (work.visiblePairs)
    stream << *work.visiblePairs << " visible pairs, ";
  else
    stream << "visible pairs not known, ";
  stream << work.computedPairs << " computed";
  if (work.visiblePairs && *work.visiblePairs)
    stream << llvm::formatv(" ({0:f2} times as many)", double(work.computedPairs) / *work.visiblePairs);
  stream << "; tiles: " << work.fullTiles << " full, " << work.partialTiles << " masked, "
         << work.emptyTiles << " skipped\n";
  if (!missing.empty())
    stream << "  (give" << missing << " to count with your values)\n";
}

LogicalResult explainKernel(attn::KernelOp kernel, ArrayRef<std::string> targets,
                            const CompileOptions &options, const ProblemSizes &sizes,
                            llvm::raw_ostream &stream) {
  for (auto [index, target] : llvm::enumerate(targets)) {
    auto planned = planKernel(kernel, target, options);
    if (failed(planned))
      return failure();
    if (index == 0)
      stream << "@" << kernel.getSymName() << ": " << explain(planned->plan);
    printTiles(*planned, stream);
    MaskFormulas formulas;
    MaskScene scene = getScene(*planned, sizes, formulas);
    MaskWork work = predictWork(scene.mask, scene.queries, scene.keys, scene.tileQueries,
                                scene.tileKeys, scene.uniform);
    bool drawn = index + 1 == targets.size();
    printWork(scene, work, drawn ? missingScalars(planned->kernel, sizes) : "", stream);
    if (drawn)
      stream << "  mask (# full, + masked, . skipped tiles of " << target << "; queries down, keys right):\n"
             << drawText(scene);
  }
  return success();
}

} // namespace

LogicalResult explainModule(ModuleOp module, const CompileOptions &options,
                            const ProblemSizes &sizes, llvm::raw_ostream &stream) {
  auto targets = expandTargets(*module.getContext(), options.targets);
  auto kernels = selectKernels(module, options);
  if (failed(targets) || failed(kernels))
    return failure();
  for (attn::KernelOp kernel : *kernels)
    if (failed(explainKernel(kernel, *targets, options, sizes, stream)))
      return failure();
  return success();
}

FailureOr<std::string> drawModule(ModuleOp module, const CompileOptions &options,
                                  const ProblemSizes &sizes) {
  auto targets = expandTargets(*module.getContext(), options.targets);
  auto kernels = selectKernels(module, options);
  if (failed(targets) || failed(kernels))
    return failure();
  auto planned = planKernel(kernels->front(), targets->back(), options);
  if (failed(planned))
    return failure();
  MaskFormulas formulas;
  return drawSvg(getScene(*planned, sizes, formulas));
}

} // namespace attune
