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

/// The instructions of the loop in the order of the code from the header round to it, without the
/// stretches that neither hold the header nor compute: those are asides.
static std::vector<Instruction> unroll(llvm::ArrayRef<Instruction> code, const Graph &graph,
                                       const llvm::BitVector &body, size_t header, size_t &aside) {
  std::vector<Instruction> before, after, stretch;
  size_t end = 0;
  bool holds = false;
  auto close = [&] {
    Mix mix;
    for (const Instruction &instruction : stretch)
      mix.add(instruction);
    if (!holds && mix.products() == 0 && mix[Kind::special] == 0)
      aside += stretch.size();
    else
      after.insert(after.end(), stretch.begin(), stretch.end());
    stretch.clear();
    holds = false;
  };
  for (size_t block : body.set_bits()) {
    const Block &range = graph.blocks[block];
    if (range.first != end)
      close();
    if (block == header) {
      before.swap(after);
      before.insert(before.end(), stretch.begin(), stretch.end());
      stretch.clear();
      holds = true;
    }
    stretch.insert(stretch.end(), code.begin() + range.first, code.begin() + range.end);
    end = range.end;
  }
  close();
  after.insert(after.end(), before.begin(), before.end());
  return after;
}

/// Counts what `instructions`, once round the loop, do.
static void measure(Loop &loop, llvm::ArrayRef<Instruction> instructions) {
  loop.length = instructions.size();
  unsigned special = 0;
  for (const Instruction &instruction : instructions) {
    loop.mix.add(instruction);
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
  for (const auto &[header, body] : bodies) {
    Loop &loop = loops.emplace_back();
    loop.header = graph->blocks[header].first;
    measure(loop, unroll(code, *graph, body, header, loop.aside));
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
