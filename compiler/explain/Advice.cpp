// SPDX-License-Identifier: Apache-2.0
#include "compiler/explain/Advice.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <map>

using namespace mlir;
using llvm::formatv;

namespace attune {

namespace {

/// What is worth a sentence: a smaller share of the computed pairs is noise beside other costs.
constexpr double noticeable = 0.05;

class Adviser {
public:
  explicit Adviser(const AdviceScene &scene)
      : scene(scene), shape(getKernelShape(scene.plan, scene.plan.graph->kernel())),
        computed(estimate(scene.planned.schedule, scene.problem)) {}

  void adviseOnTiles();
  void adviseOnScalars();
  std::vector<std::string> advice;

private:
  /// Other tiles, how to ask for them, and what they save.
  struct OtherTiles {
    TilePair tiles;
    std::string words, request;
    double saved = 0;
  };
  void add(const std::string &words, const std::string &change,
           std::vector<OtherTiles> &candidates) const;
  void addShapes(std::vector<OtherTiles> &candidates) const;
  void addBoxes(std::vector<OtherTiles> &candidates) const;
  void adviseOnScalar(const std::string &name, int64_t value);
  std::optional<double> hiddenShare(const MaskProblem &problem) const;
  bool isSizeOfAxis(StringRef name) const;

  double estimate(const mask::Schedule &schedule, const MaskProblem &problem);
  /// What another schedule or problem saves, by as many row tiles as one has time for.
  double exactlySaved(const mask::Schedule &schedule, const MaskProblem &problem) const {
    constexpr int64_t rows = 200;
    return 1 -
           estimatePairs(schedule, problem, rows).computedPairs / double(scene.work.computedPairs);
  }
  double savedOf(double other) const { return computed > 0 ? 1 - other / computed : 0; }
  bool isTired() const { return effort > mostEffort; }

  /// Row tiles of a sample, and pairs of tiles that are looked at in all: some 0.2 s.
  static constexpr int64_t sampledRows = 12, mostEffort = 20000;

  const AdviceScene &scene;
  KernelShape shape;
  int64_t effort = 0;
  double computed;
};

} // namespace

double Adviser::estimate(const mask::Schedule &schedule, const MaskProblem &problem) {
  PairEstimate found = estimatePairs(schedule, problem, sampledRows);
  effort += found.effort;
  return found.computedPairs;
}

static std::string percent(double share) { return formatv("{0:f0} %", 100 * share).str(); }

//===--- Tiles --------------------------------------------------------------------------------===//

/// The tiles that --override would ask for, where they fit the target.
void Adviser::add(const std::string &words, const std::string &change,
                  std::vector<OtherTiles> &candidates) const {
  std::string error;
  tile::ConfigAttr other = overrideTiles(scene.config, change, error);
  if (other && checkTiles(other, scene.target, shape).empty())
    candidates.push_back({getTiles(other), words, change});
}

/// Tiles of as many pairs, flatter or narrower.
void Adviser::addShapes(std::vector<OtherTiles> &candidates) const {
  int64_t queries = scene.config.getQueries(), keys = scene.config.getKeys();
  for (auto [times, over] : {std::pair<int64_t, int64_t>{2, 1}, {4, 1}, {1, 2}, {1, 4}}) {
    if (queries % over != 0 || keys % times != 0)
      continue;
    int64_t otherQueries = queries * times / over, otherKeys = keys * over / times;
    add(formatv("tiles of {0} queries x {1} keys", otherQueries, otherKeys),
        formatv("queries={0},keys={1}", otherQueries, otherKeys), candidates);
  }
}

/// The boxes of `tokens` tokens that are closest to cubes, with sides that are powers of two where
/// `tokens` is one.
static std::vector<mask::TileShape> boxesOf(int64_t tokens, ArrayRef<int64_t> grid) {
  // By how much longer than wide, then in the order in which they were found.
  std::map<std::pair<int64_t, size_t>, mask::TileShape> boxes;
  SmallVector<int64_t, 3> sizes(grid.size(), 1);
  std::function<void(size_t, int64_t)> choose = [&](size_t dim, int64_t rest) {
    if (dim + 1 == grid.size()) {
      sizes[dim] = rest;
      auto [least, greatest] = std::minmax_element(sizes.begin(), sizes.end());
      boxes[{*greatest / *least, boxes.size()}] = {tokens, sizes};
      return;
    }
    for (int64_t size = 1; rest % size == 0; size *= 2) {
      sizes[dim] = size;
      choose(dim + 1, rest / size);
    }
  };
  choose(0, tokens);
  constexpr size_t most = 3;
  std::vector<mask::TileShape> nearest;
  for (auto &[order, shape] : boxes)
    if (nearest.size() < most)
      nearest.push_back(shape);
  return nearest;
}

/// "8x16"
static std::string join(const mask::TileShape &shape) {
  std::string text;
  for (int64_t size : shape.box)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

void Adviser::addBoxes(std::vector<OtherTiles> &candidates) const {
  auto queryGrid = scene.problem.grid(scene.problem.queryAxis());
  auto keyGrid = scene.problem.grid(scene.problem.keyAxis());
  if (queryGrid.size() < 2 || keyGrid.size() < 2)
    return;
  for (const mask::TileShape &queries : boxesOf(scene.config.getQueries(), queryGrid))
    for (const mask::TileShape &keys : boxesOf(scene.config.getKeys(), keyGrid))
      add(formatv("boxes of {0} queries and {1} keys", spell(queries), spell(keys)),
          formatv("query_box={0},key_box={1}", join(queries), join(keys)), candidates);
}

void Adviser::adviseOnTiles() {
  std::vector<OtherTiles> candidates;
  if (!scene.config.getQueryBox() && !scene.config.getKeyBox()) {
    addShapes(candidates);
    addBoxes(candidates);
  }
  const OtherTiles *best = nullptr;
  mask::Level level = scene.planned.schedule.level;
  for (OtherTiles &other : candidates) {
    if (isTired())
      break;
    other.saved =
        savedOf(estimate(scheduleMask(scene.plan, other.tiles, level).schedule, scene.problem));
    if (other.saved >= (best ? best->saved : noticeable))
      best = &other;
  }
  if (!best)
    return;
  double saved = exactlySaved(scheduleMask(scene.plan, best->tiles, level).schedule, scene.problem);
  if (saved >= noticeable)
    advice.push_back(formatv("{0} would compute {1} fewer pairs (--override {2})", best->words,
                             percent(saved), best->request));
}

//===--- Scalars ------------------------------------------------------------------------------===//

bool Adviser::isSizeOfAxis(StringRef name) const {
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
  llvm::SmallVector<int64_t> neighbours = {value - 1, value + 1,
                                           int64_t(llvm::PowerOf2Ceil(uint64_t(value)))};
  for (int64_t size : {tiles.queries.tokens, tiles.keys.tokens}) {
    neighbours.push_back(value / size * size);
    neighbours.push_back(int64_t(llvm::alignTo(uint64_t(value), uint64_t(size))));
  }
  llvm::sort(neighbours);
  neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
  llvm::erase_if(neighbours, [&](int64_t number) {
    return number <= 0 || number == value || number > 2 * value || 2 * number < value;
  });
  return neighbours;
}

/// Which share of the visible pairs another problem hides; below 0: it shows more.
std::optional<double> Adviser::hiddenShare(const MaskProblem &problem) const {
  mask::MaskWork work = predictWork(scene.planned, problem);
  if (!work.visiblePairs)
    return std::nullopt;
  return 1 - double(*work.visiblePairs) / double(*scene.work.visiblePairs);
}

void Adviser::adviseOnScalar(const std::string &name, int64_t value) {
  double best = noticeable;
  std::string text;
  for (int64_t number : neighboursOf(value, getTiles(scene.config))) {
    if (isTired())
      break;
    ProblemSizes sizes = scene.sizes;
    sizes.scalars[name] = double(number);
    auto problem = MaskProblem::make(scene.plan, sizes);
    if (!problem) {
      llvm::consumeError(problem.takeError());
      continue;
    }
    double saved = savedOf(estimate(scene.planned.schedule, **problem));
    if (saved >= best)
      saved = exactlySaved(scene.planned.schedule, **problem);
    if (saved < best)
      continue;
    std::optional<double> hidden = hiddenShare(**problem);
    // What merely hides more is no advice.
    if (!hidden || 4 * *hidden > saved)
      continue;
    best = saved;
    text = formatv("{0} = {1} instead of {2} would compute {3} fewer pairs", name, number, value,
                   percent(saved));
    if (*hidden > 0)
      text += formatv(" and hide {0:f1} % of the visible ones", 100 * *hidden).str();
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
        given->second > 1 && !isSizeOfAxis(name))
      adviseOnScalar(name, int64_t(given->second));
  }
}

std::vector<std::string> advise(const AdviceScene &scene) {
  if (scene.work.computedPairs == 0 || !scene.work.visiblePairs || !*scene.work.visiblePairs)
    return {};
  Adviser adviser(scene);
  adviser.adviseOnTiles();
  adviser.adviseOnScalars();
  return std::move(adviser.advice);
}

} // namespace attune
