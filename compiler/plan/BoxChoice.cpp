// SPDX-License-Identifier: Apache-2.0
// Should tiles be boxes of the tokens' grid? Counted, not guessed: pairs of tiles that are visited, on
// made-up canvases, with scalars that meet the kernel's conditions.
#include "compiler/plan/BoxChoice.h"

#include "compiler/problem/Prediction.h"
#include "compiler/problem/ProblemChoice.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <deque>

using namespace mlir;
using namespace attune;
using tile::ConfigAttr;

using Sizes = SmallVector<int64_t, 3>;

/// Tiles of queries that are looked at on each canvas.
static constexpr int64_t MostRows = 8;

/// Boxes cost more than consecutive tokens at the edges of a canvas and where they are copied; fewer
/// pairs than this share are worth it.
static constexpr double Worthwhile = 0.8;

namespace {

/// A canvas, a volume, and what a scalar is that is no divisor: a window of a few tokens. Divisors,
/// strides and dilations, are 1, as they mostly are.
struct Trial {
  std::array<int64_t, 2> canvas;
  std::array<int64_t, 3> volume;
  int64_t window;
};

} // namespace

static constexpr std::array<Trial, 4> Trials = {{{{64, 64}, {16, 32, 32}, 7},
                                                 {{90, 160}, {8, 45, 80}, 13},
                                                 {{60, 104}, {20, 30, 52}, 9},
                                                 {{128, 128}, {5, 64, 64}, 5}}};

/// Boxes of `tokens` tokens: near a cube, and near that once an outer size is halved for the innermost;
/// with rows of `least` tokens at least.
static SmallVector<Sizes, 2> boxesOf(int64_t tokens, size_t rank, int64_t least) {
  SmallVector<Sizes, 2> boxes;
  if (!llvm::isPowerOf2_64(tokens) || tokens < (int64_t(1) << rank))
    return boxes;
  Sizes box(rank, 1);
  size_t dim = rank;
  for (int64_t rest = tokens; rest > 1; rest /= 2) {
    dim = dim == 0 ? rank - 1 : dim - 1;
    box[dim] *= 2;
  }
  boxes.push_back(box);
  box.front() /= 2;
  box.back() *= 2;
  if (box.front() >= 1)
    boxes.push_back(box);
  llvm::erase_if(boxes, [&](const Sizes &box) { return box.back() < least; });
  return boxes;
}

/// The sizes of the grids.
static ProblemSizes sizesOf(attn::KernelOp kernel, const Trial &trial) {
  ProblemSizes sizes;
  for (auto axis : kernel.getBody().getOps<attn::AxisOp>())
    for (auto [dim, size] : llvm::enumerate(axis.getGrid()))
      if (auto argument = dyn_cast<BlockArgument>(size))
        sizes.scalars[kernel.getOperandName(argument.getArgNumber()).str()] =
            double(axis.getGrid().size() == 3 ? trial.volume[dim] : trial.canvas[dim % 2]);
  return sizes;
}

static bool isDivisor(Value scalar) {
  return llvm::any_of(scalar.getUses(), [](OpOperand &use) {
    return use.getOperandNumber() == 1 &&
           isa<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivSIOp, arith::DivUIOp,
               arith::RemSIOp, arith::RemUIOp>(use.getOwner());
  });
}

static void setScalars(attn::KernelOp kernel, int64_t window, ProblemSizes &sizes) {
  for (auto [index, scalar] : llvm::enumerate(kernel.getBody().getArguments()))
    if (scalar.getType().isIntOrIndex())
      sizes.scalars.try_emplace(
          kernel.getOperandName(unsigned(index)).str(),
          double(scalar.getType().isInteger(1) || isDivisor(scalar) ? 1 : window));
}

/// Problems that the kernel accepts. `sizes` holds what they refer to.
static std::vector<std::unique_ptr<MaskProblem>> makeProblems(const SweepPlan &plan,
                                                              std::deque<ProblemSizes> &sizes) {
  attn::KernelOp kernel = plan.graph->kernel();
  reference::ScalarConditions conditions(kernel);
  std::vector<std::unique_ptr<MaskProblem>> problems;
  auto add = [&](ProblemSizes tried) {
    auto problem = MaskProblem::make(plan, sizes.emplace_back(std::move(tried)));
    llvm::Error error = problem ? (*problem)->check(conditions) : problem.takeError();
    if (!error)
      problems.push_back(std::move(*problem));
    bool isAccepted = !error;
    llvm::consumeError(std::move(error));
    return isAccepted;
  };
  for (auto [number, trial] : llvm::enumerate(Trials)) {
    ProblemSizes grids = sizesOf(kernel, trial), all = grids;
    setScalars(kernel, trial.window, all);
    if (add(std::move(all)))
      continue;
    llvm::Expected<ProblemSizes> drawn = chooseSizes(plan, grids, number);
    if (drawn)
      add(std::move(*drawn));
    else
      llvm::consumeError(drawn.takeError());
  }
  return problems;
}

namespace {

/// Compares boxes with flat tiles, problem by problem.
class Contest {
public:
  Contest(const SweepPlan &plan, const TilePair &flat, ArrayRef<std::unique_ptr<MaskProblem>> of)
      : plan(plan), problems(of) {
    MaskSchedule planned = readVisible(flat);
    rescheduleMask(planned, flat, mask::Level::Pieces);
    mask::ScheduleCode code(planned.schedule);
    for (const auto &problem : problems)
      before.push_back(countPairs(code, *problem));
  }

  /// The logarithm of the share of pairs that boxes compute; nothing once they compute far more than
  /// those of `best` on the problems so far.
  struct Score {
    double total = 0;
    SmallVector<double> sums; // of the first problems
  };
  std::optional<Score> score(const TilePair &boxes, const Score *best);

private:
  /// It is counted which tiles are visited; which of those need a mask makes no difference.
  MaskSchedule readVisible(const TilePair &tiles) const {
    MaskSchedule read = readMask(plan, tiles);
    read.mask.hidden = mask::Formula();
    return read;
  }
  static double countPairs(const mask::ScheduleCode &code, const MaskProblem &problem) {
    return std::max(estimatePairs(code, problem, MostRows).computedPairs, 1.0);
  }

  const SweepPlan &plan;
  ArrayRef<std::unique_ptr<MaskProblem>> problems;
  SmallVector<double> before;
  /// All boxes are of the same formulas.
  std::optional<MaskSchedule> planned;
};

} // namespace

std::optional<Contest::Score> Contest::score(const TilePair &boxes, const Score *best) {
  const double farMore = std::log(1.25);
  if (!planned)
    planned = readVisible(boxes);
  rescheduleMask(*planned, boxes, mask::Level::Test);
  mask::ScheduleCode code(planned->schedule);
  Score score;
  for (auto [index, problem] : llvm::enumerate(problems)) {
    score.total += std::log(countPairs(code, *problem) / before[index]);
    score.sums.push_back(score.total);
    if (best && score.total > best->sums[index] + farMore)
      return std::nullopt;
  }
  return score;
}

ConfigAttr attune::chooseBoxes(ConfigAttr config, const SweepPlan &plan, const KernelShape &shape) {
  size_t rank = shape.queryGrid;
  bool hasMask =
      llvm::any_of(getDomains(plan), [](const Domain &domain) { return !domain.empty(); });
  if (rank < 2 || rank > 3 || shape.keyGrid != rank || !hasMask || config.getQueryBox() ||
      config.getKeyBox())
    return config;
  // A row of a box is one copy of a tensor map, which takes 8 tokens where warpgroups multiply.
  int64_t leastRow = config.getWarpgroups() ? 8 : 1;
  SmallVector<Sizes, 2> queryBoxes = boxesOf(config.getQueries(), rank, leastRow);
  SmallVector<Sizes, 2> keyBoxes = boxesOf(config.getKeys(), rank, leastRow);
  std::deque<ProblemSizes> sizes;
  auto problems = makeProblems(plan, sizes);
  if (problems.empty() || queryBoxes.empty() || keyBoxes.empty())
    return config;
  Contest contest(plan, getTiles(config), problems);
  TilePair best;
  std::optional<Contest::Score> least;
  auto enter = [&](const Sizes &queries, const Sizes &keys) {
    TilePair boxes = {{config.getQueries(), queries}, {config.getKeys(), keys}};
    std::optional<Contest::Score> score = contest.score(boxes, least ? &*least : nullptr);
    if (!score || (least && score->total >= least->total))
      return;
    least = std::move(score);
    best = boxes;
  };
  // The sides one after the other: which shape of the one is better hardly depends on the other.
  for (const Sizes &queries : queryBoxes)
    enter(queries, keyBoxes.front());
  Sizes queries = best.queries.box;
  for (const Sizes &keys : ArrayRef(keyBoxes).drop_front())
    enter(queries, keys);
  if (least->total >= std::log(Worthwhile) * double(problems.size()))
    return config;
  MLIRContext *context = config.getContext();
  return ConfigAttr::get(context, config.getQueries(), config.getKeys(), config.getThreads(),
                         config.getStages(), DenseI64ArrayAttr::get(context, best.queries.box),
                         DenseI64ArrayAttr::get(context, best.keys.box), config.getWarpgroups(),
                         config.getPackedHeads());
}
