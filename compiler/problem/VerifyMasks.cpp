// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/VerifyMasks.h"

#include "compiler/problem/Prediction.h"
#include "compiler/problem/ProblemChoice.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace attune {

namespace {

/// Which pairs of one sequence and head a mask leaves, pair by pair.
mask::PairBits visibleIn(const MaskNumbers &numbers, const Domain &domain, bool unknown) {
  const ScorePlane &plane = numbers.values().place();
  mask::PairBits pairs(plane.queries, plane.keys);
  for (int64_t query = 0; query < plane.queries; ++query)
    for (auto [key, visible] : llvm::enumerate(numbers.visible(domain, query, unknown)))
      pairs.set(query, int64_t(key), visible);
  return pairs;
}

/// One way of tiling that a mask is tried with.
struct Tiling {
  TilePair tiles;
  mask::Direction direction;
  /// The closed-form ranges alone, key by key.
  bool rangesOnly = false;
};

class MaskVerifier {
public:
  MaskVerifier(const SweepPlan &plan, const Domain &domain, const VerifyOptions &options)
      : plan(plan), domain(domain), options(options) {}

  void add(const MaskProblem &problem, const ProblemSizes &sizes);
  void print(StringRef name, llvm::raw_ostream &stream) const;
  bool isSound() const { return findings.empty(); }

private:
  std::vector<Tiling> tilings(const MaskProblem &problem) const;
  void verify(const Tiling &tiling, const MaskProblem &problem, const ProblemSizes &sizes);
  void verifyPlane(const Tiling &tiling, const mask::Schedule &schedule, const MaskProblem &problem,
                   const ProblemSizes &sizes, const MaskNumbers &numbers);
  void report(const Tiling &tiling, const mask::Contradiction &wrong, const MaskProblem &problem,
              const ProblemSizes &sizes, const MaskNumbers &numbers);
  bool isKnown(const MaskNumbers &numbers) const;
  const mask::PairBits &visiblePairs(const MaskNumbers &numbers, bool unknown);

  const SweepPlan &plan;
  const Domain &domain;
  const VerifyOptions &options;

  mask::Verification total;
  /// Of tiles that are visited, and of those that hold a visible pair.
  int64_t computedPairs = 0, neededPairs = 0;
  unsigned problems = 0;
  mask::Level highest = mask::Level::All;
  int64_t wrong = 0;
  bool hasUnknown = false;
  std::string failure;
  std::vector<std::string> findings, shapes;
  /// Of the problem that is being added; brute force is asked once for all tilings.
  std::map<std::pair<const MaskNumbers *, bool>, mask::PairBits> pairs;
};

} // namespace

//===--- Ways of tiling -----------------------------------------------------------------------===//

/// A box of about cubic shape with `tokens` tokens, the longer sides inside; the outermost is 1 where
/// they do not suffice.
static SmallVector<int64_t, 3> boxOf(int64_t tokens, size_t rank) {
  SmallVector<int64_t, 3> box(rank, 1);
  for (size_t dim = rank - 1; tokens % 2 == 0; dim = dim == 0 ? rank - 1 : dim - 1) {
    box[dim] *= 2;
    tokens /= 2;
  }
  box[rank - 1] *= tokens;
  return box;
}

std::vector<Tiling> MaskVerifier::tilings(const MaskProblem &problem) const {
  std::vector<Tiling> all;
  size_t queryRank = problem.grid(problem.queryAxis()).size();
  size_t keyRank = problem.grid(problem.keyAxis()).size();
  for (auto direction : {mask::Direction::Forward, mask::Direction::Transposed}) {
    for (auto [queries, keys] : options.tiles) {
      all.push_back({{{queries, {}}, {keys, {}}}, direction});
      if (queryRank > 1 && keyRank > 1)
        all.push_back(
            {{{queries, boxOf(queries, queryRank)}, {keys, boxOf(keys, keyRank)}}, direction});
    }
    auto [queries, keys] = options.tiles.front();
    bool forward = direction == mask::Direction::Forward;
    all.push_back({{{forward ? queries : 1, {}}, {forward ? 1 : keys, {}}}, direction, true});
  }
  return all;
}

static std::string spellSide(const mask::TileShape &shape) {
  return shape.box.empty() ? spell(shape) : "(" + spell(shape) + ")";
}

//===--- One schedule -------------------------------------------------------------------------===//

bool MaskVerifier::isKnown(const MaskNumbers &numbers) const {
  return llvm::all_of(domain, [&](const Node *predicate) {
    return numbers.values().place().queries == 0 || numbers.values().row(predicate, 0);
  });
}

const mask::PairBits &MaskVerifier::visiblePairs(const MaskNumbers &numbers, bool unknown) {
  auto known = pairs.find({&numbers, unknown});
  if (known == pairs.end())
    known = pairs.emplace(std::pair(&numbers, unknown), visibleIn(numbers, domain, unknown)).first;
  return known->second;
}

void MaskVerifier::verifyPlane(const Tiling &tiling, const mask::Schedule &schedule,
                               const MaskProblem &problem, const ProblemSizes &sizes,
                               const MaskNumbers &numbers) {
  bool forward = tiling.direction == mask::Direction::Forward;
  mask::RowTile::Sizes lengths;
  lengths.rowTokens = forward ? problem.queries() : problem.keys();
  lengths.columnTokens = forward ? problem.keys() : problem.queries();
  lengths.rowGrid = problem.grid(forward ? problem.queryAxis() : problem.keyAxis());
  lengths.columnGrid = problem.grid(forward ? problem.keyAxis() : problem.queryAxis());
  // What depends on scores may be either: a tile is empty only if no pair is visible even where they
  // say yes, and full only if none is hidden even where they say no.
  bool known = isKnown(numbers);
  hasUnknown |= !known;
  for (bool unknown : {true, false}) {
    if (known && !unknown)
      break;
    const mask::PairBits &visible = visiblePairs(numbers, unknown);
    mask::Verification result = mask::verifySchedule(schedule, lengths, numbers, visible);
    for (const mask::Contradiction &contradiction : result.contradictions)
      report(tiling, contradiction, problem, sizes, numbers);
    if (!unknown || tiling.rangesOnly)
      continue;
    total.tiles += result.tiles;
    total.tight += result.tight;
    total.emptyTiles += result.emptyTiles;
    total.partialTiles += result.partialTiles;
    total.fullTiles += result.fullTiles;
    total.bestEmptyTiles += result.bestEmptyTiles;
    total.bestPartialTiles += result.bestPartialTiles;
    int64_t pairs = tiling.tiles.queries.tokens * tiling.tiles.keys.tokens;
    computedPairs += pairs * (result.tiles - result.emptyTiles);
    neededPairs += pairs * (result.tiles - result.bestEmptyTiles);
  }
}

void MaskVerifier::verify(const Tiling &tiling, const MaskProblem &problem,
                          const ProblemSizes &sizes) {
  bool boxes = !tiling.tiles.queries.box.empty();
  mask::FormulaBuilder builder(*plan.graph,
                               boxes ? getGrid(plan, problem.queryAxis()) : mask::TokenGrid(),
                               getKeys(plan, problem.keyAxis(), boxes));
  mask::ScheduleOptions schedule;
  schedule.direction = tiling.direction;
  bool forward = tiling.direction == mask::Direction::Forward;
  schedule.rows = forward ? tiling.tiles.queries : tiling.tiles.keys;
  schedule.columns = forward ? tiling.tiles.keys : tiling.tiles.queries;
  if (tiling.rangesOnly)
    schedule.level = mask::Level::Ranges;
  mask::Schedule built = mask::buildSchedule(builder, builder.build(domain), schedule);
  if (!tiling.rangesOnly)
    highest = std::max(highest, built.level);
  for (int64_t sequence = 0; sequence < (built.onBatch ? problem.batch() : 1); ++sequence)
    for (int64_t head = 0; head < (built.onHead ? problem.heads() : 1); ++head)
      verifyPlane(tiling, built, problem, sizes, problem.numbers(sequence, head));
}

void MaskVerifier::add(const MaskProblem &problem, const ProblemSizes &sizes) {
  ++problems;
  pairs.clear();
  for (const Tiling &tiling : tilings(problem)) {
    verify(tiling, problem, sizes);
    std::string shape = spellSide(tiling.tiles.queries) + " x " + spellSide(tiling.tiles.keys);
    if (!tiling.rangesOnly && !llvm::is_contained(shapes, shape))
      shapes.push_back(shape);
  }
  if (failure.empty())
    failure = problem.numbers(0, 0).values().failure();
}

//===--- Words --------------------------------------------------------------------------------===//

static StringRef spell(mask::TileClass tile) {
  switch (tile) {
  case mask::TileClass::Empty: return "empty";
  case mask::TileClass::Partial: return "partial";
  case mask::TileClass::Full: return "full";
  }
  llvm_unreachable("no such class");
}

/// What is read from memory, and scalars, in a predicate: the numbers that its truth rests on.
static void collectNumbers(const Node *node, SmallVectorImpl<const Node *> &numbers) {
  bool isRead = node->kind == NodeKind::Opaque && isa<attn::LoadOp>(node->operation);
  bool isOperand = node->kind == NodeKind::Element ||
                   (node->kind == NodeKind::Scalar && !isa<TensorType>(node->type));
  if ((isRead || isOperand) && !llvm::is_contained(numbers, node))
    numbers.push_back(node);
  for (const Node *operand : node->operands)
    collectNumbers(operand, numbers);
}

static std::string spellNumbers(const Domain &domain, int64_t query, int64_t key,
                                const MaskNumbers &numbers) {
  SmallVector<const Node *> nodes;
  for (const Node *predicate : domain)
    collectNumbers(predicate, nodes);
  std::string text;
  for (const Node *node : nodes) {
    const reference::Lanes *values = numbers.values().row(node, query);
    if (!values || !values->integer || values->width != 1)
      continue;
    int64_t value = values->integers[size_t(key * values->stride())];
    text += (text.empty() ? "" : ", ") + toString(node) + " = " + std::to_string(value);
  }
  return text;
}

static std::string spellSizes(const MaskProblem &problem, const ProblemSizes &sizes,
                              const ScorePlane &plane) {
  std::string text =
      formatv("{0} = {1}, {2} = {3}, b = {4}, h = {5}", problem.queryAxis(), problem.queries(),
              problem.keyAxis(), problem.keys(), plane.batch, plane.head);
  for (auto &[name, value] : sizes.scalars)
    text +=
        formatv(", {0} = {1}", name,
                value == std::floor(value) ? std::to_string(int64_t(value)) : std::to_string(value))
            .str();
  if (!problem.madeUp().empty())
    text += formatv("; {0} made up with seed {1}", llvm::join(problem.madeUp(), ", "), sizes.seed)
                .str();
  return text;
}

/// The tokens of one side of a contradicting tile: "queries 64 .. 127".
static std::string spellTile(StringRef side, const mask::TileShape &shape, int64_t tokens,
                             ArrayRef<int64_t> grid, int64_t tile) {
  auto all = mask::tokensOf(shape, tokens, grid, tile);
  return formatv("{0} {1} .. {2}{3}", side, all.empty() ? -1 : all.front(),
                 all.empty() ? -1 : all.back(),
                 shape.box.empty() ? std::string() : " in a box " + spell(shape))
      .str();
}

void MaskVerifier::report(const Tiling &tiling, const mask::Contradiction &contradiction,
                          const MaskProblem &problem, const ProblemSizes &sizes,
                          const MaskNumbers &numbers) {
  ++wrong;
  constexpr size_t most = 3; // examples are enough
  if (findings.size() >= most)
    return;
  bool forward = tiling.direction == mask::Direction::Forward;
  int64_t queryTile = forward ? contradiction.rowTile : contradiction.columnTile;
  int64_t keyTile = forward ? contradiction.columnTile : contradiction.rowTile;
  std::string text = formatv(
      "  wrong{0}: the tile of {1} and {2} is said to be {3}, but query {4} {5} key {6}\n",
      forward ? "" : " (transposed)",
      spellTile("queries", tiling.tiles.queries, problem.queries(),
                problem.grid(problem.queryAxis()), queryTile),
      spellTile("keys", tiling.tiles.keys, problem.keys(), problem.grid(problem.keyAxis()),
                keyTile),
      spell(contradiction.claimed), contradiction.query,
      contradiction.claimed == mask::TileClass::Empty ? "sees" : "does not see", contradiction.key);
  std::string values = spellNumbers(domain, contradiction.query, contradiction.key, numbers);
  if (!values.empty())
    text += "    there: " + values + "\n";
  text += "    at: " + spellSizes(problem, sizes, numbers.values().place()) + "\n";
  for (const std::string &fact : problem.brokenFacts())
    text += "    the claim rests on a declared fact that is not true: " + fact + "\n";
  findings.push_back(std::move(text));
}

void MaskVerifier::print(StringRef name, llvm::raw_ostream &stream) const {
  stream << name << ": tiles of " << llvm::join(shapes, ", ") << ", both ways, " << problems
         << (problems == 1 ? " problem: " : " problems: ") << total.tiles
         << " tiles: " << total.emptyTiles << " empty, " << total.partialTiles << " partial, "
         << total.fullTiles << " full; ";
  if (hasUnknown)
    stream << "what has no value here taken both ways";
  else
    stream << total.tight << " tight";
  if (!hasUnknown && total.tight < total.tiles && findings.empty())
    stream << formatv(", {0} partial without need, {1:f2} % more pairs computed",
                      total.partialTiles - total.bestPartialTiles,
                      100.0 * double(computedPairs - neededPairs) /
                          double(std::max<int64_t>(neededPairs, 1)));
  stream << "; level " << spell(highest) << "; unsound: " << wrong << "\n";
  if (hasUnknown && !failure.empty())
    stream << "  (no value: " << failure << ")\n";
  for (const std::string &finding : findings)
    stream << finding;
}

//===--- A kernel -----------------------------------------------------------------------------===//

llvm::Expected<unsigned> verifyMasks(const SweepPlan &plan, const VerifyOptions &options,
                                     llvm::raw_ostream &stream) {
  std::vector<Domain> domains = getDomains(plan);
  std::vector<MaskVerifier> verifiers;
  for (const Domain &domain : domains)
    verifiers.emplace_back(plan, domain, options);
  std::vector<std::string> broken;
  for (int64_t number = 0; number < options.problems; ++number) {
    auto sizes = chooseSizes(plan, options.given, uint64_t(options.seed + number));
    if (!sizes)
      return sizes.takeError();
    auto problem = MaskProblem::make(plan, *sizes);
    if (!problem)
      return problem.takeError();
    for (MaskVerifier &verifier : verifiers)
      verifier.add(**problem, *sizes);
    broken = (*problem)->brokenFacts();
  }
  unsigned unsound = 0;
  for (auto [index, verifier] : llvm::enumerate(verifiers)) {
    std::string name = ("@" + plan.graph->kernel().getSymName()).str();
    if (domains.size() > 1)
      name += formatv(", mask {0}", index).str();
    verifier.print(name, stream);
    unsound += !verifier.isSound();
  }
  if (!unsound)
    for (const std::string &fact : broken)
      stream << "  a declared fact is not true: " << fact << "\n";
  return unsound;
}

} // namespace attune
