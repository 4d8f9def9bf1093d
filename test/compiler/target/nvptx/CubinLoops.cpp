// SPDX-License-Identifier: Apache-2.0
// Where are the loops of a kernel? A spin on a barrier is laid out behind the kernel's end and
// branches back into the loop that waits, so not every backward branch closes a loop: loops are
// natural ones, from dominators.
#include "test/compiler/target/nvptx/CubinReport.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <map>
#include <optional>
#include <set>

using namespace attune::test;

namespace {

/// Instructions [first, end) that run one after the other.
struct Block {
  size_t first, end;
  llvm::SmallVector<size_t, 2> successors, predecessors;
};

class Graph {
public:
  static llvm::Expected<Graph> of(llvm::ArrayRef<Instruction> code);

  std::vector<Block> blocks;
  /// For each block, the blocks on all ways to it; empty for what is never reached.
  std::vector<llvm::BitVector> dominators() const;
  /// The blocks from which `latch` is reached without passing `header`, and the two.
  llvm::BitVector body(size_t header, size_t latch) const;

private:
  void connect(size_t from, size_t to) {
    blocks[from].successors.push_back(to);
    blocks[to].predecessors.push_back(from);
  }
};

} // namespace

/// Where blocks begin: targets, and what follows a branch or an end.
static llvm::Expected<std::set<size_t>> findLeaders(llvm::ArrayRef<Instruction> code) {
  std::set<size_t> leaders{0};
  for (auto [at, instruction] : llvm::enumerate(code)) {
    bool isBranch = instruction.kind() == Kind::branch;
    if (isBranch) {
      int64_t target = instruction.target(int64_t(at));
      if (target < 0 || target >= int64_t(code.size()))
        return llvm::createStringError("the branch at " + std::to_string(at) + " goes to " +
                                       std::to_string(target) + ", but the kernel has " +
                                       std::to_string(code.size()) + " instructions");
      leaders.insert(size_t(target));
    }
    if ((isBranch || instruction.ends()) && at + 1 < code.size())
      leaders.insert(at + 1);
  }
  return leaders;
}

llvm::Expected<Graph> Graph::of(llvm::ArrayRef<Instruction> code) {
  auto leaders = findLeaders(code);
  if (!leaders)
    return leaders.takeError();
  Graph graph;
  std::map<size_t, size_t> blockAt;
  for (auto leader = leaders->begin(); leader != leaders->end(); ++leader) {
    auto next = std::next(leader);
    blockAt[*leader] = graph.blocks.size();
    graph.blocks.push_back({*leader, next == leaders->end() ? code.size() : *next, {}, {}});
  }
  for (size_t block = 0; block < graph.blocks.size(); ++block) {
    size_t at = graph.blocks[block].end - 1;
    bool isBranch = code[at].kind() == Kind::branch;
    if (isBranch)
      graph.connect(block, blockAt.at(size_t(code[at].target(int64_t(at)))));
    bool leaves = code[at].ends() || (isBranch && code[at].isUnconditional());
    if (!leaves && block + 1 < graph.blocks.size())
      graph.connect(block, block + 1);
  }
  return graph;
}

std::vector<llvm::BitVector> Graph::dominators() const {
  llvm::BitVector reached(blocks.size());
  llvm::SmallVector<size_t> work{0};
  while (!work.empty()) {
    size_t block = work.pop_back_val();
    if (reached.test(block))
      continue;
    reached.set(block);
    work.append(blocks[block].successors.begin(), blocks[block].successors.end());
  }
  std::vector<llvm::BitVector> sets(blocks.size(), llvm::BitVector(blocks.size()));
  for (size_t block : reached.set_bits())
    sets[block].set();
  sets[0].reset();
  sets[0].set(0);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t block : reached.set_bits()) {
      llvm::BitVector common = sets[block];
      for (size_t before : blocks[block].predecessors)
        if (reached.test(before))
          common &= sets[before];
      common.set(block);
      changed |= common != sets[block];
      sets[block] = std::move(common);
    }
  }
  return sets;
}

llvm::BitVector Graph::body(size_t header, size_t latch) const {
  llvm::BitVector body(blocks.size());
  body.set(header);
  llvm::SmallVector<size_t> work{latch};
  while (!work.empty()) {
    size_t block = work.pop_back_val();
    if (body.test(block))
      continue;
    body.set(block);
    work.append(blocks[block].predecessors.begin(), blocks[block].predecessors.end());
  }
  return body;
}

static Mix mixOf(llvm::ArrayRef<Instruction> instructions) {
  Mix mix;
  for (const Instruction &instruction : instructions)
    mix.add(instruction);
  return mix;
}

/// A loop's blocks and the code that they are of.
struct Body {
  const Graph &graph;
  llvm::ArrayRef<Instruction> code;
  size_t header;
  llvm::BitVector blocks;

  llvm::ArrayRef<Instruction> at(size_t block) const {
    const Block &range = graph.blocks[block];
    return code.slice(range.first, range.end - range.first);
  }
  size_t dropAsides();
  std::vector<Instruction> inOrder() const;
};

/// Removes the stretches of the code that neither compute nor hold the loop's ends, and says how
/// many instructions these have.
size_t Body::dropAsides() {
  size_t dropped = 0;
  for (int first = blocks.find_first(); first >= 0;) {
    int end = first;
    bool stays = false;
    size_t length = 0;
    for (; end < int(blocks.size()) && blocks.test(end); ++end) {
      Mix mix = mixOf(at(end));
      stays |= size_t(end) == header || mix.products() > 0 || mix[Kind::special] > 0 ||
               llvm::is_contained(graph.blocks[end].successors, header);
      length += at(end).size();
    }
    if (!stays) {
      blocks.reset(first, end);
      dropped += length;
    }
    first = end < int(blocks.size()) ? blocks.find_next(end) : -1;
  }
  return dropped;
}

/// The instructions in the order of the code, from the header round to it.
std::vector<Instruction> Body::inOrder() const {
  std::vector<Instruction> instructions;
  auto append = [&](size_t from, size_t to) {
    for (size_t block : blocks.set_bits())
      if (block >= from && block < to)
        llvm::append_range(instructions, at(block));
  };
  append(header, blocks.size());
  append(0, header);
  return instructions;
}

namespace {

/// The longest or the shortest of the turns that pass the most HGMMA.
class Turns {
public:
  Turns(const Body &body, bool longest) : body(body), longest(longest) {}
  size_t length() { return from(body.header)->length; }

private:
  struct Way {
    unsigned products;
    size_t length;
  };
  bool isBetter(const Way &way, const Way &than) const {
    if (way.products != than.products)
      return way.products > than.products;
    return longest ? way.length > than.length : way.length < than.length;
  }

  /// The best way from `block` back to the header; none when all lead out of the loop.
  std::optional<Way> from(size_t block) {
    if (auto known = best.find(block); known != best.end())
      return known->second;
    best[block] = std::nullopt; // What comes back to this block is a loop inside.
    std::optional<Way> rest;
    for (size_t next : body.graph.blocks[block].successors) {
      std::optional<Way> way;
      if (next == body.header)
        way = Way{0, 0};
      else if (body.blocks.test(next))
        way = from(next);
      if (way && (!rest || isBetter(*way, *rest)))
        rest = way;
    }
    if (rest)
      rest = Way{rest->products + mixOf(body.at(block)).products(),
                 rest->length + body.at(block).size()};
    return best[block] = rest;
  }

  const Body &body;
  bool longest;
  std::map<size_t, std::optional<Way>> best;
};

} // namespace

/// Counts what `instructions`, once round the loop, do.
static void measure(Loop &loop, llvm::ArrayRef<Instruction> instructions) {
  loop.length = instructions.size();
  loop.mix = mixOf(instructions);
  unsigned special = 0;
  for (const Instruction &instruction : instructions) {
    special += instruction.kind() == Kind::special;
    if (instruction.kind() == Kind::wait && instruction.groupsLeft() == 0)
      loop.specialBeforeWait = special;
  }
  bool inFlight = false;
  for (unsigned round = 0; round < 2; ++round)
    for (const Instruction &instruction : instructions) {
      Kind kind = instruction.kind();
      if (kind == Kind::productShared || kind == Kind::productRegister)
        inFlight = true;
      else if (kind == Kind::wait && instruction.groupsLeft() == 0)
        inFlight = false;
      else if (kind == Kind::special && round == 1)
        loop.specialUnderProduct += inFlight;
    }
}

llvm::Expected<std::vector<Loop>> attune::test::findLoops(llvm::ArrayRef<Instruction> code) {
  if (code.empty())
    return std::vector<Loop>();
  auto graph = Graph::of(code);
  if (!graph)
    return graph.takeError();
  std::vector<llvm::BitVector> dominators = graph->dominators();
  std::map<size_t, llvm::BitVector> bodies;
  for (size_t latch = 0; latch < graph->blocks.size(); ++latch)
    for (size_t header : graph->blocks[latch].successors)
      if (dominators[latch].test(header))
        bodies.try_emplace(header, graph->blocks.size()).first->second |=
            graph->body(header, latch);
  std::vector<Loop> loops;
  for (const auto &[header, blocks] : bodies) {
    Loop &loop = loops.emplace_back();
    loop.header = graph->blocks[header].first;
    Body body{*graph, code, header, blocks};
    loop.aside = body.dropAsides();
    measure(loop, body.inOrder());
    loop.shortestTurn = Turns(body, /*longest=*/false).length();
    loop.longestTurn = Turns(body, /*longest=*/true).length();
  }
  for (auto [loop, outer] : llvm::zip_equal(loops, bodies)) {
    loop.main = loop.mix.products() > 0;
    for (auto [other, inner] : llvm::zip_equal(loops, bodies)) {
      if (inner.first == outer.first || !outer.second.test(inner.first))
        continue;
      loop.innermost = false;
      loop.main &= other.mix.products() == 0;
    }
  }
  return loops;
}
