// SPDX-License-Identifier: Apache-2.0
// Collects what the planner, the mask analysis and the targets know of a kernel, and prints it.
#include "tools/attn-compile/Explain.h"

#include "compiler/analysis/MaskBounds.h"
#include "compiler/analysis/Sweeps.h"
#include "compiler/picture/MaskPicture.h"
#include "compiler/plan/TileChoice.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace attune {

namespace {

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

MaskScene getScene(PlannedKernel &planned, const ProblemSizes &sizes, MaskFormulas &formulas) {
  ProblemNumbers numbers(planned.kernel, sizes);
  auto [rows, cols] = getScoreAxes(planned.kernel);
  MaskScene scene;
  scene.mask = buildMask(planned.plan, formulas);
  scene.queries = numbers.length(rows);
  scene.keys = numbers.length(cols);
  scene.tileQueries = planned.config.getQueries();
  scene.tileKeys = planned.config.getKeys();
  scene.uniform = numbers;
  scene.title =
      llvm::formatv("{0}: {1} = {2}, {3} = {4}, tiles {5} x {6}", planned.kernel.getSymName(), rows,
                    scene.queries, cols, scene.keys, scene.tileQueries, scene.tileKeys);
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
         << getSharedBytes(config, *planned.target, getKernelShape(planned.plan, planned.kernel))
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
    stream << llvm::formatv(" ({0:f2} times as many)",
                            double(work.computedPairs) / *work.visiblePairs);
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
      stream << "  mask (# full, + masked, . skipped tiles of " << target
             << "; queries down, keys right):\n"
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
