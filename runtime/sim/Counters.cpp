// SPDX-License-Identifier: Apache-2.0
// Adds up what instructions cost, and prints it.
#include "runtime/sim/Counters.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace attune::sim {

void LineCounters::add(const LineCounters &other) {
  executed += other.executed;
  lanesOff += other.lanesOff;
  globalBytes += other.globalBytes;
  sharedBytes += other.sharedBytes;
  localBytes += other.localBytes;
  sectors += other.sectors;
  idealSectors += other.idealSectors;
  sharedPasses += other.sharedPasses;
  bankConflicts += other.bankConflicts;
  tensorFlops += other.tensorFlops;
  waits += other.waits;
}

void Counters::add(const Counters &other) {
  lines.resize(std::max(lines.size(), other.lines.size()));
  for (size_t i = 0; i != other.lines.size(); ++i)
    lines[i].add(other.lines[i]);
  blocks += other.blocks;
  warps += other.warps;
  mostBytesInFlight = std::max(mostBytesInFlight, other.mostBytesInFlight);
}

namespace {

/// What one SM does in a clock. From NVIDIA's white papers on the A100, GA102, Ada and H100
/// architectures; tensor rates are those of 16-bit formats without sparsity.
struct SmRates {
  uint32_t target;
  double tensorFlops, fmaLanes;
};
constexpr SmRates smRates[] = {
    {80, 2048, 64}, {86, 1024, 128}, {87, 1024, 128}, {89, 1024, 128}, {90, 4096, 128}};
constexpr double issueSlots = 4, specialLanes = 16, aluLanes = 64, sharedBytesPerClock = 128;
constexpr double sectorsPerClock = 2;

const SmRates &ratesOf(uint32_t target) {
  const SmRates *found = smRates;
  for (const SmRates &rates : smRates)
    if (rates.target <= target)
      found = &rates;
  return *found;
}

const char *nameOf(InstructionClass kind) {
  switch (kind) {
  case InstructionClass::Alu: return "integer";
  case InstructionClass::Fma: return "multiply-add";
  case InstructionClass::Special: return "special function";
  case InstructionClass::Tensor: return "tensor";
  case InstructionClass::Convert: return "conversion";
  case InstructionClass::Shared: return "shared memory";
  case InstructionClass::Global: return "global memory";
  case InstructionClass::Local: return "local memory";
  case InstructionClass::Param: return "parameters";
  case InstructionClass::Async: return "asynchronous";
  case InstructionClass::Synchronize: return "synchronisation";
  case InstructionClass::Control: return "control";
  }
  return "";
}

/// Clocks that the units of one SM would be busy.
struct Busy {
  double issue = 0, special = 0, fma = 0, alu = 0, shared = 0, sectors = 0, tensor = 0;
  void add(const LineCounters &line, InstructionClass kind, const SmRates &rates) {
    double lanes = double(line.executed) * warpSize - double(line.lanesOff);
    issue += double(line.executed) / issueSlots;
    special += kind == InstructionClass::Special ? lanes / specialLanes : 0;
    fma += kind == InstructionClass::Fma ? lanes / rates.fmaLanes : 0;
    alu += kind == InstructionClass::Alu ? lanes / aluLanes : 0;
    // Copies and wgmma have bytes, but no passes.
    shared += std::max(double(line.sharedPasses), double(line.sharedBytes) / sharedBytesPerClock);
    sectors += double(line.sectors) / sectorsPerClock;
    tensor += double(line.tensorFlops) / rates.tensorFlops;
  }
  double most() const { return std::max({issue, special, fma, alu, shared, sectors, tensor}); }
};

template <typename... Values> std::string format(const char *pattern, Values... values) {
  char buffer[256];
  int length = std::snprintf(buffer, sizeof buffer, pattern, values...);
  return std::string(buffer, size_t(std::clamp(length, 0, int(sizeof buffer) - 1)));
}

using Count = unsigned long long;

std::string printTotals(const Counters &counters, const LineCounters &total) {
  std::string text =
      format("%llu blocks, %llu warps, %llu warp instructions, %llu lanes off, %llu waits\n",
             Count(counters.blocks), Count(counters.warps), Count(total.executed),
             Count(total.lanesOff), Count(total.waits));
  text += format("global memory: %llu bytes in %llu sectors of 32 bytes, %llu would do\n",
                 Count(total.globalBytes), Count(total.sectors), Count(total.idealSectors));
  text += format("shared memory: %llu bytes in %llu passes, %llu of them bank conflicts\n",
                 Count(total.sharedBytes), Count(total.sharedPasses), Count(total.bankConflicts));
  if (total.localBytes)
    text += format("local memory: %llu bytes\n", Count(total.localBytes));
  return text + format("tensor cores: %llu flops; at most %llu bytes of copies in flight\n",
                       Count(total.tensorFlops), Count(counters.mostBytesInFlight));
}

std::string printClasses(const Counters &counters, const Program &program) {
  LineCounters classes[instructionClassCount];
  for (size_t i = 0; i != std::min(counters.lines.size(), program.code.size()); ++i)
    classes[size_t(program.code[i].kind)].add(counters.lines[i]);
  std::string text = "\n  warp instructions   lanes off\n";
  for (size_t i = 0; i != instructionClassCount; ++i)
    if (classes[i].executed)
      text += format("  %17llu %11llu  %s\n", Count(classes[i].executed),
                     Count(classes[i].lanesOff), nameOf(InstructionClass(i)));
  return text;
}

std::string printEstimate(const Busy &busy, uint32_t target) {
  std::string text = format("\nestimate, no timing: clocks that the units of one SM of sm_%u would "
                            "need for all of it\n",
                            target);
  const std::pair<const char *, double> units[] = {{"tensor cores", busy.tensor},
                                                   {"issue slots", busy.issue},
                                                   {"special functions", busy.special},
                                                   {"multiply-adds", busy.fma},
                                                   {"integers", busy.alu},
                                                   {"shared memory", busy.shared},
                                                   {"global sectors", busy.sectors}};
  for (const auto &[name, clocks] : units)
    text += format("  %17.0f  %s%s\n", clocks, name,
                   clocks > 0 && clocks == busy.most() ? "  <- bounds it" : "");
  return text;
}

/// Lines of the text, by number from 1.
std::string_view lineOf(std::string_view text, uint32_t number) {
  for (; number > 1 && !text.empty(); --number)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::string_view line = text.substr(0, text.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

} // namespace

std::string print(const Counters &counters, const Program &program, std::string_view text,
                  unsigned mostLines) {
  const SmRates &rates = ratesOf(program.target);
  LineCounters total;
  Busy busy;
  std::vector<std::pair<double, size_t>> costs;
  for (size_t i = 0; i != std::min(counters.lines.size(), program.code.size()); ++i) {
    Busy own;
    own.add(counters.lines[i], program.code[i].kind, rates);
    busy.add(counters.lines[i], program.code[i].kind, rates);
    total.add(counters.lines[i]);
    if (own.most() > 0)
      costs.emplace_back(-own.most(), i);
  }
  std::string result = printTotals(counters, total) + printClasses(counters, program) +
                       printEstimate(busy, program.target);
  size_t shown = std::min<size_t>(mostLines, costs.size());
  std::partial_sort(costs.begin(), costs.begin() + std::ptrdiff_t(shown), costs.end());
  if (shown)
    result += "\ncostliest lines\n    clocks   executed  conflicts    sectors (ideal)  line\n";
  for (size_t i = 0; i != shown; ++i) {
    const LineCounters &line = counters.lines[costs[i].second];
    uint32_t number = program.code[costs[i].second].line;
    result +=
        format("%10.0f %10llu %10llu %10llu %7llu  %u:  ", -costs[i].first, Count(line.executed),
               Count(line.bankConflicts), Count(line.sectors), Count(line.idealSectors), number);
    result += std::string(lineOf(text, number)) + "\n";
  }
  return result;
}

} // namespace attune::sim
