// SPDX-License-Identifier: Apache-2.0
// What did ptxas make of a kernel for sm_90a: registers, spills, and which instructions are in its
// loops? Read from the cubin, an ELF file; no disassembler is needed.
#ifndef ATTUNE_TEST_COMPILER_TARGET_NVPTX_CUBINREPORT_H
#define ATTUNE_TEST_COMPILER_TARGET_NVPTX_CUBINREPORT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune::test {

/// What is counted. `productShared` and `productRegister` are HGMMA with A in shared memory and in
/// registers; `fence` and `wait` are the two forms of the warpgroup instruction; `barrier` is BAR,
/// `mbarrier` SYNCS; `unfollowed` are jumps whose target is not in the instruction (BRX, BRXU).
enum class Kind : uint8_t {
  productShared,
  productRegister,
  fence,
  wait,
  special,
  toUniform,
  loadLocal,
  storeLocal,
  barrier,
  mbarrier,
  shuffle,
  pack,
  maximum,
  select,
  add,
  multiply,
  multiplyAdd,
  compare,
  toPredicates,
  storeMatrix,
  branch,
  unfollowed,
  other,
};
inline constexpr unsigned kKinds = unsigned(Kind::other) + 1;

/// The name of SASS: "HGMMA.SS".
llvm::StringRef name(Kind kind);

/// One SASS instruction, as its two little-endian words.
struct Instruction {
  uint64_t low, high;
  Kind kind() const;
  /// For `Kind::wait`: how many groups may still be in flight after it.
  unsigned groupsLeft() const;
  /// Whether it does what it does whatever the predicates are.
  bool isUnconditional() const;
  /// For `Kind::branch` at index `at`: the index of the instruction that it goes to.
  int64_t target(int64_t at) const;
  bool ends() const;
};

struct Mix {
  std::array<unsigned, kKinds> counts{};
  unsigned operator[](Kind kind) const { return counts[unsigned(kind)]; }
  void add(const Instruction &instruction) { ++counts[unsigned(instruction.kind())]; }
  unsigned products() const {
    return (*this)[Kind::productShared] + (*this)[Kind::productRegister];
  }
};

/// A natural loop of the code.
struct Loop {
  /// Where it is entered: an index of an instruction.
  size_t header = 0;
  /// Instructions of the loop where it stands, and of what was put elsewhere: the retries of waits.
  size_t length = 0, aside = 0;
  /// Instructions of one turn, of those turns that pass the most HGMMA: without all that can be
  /// jumped over, such as the code of masks, and with it. Loops inside are passed once.
  size_t shortestTurn = 0, longestTurn = 0;
  /// Of the instructions that `length` counts.
  Mix mix;
  /// MUFU before the last wait that leaves nothing in flight, counted from the header.
  unsigned specialBeforeWait = 0;
  /// MUFU while some HGMMA is in flight, wherever the loop is thought to begin.
  unsigned specialUnderProduct = 0;
  bool innermost = true;
  /// It has HGMMA, and no loop inside it has.
  bool main = false;
};

struct KernelReport {
  std::string name;
  unsigned registers = 0, stackBytes = 0;
  /// Known from what ptxas printed only.
  std::optional<unsigned> spillStoreBytes, spillLoadBytes;
  /// All instructions but the padding after the end.
  size_t instructions = 0;
  Mix mix;
  std::vector<Loop> loops;
};

struct Report {
  std::vector<KernelReport> kernels;
  /// Lines of ptxas with a number (C75..): the pipeline of wgmma is not what the PTX asks for.
  std::vector<std::string> hazards;
};

/// All loops of `code`, by header; a branch out of `code` is an error.
llvm::Expected<std::vector<Loop>> findLoops(llvm::ArrayRef<Instruction> code);

/// Reads a cubin for sm_90 or sm_90a. What is not one is an error that says why.
llvm::Expected<Report> readCubin(llvm::StringRef bytes);

/// Adds what `ptxas -v` printed: spills and hazards. Fails where it speaks of no kernel of
/// `report`, or not of all.
llvm::Error addLog(Report &report, llvm::StringRef log);

void printTable(const Report &report, llvm::raw_ostream &out);
void printJson(const Report &report, llvm::raw_ostream &out);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_NVPTX_CUBINREPORT_H
