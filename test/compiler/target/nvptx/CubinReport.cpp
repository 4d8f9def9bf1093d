// SPDX-License-Identifier: Apache-2.0
// Where in a cubin, and in what ptxas printed, are the facts of a report?
#include "test/compiler/target/nvptx/CubinReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Format.h"

using namespace attune::test;
using llvm::StringRef;
using Elf = llvm::object::ELFFile<llvm::object::ELF64LE>;

static llvm::Error fail(const llvm::Twine &message) { return llvm::createStringError(message); }

/// The code of a section, without what pads it: NOPs behind the branch to itself that ends it.
static llvm::Expected<std::vector<Instruction>> readCode(llvm::ArrayRef<uint8_t> bytes) {
  if (bytes.size() % 16 != 0)
    return fail("expected instructions of 16 bytes, but the code has " + llvm::Twine(bytes.size()) +
                " bytes");
  std::vector<Instruction> code;
  for (size_t at = 0; at < bytes.size(); at += 16)
    code.push_back({llvm::support::endian::read64le(bytes.data() + at),
                    llvm::support::endian::read64le(bytes.data() + at + 8)});
  constexpr unsigned noOperation = 0x918;
  while (!code.empty() && (code.back().low & 0xfff) == noOperation)
    code.pop_back();
  return code;
}

/// Registers and stack of kernels, by symbol. Records of .nv.info are a format (4: a size follows),
/// an attribute and that size, then here a symbol and a number.
static llvm::Error readInfo(llvm::ArrayRef<uint8_t> bytes, uint32_t symbol, KernelReport &kernel) {
  constexpr uint8_t sized = 4, registerCount = 0x2f, frameSize = 0x11;
  bool found = false;
  while (bytes.size() >= 4) {
    uint8_t attribute = bytes[1];
    size_t size = bytes[0] == sized ? llvm::support::endian::read16le(&bytes[2]) : 0;
    bytes = bytes.drop_front(4);
    if (size > bytes.size())
      return fail("a record of .nv.info is longer than the section");
    if (size == 8 && llvm::support::endian::read32le(&bytes[0]) == symbol) {
      uint32_t number = llvm::support::endian::read32le(&bytes[4]);
      found |= attribute == registerCount;
      if (attribute == registerCount)
        kernel.registers = number;
      if (attribute == frameSize)
        kernel.stackBytes = number;
    }
    bytes = bytes.drop_front(size);
  }
  return found ? llvm::Error::success() : fail("no register count of '" + kernel.name + "'");
}

/// The number of the function that has the name.
static llvm::Expected<uint32_t> findSymbol(const Elf &elf, const Elf::Elf_Shdr &table,
                                           StringRef name) {
  auto symbols = elf.symbols(&table);
  auto names = elf.getStringTableForSymtab(table);
  if (!symbols || !names)
    return fail("no symbols: " + toString(symbols.takeError()) + toString(names.takeError()));
  for (auto [number, symbol] : llvm::enumerate(*symbols)) {
    auto found = symbol.getName(*names);
    if (!found)
      return found.takeError();
    if (*found == name && symbol.getType() == llvm::ELF::STT_FUNC)
      return uint32_t(number);
  }
  return fail("no symbol '" + name + "'");
}

/// The sections that are read.
struct Sections {
  const Elf::Elf_Shdr *info = nullptr, *symbols = nullptr;
  std::vector<std::pair<std::string, const Elf::Elf_Shdr *>> code;
};

static llvm::Expected<Sections> findSections(const Elf &elf) {
  auto headers = elf.sections();
  if (!headers)
    return headers.takeError();
  Sections sections;
  for (const Elf::Elf_Shdr &header : *headers) {
    auto name = elf.getSectionName(header);
    if (!name)
      return name.takeError();
    if (*name == ".nv.info")
      sections.info = &header;
    if (header.sh_type == llvm::ELF::SHT_SYMTAB)
      sections.symbols = &header;
    StringRef kernel = *name;
    if (kernel.consume_front(".text."))
      sections.code.push_back({kernel.str(), &header});
  }
  if (!sections.info || !sections.symbols || sections.code.empty())
    return fail("expected sections .nv.info, .symtab and .text.<kernel>; is this a cubin?");
  return sections;
}

static llvm::Error readKernel(const Elf &elf, const Sections &sections,
                              const Elf::Elf_Shdr &section, KernelReport &kernel) {
  auto bytes = elf.getSectionContents(section), info = elf.getSectionContents(*sections.info);
  if (!bytes || !info)
    return fail(toString(bytes.takeError()) + toString(info.takeError()));
  auto symbol = findSymbol(elf, *sections.symbols, kernel.name);
  if (!symbol)
    return symbol.takeError();
  if (llvm::Error error = readInfo(*info, *symbol, kernel))
    return error;
  auto code = readCode(*bytes);
  if (!code)
    return code.takeError();
  for (const Instruction &instruction : *code)
    kernel.mix.add(instruction);
  kernel.instructions = code->size();
  auto loops = findLoops(*code);
  if (!loops)
    return loops.takeError();
  kernel.loops = std::move(*loops);
  return llvm::Error::success();
}

llvm::Expected<Report> attune::test::readCubin(StringRef bytes) {
  auto elf = Elf::create(bytes);
  if (!elf)
    return elf.takeError();
  constexpr unsigned cuda = 190;
  unsigned sm = elf->getHeader().e_flags >> 8 & 0xff;
  if (elf->getHeader().e_machine != cuda || sm != 90)
    return fail("expected a cubin for sm_90 (machine 190), but found machine " +
                llvm::Twine(elf->getHeader().e_machine) + ", sm_" + llvm::Twine(sm) +
                "; instructions of other GPUs have other encodings");
  auto sections = findSections(*elf);
  if (!sections)
    return sections.takeError();
  Report report;
  for (const auto &[name, section] : sections->code) {
    KernelReport &kernel = report.kernels.emplace_back();
    kernel.name = name;
    if (llvm::Error error = readKernel(*elf, *sections, *section, kernel))
      return error;
  }
  return report;
}

/// The number before `unit`, as in "12 bytes spill stores".
static unsigned numberBefore(StringRef line, StringRef unit) {
  StringRef before = line.take_front(line.find(unit)).rtrim();
  unsigned number = 0;
  before.substr(before.find_last_not_of("0123456789") + 1).getAsInteger(10, number);
  return number;
}

/// "(C7512)": a number in parentheses after a C.
static bool isHazard(StringRef line) {
  size_t at = line.find("(C7");
  return at != StringRef::npos && at + 3 < line.size() && llvm::isDigit(line[at + 3]);
}

llvm::Error attune::test::addLog(Report &report, StringRef log) {
  KernelReport *kernel = nullptr;
  for (StringRef line : llvm::split(log, '\n')) {
    if (isHazard(line))
      report.hazards.push_back(line.trim().str());
    auto [before, after] = line.split("Compiling entry function '");
    if (!after.empty()) {
      auto found = llvm::find_if(report.kernels, [name = after.split('\'').first](auto &kernel) {
        return kernel.name == name;
      });
      if (found == report.kernels.end())
        return fail("ptxas compiled '" + after.split('\'').first + "', which the cubin lacks");
      kernel = &*found;
    }
    if (!kernel || !line.contains("bytes spill stores"))
      continue;
    // Functions that a kernel calls are listed with it.
    kernel->spillStoreBytes =
        kernel->spillStoreBytes.value_or(0) + numberBefore(line, " bytes spill stores");
    kernel->spillLoadBytes =
        kernel->spillLoadBytes.value_or(0) + numberBefore(line, " bytes spill loads");
  }
  for (const KernelReport &silent : report.kernels)
    if (!silent.spillStoreBytes)
      return fail("ptxas said nothing of the spills of '" + silent.name + "'; was it given -v?");
  return llvm::Error::success();
}
