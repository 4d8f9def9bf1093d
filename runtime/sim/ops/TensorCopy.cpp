// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk.tensor and its kin: PTX ISA, "Data Movement and Conversion Instructions: Tensor
// copy". A box is a list of rows, each cut to what lies inside the tensor.
#include "runtime/sim/ops/TensorCopy.h"

#include "runtime/sim/TensorMap.h"
#include "runtime/sim/ops/BulkCopy.h"

#include <algorithm>
#include <bit>

namespace attune::sim {
namespace {

struct TensorDetail : Detail {
  unsigned rank = 0;
  AddressOperand map, shared, mbarrier;
  std::vector<Row> coordinates;
  Row blocks = noOperand;
  bool ownBlock = false;
  std::optional<Reduction::Operation> reduction;
};

//===-- The map ---===//

/// The 128 bytes at a generic address of .param, .const or .global; null when none are there.
const uint8_t *mapBytes(Warp &warp, uint64_t address) {
  const Launch &launch = warp.block.launch;
  uint64_t offset = address - paramWindow;
  if (offset < launch.parameters.size())
    return launch.parameters.size() - offset < tensorMapBytes ? nullptr
                                                              : launch.parameters.data() + offset;
  return launch.memory.find(address, tensorMapBytes);
}

std::optional<TensorMap> readMap(const Actor &actor, uint64_t address) {
  auto report = [&](const std::string &message) {
    actor.warp.report(FindingKind::BadDescriptor, actor.instruction, actor.lanes, message, address);
    return std::nullopt;
  };
  if (address % tensorMapAlignment != 0)
    return report("expected a tensor map at a multiple of 64 bytes; align the parameter or "
                  "variable that holds it");
  const uint8_t *bytes = mapBytes(actor.warp, address);
  if (!bytes)
    return report("expected the generic address of a tensor map in parameters, constants or "
                  "global memory");
  std::optional<TensorMap> map = decodeTensorMap(bytes);
  if (!map)
    return report("the 128 bytes at this address are no tensor map; expected what the device's "
                  "call for tensor maps wrote");
  return map;
}

std::optional<TensorMap> readMap(const Actor &actor, const TensorDetail &detail, unsigned lane) {
  std::optional<TensorMap> map = readMap(actor, operandAddress(actor.warp, detail.map, lane));
  if (map && map->rank != detail.rank) {
    actor.warp.report(FindingKind::BadDescriptor, actor.instruction, actor.lanes,
                      "a copy of " + std::to_string(detail.rank) +
                          " dimensions was given a tensor map of " + std::to_string(map->rank));
    return std::nullopt;
  }
  if (map && map->rowPitch() != map->rowBytes())
    actor.warp.report(FindingKind::BadDescriptor, actor.instruction, actor.lanes,
                      "rows of the box have " + std::to_string(map->rowBytes()) +
                          " bytes, fewer than the " + std::to_string(map->swizzleBytes()) +
                          " that are swizzled: the simulator pads each row, but what a GPU does is "
                          "not documented; make the box wider or choose a narrower swizzle",
                      {}, Severity::Warning);
  return map;
}

/// A quiet NaN of each type; the value that hardware writes is not documented.
uint64_t fillOf(const TensorMap &map) {
  if (map.fill == TensorMap::Fill::Zeros)
    return 0;
  switch (map.elementBytes()) {
  case 2: return 0x7fff;
  case 4: return 0x7fffffff;
  default: return 0x7fffffffffffffff;
  }
}

//===-- The box ---===//

/// Walks over the rows of a box and cuts them to the tensor.
class BoxRows {
public:
  BoxRows(const TensorMap &map, const int64_t *corner) : map(map), corner(corner) {}

  /// Calls visit(row number, global address, first element, elements) for rows that have elements
  /// inside the tensor.
  template <typename Visit> void forEach(Visit visit) const {
    int64_t low = std::max<int64_t>(0, -corner[0]);
    int64_t high = std::min<int64_t>(map.box[0], int64_t(map.sizes[0]) - corner[0]);
    if (low >= high)
      return;
    uint64_t first = map.address + uint64_t(corner[0] + low) * map.elementBytes();
    for (uint32_t row = 0, rows = map.boxRows(); row < rows; ++row) {
      uint64_t address = first;
      if (place(row, address))
        visit(row, address, uint32_t(low), uint32_t(high - low));
    }
  }

private:
  /// Adds what the outer coordinates of a row add; false when they lie outside.
  bool place(uint32_t row, uint64_t &address) const {
    for (unsigned dimension = 1; dimension < map.rank; ++dimension) {
      uint32_t index = row % map.moved(dimension);
      row /= map.moved(dimension);
      int64_t at = corner[dimension] + int64_t(index) * map.elementStrides[dimension];
      if (at < 0 || uint64_t(at) >= map.sizes[dimension])
        return false;
      address += uint64_t(at) * map.strides[dimension];
    }
    return true;
  }

  const TensorMap &map;
  const int64_t *corner;
};

std::shared_ptr<const BulkShape> shapeOf(const Actor &actor, const TensorMap &map,
                                         const int64_t *corner, AccessKind kind) {
  auto shape = std::make_shared<BulkShape>();
  shape->extent = map.boxRows() * map.rowPitch();
  shape->bytes = map.boxBytes();
  shape->swizzle = map.swizzle;
  shape->fill = fillOf(map);
  shape->fillBytes = map.elementBytes();
  uint32_t found = 0;
  GlobalMemory &memory = actor.warp.block.launch.memory;
  BoxRows(map, corner)
      .forEach([&](uint32_t row, uint64_t address, uint32_t first, uint32_t elements) {
        uint32_t bytes = elements * map.elementBytes();
        uint8_t *global = memory.access(actor.warp, actor.instruction, kind, address, bytes,
                                        map.elementBytes(), actor.lanes);
        if (!global)
          return;
        found += bytes;
        shape->runs.push_back({global, row * map.rowPitch() + first * map.elementBytes(), bytes});
      });
  shape->hasGaps = found != shape->extent;
  return shape;
}

//===-- Instructions ---===//

template <typename Action>
Outcome forLanes(Warp &warp, const Instruction &instruction, Mask mask, Action action) {
  const auto &detail = static_cast<const TensorDetail &>(*instruction.detail);
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    Actor actor{warp, instruction, Mask(1) << lane};
    std::optional<TensorMap> map = readMap(actor, detail, lane);
    if (!map)
      continue;
    int64_t corner[TensorMap::maximumRank] = {};
    for (unsigned dimension = 0; dimension < detail.rank; ++dimension)
      corner[dimension] = int32_t(warp.lanes32(detail.coordinates[dimension])[lane]);
    action(actor, detail, lane, *map, corner);
  }
  return Outcome::Next;
}

/// What the PTX ISA demands of both sides of a tensor copy in shared memory.
constexpr uint32_t sharedAlignment = 128;

Outcome runTensorLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(warp, instruction, mask,
                  [&](const Actor &actor, const TensorDetail &detail, unsigned lane,
                      const TensorMap &map, const int64_t *corner) {
                    std::optional<uint16_t> blocks;
                    if (detail.blocks != noOperand)
                      blocks = uint16_t(warp.lanes32(detail.blocks)[lane]);
                    std::vector<LoadTarget> targets =
                        loadTargets(actor, operandAddress(warp, detail.shared, lane),
                                    operandAddress(warp, detail.mbarrier, lane), sharedAlignment,
                                    detail.ownBlock, blocks);
                    if (!targets.empty())
                      issueLoads(actor, shapeOf(actor, map, corner, AccessKind::Read), targets);
                  });
}

ScalarType typeOf(TensorMap::Element element) {
  using Kind = ScalarType::Kind;
  switch (element) {
  case TensorMap::Element::U8: return {Kind::Unsigned, 8, 1};
  case TensorMap::Element::U16: return {Kind::Unsigned, 16, 1};
  case TensorMap::Element::U32: return {Kind::Unsigned, 32, 1};
  case TensorMap::Element::S32: return {Kind::Signed, 32, 1};
  case TensorMap::Element::U64: return {Kind::Unsigned, 64, 1};
  case TensorMap::Element::S64: return {Kind::Signed, 64, 1};
  case TensorMap::Element::F16: return {Kind::Float, 16, 1};
  case TensorMap::Element::F32: return {Kind::Float, 32, 1};
  case TensorMap::Element::F64: return {Kind::Float, 64, 1};
  case TensorMap::Element::BF16: break;
  }
  return {Kind::BFloat, 16, 1};
}

Reduction reductionOf(Reduction::Operation operation, TensorMap::Element element) {
  Reduction reduction{operation, typeOf(element)};
  bool ofBits = operation <= Reduction::Operation::Xor;
  if (ofBits && element < TensorMap::Element::F16)
    reduction.type.kind = ScalarType::Kind::Bits;
  return reduction;
}

void storeBox(const Actor &actor, const TensorDetail &detail, unsigned lane, const TensorMap &map,
              const int64_t *corner) {
  Warp &warp = actor.warp;
  uint64_t source = operandAddress(warp, detail.shared, lane);
  if (!isAligned(actor, "the address in shared memory", source, sharedAlignment) ||
      !sharedBlock(actor, source, true))
    return;
  std::optional<Reduction> reduction;
  if (detail.reduction)
    reduction = reductionOf(*detail.reduction, map.element);
  if (reduction && !isValid(*reduction)) {
    warp.report(FindingKind::BadDescriptor, actor.instruction, actor.lanes,
                "the PTX ISA has no such reduction for the element type of the tensor map");
    return;
  }
  // PTX ISA, "Restriction on Tensor Copy instructions".
  if (std::any_of(corner, corner + map.rank, [](int64_t at) { return at < 0; }))
    warp.report(FindingKind::BadDescriptor, actor.instruction, actor.lanes,
                "a box that is stored expected coordinates of at least 0", {}, Severity::Warning);
  AccessKind kind = reduction ? AccessKind::Atomic : AccessKind::Write;
  issueStore(actor, shapeOf(actor, map, corner, kind), uint32_t(source), reduction);
}

Outcome runTensorStore(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(warp, instruction, mask, storeBox);
}

/// Only looks at the map.
Outcome runTensorPrefetch(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask,
      [](const Actor &, const TensorDetail &, unsigned, const TensorMap &, const int64_t *) {});
}

Outcome runMapPrefetch(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const TensorDetail &>(*instruction.detail);
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    uint64_t address = operandAddress(warp, detail.map, lane);
    // A .param address may be given as the offset that it is.
    if (address < warp.block.launch.parameters.size())
      address += paramWindow;
    readMap({warp, instruction, Mask(1) << lane}, address);
  }
  return Outcome::Next;
}

//===-- How they are written ---===//

TensorDetail &makeDetail(Decoder &decoder, Handler run, unsigned rank) {
  decoder.instruction().run = run;
  decoder.instruction().kind = InstructionClass::Async;
  TensorDetail &detail = decoder.makeDetail<TensorDetail>();
  detail.rank = rank;
  return detail;
}

unsigned expectRank(Decoder &decoder) {
  return 1 + unsigned(decoder.expectOneOf({"1d", "2d", "3d", "4d", "5d"}, "1d to 5d"));
}

/// {.tile}
void takeMode(Decoder &decoder) {
  if (decoder.take("tile"))
    return;
  std::string_view next = decoder.peek();
  if (next.substr(0, 6) == "im2col" || next.substr(0, 6) == "tile::")
    decoder.fail("the simulator copies tensors in .tile mode only");
}

/// [map, {c0, c1, ...}]
void decodeTensor(Decoder &decoder, TensorDetail &detail, const ptx::Operand &operand) {
  if (operand.kind != ptx::Operand::Kind::Address || operand.parts.size() != 2)
    decoder.fail("expected [tensor map, {coordinates}]");
  const ptx::Operand &coordinates = operand.parts[1];
  if (coordinates.kind != ptx::Operand::Kind::Vector || coordinates.parts.size() != detail.rank)
    decoder.fail("expected " + std::to_string(detail.rank) + " coordinates in braces");
  detail.map = decoder.address(operand);
  for (const ptx::Operand &coordinate : coordinates.parts)
    detail.coordinates.push_back(decoder.source(coordinate, Width::B32));
}

void decodePolicy(Decoder &decoder, bool hint, size_t index) {
  if (hint)
    decoder.source(decoder.operand(index), Width::B64);
}

void decodeTensorLoad(Decoder &decoder, unsigned rank, bool ownBlock) {
  decoder.expectOneOf({"global"}, "global");
  takeMode(decoder);
  decoder.expectOneOf({"mbarrier::complete_tx::bytes"}, "mbarrier::complete_tx::bytes");
  bool multicast = !ownBlock && decoder.take("multicast::cluster");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  TensorDetail &detail = makeDetail(decoder, runTensorLoad, rank);
  detail.ownBlock = ownBlock;
  decoder.expectOperands(3 + multicast + hint);
  detail.shared = decoder.address(decoder.operand(0));
  decodeTensor(decoder, detail, decoder.operand(1));
  detail.mbarrier = decoder.address(decoder.operand(2));
  if (multicast)
    detail.blocks = decoder.source(decoder.operand(3), Width::B16);
  decodePolicy(decoder, hint, 3 + multicast);
}

void decodeTensorStore(Decoder &decoder, unsigned rank,
                       std::optional<Reduction::Operation> reduction) {
  takeMode(decoder);
  decoder.expectOneOf({"bulk_group"}, "bulk_group");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  TensorDetail &detail = makeDetail(decoder, runTensorStore, rank);
  detail.reduction = reduction;
  decoder.expectOperands(2 + hint);
  decodeTensor(decoder, detail, decoder.operand(0));
  detail.shared = decoder.address(decoder.operand(1));
  decodePolicy(decoder, hint, 2);
}

} // namespace

void decodeTensorCopy(Decoder &decoder) {
  unsigned rank = expectRank(decoder);
  int to = decoder.expectOneOf({"shared::cluster", "shared::cta", "global"}, "where it copies to");
  if (to < 2)
    return decodeTensorLoad(decoder, rank, to == 1);
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  decodeTensorStore(decoder, rank, std::nullopt);
}

void decodeTensorReduction(Decoder &decoder) {
  unsigned rank = expectRank(decoder);
  decoder.expectOneOf({"global"}, "global");
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  Reduction::Operation operation = expectReduction(decoder);
  decodeTensorStore(decoder, rank, operation);
}

void decodeTensorPrefetch(Decoder &decoder) {
  unsigned rank = expectRank(decoder);
  decoder.expectOneOf({"L2"}, "L2");
  decoder.expectOneOf({"global"}, "global");
  takeMode(decoder);
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  TensorDetail &detail = makeDetail(decoder, runTensorPrefetch, rank);
  decoder.expectOperands(1 + hint);
  decodeTensor(decoder, detail, decoder.operand(0));
  decodePolicy(decoder, hint, 1);
}

void decodeTensorMapPrefetch(Decoder &decoder) {
  decoder.require(90);
  decoder.expectOneOf({"tensormap"}, "tensormap");
  decoder.endModifiers();
  TensorDetail &detail = makeDetail(decoder, runMapPrefetch, 0);
  decoder.expectOperands(1);
  detail.map = decoder.address(decoder.operand(0));
}

} // namespace attune::sim
