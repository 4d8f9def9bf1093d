// SPDX-License-Identifier: Apache-2.0
// How is a product of wgmma carried out? Operands are read when it takes effect, from shared memory
// and registers as they are then (PTX ISA, "Register Fragments and Shared Memory Matrix Layouts").
#include "runtime/sim/ops/Warpgroup.h"

#include <algorithm>

namespace attune::sim {

static constexpr unsigned pieceBytes = 16, matrixLines = 8, rowsOfWarp = 16;
/// Bits of an address that a descriptor holds.
static constexpr uint32_t descriptorReach = 0x3ffff;

//===-- Reads of shared memory ---===//

uint32_t WgmmaProduct::base() const { return warpgroup.block.shared.begin() & ~descriptorReach; }

const uint8_t *WgmmaProduct::at(uint32_t address) const {
  SharedMemory &shared = warpgroup.block.shared;
  uint64_t first = uint64_t(base()) + address;
  bool inside = first >= shared.begin() && first + pieceBytes <= shared.end();
  return inside ? shared.at(uint32_t(first)) : nullptr;
}

void WgmmaProduct::addPiece(std::vector<Range> &ranges, uint32_t address) {
  if (!ranges.empty() && ranges.back().address + ranges.back().bytes == address)
    ranges.back().bytes += pieceBytes;
  else if (!ranges.empty() && address + pieceBytes == ranges.back().address)
    ranges.back() = {address, ranges.back().bytes + pieceBytes};
  else
    ranges.push_back({address, pieceBytes});
  // Swizzles turn the order of pieces round.
  while (ranges.size() > 1) {
    Range last = ranges.back(), &before = ranges[ranges.size() - 2];
    if (before.address + before.bytes != last.address &&
        last.address + last.bytes != before.address)
      break;
    before = {std::min(before.address, last.address), before.bytes + last.bytes};
    ranges.pop_back();
  }
}

/// `count` rows of A or columns of B from `first` on. K-major: two pieces of each; else sixteen rows
/// of as many pieces as there are.
void WgmmaProduct::addMatrix(std::vector<Range> &ranges, uint64_t bits, bool kMajor, unsigned first,
                             unsigned count) const {
  auto descriptor = MatrixDescriptor::decode(bits);
  unsigned lines = kMajor ? count : 2 * matrixLines, firstLine = kMajor ? first : 0;
  unsigned pieces = kMajor ? 2 : count / matrixLines;
  unsigned firstPiece = kMajor ? 0 : first / matrixLines;
  for (unsigned line = firstLine; line < firstLine + lines; ++line)
    for (unsigned piece = firstPiece; piece < firstPiece + pieces; ++piece)
      addPiece(ranges, base() + descriptor.address(kMajor, line, piece));
}

/// Returns how many bytes could be read.
uint64_t WgmmaProduct::read(Warp &warp, const std::vector<Range> &ranges) const {
  AsyncAccess access{warp, instruction, epoch, true};
  uint64_t bytes = 0;
  for (const Range &range : ranges)
    if (warp.block.shared.read(access, range.address, range.bytes))
      bytes += range.bytes;
  return bytes;
}

/// Whether what the first reader of B could rely on, this warp can, too. Of the reader itself it has
/// to know the last release; what that one wrote since then is found when another warp comes first.
bool WgmmaProduct::knowsAsMuch(const Warp &warp) const {
  const Knowledge &own = warp.block.cluster.clocks.of(warp.agent);
  return own.happened.coversAllBut(reader->agent, known.happened) &&
         own.happened.at(reader->agent) + 1 >= known.happened.at(reader->agent) &&
         own.fenced.coversAllBut(maximumAgents, known.fenced);
}

void WgmmaProduct::noteReads(Warp &warp, unsigned place) {
  if (detail.descriptorA != noOperand) {
    std::vector<Range> ranges;
    addMatrix(ranges, bitsA, detail.kMajorA, place * rowsOfWarp, rowsOfWarp);
    read(warp, ranges);
  }
  if (!reader) {
    addMatrix(rangesB, bitsB, detail.kMajorB, 0, detail.n);
    read(warp, rangesB);
    reader = &warp;
    known = warp.block.cluster.clocks.of(warp.agent);
  } else if (!knowsAsMuch(warp)) {
    uint64_t again = read(warp, rangesB);
    // B is read once for all warps, although each of them has to be allowed to.
    if (warp.block.launch.options.counters)
      warp.counters(instruction).sharedBytes -= again;
  }
}

void WgmmaProduct::gatherA(const MatrixDescriptor &descriptor, unsigned place,
                           uint32_t registers[4][32]) const {
  for (unsigned r = 0; r < 4; ++r) {
    const uint8_t *rows[matrixLines];
    unsigned firstRow = place * rowsOfWarp + r % 2 * matrixLines, half = r / 2;
    for (unsigned i = 0; i < matrixLines; ++i)
      rows[i] = at(detail.kMajorA
                       ? descriptor.address(true, firstRow + i, half)
                       : descriptor.address(false, half * matrixLines + i, firstRow / matrixLines));
    loadMatrix(rows, !detail.kMajorA, registers[r]);
  }
}

void WgmmaProduct::gatherB(const MatrixDescriptor &descriptor, unsigned tile,
                           uint32_t registers[2][32]) const {
  for (unsigned half = 0; half < 2; ++half) {
    const uint8_t *rows[matrixLines];
    for (unsigned i = 0; i < matrixLines; ++i)
      rows[i] = at(detail.kMajorB ? descriptor.address(true, tile * matrixLines + i, half)
                                  : descriptor.address(false, half * matrixLines + i, tile));
    loadMatrix(rows, !detail.kMajorB, registers[half]);
  }
}

//===-- Products ---===//

void WgmmaProduct::multiplyTile(Warp &warp, unsigned tile, const TensorRule &rule, const TensorA &a,
                                const TensorB &b) const {
  if (rule.result == TensorResult::F32) {
    const uint32_t *from[4];
    uint32_t *to[4];
    for (unsigned i = 0; i < 4; ++i)
      from[i] = to[i] = warp.lanes32(detail.accumulators[tile * 4 + i]);
    multiplyTensors(rule, a, b, accumulate ? from : nullptr, to);
    return;
  }
  // Halves: column 2t in the low part, 2t + 1 in the high one.
  alignas(64) uint32_t wide[4][warpSize];
  const uint32_t *packed[2];
  uint32_t *into[2], *rows[4];
  for (unsigned i = 0; i < 2; ++i)
    packed[i] = into[i] = warp.lanes32(detail.accumulators[tile * 2 + i]);
  for (unsigned i = 0; i < 4; ++i)
    rows[i] = wide[i];
  if (accumulate)
    unpackHalves(packed, rows);
  multiplyTensors(rule, a, b, accumulate ? rows : nullptr, rows);
  packHalves(rows, into);
}

void WgmmaProduct::multiplyIntegerTile(Warp &warp, unsigned tile, const uint32_t *const a[4],
                                       const uint32_t *const b[2]) const {
  const uint32_t *from[4];
  uint32_t *to[4];
  for (unsigned i = 0; i < 4; ++i)
    from[i] = to[i] = warp.lanes32(detail.accumulators[tile * 4 + i]);
  multiplyIntegerTensors(detail.rule, a, b, accumulate ? from : nullptr, to);
}

bool WgmmaProduct::ready() const { return warpgroup.completed + 1 == number; }

void WgmmaProduct::complete() {
  done = true;
  warpgroup.completed = number;
  TensorRule rule = detail.rule;
  rule.numerics = warpgroup.block.launch.options.numerics;
  const bool integers = rule.result == TensorResult::S32;
  Warpgroup::Scratch &scratch = warpgroup.scratch();
  alignas(64) uint32_t gathered[warpgroupWarps][4][warpSize];
  const uint32_t *a[warpgroupWarps][4];
  for (unsigned place = 0; place < warpgroupWarps; ++place) {
    if (detail.descriptorA != noOperand)
      gatherA(MatrixDescriptor::decode(bitsA), place, gathered[place]);
    for (unsigned r = 0; r < 4; ++r)
      a[place][r] = detail.descriptorA != noOperand ? gathered[place][r]
                                                    : warpgroup.warp(place).lanes32(detail.a[r]);
    if (!integers)
      loadTensorA(rule, a[place], scratch.a[place]);
  }
  auto descriptorB = MatrixDescriptor::decode(bitsB);
  for (unsigned tile = 0; tile < detail.n / 8; ++tile) {
    alignas(64) uint32_t registers[2][warpSize];
    const uint32_t *b[2] = {registers[0], registers[1]};
    gatherB(descriptorB, tile, registers);
    if (!integers)
      loadTensorB(rule, b, scratch.b);
    for (unsigned place = 0; place < warpgroupWarps; ++place)
      if (integers)
        multiplyIntegerTile(warpgroup.warp(place), tile, a[place], b);
      else
        multiplyTile(warpgroup.warp(place), tile, rule, scratch.a[place], scratch.b);
  }
}

} // namespace attune::sim
