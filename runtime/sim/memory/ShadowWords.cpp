// SPDX-License-Identifier: Apache-2.0
// Checks accesses of shared memory against the last writer and the readers of each word.
#include "runtime/sim/memory/ShadowWords.h"

#include <algorithm>
#include <cstring>

namespace attune::sim {

namespace {

// Parts of Word::state.
constexpr uint32_t flightMask = 0xffff;
constexpr unsigned initialisedShift = 16, writtenShift = 20, readLaneShift = 26;
constexpr uint32_t asyncBit = 1u << 24, reservedBit = 1u << 25;
constexpr uint32_t readLaneMask = 0x3fu << readLaneShift;
// Parts of Word::where.
constexpr uint32_t instructionMask = 0xffffff;
constexpr unsigned lanePlace = 24;
constexpr uint32_t atomicBit = 1u << 30;
/// A lane number: several lanes, a hazard for each of them.
constexpr unsigned severalLanes = 32;
constexpr unsigned allBytes = 0xf;
/// More conflicts of one instruction than this are not told apart.
constexpr size_t mostConflicts = 8;

unsigned initialised(uint32_t state) { return state >> initialisedShift & allBytes; }
unsigned written(uint32_t state) { return state >> writtenShift & allBytes; }
unsigned readLane(uint32_t state) { return state >> readLaneShift; }
uint32_t withReadLane(uint32_t state, unsigned lane) {
  return (state & ~readLaneMask) | lane << readLaneShift;
}
unsigned writeLane(uint32_t where) { return where >> lanePlace & 0x3f; }

/// The lane to note when `lane` reads a word that `old` has read in the same epoch.
unsigned bothLanes(unsigned old, unsigned lane) {
  if (lane == ShadowWords::anyLane || old == lane)
    return old;
  return old == ShadowWords::anyLane ? lane : severalLanes;
}

/// Word::state behind a write of the whole word.
uint32_t writtenState(bool asyncProxy) {
  return allBytes << initialisedShift | allBytes << writtenShift | (asyncProxy ? asyncBit : 0) |
         ShadowWords::anyLane << readLaneShift;
}

uint64_t orderOf(Epoch writer, ReadSets::Set readers) { return uint64_t(readers) << 32 | writer; }

} // namespace

ShadowWords::Pass::Pass(ShadowWords &shadow, const ShadowAccess &access)
    : shadow(shadow), access(access), instruction(std::min(access.instruction, mostInstructions)) {
  bool full = shadow.sets.size() > shadow.mostSets;
  if (full)
    shadow.collect();
  PatternKey key{access.version, access.epoch, access.current,
                 instruction,    access.kind,  access.asyncProxy};
  if (full || key != shadow.patternKey) {
    shadow.patternKey = key;
    ++shadow.patternKeys;
  }
}

template <typename Each> void ShadowWords::Pass::split(uint32_t offset, uint32_t bytes, Each each) {
  uint32_t end = offset + bytes;
  while (offset != end) {
    uint32_t next = std::min(end, (offset | 3) + 1);
    each(offset / 4, ((1u << (next - offset)) - 1) << (offset & 3));
    offset = next;
  }
}

inline bool ShadowWords::Word::matches(const Pattern &pattern, unsigned lane) const {
  if (orderOf(writer, readers) != pattern.order || (state & ~readLaneMask) != pattern.state)
    return false;
  if (!pattern.sameLane)
    return true;
  unsigned wroteIt = writeLane(where), readIt = readLane(state);
  return (wroteIt == lane || wroteIt == anyLane) && (readIt == lane || readIt == anyLane);
}

/// `last` is a copy of the pattern that was used last, so that it can stay in registers.
inline void ShadowWords::Pass::readWords(Pattern &last, uint32_t index, uint32_t count,
                                         unsigned lane) {
  ShadowWords::Word *words = shadow.words.data();
  for (uint32_t end = index + count; index != end; ++index) {
    ShadowWords::Word &word = words[index];
    if (!word.matches(last, lane)) [[unlikely]] {
      const Pattern &found = shadow.patternOf(orderOf(word.writer, word.readers));
      bool isKnown = word.matches(found, lane);
      if (!isKnown)
        readSlowly(index, allBytes, lane);
      last = found;
      if (!isKnown)
        continue;
    }
    unsigned readBy =
        word.readers != last.nextReaders ? lane : bothLanes(readLane(word.state), lane);
    word.readers = last.nextReaders;
    word.state = last.state | readBy << readLaneShift;
  }
}

/// The same for four words and no lane in particular, which is how rows of matrices are read.
inline void ShadowWords::Pass::readTogether(Pattern &last, uint32_t index) {
  typedef uint32_t Parts __attribute__((vector_size(16)));
  static_assert(sizeof(Word) == sizeof(Parts));
  Parts parts[4];
  std::memcpy(parts, &shadow.words[index], sizeof(parts));
  auto fits = [&](const Pattern &pattern) {
    const Parts expected = {uint32_t(pattern.order), uint32_t(pattern.order >> 32), 0,
                            pattern.state};
    const Parts compared = {~0u, ~0u, 0, ~readLaneMask};
    Parts other = (parts[0] ^ expected) | (parts[1] ^ expected) | (parts[2] ^ expected) |
                  (parts[3] ^ expected);
    other &= compared;
    uint64_t halves[2];
    std::memcpy(halves, &other, sizeof(halves));
    return !pattern.sameLane && (halves[0] | halves[1]) == 0;
  };
  if (!fits(last)) [[unlikely]] {
    // Neighbouring rows were written by different warps.
    last = shadow.patternOf(orderOf(parts[0][0], parts[0][1]));
    if (!fits(last))
      return readWords(last, index, 4, anyLane);
  }
  const uint32_t readers = uint32_t(last.order >> 32);
  // As bothLanes has it, a reader that the set knows already changes nothing.
  if (last.nextReaders == readers)
    return;
  const Parts next = {0, last.nextReaders, 0, last.state | anyLane << readLaneShift};
  const Parts kept = {~0u, 0, ~0u, 0};
  for (Parts &word : parts)
    word = (word & kept) | next;
  std::memcpy(&shadow.words[index], parts, sizeof(parts));
}

inline void ShadowWords::Pass::writeWords(Pattern &last, uint32_t index, uint32_t count,
                                          unsigned lane) {
  ShadowWords::Word *words = shadow.words.data();
  const ShadowWords::Word written = {access.epoch, 0, instruction | lane << lanePlace,
                                     writtenState(access.asyncProxy)};
  for (uint32_t end = index + count; index != end; ++index) {
    ShadowWords::Word &word = words[index];
    if (!word.matches(last, lane)) [[unlikely]] {
      const Pattern &found = shadow.patternOf(orderOf(word.writer, word.readers));
      bool isKnown = word.matches(found, lane);
      if (!isKnown)
        writeSlowly(index, allBytes, lane);
      last = found;
      if (!isKnown)
        continue;
    }
    word = written;
  }
}

void ShadowWords::Pass::read(uint32_t offset, uint32_t bytes, unsigned lane) {
  if ((offset | bytes) & 3)
    return split(offset, bytes,
                 [&](uint32_t index, unsigned part) { readSlowly(index, part, lane); });
  Pattern last;
  readWords(last, offset / 4, bytes / 4, lane);
}

void ShadowWords::Pass::write(uint32_t offset, uint32_t bytes, unsigned lane) {
  if ((offset | bytes) & 3)
    return split(offset, bytes,
                 [&](uint32_t index, unsigned part) { writeSlowly(index, part, lane); });
  Pattern last;
  writeWords(last, offset / 4, bytes / 4, lane);
}

/// Calls each(index, words of a lane, lane), with the number of words known to the compiler.
template <typename Each>
inline void ShadowWords::Pass::eachLane(Mask mask, const uint32_t *addresses, uint32_t base,
                                        uint32_t bytes, Each each) {
  unsigned noLane = access.together ? anyLane : 0;
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(__builtin_ctz(left)), named = noLane ? noLane : lane;
    uint32_t index = (addresses[lane] - base) / 4;
    if (bytes == 4)
      each(index, 1, named);
    else if (bytes == 16)
      each(index, 4, named);
    else
      each(index, bytes / 4, named);
  }
}

void ShadowWords::Pass::read(Mask mask, const uint32_t *addresses, uint32_t base, uint32_t bytes) {
  Pattern last;
  if (bytes < 4)
    for (Mask left = mask; left; left &= left - 1) {
      unsigned lane = unsigned(__builtin_ctz(left));
      read(addresses[lane] - base, bytes, access.together ? anyLane : lane);
    }
  else if (bytes == 16 && access.together)
    for (Mask left = mask; left; left &= left - 1)
      readTogether(last, (addresses[__builtin_ctz(left)] - base) / 4);
  else
    eachLane(mask, addresses, base, bytes, [&](uint32_t index, uint32_t count, unsigned lane) {
      readWords(last, index, count, lane);
    });
}

void ShadowWords::Pass::write(Mask mask, const uint32_t *addresses, uint32_t base, uint32_t bytes) {
  Pattern last;
  if (bytes < 4)
    for (Mask left = mask; left; left &= left - 1) {
      unsigned lane = unsigned(__builtin_ctz(left));
      write(addresses[lane] - base, bytes, access.together ? anyLane : lane);
    }
  else
    eachLane(mask, addresses, base, bytes, [&](uint32_t index, uint32_t count, unsigned lane) {
      writeWords(last, index, count, lane);
    });
}

/// Whether a word may be touched at all.
bool ShadowWords::Pass::mayTouch(uint32_t index, unsigned bytes, unsigned lane, Hazard hazard) {
  const ShadowWords::Word &word = shadow.words[index];
  if (word.state & reservedBit) {
    conflict(FindingKind::BarrierMisuse, hazard, index, bytes, lane, 0, 0, anyLane);
    return false;
  }
  if (word.state & flightMask) {
    conflict(FindingKind::InFlight, hazard, index, bytes, lane, 0, 0, anyLane);
    return false;
  }
  return true;
}

/// Whether the last writer of these bytes comes before; says so if not.
bool ShadowWords::Pass::checkWriter(uint32_t index, unsigned bytes, unsigned lane, Hazard hazard) {
  const ShadowWords::Word &word = shadow.words[index];
  if (!word.writer || !(written(word.state) & bytes))
    return true;
  unsigned other = writeLane(word.where);
  uint32_t otherInstruction = word.where & instructionMask;
  auto found = [&](FindingKind kind) {
    conflict(kind, hazard, index, bytes, lane, word.writer, otherInstruction, other);
    return false;
  };
  bool bothAtomic = isAtomic(access.kind) && (word.where & atomicBit);
  if (!access.known.happened.covers(word.writer))
    return bothAtomic || found(FindingKind::Race);
  if (access.asyncProxy && hazard == Hazard::ReadAfterWrite && !(word.state & asyncBit) &&
      !access.known.fenced.covers(word.writer))
    return found(FindingKind::MissingProxyFence);
  // Lanes that write one word with one instruction most often write the same value.
  bool same = hazard == Hazard::WriteAfterWrite && otherInstruction == instruction;
  if (word.writer == access.current && other != lane && other != anyLane && !same && !bothAtomic)
    return found(FindingKind::WarpHazard);
  return true;
}

/// Whether all readers of these bytes come before; says so if not.
bool ShadowWords::Pass::checkReaders(uint32_t index, unsigned bytes, unsigned lane) {
  const ShadowWords::Word &word = shadow.words[index];
  bool clean = true;
  std::span<const ReadSets::Read> readers = shadow.sets.of(word.readers);
  for (const ReadSets::Read &read : readers) {
    if (!(read.bytes & bytes) || (read.atomic && isAtomic(access.kind)) ||
        access.known.happened.covers(read.epoch))
      continue;
    conflict(FindingKind::Race, Hazard::WriteAfterRead, index, bytes, lane, read.epoch,
             read.instruction, anyLane);
    clean = false;
  }
  // The word knows the lane of its last read only.
  if (!readers.empty() && readers.back().epoch == access.current && access.current) {
    unsigned other = readLane(word.state);
    // A collective write is made by every lane, behind its own reads only.
    bool sameInstruction = readers.back().instruction == instruction;
    bool bothAtomic = readers.back().atomic && isAtomic(access.kind);
    if (other != anyLane && other != lane && (readers.back().bytes & bytes) && !sameInstruction &&
        !bothAtomic) {
      conflict(FindingKind::WarpHazard, Hazard::WriteAfterRead, index, bytes, lane,
               readers.back().epoch, readers.back().instruction, other);
      clean = false;
    }
  }
  return clean;
}

void ShadowWords::Pass::readSlowly(uint32_t index, unsigned bytes, unsigned lane) {
  if (!mayTouch(index, bytes, lane, Hazard::ReadAfterWrite))
    return;
  ShadowWords::Word &word = shadow.words[index];
  bool clear = true;
  if ((initialised(word.state) & bytes) != bytes) {
    conflict(FindingKind::UninitialisedRead, Hazard::ReadAfterWrite, index, bytes, lane, 0, 0,
             anyLane);
    clear = false;
  }
  clear &= checkWriter(index, bytes, lane, Hazard::ReadAfterWrite);
  uint64_t order = orderOf(word.writer, word.readers);
  uint32_t state = word.state & ~readLaneMask;
  ReadSets::Set before = word.readers;
  bool atomic = access.kind == AccessKind::AtomicRead;
  word.readers = shadow.sets.add(before, {access.epoch, instruction, bytes, atomic});
  unsigned readBy = word.readers != before ? lane : bothLanes(readLane(word.state), lane);
  word.state = withReadLane(word.state, readBy);
  if (clear && bytes == allBytes && !atomic)
    shadow.patternOf(order) = {order, state, word.readers, word.writer == access.current,
                               shadow.patternKeys};
}

void ShadowWords::Pass::writeSlowly(uint32_t index, unsigned bytes, unsigned lane) {
  if (!mayTouch(index, bytes, lane, Hazard::WriteAfterWrite))
    return;
  ShadowWords::Word &word = shadow.words[index];
  bool atomic = isAtomic(access.kind), clear = true;
  if (reads(access.kind) && (initialised(word.state) & bytes) != bytes) {
    conflict(FindingKind::UninitialisedRead, Hazard::ReadAfterWrite, index, bytes, lane, 0, 0,
             anyLane);
    clear = false;
  }
  clear &= checkWriter(index, bytes, lane, Hazard::WriteAfterWrite);
  clear &= checkReaders(index, bytes, lane);
  std::span<const ReadSets::Read> readers = shadow.sets.of(word.readers);
  bool ownEpoch = access.current && (word.writer == access.current ||
                                     (!readers.empty() && readers.back().epoch == access.current));
  uint64_t order = orderOf(word.writer, word.readers);
  if (clear && bytes == allBytes && !atomic)
    shadow.patternOf(order) = {order, word.state & ~readLaneMask, 0, ownEpoch, shadow.patternKeys};
  unsigned bytesNow = bytes, by = lane;
  if (bytes != allBytes && word.writer == access.epoch) {
    // Several lanes fill a word together: no one of them is its writer.
    bytesNow |= written(word.state);
    if (writeLane(word.where) != lane)
      by = anyLane;
  }
  // Readers of a word that is written in part stay: a later write comes after them too.
  word.readers = bytes == allBytes ? 0 : word.readers;
  word.writer = access.epoch;
  word.where = instruction | by << lanePlace | (atomic ? atomicBit : 0);
  word.state = (initialised(word.state) | bytes) << initialisedShift | bytesNow << writtenShift |
               (access.asyncProxy ? asyncBit : 0) |
               (word.readers ? word.state & readLaneMask : anyLane << readLaneShift);
}

void ShadowWords::Pass::conflict(FindingKind kind, Hazard hazard, uint32_t index, unsigned bytes,
                                 unsigned lane, Epoch other, uint32_t otherInstruction,
                                 unsigned otherLane) {
  uint32_t offset = index * 4 + unsigned(__builtin_ctz(bytes));
  Mask lanes = lane < warpSize ? Mask(1) << lane : 0;
  uint16_t flight = uint16_t(shadow.words[index].state & flightMask);
  for (Conflict &known : shadow.conflicts) {
    if (known.kind != kind || known.hazard != hazard ||
        known.otherInstruction != otherInstruction || agentOf(known.other) != agentOf(other) ||
        known.flight != flight)
      continue;
    known.lanes |= lanes;
    known.offset = std::min(known.offset, offset);
    if (known.otherLane != otherLane)
      known.otherLane = anyLane;
    return;
  }
  if (shadow.conflicts.size() < mostConflicts)
    shadow.conflicts.push_back(
        {kind, hazard, offset, lanes, otherLane, other, otherInstruction, flight});
}

void ShadowWords::beginWrite(const ShadowAccess &access, uint16_t flight, uint32_t offset,
                             uint32_t bytes) {
  Pass pass(*this, access);
  pass.split(offset, bytes, [&](uint32_t index, unsigned part) {
    Word &word = words[index];
    uint64_t order = orderOf(word.writer, word.readers);
    Pattern &known = patternOf(order);
    if (!word.matches(known, anyLane)) {
      if (flight && (word.state & flightMask) == flight)
        return;
      if (!pass.mayTouch(index, part, anyLane, Hazard::WriteAfterWrite))
        return;
      bool clear = pass.checkWriter(index, part, anyLane, Hazard::WriteAfterWrite);
      clear &= pass.checkReaders(index, part, anyLane);
      if (clear)
        known = {order, word.state & ~readLaneMask, 0, false, patternKeys};
    }
    word.state |= flight;
  });
}

void ShadowWords::land(uint16_t flight, uint32_t offset, uint32_t bytes, Epoch epoch,
                       uint32_t instruction, bool asyncProxy) {
  uint32_t where = std::min(instruction, mostInstructions) | anyLane << lanePlace;
  uint32_t state = writtenState(asyncProxy);
  for (uint32_t index = offset / 4; index != (offset + bytes + 3) / 4; ++index)
    // Otherwise a conflict was reported when the copy began.
    if ((words[index].state & flightMask) == flight)
      words[index] = {epoch, 0, where, state};
}

void ShadowWords::reserve(uint32_t offset, uint32_t bytes, bool reserved) {
  for (uint32_t index = offset / 4; index != (offset + bytes + 3) / 4; ++index) {
    words[index] = Word();
    words[index].state = reserved ? reservedBit : 0;
  }
}

/// Forgets the sets that no word names any more.
void ShadowWords::collect() {
  ReadSets kept;
  std::unordered_map<ReadSets::Set, ReadSets::Set> renamed{{0, 0}};
  for (Word &word : words) {
    auto [place, isNew] = renamed.try_emplace(word.readers, 0);
    if (isNew)
      for (const ReadSets::Read &read : sets.of(word.readers))
        place->second = kept.add(place->second, read);
    word.readers = place->second;
  }
  sets = std::move(kept);
  mostSets = std::max(mostSets, 2 * sets.size());
}

} // namespace attune::sim
