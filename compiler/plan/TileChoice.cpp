// SPDX-License-Identifier: Apache-2.0
// Which tile sizes, threads and stages does a kernel get on a target, and does a choice fit?
#include "compiler/plan/TileChoice.h"

#include "compiler/plan/PackedHeads.h"
#include "compiler/plan/WarpgroupChoice.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attune;
using tile::ConfigAttr;

/// Registers of a thread that no tile fills: addresses, row state, loop counters.
static constexpr int64_t OtherRegisters = 72;
/// More key tiles in flight than this hide nothing more.
static constexpr int64_t GreatestStages = 8;

//===--- budgets ------------------------------------------------------------------------------===//

/// Queries of one warp.
static int64_t getWarpQueries(ConfigAttr config, const Target &target) {
  return config.getQueries() / std::max<int64_t>(1, config.getThreads() / target.warpThreads);
}

/// 32-bit registers of a thread: its share of its warp's rows of scores, of rounded weights (two to
/// a register, for each vector that they are summed into) and of carried vectors, and what it knows of
/// its rows.
static int64_t getThreadRegisters(ConfigAttr config, const Target &target,
                                  const KernelShape &shape) {
  int64_t vectors = std::max<int64_t>(1, shape.accumulatorWidths.size());
  int64_t row = config.getKeys() * shape.matrices + config.getKeys() / 2 * vectors +
                llvm::sum_of(shape.accumulatorWidths);
  // A thread has two rows of each tile of a tensor core's queries.
  int64_t rows = 2 * getWarpQueries(config, target) / target.warpQueries;
  return row * getWarpQueries(config, target) / target.warpThreads + shape.rowValues * rows +
         OtherRegisters;
}

std::string attune::checkShape(const Target &target, const KernelShape &shape) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (target.isHost() || shape.keyWidths.empty())
    return text;
  if (!shape.isFloat16) {
    out << "expected products of f16 or bf16 on " << target.name << ", but got elements of "
        << shape.elementBits << " bits; compile for the host, or store them as bf16";
    return text;
  }
  for (int64_t width : llvm::concat<const int64_t>(shape.queryWidths, shape.keyWidths))
    if (width % 16 != 0) {
      out << "expected vectors of a multiple of 16 on " << target.name << ", but got " << width
          << "; pad them with zeros, or compile for the host";
      return text;
    }
  return text;
}

static std::string checkHost(ConfigAttr config, const Target &target) {
  std::string text;
  llvm::raw_string_ostream out(text);
  int64_t lanes = target.vectorBytes / 4;
  if (config.getQueries() % lanes != 0)
    out << "expected queries to be a multiple of " << lanes << ", the f32 lanes of " << target.name
        << ", but got " << config.getQueries();
  else if (config.getThreads() != 1)
    out << "expected 1 thread on the host, where a task is one thread's, but got "
        << config.getThreads();
  else if (config.getKeys() % 2 != 0)
    out << "expected an even number of keys, but got " << config.getKeys();
  return text;
}

static std::string checkCuda(ConfigAttr config, const Target &target, const KernelShape &shape) {
  if (config.getWarpgroups() != 0)
    return checkWarpgroups(config, target, shape);
  std::string text;
  llvm::raw_string_ostream out(text);
  int64_t warps = std::max<int64_t>(1, config.getThreads() / target.warpThreads);
  int64_t shared = getSharedBytes(config, target, shape);
  int64_t registers = getThreadRegisters(config, target, shape);
  if (config.getQueries() % target.warpQueries != 0 || config.getKeys() % 16 != 0)
    out << "expected queries and keys to be multiples of 16, the tile of a tensor core, but got "
        << config.getQueries() << " and " << config.getKeys();
  else if (config.getThreads() != warps * target.warpThreads ||
           config.getQueries() % (warps * target.warpQueries) != 0)
    out << "expected whole warps of " << target.warpThreads << " threads with a multiple of "
        << target.warpQueries << " queries each, but got " << config.getThreads() << " threads for "
        << config.getQueries() << " queries";
  else if (config.getThreads() > target.blockThreads)
    out << "expected at most " << target.blockThreads << " threads a block on " << target.name
        << ", but got " << config.getThreads() << "; use fewer queries";
  else if (shared > target.blockSharedBytes)
    out << "expected at most " << target.blockSharedBytes << " bytes of shared memory on "
        << target.name << ", but the tiles take " << shared << "; use fewer keys or stages";
  else if (registers > target.threadRegisters ||
           registers * config.getThreads() > target.blockRegisters)
    out << "expected at most "
        << std::min(target.threadRegisters, target.blockRegisters / config.getThreads())
        << " registers a thread on " << target.name << ", but the tiles take about " << registers
        << "; use fewer keys";
  return text;
}

/// A box has as many sizes as its axis' grid, and as many tokens as its tile.
static std::string checkBox(ConfigAttr config, const KernelShape &shape, bool ofKeys) {
  DenseI64ArrayAttr box = ofKeys ? config.getKeyBox() : config.getQueryBox();
  if (!box)
    return "";
  std::string text;
  llvm::raw_string_ostream out(text);
  const char *name = ofKeys ? "key_box" : "query_box", *side = ofKeys ? "keys" : "queries";
  size_t rank = ofKeys ? shape.keyGrid : shape.queryGrid;
  int64_t tokens = ofKeys ? config.getKeys() : config.getQueries();
  auto write = [&] { llvm::interleave(box.asArrayRef(), out, "x"); };
  if (rank == 0)
    out << "expected no " << name << " where the axis of " << side
        << " has no grid; declare one (axis .. grid (..))";
  else if (size_t(box.size()) != rank ||
           llvm::any_of(box.asArrayRef(), [](int64_t size) { return size < 1; })) {
    out << "expected a " << name << " of " << rank << " sizes, as the grid of " << side
        << " has, but got ";
    write();
  } else if (llvm::product_of(box.asArrayRef()) != tokens) {
    out << "expected a " << name << " of " << tokens << " tokens, as many as " << side
        << ", but got ";
    write();
  }
  return text;
}

std::string attune::checkTiles(ConfigAttr config, const Target &target, const KernelShape &shape) {
  for (auto [name, value] : {std::pair<const char *, int64_t>{"queries", config.getQueries()},
                             {"keys", config.getKeys()},
                             {"threads", config.getThreads()},
                             {"stages", config.getStages()}})
    if (value < 1)
      return std::string("expected ") + name + " to be at least 1, but got " +
             std::to_string(value);
  if (std::string why = checkPackedHeads(config, shape); !why.empty())
    return why;
  for (bool ofKeys : {false, true})
    if (std::string why = checkBox(config, shape, ofKeys); !why.empty())
      return why;
  if (config.getStages() > GreatestStages)
    return "expected at most " + std::to_string(GreatestStages) + " stages, but got " +
           std::to_string(config.getStages());
  if (target.isHost())
    return checkHost(config, target);
  return checkCuda(config, target, shape);
}

//===--- the choice ---------------------------------------------------------------------------===//

/// Scores of a tile stay in half of the first cache; four vectors of queries share every key read, on
/// the widest level. Measured best or within 3 % of it for heads of 64, 128 and 256 numbers.
static ConfigAttr chooseHost(MLIRContext *context, const Target &target, const KernelShape &shape) {
  int64_t queries = 64, keys = 64;
  while (keys > 32 && queries * keys * 4 * shape.matrices > target.firstCacheBytes / 2)
    keys /= 2;
  return ConfigAttr::get(context, queries, keys, /*threads=*/1, /*stages=*/1);
}

/// Eight warps where the carried vectors leave room for scores, four where they do not; then as
/// many keys as registers allow and as many stages (at most 3) as shared memory does.
static ConfigAttr chooseCuda(MLIRContext *context, const Target &target, const KernelShape &shape) {
  if (ConfigAttr config = chooseWarpgroups(context, target, shape))
    return config;
  // Where heads are packed there are few queries, and more registers go to finding where rows are.
  int64_t most = llvm::sum_of(shape.accumulatorWidths) <= 128 && !shape.packedHeads ? 128 : 64;
  // Two products a warp for each block of keys that it reads: one product reads shared memory as
  // fast as it multiplies. With few keys that is not worth it, since each tile of keys costs a
  // rescaling of what is carried; nor with much work at each pair, which needs the registers.
  constexpr int64_t mostPairOps = 13;
  // A sum of its own beside the scores is a tile of numbers that are added up: two fit, of more the keys pay.
  constexpr int64_t mostSums = 2, manySums = 8;
  constexpr int64_t mostPairReads = 2;
  bool heavy =
      shape.pairOps > mostPairOps || shape.sums > mostSums || shape.pairReads > mostPairReads;
  int64_t mostKeys = shape.sums > manySums ? 16 : heavy ? 32 : 64;
  // Two products of long vectors leave nothing to what finds the tiles of such masks.
  bool crowded = shape.hasScatteredKeys && llvm::sum_of(shape.accumulatorWidths) > 64;
  for (int64_t products = heavy || crowded || shape.packedHeads ? 1 : 2; products >= 1; --products)
    for (int64_t queries = most; queries >= 64 || (products == 1 && queries >= 16); queries /= 2)
      for (int64_t stages : {3, 2, 1})
        for (int64_t keys : {64, 32, 16}) {
          // Deep prefetch is for short vectors: a longer one takes the space of a second block.
          if ((stages == 3 && llvm::sum_of(shape.keyWidths) > 128) ||
              (products == 2 && keys < 32) || keys > mostKeys ||
              (shape.packedHeads && queries % shape.packedHeads))
            continue;
          int64_t threads = queries / (products * target.warpQueries) * target.warpThreads;
          auto config = ConfigAttr::get(context, queries, keys, threads, stages);
          if (threads >= std::min<int64_t>(4, queries / 16) * target.warpThreads &&
              checkCuda(config, target, shape).empty())
            return config;
        }
  return ConfigAttr::get(context, 16, 16, target.warpThreads, 1);
}

ConfigAttr attune::chooseTiles(MLIRContext *context, const Target &target,
                               const KernelShape &shape) {
  return target.isHost() ? chooseHost(context, target, shape) : chooseCuda(context, target, shape);
}

ConfigAttr attune::chooseGathered(MLIRContext *context, const Target &target,
                                  const KernelShape &shape) {
  int64_t rows = shape.packedHeads;
  auto make = [&](int64_t keys, int64_t threads, int64_t stages) {
    return ConfigAttr::get(context, rows, keys, threads, stages, {}, {}, /*warpgroups=*/0, rows);
  };
  if (target.isHost())
    return make(chooseHost(context, target, shape).getKeys(), 1, 1);
  // Tokens from anywhere take long to come: deep prefetch before many keys.
  int64_t threads = llvm::divideCeil(rows, target.warpQueries) * target.warpThreads;
  for (int64_t keys : {64, 32, 16})
    for (int64_t stages : {3, 2})
      if (ConfigAttr config = make(keys, threads, stages); checkCuda(config, target, shape).empty())
        return config;
  return make(16, threads, 1);
}

ConfigAttr attune::chooseTokens(MLIRContext *context, const Target &target) {
  // Enough work a block to hide its start, few enough that short sequences fill a GPU.
  constexpr int64_t tokens = 64, threads = 128;
  return ConfigAttr::get(context, tokens, tokens, target.isHost() ? 1 : threads, 1);
}

/// "8x16", or "none": null.
static bool parseBox(MLIRContext *context, StringRef text, DenseI64ArrayAttr &box) {
  box = {};
  if (text == "none")
    return true;
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  SmallVector<int64_t> sizes(parts.size());
  for (auto [part, size] : llvm::zip(parts, sizes))
    if (part.trim().getAsInteger(10, size) || size < 1)
      return false;
  box = DenseI64ArrayAttr::get(context, sizes);
  return true;
}

/// Reads one field of an override into `values` (queries, keys, threads, stages, warpgroups,
/// packed_heads) or `boxes` (of queries,
/// of keys); why it cannot be read, if so.
static std::string overrideField(MLIRContext *context, StringRef field,
                                 std::array<std::optional<int64_t>, 6> &values,
                                 std::array<std::optional<DenseI64ArrayAttr>, 2> &boxes) {
  auto [left, right] = field.trim().split('=');
  StringRef name = left.trim(), value = right.trim();
  int place = llvm::StringSwitch<int>(name)
                  .Case("queries", 0)
                  .Case("keys", 1)
                  .Case("threads", 2)
                  .Case("stages", 3)
                  .Case("warpgroups", 4)
                  .Case("packed_heads", 5)
                  .Case("query_box", 6)
                  .Case("key_box", 7)
                  .Default(-1);
  if (place < 0)
    return "expected queries, keys, threads, stages, warpgroups, packed_heads, query_box or "
           "key_box, "
           "but got '" +
           name.str() + "'";
  if (place >= 6) {
    if (!parseBox(context, value, boxes[place - 6].emplace()))
      return "expected '" + name.str() + "=' and sizes like 8x16, or none, but got '" +
             field.str() + "'";
    return "";
  }
  int64_t number = 0;
  if (value.getAsInteger(10, number))
    return "expected '" + name.str() + "=' and a number, but got '" + field.str() + "'";
  values[place] = number;
  return "";
}

ConfigAttr attune::overrideTiles(ConfigAttr config, StringRef text, std::string &error) {
  std::array<std::optional<int64_t>, 6> values;
  std::array<std::optional<DenseI64ArrayAttr>, 2> boxes;
  SmallVector<StringRef> fields;
  text.split(fields, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef field : fields) {
    error = overrideField(config.getContext(), field, values, boxes);
    if (!error.empty())
      return {};
  }
  DenseI64ArrayAttr queryBox = boxes[0].value_or(config.getQueryBox());
  DenseI64ArrayAttr keyBox = boxes[1].value_or(config.getKeyBox());
  // Tokens follow a box that is given, threads follow the queries, unless they are given.
  auto tokens = [](std::optional<int64_t> given, std::optional<DenseI64ArrayAttr> box,
                   int64_t before) {
    if (given || !box || !*box)
      return given.value_or(before);
    return llvm::product_of(box->asArrayRef());
  };
  int64_t queries = tokens(values[0], boxes[0], config.getQueries());
  int64_t keys = tokens(values[1], boxes[1], config.getKeys());
  int64_t groups = values[4].value_or(config.getWarpgroups());
  int64_t threads = config.getThreads();
  if (groups != config.getWarpgroups() || (groups && queries != config.getQueries())) {
    // As many as suit the target's products: 64 queries a warpgroup, 16 a warp.
    threads = groups ? 128 * (groups + 1) : 2 * queries;
    if (groups && !values[0])
      queries = 64 * groups;
  } else if (config.getThreads() > 1 && config.getQueries() > 0) {
    threads =
        llvm::alignTo(std::max<int64_t>(1, config.getThreads() * queries / config.getQueries()),
                      std::min<int64_t>(32, config.getThreads()));
  }
  return ConfigAttr::get(config.getContext(), queries, keys, values[2].value_or(threads),
                         values[3].value_or(config.getStages()), queryBox, keyBox, groups,
                         values[5].value_or(config.getPackedHeads()));
}
