// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-compile/Advice.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::formatv;

namespace attune {

namespace {

/// What is worth a sentence: a smaller share of the computed pairs is noise beside other costs.
constexpr double noticeable = 0.05;

class Adviser {
public:
  explicit Adviser(const AdviceScene &scene) : scene(scene) {}

  void adviseOnShape();
  void adviseOnBoxes();
  void adviseOnScalars();
  std::vector<std::string> advice;

private:
  double saved(int64_t computed) const {
    return 1 - double(computed) / double(scene.work.computedPairs);
  }
  int64_t computedWith(const TilePair &tiles) const;
  void adviseOnScalar(const std::string &name, int64_t value);
  bool isGridSize(StringRef name) const;

  const AdviceScene &scene;
};

} // namespace

int64_t Adviser::computedWith(const TilePair &tiles) const {
  return countComputedPairs(scheduleMask(scene.plan, tiles, scene.planned.schedule.level).schedule,
                            scene.problem);
}

static std::string percent(double share) { return formatv("{0:f0} %", 100 * share).str(); }

/// Tiles of as many pairs, flatter or narrower, that fit the target.
void Adviser::adviseOnShape() {
  int64_t queries = scene.config.getQueries(), keys = scene.config.getKeys();
  if (scene.config.getQueryBox() || scene.config.getKeyBox())
    return;
  KernelShape shape = getKernelShape(scene.plan, scene.plan.graph->kernel());
  double best = noticeable;
  std::string text;
  for (auto [times, over] : {std::pair<int64_t, int64_t>{2, 1}, {4, 1}, {1, 2}, {1, 4}}) {
    if (queries % over != 0 || keys % times != 0)
      continue;
    std::string change =
        formatv("queries={0},keys={1}", queries * times / over, keys * over / times);
    std::string error;
    tile::ConfigAttr other = overrideTiles(scene.config, change, error);
    if (!other || !checkTiles(other, scene.target, shape).empty())
      continue;
    double share = saved(computedWith(getTiles(other)));
    if (share < best)
      continue;
    best = share;
    text = formatv("tiles of {0} queries x {1} keys would compute {2} fewer pairs (--override {3})",
                   other.getQueries(), other.getKeys(), percent(share), change);
  }
  if (!text.empty())
    advice.push_back(std::move(text));
}

/// Boxes of `tokens` tokens with sides that are powers of two, the outermost coordinates of a grid of
/// three small: whatever is not much longer than wide.
static std::vector<mask::TileShape> boxesOf(int64_t tokens, ArrayRef<int64_t> grid) {
  std::vector<mask::TileShape> boxes;
  SmallVector<int64_t, 3> sizes(grid.size(), 1);
  std::function<void(size_t, int64_t)> choose = [&](size_t dim, int64_t rest) {
    if (dim + 1 == grid.size()) {
      sizes[dim] = rest;
      auto [least, greatest] = std::minmax_element(sizes.begin(), sizes.end());
      constexpr int64_t longest = 4; // times as long as wide
      if (*greatest <= longest * *least && rest <= 2 * grid[dim])
        boxes.push_back({tokens, sizes});
      return;
    }
    for (int64_t size = 1; rest % size == 0 && size <= 2 * grid[dim]; size *= 2) {
      sizes[dim] = size;
      choose(dim + 1, rest / size);
    }
  };
  choose(0, tokens);
  return boxes;
}

static std::string list(const mask::TileShape &shape) {
  std::string text;
  for (int64_t size : shape.box)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

void Adviser::adviseOnBoxes() {
  auto queryGrid = scene.problem.grid(scene.problem.queryAxis());
  auto keyGrid = scene.problem.grid(scene.problem.keyAxis());
  if (queryGrid.size() < 2 || keyGrid.size() < 2 || scene.config.getQueryBox())
    return;
  double best = noticeable;
  std::string text;
  for (const mask::TileShape &queries : boxesOf(scene.config.getQueries(), queryGrid))
    for (const mask::TileShape &keys : boxesOf(scene.config.getKeys(), keyGrid)) {
      double share = saved(computedWith({queries, keys}));
      if (share < best)
        continue;
      best = share;
      text =
          formatv("boxes of {0} queries and {1} keys would compute {2} fewer pairs (attn.plan with "
                  "query_box = {3}, key_box = {4})",
                  spell(queries), spell(keys), percent(share), list(queries), list(keys));
    }
  if (!text.empty())
    advice.push_back(std::move(text));
}

bool Adviser::isGridSize(StringRef name) const {
  attn::KernelOp kernel = scene.plan.graph->kernel();
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    for (Value operand : op->getOperands())
      if (auto argument = dyn_cast<BlockArgument>(operand);
          argument && kernel.getOperandName(argument.getArgNumber()) == name)
        return true;
  return false;
}

/// The nearest numbers that tiles like: multiples of their sizes, and one less or more.
static llvm::SmallVector<int64_t> neighboursOf(int64_t value, const TilePair &tiles) {
  llvm::SmallVector<int64_t> neighbours = {value - 1, value + 1};
  for (int64_t size : {tiles.queries.tokens, tiles.keys.tokens}) {
    neighbours.push_back(value / size * size);
    neighbours.push_back(int64_t(llvm::alignTo(uint64_t(value), uint64_t(size))));
  }
  neighbours.push_back(int64_t(llvm::PowerOf2Ceil(uint64_t(value))));
  llvm::erase_if(neighbours, [&](int64_t number) {
    return number <= 0 || number == value || number > 2 * value || 2 * number < value;
  });
  return neighbours;
}

void Adviser::adviseOnScalar(const std::string &name, int64_t value) {
  double best = noticeable;
  std::string text;
  for (int64_t number : neighboursOf(value, getTiles(scene.config))) {
    ProblemSizes sizes = scene.sizes;
    sizes.scalars[name] = double(number);
    auto problem = MaskProblem::make(scene.plan, sizes);
    if (!problem) {
      llvm::consumeError(problem.takeError());
      continue;
    }
    double share = saved(countComputedPairs(scene.planned.schedule, **problem));
    if (share < best)
      continue;
    mask::MaskWork work = predictWork(scene.planned, **problem);
    if (!work.visiblePairs || !*work.visiblePairs)
      continue;
    double visible = 1 - double(*work.visiblePairs) / double(*scene.work.visiblePairs);
    // What merely hides more is no advice.
    if (4 * visible > share)
      continue;
    best = share;
    text = formatv("{0} = {1} instead of {2} would compute {3} fewer pairs", name, number, value,
                   percent(share));
    if (visible > 0)
      text += formatv(", and hide {0:f1} % of the visible ones", 100 * visible).str();
  }
  if (!text.empty())
    advice.push_back(std::move(text));
}

void Adviser::adviseOnScalars() {
  attn::KernelOp kernel = scene.plan.graph->kernel();
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    std::string name = kernel.getOperandName(unsigned(index)).str();
    auto given = scene.sizes.scalars.find(name);
    if (type.isIntOrIndex() && !type.isInteger(1) && given != scene.sizes.scalars.end() &&
        given->second > 1 && !isGridSize(name))
      adviseOnScalar(name, int64_t(given->second));
  }
}

std::vector<std::string> advise(const AdviceScene &scene) {
  Adviser adviser(scene);
  if (scene.work.computedPairs == 0 || !scene.work.visiblePairs || !*scene.work.visiblePairs)
    return {};
  adviser.adviseOnShape();
  adviser.adviseOnBoxes();
  adviser.adviseOnScalars();
  return std::move(adviser.advice);
}

} // namespace attune
