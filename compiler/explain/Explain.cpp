// SPDX-License-Identifier: Apache-2.0
// Collects what the planner, the mask analysis and the targets know of a kernel, and prints it.
#include "compiler/explain/Explain.h"

#include "compiler/analysis/Stages.h"
#include "compiler/explain/Advice.h"
#include "compiler/picture/MaskPicture.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace attune {

namespace {

/// One kernel of a program planned for one target, at one problem.
struct PlannedKernel {
  attn::KernelOp kernel;
  SweepPlan plan;
  const Target *target = nullptr;
  tile::ConfigAttr config;
  std::unique_ptr<MaskProblem> problem;
  MaskSchedule masks;
};

/// The tiles of the plan; boxes of a grid whose sizes nobody gave count as tokens in order.
TilePair tilesOf(tile::ConfigAttr config, const MaskProblem &problem) {
  TilePair tiles = getTiles(config);
  if (problem.grid(problem.queryAxis()).size() != tiles.queries.box.size())
    tiles.queries.box.clear();
  if (problem.grid(problem.keyAxis()).size() != tiles.keys.box.size())
    tiles.keys.box.clear();
  return tiles;
}

FailureOr<std::unique_ptr<PlannedKernel>> planStage(attn::KernelOp stage, StringRef target,
                                                    const ProblemSizes &sizes) {
  auto planned = std::make_unique<PlannedKernel>();
  planned->kernel = stage;
  auto plan = planSweeps(stage);
  if (failed(plan))
    return failure();
  planned->plan = std::move(*plan);
  planned->target = Target::find(target);
  planned->config = planned->kernel->getAttrOfType<tile::ConfigAttr>("attn.plan");
  auto problem = MaskProblem::make(planned->plan, sizes);
  if (!problem)
    return stage.emitOpError() << llvm::toString(problem.takeError());
  planned->problem = std::move(*problem);
  planned->masks = scheduleMask(planned->plan, tilesOf(planned->config, *planned->problem));
  return planned;
}

MaskScene getScene(PlannedKernel &planned, const ProblemSizes &sizes) {
  const MaskProblem &problem = *planned.problem;
  MaskScene scene{{},
                  planned.masks.mask,
                  planned.masks.schedule,
                  getLengths(problem),
                  problem.numbers(0, 0),
                  PairTester(planned.masks, problem.numbers(0, 0))};
  TilePair tiles = tilesOf(planned.config, *planned.problem);
  scene.title =
      formatv("{0}: {1} = {2}, {3} = {4}, tiles {5} x {6}", planned.kernel.getSymName(),
              problem.queryAxis(), problem.queries(), problem.keyAxis(), problem.keys(),
              tiles.queries.box.empty() ? spell(tiles.queries) : "(" + spell(tiles.queries) + ")",
              tiles.keys.box.empty() ? spell(tiles.keys) : "(" + spell(tiles.keys) + ")");
  for (auto &[name, value] : sizes.scalars)
    scene.title += formatv(", {0} = {1}", name, int64_t(value)).str();
  return scene;
}

/// "128", or "128 (8 x 16)" for a box.
std::string spellTokens(const mask::TileShape &shape) {
  std::string tokens = std::to_string(shape.tokens);
  return shape.box.empty() ? tokens : tokens + " (" + spell(shape) + ")";
}

void printTiles(const PlannedKernel &planned, llvm::raw_ostream &stream) {
  tile::ConfigAttr config = planned.config;
  TilePair tiles = getTiles(config);
  stream << "  " << planned.target->name << ": tiles of " << spellTokens(tiles.queries)
         << " queries x " << spellTokens(tiles.keys) << " keys";
  if (planned.target->isHost()) {
    stream << ", one thread a tile of queries\n";
    return;
  }
  stream << ", " << config.getThreads() << " threads, " << config.getStages() << " stages, "
         << getSharedBytes(config, *planned.target, getKernelShape(planned.plan, planned.kernel))
         << " bytes of shared memory\n";
}

/// What is not known, or made up: how to give it.
void printMissing(const PlannedKernel &planned, const ProblemSizes &sizes,
                  llvm::raw_ostream &stream) {
  std::string names;
  attn::KernelOp kernel = planned.kernel;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    std::string name = kernel.getOperandName(unsigned(index)).str();
    if (type.isIntOrIndex() && !sizes.scalars.count(name))
      names += " --scalar " + name + "=...";
  }
  for (const std::string &name : planned.problem->madeUp())
    names += " --table " + name + "=FILE.npy";
  if (!names.empty())
    stream << "  (give" << names << " to count with your values)\n";
  for (const std::string &fact : planned.problem->brokenFacts())
    stream << "  a declared fact is not true: " << fact << "\n";
}

void printWork(const MaskProblem &problem, const mask::MaskWork &work, llvm::raw_ostream &stream) {
  stream << "  at " << problem.queries() << " queries x " << problem.keys() << " keys (a head): ";
  if (work.visiblePairs)
    stream << *work.visiblePairs << " visible pairs, ";
  else
    stream << "visible pairs not known, ";
  stream << work.computedPairs << " computed";
  if (work.visiblePairs && *work.visiblePairs)
    stream << formatv(" ({0:f2} times as many)", double(work.computedPairs) / *work.visiblePairs);
  stream << "; tiles: " << work.fullTiles << " full, " << work.partialTiles << " masked, "
         << work.emptyTiles << " skipped\n";
}

/// Who decides about a tile, what that costs, and what has to be known before.
void printSchedule(const mask::Schedule &schedule, const MaskProblem &problem,
                   llvm::raw_ostream &stream) {
  if (schedule.level == mask::Level::All)
    return;
  stream << "    tiles are found by " << schedule.reason << "\n";
  mask::Schedule::Costs costs = schedule.costs();
  stream << "    operations: " << costs.rowTile << " a tile of queries";
  if (costs.row)
    stream << ", " << costs.row << " a query";
  if (costs.pair)
    stream << ", " << costs.pair << " a pair of tiles";
  if (costs.column)
    stream << ", " << costs.column << " a key in a pass before";
  size_t summaries = schedule.summaries.size();
  if (summaries == 0) {
    stream << "; metadata: 0 bytes\n";
    return;
  }
  bool onBatch = false, onHead = false;
  for (const mask::TileFold &summary : schedule.summaries) {
    onBatch |= summary.onBatch;
    onHead |= summary.onHead;
  }
  int64_t tiles =
      mask::countTiles(schedule.columns, problem.keys(), problem.grid(problem.keyAxis()));
  stream << "; metadata: " << tiles * int64_t(summaries) * int64_t(sizeof(int64_t)) << " bytes ("
         << tiles << " tiles of keys x " << summaries << " numbers"
         << (onBatch || onHead ? ", for each " : "") << (onBatch ? "sequence" : "")
         << (onBatch && onHead ? " and " : "") << (onHead ? "head" : "") << ")\n";
}

/// The normal form of the mask, of tokens in order.
void printMask(const PlannedKernel &planned, llvm::raw_ostream &stream) {
  mask::FormulaBuilder formulas(*planned.plan.graph);
  std::vector<Domain> domains = getDomains(planned.plan);
  for (auto [index, domain] : llvm::enumerate(domains)) {
    stream << "  " << (domains.size() == 1 ? "visible" : "visible in mask " + std::to_string(index))
           << ": " << mask::toString(formulas.build(domain).visible) << "\n";
  }
}

/// One kernel on all targets; tiles that several targets share are explained once.
class KernelExplainer {
public:
  KernelExplainer(const CompileOptions &options, const ProblemSizes &sizes,
                  llvm::raw_ostream &stream)
      : options(options), sizes(sizes), stream(stream) {}

  LogicalResult explain(attn::KernelOp kernel, ArrayRef<std::string> targets);

private:
  LogicalResult explainAlike(ArrayRef<OwningOpRef<ModuleOp>> modules,
                             ArrayRef<std::string> targets);
  LogicalResult explainStage(attn::KernelOp stage, StringRef target, bool isFirst, bool isLast);
  void explainTiles(const PlannedKernel &planned);

  const CompileOptions &options;
  const ProblemSizes &sizes;
  llvm::raw_ostream &stream;
  std::vector<std::pair<tile::ConfigAttr, std::string>> explained;
};

void KernelExplainer::explainTiles(const PlannedKernel &planned) {
  for (auto &[config, text] : explained)
    if (config == planned.config) {
      stream << text;
      return;
    }
  std::string text;
  llvm::raw_string_ostream out(text);
  mask::MaskWork work = predictWork(planned.masks, *planned.problem);
  printWork(*planned.problem, work, out);
  printSchedule(planned.masks.schedule, *planned.problem, out);
  AdviceScene scene{
      planned.plan, *planned.target, planned.config, sizes, *planned.problem, planned.masks, work};
  for (const std::string &advice : advise(scene))
    out << "    advice: " << advice << "\n";
  stream << text;
  explained.emplace_back(planned.config, std::move(text));
}

StringRef spellAxis(StringRef axis) {
  return axis == attn::defaultRowAxis ? "queries" : axis == attn::defaultColAxis ? "keys" : axis;
}

/// One kernel of a program.
LogicalResult KernelExplainer::explainStage(attn::KernelOp stage, StringRef target, bool isFirst,
                                            bool isLast) {
  if (stage->hasAttr("attn.tokens")) {
    if (isFirst)
      stream << "@" << stage.getSymName() << ": " << explainTokens(stage);
    return success();
  }
  auto planned = planStage(stage, target, sizes);
  if (failed(planned))
    return failure();
  if (isFirst) {
    stream << "@" << stage.getSymName() << ": " << attune::explain((*planned)->plan);
    printMask(**planned, stream);
  }
  printTiles(**planned, stream);
  explainTiles(**planned);
  if (!isLast)
    return success();
  printMissing(**planned, sizes, stream);
  const MaskProblem &problem = *(*planned)->problem;
  stream << "  mask (# full, + masked, . skipped tiles of " << target << "; "
         << spellAxis(problem.queryAxis()) << " down, " << spellAxis(problem.keyAxis())
         << " right):\n"
         << drawText(getScene(**planned, sizes));
  return success();
}

/// The text without the numbers of kernels (`f_stage3`) and of what they store (`f.7`).
static std::string withoutNumbers(StringRef text) {
  std::string plain;
  for (size_t place = 0; place < text.size(); ++place) {
    plain += text[place];
    StringRef known(plain);
    if (!known.ends_with("_stage") && !(known.ends_with(".") && known.size() > 1))
      continue;
    while (place + 1 < text.size() && llvm::isDigit(text[place + 1]))
      ++place;
  }
  return plain;
}

LogicalResult KernelExplainer::explain(attn::KernelOp kernel, ArrayRef<std::string> targets) {
  SmallVector<OwningOpRef<ModuleOp>> modules;
  for (StringRef target : targets) {
    auto module = runPasses(kernel, Stage::Plan, target, options);
    if (failed(module))
      return failure();
    modules.push_back(std::move(*module));
  }
  // What is one kernel on the host may be several on a GPU.
  auto count = [&](size_t index) {
    return llvm::range_size(modules[index]->getOps<attn::KernelOp>());
  };
  for (size_t first = 0, end; first < modules.size(); first = end) {
    for (end = first + 1; end < modules.size() && count(end) == count(first);)
      ++end;
    if (failed(explainAlike(ArrayRef(modules).slice(first, end - first),
                            targets.slice(first, end - first))))
      return failure();
  }
  return success();
}

/// The kernels of a program that has as many on all of the targets.
LogicalResult KernelExplainer::explainAlike(ArrayRef<OwningOpRef<ModuleOp>> modules,
                                            ArrayRef<std::string> targets) {
  auto kernelsOf = [](const OwningOpRef<ModuleOp> &module) {
    return ModuleOp(module.get()).getOps<attn::KernelOp>();
  };
  size_t count = llvm::range_size(kernelsOf(modules.front()));
  std::string before, repeated;
  for (size_t number = 0; number < count; ++number) {
    std::string text;
    llvm::raw_string_ostream out(text);
    KernelExplainer explainer(options, sizes, out);
    attn::KernelOp stage;
    for (auto [index, target] : llvm::enumerate(targets)) {
      stage = *std::next(kernelsOf(modules[index]).begin(), number);
      if (failed(explainer.explainStage(stage, target, index == 0, index + 1 == targets.size())))
        return failure();
    }
    std::string plain = withoutNumbers(text);
    if (plain == before) {
      repeated += ("@" + stage.getSymName() + ": the same again\n").str();
      continue;
    }
    stream << std::exchange(repeated, "") << text;
    before = std::move(plain);
  }
  stream << repeated;
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
    if (failed(KernelExplainer(options, sizes, stream).explain(kernel, *targets)))
      return failure();
  return success();
}

FailureOr<std::string> drawModule(ModuleOp module, const CompileOptions &options,
                                  const ProblemSizes &sizes) {
  auto targets = expandTargets(*module.getContext(), options.targets);
  auto kernels = selectKernels(module, options);
  if (failed(targets) || failed(kernels))
    return failure();
  auto stages = runPasses(kernels->front(), Stage::Plan, targets->back(), options);
  if (failed(stages))
    return failure();
  attn::KernelOp stage = findSweepingStage(**stages);
  if (!stage)
    return kernels->front().emitOpError(
               "expected a kernel with a mask to draw, but it maps tokens only"),
           failure();
  auto planned = planStage(stage, targets->back(), sizes);
  if (failed(planned))
    return failure();
  return drawSvg(getScene(**planned, sizes));
}

} // namespace attune
