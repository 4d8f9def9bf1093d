// SPDX-License-Identifier: Apache-2.0
// The section ".nv.info.<entry>" is a list of attributes: a byte of format, a byte that names the
// attribute, and two bytes of value or, in format 4, of the size of the value that follows.
#include "test/runtime/device/cuda/CubinReader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <elf.h>

namespace attune::testing {
namespace {

constexpr uint8_t sizedFormat = 4, requiredThreads = 0x10, parameterInfo = 0x17;

template <typename T> T load(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

Elf64_Shdr sectionHeader(const char *image, const Elf64_Ehdr &header, size_t index) {
  return load<Elf64_Shdr>(image + header.e_shoff + index * sizeof(Elf64_Shdr));
}

/// One parameter's attribute: its number, and in the upper bits of the last word its size.
void addParameter(CubinEntry &entry, const char *value) {
  size_t ordinal = load<uint16_t>(value + 4);
  size_t size = load<uint32_t>(value + 8) >> 18;
  if (entry.parameterSizes.size() <= ordinal)
    entry.parameterSizes.resize(ordinal + 1);
  entry.parameterSizes[ordinal] = size;
}

CubinEntry readAttributes(const char *at, size_t size) {
  CubinEntry entry;
  const char *end = at + size;
  while (end - at >= 4) {
    uint8_t format = uint8_t(at[0]), attribute = uint8_t(at[1]);
    size_t valueSize = format == sizedFormat ? load<uint16_t>(at + 2) : 0;
    const char *value = at + 4;
    if (valueSize > size_t(end - value))
      break;
    if (format == sizedFormat && attribute == parameterInfo && valueSize >= 12)
      addParameter(entry, value);
    if (format == sizedFormat && attribute == requiredThreads && valueSize >= 12)
      entry.requiredThreads =
          load<uint32_t>(value) * load<uint32_t>(value + 4) * load<uint32_t>(value + 8);
    at = value + valueSize;
  }
  return entry;
}

} // namespace

bool isCubin(const char *image) {
  constexpr uint16_t cudaMachine = 190;
  // Nothing after the magic number is read of something that is shorter than a header.
  return std::strncmp(image, ELFMAG, SELFMAG) == 0 && image[EI_CLASS] == ELFCLASS64 &&
         load<Elf64_Ehdr>(image).e_machine == cudaMachine;
}

std::string copyCubin(const char *image) {
  auto header = load<Elf64_Ehdr>(image);
  size_t end = std::max(header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr),
                        header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr));
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section = sectionHeader(image, header, i);
    if (section.sh_type != SHT_NOBITS)
      end = std::max<size_t>(end, section.sh_offset + section.sh_size);
  }
  return std::string(image, end);
}

std::optional<CubinEntry> findCubinEntry(const std::string &cubin, const std::string &name) {
  auto header = load<Elf64_Ehdr>(cubin.data());
  Elf64_Shdr names = sectionHeader(cubin.data(), header, header.e_shstrndx);
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section = sectionHeader(cubin.data(), header, i);
    if (".nv.info." + name == cubin.data() + names.sh_offset + section.sh_name)
      return readAttributes(cubin.data() + section.sh_offset, section.sh_size);
  }
  return std::nullopt;
}

} // namespace attune::testing
