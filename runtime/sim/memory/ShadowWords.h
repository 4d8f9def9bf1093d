// SPDX-License-Identifier: Apache-2.0
// Which access of shared memory conflicts with an earlier one? For each word of 4 bytes the last
// writer, the readers since, what has been written at all, and what a copy is still writing. Knows
// agents and clocks, but neither warps nor blocks.
#pragma once

#include "runtime/sim/memory/ReadSets.h"
#include "runtime/sim/memory/SharedMemory.h"

#include <vector>

namespace attune::sim {

enum class Hazard : uint8_t { ReadAfterWrite, WriteAfterRead, WriteAfterWrite };

/// An access that should not have been, and the earlier one that it meets.
struct Conflict {
  FindingKind kind;
  Hazard hazard = Hazard::ReadAfterWrite;
  /// First byte.
  uint32_t offset = 0;
  /// Lanes that made the access, and the lane of the other one, or anyLane.
  Mask lanes = 0;
  unsigned otherLane = 0;
  /// 0: there is no other.
  Epoch other = 0;
  uint32_t otherInstruction = 0;
  /// Of InFlight: its lower 16 bits.
  uint16_t flight = 0;
};

/// What one instruction of a warp does to words, lane after lane.
struct ShadowAccess {
  AccessKind kind;
  /// What the warp knows, and a number that no other knowledge has.
  const Knowledge &known;
  uint64_t version;
  /// What is noted as reader or writer.
  Epoch epoch;
  /// The warp's own epoch, so that hazards between its lanes are found; 0 when lanes do not matter.
  Epoch current;
  uint32_t instruction;
  bool asyncProxy = false;
  /// All lanes take part in every access (ldmatrix, stmatrix).
  bool together = false;
};

class ShadowWords {
public:
  /// A lane number: nobody in particular, so no hazard between lanes.
  static constexpr unsigned anyLane = 33;
  static constexpr uint32_t mostInstructions = (1u << 24) - 1;

  explicit ShadowWords(uint32_t bytes) : words((bytes + 3) / 4) {}

private:
  struct Pattern;

public:
  /// The accesses of one instruction.
  class Pass {
  public:
    Pass(ShadowWords &shadow, const ShadowAccess &access);
    /// [offset, offset + bytes) lies within the memory.
    void read(uint32_t offset, uint32_t bytes, unsigned lane);
    void write(uint32_t offset, uint32_t bytes, unsigned lane);
    /// The same for the lanes of `mask`, at `addresses` less `base`, which are multiples of `bytes`,
    /// a power of two.
    void read(Mask mask, const uint32_t *addresses, uint32_t base, uint32_t bytes);
    void write(Mask mask, const uint32_t *addresses, uint32_t base, uint32_t bytes);

  private:
    friend class ShadowWords;
    void readSlowly(uint32_t index, unsigned bytes, unsigned lane);
    void writeSlowly(uint32_t index, unsigned bytes, unsigned lane);
    template <typename Each>
    void eachLane(Mask mask, const uint32_t *addresses, uint32_t base, uint32_t bytes, Each each);
    void readTogether(Pattern &last, uint32_t index);
    void readWords(Pattern &last, uint32_t index, uint32_t count, unsigned lane);
    void writeWords(Pattern &last, uint32_t index, uint32_t count, unsigned lane);
    template <typename Each> void split(uint32_t offset, uint32_t bytes, Each each);
    bool mayTouch(uint32_t index, unsigned bytes, unsigned lane, Hazard hazard);
    bool checkWriter(uint32_t index, unsigned bytes, unsigned lane, Hazard hazard);
    bool checkReaders(uint32_t index, unsigned bytes, unsigned lane);
    void conflict(FindingKind kind, Hazard hazard, uint32_t index, unsigned bytes, unsigned lane,
                  Epoch other, uint32_t otherInstruction, unsigned otherLane);

    ShadowWords &shadow;
    const ShadowAccess access;
    const uint32_t instruction;
  };

  /// An asynchronous write begins: like a write, but the bytes are in flight from now on.
  void beginWrite(const ShadowAccess &access, uint16_t flight, uint32_t offset, uint32_t bytes);
  /// The bytes in flight of this number have been written by `epoch`.
  void land(uint16_t flight, uint32_t offset, uint32_t bytes, Epoch epoch, uint32_t instruction,
            bool asyncProxy);
  /// Words that ordinary accesses may not touch. What they held is gone.
  void reserve(uint32_t offset, uint32_t bytes, bool reserved);

  /// What was found since the last call of clear.
  const std::vector<Conflict> &found() const { return conflicts; }
  void clearFound() { conflicts.clear(); }

private:
  struct Word {
    Epoch writer = 0;
    ReadSets::Set readers = 0;
    /// Of the writer: instruction, lane (6 bits from 24), atomic (bit 30).
    uint32_t where = 0;
    /// Flight (16 bits), then bytes that were written at all, bytes of the last writer, written
    /// through the async proxy, reserved, lane of the last read.
    uint32_t state = 0;
    bool matches(const Pattern &pattern, unsigned lane) const;
  };
  /// Words that an access was found to be clean for: what equals one is clean too.
  struct Pattern {
    /// Writer and readers, state without the lane of the last read.
    uint64_t order = 0;
    uint32_t state = ~0u;
    /// What becomes of the readers of one that is read.
    ReadSets::Set nextReaders = 0;
    /// The warp itself touched it in this epoch: only the same lane may do so again.
    bool sameLane = false;
    /// Which of the keys it was found for: those of others are void.
    uint64_t key = 0;
  };
  /// What accesses have in common for which the same words are clean.
  struct PatternKey {
    uint64_t version = 0;
    Epoch epoch = 0, current = 0;
    uint32_t instruction = 0;
    AccessKind kind = AccessKind::Read;
    bool asyncProxy = false;
    bool operator==(const PatternKey &) const = default;
  };
  Pattern &patternOf(uint64_t order) {
    Pattern &pattern = patterns[order * 0x9e3779b97f4a7c15 >> 59];
    if (pattern.key != patternKeys)
      pattern = Pattern{.key = patternKeys};
    return pattern;
  }
  void collect();

  std::vector<Word> words;
  ReadSets sets;
  std::vector<Conflict> conflicts;
  PatternKey patternKey;
  /// How many keys there have been.
  uint64_t patternKeys = 0;
  std::array<Pattern, 32> patterns;
  /// Sets are sifted when there are this many.
  size_t mostSets = 1 << 16;
};

} // namespace attune::sim
