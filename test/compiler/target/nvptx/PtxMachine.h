// SPDX-License-Identifier: Apache-2.0
// Do the kernels compute what they should? A small interpreter of just the PTX that our back end
// emits, so that tests can run kernels without a GPU. A stop-gap: the simulator of `runtime/sim`
// replaces it.
//
// Lanes of a warp have their own program counters; the lowest one runs next, with all lanes that
// are there. Warps run one after another from barrier to barrier, in either order. Copies by
// cp.async land either at once or only when they are waited for. Every access must lie in a known
// buffer.
#ifndef ATTUNE_TEST_COMPILER_TARGET_NVPTX_PTXMACHINE_H
#define ATTUNE_TEST_COMPILER_TARGET_NVPTX_PTXMACHINE_H

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace attune::test {

constexpr int laneCount = 32;

struct Operand {
  enum Kind { Register, Immediate, Label, Special } kind = Immediate;
  int number = -1;       // of a register, or the target of a label
  int64_t immediate = 0; // or the offset of an address
  std::string text;      // of a special register or a label
};

struct Instruction {
  int guard = -1;
  bool negatedGuard = false;
  std::string opcode, text;
  std::vector<std::string> parts; // of the opcode
  std::vector<std::vector<Operand>> operands;

  bool has(const std::string &part) const;
  const std::string &type(size_t fromEnd = 0) const { return parts[parts.size() - 1 - fromEnd]; }
};

struct LaunchOptions {
  std::array<int, 3> grid{1, 1, 1};
  int threads = 32;
  int64_t sharedBytes = 0;
  /// Raw parameter values in order.
  std::vector<uint64_t> parameters;
  /// Copies land when they are waited for, not at once.
  bool lateCopies = false;
  /// The last warp runs first.
  bool reverseWarps = false;
};

class PtxMachine {
public:
  /// Parses one kernel; throws std::runtime_error at what it does not know.
  explicit PtxMachine(const std::string &text);

  /// Memory that kernels may touch.
  void allow(const void *begin, size_t bytes) { buffers.push_back({uintptr_t(begin), bytes}); }

  /// Runs all blocks; throws std::runtime_error at a wrong access, a divergent barrier or an
  /// instruction that it does not know.
  void launch(const LaunchOptions &options);

private:
  struct Copy {
    uint64_t target, source;
    int bytes;
  };
  struct Warp {
    std::array<int, laneCount> counters{};
    std::vector<std::array<uint64_t, laneCount>> registers;
    std::array<std::vector<std::vector<Copy>>, laneCount> groups;
    std::array<std::vector<Copy>, laneCount> open;
    int number = 0;
    bool atBarrier = false;
  };

  void parseHeader(const std::string &text);
  void parseStatement(std::string text);
  std::vector<Operand> parseOperand(const std::string &text);
  Operand parseScalar(const std::string &text);
  int registerNumber(const std::string &name);

  void runBlock();
  void runWarp(Warp &warp);
  bool step(Warp &warp);
  void execute(Warp &warp, const Instruction &instruction, uint32_t lanes);
  uint64_t value(const Warp &warp, const Operand &operand, int lane) const;
  uint64_t special(const Warp &warp, const std::string &name, int lane) const;
  void write(Warp &warp, const Operand &operand, int lane, uint64_t value, int bits);
  uint8_t *memory(uint64_t address, int bytes, bool shared);
  void loadStore(Warp &warp, const Instruction &instruction, uint32_t lanes);
  void copyAsync(Warp &warp, const Instruction &instruction, uint32_t lanes);
  void land(const Copy &copy);
  void loadMatrix(Warp &warp, const Instruction &instruction);
  void multiply(Warp &warp, const Instruction &instruction);
  void shuffle(Warp &warp, const Instruction &instruction);

  std::vector<Instruction> program;
  std::map<std::string, int> registerNumbers, labels;
  std::vector<std::string> parameterNames;
  std::vector<std::pair<uintptr_t, size_t>> buffers;
  std::vector<uint8_t> shared;
  LaunchOptions options;
  std::array<int, 3> block{};
};

/// The value of one instruction that only computes, from the bits of its operands.
uint64_t compute(const Instruction &instruction, const std::vector<uint64_t> &operands);

/// Bits of 16-bit floats and their values.
float fromHalf(uint16_t bits, bool bfloat);
uint16_t toHalf(float value, bool bfloat);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_NVPTX_PTXMACHINE_H
