// SPDX-License-Identifier: Apache-2.0
// The rules are those that CUDA's driver API states for cuTensorMapEncodeTiled.
#include "runtime/sim/TensorMap.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace attune::sim {

unsigned TensorMap::elementBytes() const {
  switch (element) {
  case Element::U8: return 1;
  case Element::U16:
  case Element::F16:
  case Element::BF16: return 2;
  case Element::U64:
  case Element::S64:
  case Element::F64: return 8;
  case Element::U32:
  case Element::S32:
  case Element::F32: break;
  }
  return 4;
}

bool TensorMap::isFloat() const { return element >= Element::F16; }

uint32_t TensorMap::moved(unsigned dimension) const {
  if (dimension == 0)
    return box[0];
  return (box[dimension] + elementStrides[dimension] - 1) / elementStrides[dimension];
}

uint32_t TensorMap::boxRows() const {
  uint32_t rows = 1;
  for (unsigned dimension = 1; dimension < rank; ++dimension)
    rows *= moved(dimension);
  return rows;
}

uint32_t TensorMap::swizzleBytes() const {
  switch (swizzle) {
  case Swizzle::None: return 1;
  case Swizzle::Bytes32: return 32;
  case Swizzle::Bytes64: return 64;
  case Swizzle::Bytes128: break;
  }
  return 128;
}

uint32_t TensorMap::rowPitch() const {
  return swizzle == Swizzle::None ? rowBytes() : swizzleBytes();
}

namespace {

/// Where the fields stand in the 128 bytes.
struct Encoded {
  char magic[8];
  uint8_t element, rank, swizzle, fill;
  uint8_t elementStrides[TensorMap::maximumRank];
  uint8_t reserved[3];
  uint64_t address;
  uint64_t strides[TensorMap::maximumRank - 1];
  /// Less 1, so that 2^32 fits.
  uint32_t sizes[TensorMap::maximumRank];
  uint32_t unused;
  uint16_t box[TensorMap::maximumRank];
  uint8_t rest[30];
};
static_assert(sizeof(Encoded) == tensorMapBytes);

constexpr char magic[8] = {'A', 't', 'n', 'S', 'i', 'm', 'T', '1'};

[[noreturn]] void refuse(const std::string &what) {
  throw std::invalid_argument("tensor map: " + what);
}

std::string of(const char *what, unsigned dimension) {
  return std::string(what) + " " + std::to_string(dimension);
}

void require(bool holds, const std::string &subject, const char *expected, uint64_t found) {
  if (!holds)
    refuse(subject + ": expected " + expected + ", but it is " + std::to_string(found));
}

void checkDimension(const TensorMap &tensor, unsigned dimension) {
  uint64_t size = tensor.sizes[dimension];
  require(size >= 1 && size <= uint64_t(1) << 32, of("size", dimension), "1 to 2^32", size);
  uint32_t box = tensor.box[dimension];
  require(box >= 1 && box <= 256, of("box size", dimension), "1 to 256", box);
  if (dimension == 0)
    return;
  uint64_t stride = tensor.strides[dimension];
  require(stride % 16 == 0 && stride < uint64_t(1) << 40, of("stride", dimension),
          "a multiple of 16 bytes below 2^40", stride);
  uint32_t step = tensor.elementStrides[dimension];
  require(step >= 1 && step <= 8, of("element stride", dimension), "1 to 8", step);
}

/// The largest shared memory that a block can have bounds a box.
constexpr uint64_t maximumBoxBytes = 256 * 1024;

void check(const TensorMap &tensor) {
  require(tensor.rank >= 1 && tensor.rank <= TensorMap::maximumRank, "rank", "1 to 5", tensor.rank);
  require(tensor.address % 16 == 0, "global address", "a multiple of 16", tensor.address);
  for (unsigned dimension = 0; dimension < tensor.rank; ++dimension)
    checkDimension(tensor, dimension);
  require(tensor.rowBytes() % 16 == 0, "box size 0", "a multiple of 16 bytes", tensor.rowBytes());
  if (tensor.swizzle != Swizzle::None && tensor.rowBytes() > tensor.swizzleBytes())
    refuse("box size 0: expected at most the " + std::to_string(tensor.swizzleBytes()) +
           " bytes that are swizzled, but it has " + std::to_string(tensor.rowBytes()) +
           " bytes; make the box narrower");
  uint64_t bytes = tensor.rowPitch();
  for (unsigned dimension = 1; dimension < tensor.rank; ++dimension)
    bytes *= tensor.moved(dimension);
  require(bytes <= maximumBoxBytes, "box", "no more bytes than shared memory has", bytes);
  if (tensor.fill == TensorMap::Fill::NaN && !tensor.isFloat())
    refuse("a fill with NaN: expected a floating-point element type");
}

} // namespace

void encodeTensorMap(const TensorMap &tensor, void *map) {
  check(tensor);
  Encoded encoded{};
  std::memcpy(encoded.magic, magic, sizeof magic);
  encoded.element = uint8_t(tensor.element);
  encoded.rank = uint8_t(tensor.rank);
  encoded.swizzle = uint8_t(tensor.swizzle);
  encoded.fill = uint8_t(tensor.fill);
  encoded.address = tensor.address;
  for (unsigned dimension = 0; dimension < tensor.rank; ++dimension) {
    encoded.sizes[dimension] = uint32_t(tensor.sizes[dimension] - 1);
    encoded.box[dimension] = uint16_t(tensor.box[dimension]);
    if (dimension == 0)
      continue;
    encoded.strides[dimension - 1] = tensor.strides[dimension];
    encoded.elementStrides[dimension] = uint8_t(tensor.elementStrides[dimension]);
  }
  std::memcpy(map, &encoded, sizeof encoded);
}

std::optional<TensorMap> decodeTensorMap(const void *map) {
  Encoded encoded;
  std::memcpy(&encoded, map, sizeof encoded);
  if (std::memcmp(encoded.magic, magic, sizeof magic) != 0 ||
      encoded.element > uint8_t(TensorMap::Element::BF16) ||
      encoded.swizzle > uint8_t(Swizzle::Bytes128) ||
      encoded.fill > uint8_t(TensorMap::Fill::NaN) || encoded.rank > TensorMap::maximumRank)
    return std::nullopt;
  TensorMap tensor;
  tensor.element = TensorMap::Element(encoded.element);
  tensor.rank = encoded.rank;
  tensor.swizzle = Swizzle(encoded.swizzle);
  tensor.fill = TensorMap::Fill(encoded.fill);
  tensor.address = encoded.address;
  for (unsigned dimension = 0; dimension < tensor.rank; ++dimension) {
    tensor.sizes[dimension] = uint64_t(encoded.sizes[dimension]) + 1;
    tensor.box[dimension] = encoded.box[dimension];
    if (dimension == 0)
      continue;
    tensor.strides[dimension] = encoded.strides[dimension - 1];
    tensor.elementStrides[dimension] = encoded.elementStrides[dimension];
  }
  try {
    check(tensor);
  } catch (const std::invalid_argument &) {
    // Someone wrote into it.
    return std::nullopt;
  }
  return tensor;
}

} // namespace attune::sim
