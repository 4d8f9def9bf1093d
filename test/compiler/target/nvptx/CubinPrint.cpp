// SPDX-License-Identifier: Apache-2.0
// A report as a table for people and as JSON for scripts.
#include "test/compiler/target/nvptx/CubinReport.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace attune::test;

static std::string orUnknown(std::optional<unsigned> bytes) {
  return bytes ? std::to_string(*bytes) : "?";
}

/// A loop that does nothing but try a barrier again.
static bool isSpin(const Loop &loop) {
  return loop.innermost && loop.length <= 8 && loop.mix[Kind::mbarrier] > 0;
}

static void printLoop(const Loop &loop, llvm::raw_ostream &out) {
  auto count = [&](Kind kind) { return loop.mix[kind]; };
  out << llvm::formatv("{0,6} {1,8} {2,7} {3,6} {4,5} ", loop.header, loop.shortestTurn,
                       loop.longestTurn, loop.length, loop.aside)
      << llvm::formatv("{0,4} {1,4} {2,5} {3,6} {4,5} ", count(Kind::productShared),
                       count(Kind::productRegister), count(Kind::special), loop.specialBeforeWait,
                       loop.specialUnderProduct)
      << llvm::formatv("{0,4} {1,7} {2,4} {3,5}  ", count(Kind::toUniform),
                       count(Kind::loadLocal) + count(Kind::storeLocal), count(Kind::barrier),
                       count(Kind::mbarrier))
      << (loop.main        ? "main"
          : loop.innermost ? ""
                           : "outer")
      << '\n';
}

void attune::test::printTable(const Report &report, llvm::raw_ostream &out) {
  for (const KernelReport &kernel : report.kernels) {
    out << kernel.name << ": " << kernel.instructions << " instructions, " << kernel.registers
        << " registers, " << kernel.stackBytes << " bytes of stack, spills of "
        << orUnknown(kernel.spillStoreBytes) << " (stores) and " << orUnknown(kernel.spillLoadBytes)
        << " (loads) bytes\n";
    for (unsigned kind = 0; kind < kKinds; ++kind)
      out << (kind ? ", " : "  ") << name(Kind(kind)) << ' ' << kernel.mix.counts[kind];
    out << "\n  loop shortest longest length aside  .SS  .RS  MUFU before under R2UR LDL+STL  BAR "
           "SYNCS\n";
    size_t spins = 0;
    for (const Loop &loop : kernel.loops)
      isSpin(loop) ? void(++spins) : printLoop(loop, out);
    out << "  and " << spins << " that only wait\n";
  }
  for (const std::string &line : report.hazards)
    out << line << '\n';
}

static void writeMix(llvm::json::OStream &json, const Mix &mix) {
  json.attributeObject("counts", [&] {
    for (unsigned kind = 0; kind < kKinds; ++kind)
      json.attribute(name(Kind(kind)), mix.counts[kind]);
  });
}

static void writeLoop(llvm::json::OStream &json, const Loop &loop) {
  json.object([&] {
    json.attribute("header", int64_t(loop.header));
    json.attribute("length", int64_t(loop.length));
    json.attribute("aside", int64_t(loop.aside));
    json.attribute("shortest_turn", int64_t(loop.shortestTurn));
    json.attribute("longest_turn", int64_t(loop.longestTurn));
    json.attribute("innermost", loop.innermost);
    json.attribute("main", loop.main);
    json.attribute("mufu_before_wait", loop.specialBeforeWait);
    json.attribute("mufu_under_product", loop.specialUnderProduct);
    writeMix(json, loop.mix);
  });
}

static void writeKernel(llvm::json::OStream &json, const KernelReport &kernel) {
  json.object([&] {
    json.attribute("name", kernel.name);
    json.attribute("instructions", int64_t(kernel.instructions));
    json.attribute("registers", kernel.registers);
    json.attribute("stack_bytes", kernel.stackBytes);
    json.attribute("spill_store_bytes", kernel.spillStoreBytes);
    json.attribute("spill_load_bytes", kernel.spillLoadBytes);
    writeMix(json, kernel.mix);
    json.attributeArray("loops", [&] {
      for (const Loop &loop : kernel.loops)
        writeLoop(json, loop);
    });
  });
}

void attune::test::printJson(const Report &report, llvm::raw_ostream &out) {
  llvm::json::OStream json(out, 1);
  json.object([&] {
    json.attributeArray("kernels", [&] {
      for (const KernelReport &kernel : report.kernels)
        writeKernel(json, kernel);
    });
    json.attributeArray("hazards", [&] {
      for (const std::string &line : report.hazards)
        json.value(line);
    });
  });
  out << '\n';
}
