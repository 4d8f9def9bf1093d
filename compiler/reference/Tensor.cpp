// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Tensor.h"

#include <cstdlib>
#include <cstring>

namespace attune::reference {

Tensor Tensor::zeros(ElementType type, std::vector<int64_t> shape) {
  Tensor tensor;
  tensor.type = type;
  tensor.strides = denseStrides(shape);
  tensor.shape = std::move(shape);
  constexpr size_t alignment = 64;
  size_t size = size_t(tensor.numElements() * byteSize(type));
  size_t rounded = std::max(alignment, (size + alignment - 1) / alignment * alignment);
  auto *bytes = static_cast<std::byte *>(std::aligned_alloc(alignment, rounded));
  if (!bytes)
    std::abort(); // as `new` does without exceptions
  std::memset(bytes, 0, rounded);
  tensor.data = std::shared_ptr<std::byte>(bytes, [](std::byte *storage) { std::free(storage); });
  return tensor;
}

int64_t Tensor::numElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

bool Tensor::isDense() const { return numElements() == 0 || strides == denseStrides(shape); }

int64_t Tensor::offset(std::span<const int64_t> indices) const {
  int64_t sum = 0;
  for (size_t dim = 0; dim < indices.size(); ++dim)
    sum += indices[dim] * strides[dim];
  return sum;
}

namespace {

template <typename T> T read(const Tensor &tensor, int64_t offset) {
  T value;
  std::memcpy(&value, tensor.data.get() + offset * int64_t(sizeof(T)), sizeof(T));
  return value;
}

template <typename T> void write(Tensor &tensor, int64_t offset, T value) {
  std::memcpy(tensor.data.get() + offset * int64_t(sizeof(T)), &value, sizeof(T));
}

} // namespace

double Tensor::real(int64_t offset) const {
  switch (type) {
  case ElementType::F64: return read<double>(*this, offset);
  case ElementType::F32: return read<float>(*this, offset);
  case ElementType::F16:
  case ElementType::BF16: return decodeHalf(type, read<uint16_t>(*this, offset));
  default: return double(integer(offset));
  }
}

int64_t Tensor::integer(int64_t offset) const {
  switch (type) {
  case ElementType::I64:
  case ElementType::Index: return read<int64_t>(*this, offset);
  case ElementType::I32: return read<int32_t>(*this, offset);
  case ElementType::I8: return read<int8_t>(*this, offset);
  case ElementType::I1: return read<uint8_t>(*this, offset) != 0;
  default: return int64_t(real(offset));
  }
}

void Tensor::set(int64_t offset, double value) {
  value = roundTo(type, value);
  switch (type) {
  case ElementType::F64: return write<double>(*this, offset, value);
  case ElementType::F32: return write<float>(*this, offset, float(value));
  case ElementType::F16:
  case ElementType::BF16: return write<uint16_t>(*this, offset, encodeHalf(type, value));
  default: return set(offset, int64_t(value));
  }
}

void Tensor::set(int64_t offset, int64_t value) {
  switch (type) {
  case ElementType::I64:
  case ElementType::Index: return write<int64_t>(*this, offset, value);
  case ElementType::I32: return write<int32_t>(*this, offset, int32_t(value));
  case ElementType::I8: return write<int8_t>(*this, offset, int8_t(value));
  case ElementType::I1: return write<uint8_t>(*this, offset, value != 0);
  default: return set(offset, double(value));
  }
}

Tensor convert(const Tensor &tensor, ElementType type) {
  Tensor copy = Tensor::zeros(type, tensor.shape);
  std::vector<int64_t> indices(tensor.shape.size(), 0);
  for (int64_t to = 0, end = tensor.numElements(); to < end; ++to) {
    int64_t from = tensor.offset(indices);
    if (isFloat(tensor.type) || isFloat(type))
      copy.set(to, tensor.real(from));
    else
      copy.set(to, tensor.integer(from));
    for (size_t dim = indices.size(); dim-- > 0;) {
      if (++indices[dim] < tensor.shape[dim])
        break;
      indices[dim] = 0;
    }
  }
  return copy;
}

std::vector<int64_t> denseStrides(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * std::max<int64_t>(shape[dim], 1);
  return strides;
}

std::string spellShape(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

} // namespace attune::reference
