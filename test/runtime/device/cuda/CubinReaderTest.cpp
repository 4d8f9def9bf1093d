// SPDX-License-Identifier: Apache-2.0
// Does the recording driver understand what ptxas writes about an entry? The object here has the
// shape of one of its cubins, with the attributes of a kernel (pointer, i64, f32, 128-byte map).
#include "test/runtime/device/cuda/CubinReader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <elf.h>

using namespace attune::testing;

namespace {

template <typename T> void append(std::string &bytes, const T &value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
}

void appendAttribute(std::string &bytes, uint8_t attribute, std::initializer_list<uint32_t> value) {
  append(bytes, uint8_t(4));
  append(bytes, attribute);
  append(bytes, uint16_t(value.size() * 4));
  for (uint32_t word : value)
    append(bytes, word);
}

/// KPARAM_INFO, as ptxas 13 writes it: index, ordinal and offset, and size with flags below it.
void appendParameter(std::string &bytes, uint32_t ordinal, uint32_t offset, uint32_t size) {
  appendAttribute(bytes, 0x17, {0, ordinal | offset << 16, size << 18 | 0x1f000});
}

std::string sampleCubin() {
  std::string info;
  append(info, uint32_t(0x00013501)); // an attribute without a value of its own
  appendParameter(info, 3, 64, 128);  // ptxas writes the last parameter first
  appendParameter(info, 2, 16, 4);
  appendParameter(info, 1, 8, 8);
  appendParameter(info, 0, 0, 8);
  appendAttribute(info, 0x10, {128, 2, 1});
  std::string names = std::string("\0.shstrtab\0.nv.info\0.nv.info.f", 31);

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_machine = 190;
  header.e_shnum = 3;
  header.e_shstrndx = 1;
  header.e_shoff = sizeof(header) + names.size() + info.size();
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_offset = sizeof(header);
  sections[1].sh_size = names.size();
  sections[2].sh_name = 20;
  sections[2].sh_offset = sizeof(header) + names.size();
  sections[2].sh_size = info.size();
  std::string bytes;
  append(bytes, header);
  bytes += names + info;
  append(bytes, sections);
  return bytes;
}

TEST(CubinReader, ParametersAndThreadsOfAnEntry) {
  std::optional<CubinEntry> entry = findCubinEntry(sampleCubin(), "f");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->parameterSizes, (std::vector<size_t>{8, 8, 4, 128}));
  EXPECT_EQ(entry->requiredThreads, 256u);
}

TEST(CubinReader, EntryThatIsNotThere) { EXPECT_FALSE(findCubinEntry(sampleCubin(), "g")); }

TEST(CubinReader, CopiesAllBytes) {
  std::string cubin = sampleCubin();
  EXPECT_EQ(copyCubin((cubin + "something after it").c_str()), cubin);
}

TEST(CubinReader, OtherImages) {
  EXPECT_TRUE(isCubin(sampleCubin().c_str()));
  EXPECT_FALSE(isCubin(".version 7.0"));
  EXPECT_FALSE(isCubin("\177ELF.version 7.0"));
  EXPECT_FALSE(isCubin(""));
  std::string host = sampleCubin();
  host[18] = EM_X86_64;
  EXPECT_FALSE(isCubin(host.c_str()));
}

} // namespace
