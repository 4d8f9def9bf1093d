// SPDX-License-Identifier: Apache-2.0
// Parsing PTX, memory, and the instructions that a warp executes together.
#include "test/compiler/target/nvptx/PtxMachine.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sstream>

using namespace attune::test;

bool Instruction::has(const std::string &part) const {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

static std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> result(1);
  int depth = 0;
  for (char c : text) {
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (c == separator && depth == 0)
      result.emplace_back();
    else
      result.back() += c;
  }
  return result;
}

static std::string trim(const std::string &text) {
  size_t begin = text.find_first_not_of(" \t\n"), end = text.find_last_not_of(" \t\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

//===--- parsing ------------------------------------------------------------------------------===//

PtxMachine::PtxMachine(const std::string &text) {
  std::string code;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    code += line.substr(0, line.find("//")) + "\n";
  size_t body = code.find("\n{");
  parseHeader(code.substr(0, body));
  std::string rest = code.substr(body + 2, code.rfind('}') - body - 2);
  for (const std::string &statement : split(rest, ';'))
    parseStatement(trim(statement));
  for (Instruction &instruction : program)
    for (auto &operand : instruction.operands)
      for (Operand &scalar : operand)
        if (scalar.kind == Operand::Label) {
          if (!labels.count(scalar.text))
            throw std::runtime_error("unknown name " + scalar.text + " in: " + instruction.text);
          scalar.number = labels[scalar.text];
        }
}

void PtxMachine::parseHeader(const std::string &text) {
  std::istringstream words(text.substr(text.find(".entry")));
  std::string previous, word;
  while (words >> word) {
    if (word.find("_param_") != std::string::npos)
      parameterNames.push_back(word.substr(0, word.find_first_of(",)")));
  }
}

void PtxMachine::parseStatement(std::string text) {
  for (size_t colon; (colon = text.find(':')) != std::string::npos && text[0] == '$';) {
    labels[text.substr(0, colon)] = program.size();
    text = trim(text.substr(colon + 1));
  }
  if (text.empty() || text.starts_with(".reg") || text.starts_with(".pragma"))
    return;
  Instruction instruction;
  instruction.text = text;
  if (text[0] == '@') {
    instruction.negatedGuard = text[1] == '!';
    size_t space = text.find_first_of(" \t");
    int start = 1 + instruction.negatedGuard;
    instruction.guard = registerNumber(text.substr(start, space - start));
    text = trim(text.substr(space));
  }
  size_t space = text.find_first_of(" \t\n");
  instruction.opcode = text.substr(0, space);
  instruction.parts = split(instruction.opcode, '.');
  if (space != std::string::npos)
    for (const std::string &operand : split(text.substr(space), ','))
      instruction.operands.push_back(parseOperand(trim(operand)));
  program.push_back(instruction);
}

std::vector<Operand> PtxMachine::parseOperand(const std::string &text) {
  std::vector<Operand> result;
  if (text[0] == '{') {
    for (const std::string &part : split(text.substr(1, text.size() - 2), ','))
      result.push_back(parseScalar(trim(part)));
    return result;
  }
  if (text[0] != '[')
    return {parseScalar(text)};
  std::string inner = text.substr(1, text.size() - 2);
  size_t plus = inner.find('+');
  Operand address = parseScalar(inner.substr(0, plus));
  if (plus != std::string::npos)
    address.immediate = std::stoll(inner.substr(plus + 1));
  return {address};
}

Operand PtxMachine::parseScalar(const std::string &text) {
  Operand operand;
  auto parameter = std::find(parameterNames.begin(), parameterNames.end(), text);
  if (text.starts_with("%tid") || text.starts_with("%ctaid") || text.starts_with("%nctaid") ||
      text.starts_with("%ntid")) {
    operand.kind = Operand::Special;
    operand.text = text;
  } else if (parameter != parameterNames.end()) {
    operand.immediate = 8 * (parameter - parameterNames.begin());
  } else if (text[0] == '%') {
    operand.kind = Operand::Register;
    operand.number = registerNumber(text);
  } else if (text.starts_with("0f")) {
    operand.immediate = std::stoul(text.substr(2), nullptr, 16);
  } else if (isdigit(text[0]) || text[0] == '-') {
    operand.immediate = std::stoll(text);
  } else if (text != "attune_shared") { // which is at 0
    operand.kind = Operand::Label;
    operand.text = text;
  }
  return operand;
}

int PtxMachine::registerNumber(const std::string &name) {
  return registerNumbers.try_emplace(name, registerNumbers.size()).first->second;
}

//===--- blocks and warps ---------------------------------------------------------------------===//

void PtxMachine::launch(const LaunchOptions &launch) {
  options = launch;
  if (options.parameters.size() != parameterNames.size())
    throw std::runtime_error("wrong number of parameters");
  for (block[2] = 0; block[2] < options.grid[2]; ++block[2])
    for (block[1] = 0; block[1] < options.grid[1]; ++block[1])
      for (block[0] = 0; block[0] < options.grid[0]; ++block[0])
        runBlock();
}

void PtxMachine::runBlock() {
  shared.assign(options.sharedBytes, 0xff); // NaNs
  std::vector<Warp> warps(options.threads / laneCount);
  for (size_t number = 0; number < warps.size(); ++number) {
    warps[number].number = options.reverseWarps ? warps.size() - 1 - number : number;
    warps[number].registers.resize(registerNumbers.size());
  }
  while (true) {
    for (Warp &warp : warps)
      runWarp(warp);
    size_t waiting = std::count_if(warps.begin(), warps.end(), [](Warp &w) { return w.atBarrier; });
    if (waiting == 0)
      return;
    if (waiting != warps.size())
      throw std::runtime_error("some warps ended while others wait at a barrier");
    for (Warp &warp : warps)
      warp.atBarrier = false;
  }
}

void PtxMachine::runWarp(Warp &warp) {
  while (!warp.atBarrier && step(warp)) {
  }
}

/// Runs the lanes with the lowest program counter; false when all have ended.
bool PtxMachine::step(Warp &warp) {
  int counter = *std::min_element(warp.counters.begin(), warp.counters.end());
  if (counter >= int(program.size()))
    return false;
  const Instruction &instruction = program[counter];
  uint32_t here = 0, lanes = 0;
  for (int lane = 0; lane < laneCount; ++lane)
    if (warp.counters[lane] == counter) {
      here |= 1u << lane;
      ++warp.counters[lane];
      bool runs = instruction.guard < 0 ||
                  bool(warp.registers[instruction.guard][lane]) != instruction.negatedGuard;
      lanes |= uint32_t(runs) << lane;
    }
  bool together = instruction.has("sync") || instruction.has("aligned");
  if (together && here != ~0u)
    throw std::runtime_error("not all lanes are at: " + instruction.text);
  execute(warp, instruction, lanes);
  return true;
}

uint64_t PtxMachine::special(const Warp &warp, const std::string &name, int lane) const {
  int dimension = name.back() - 'x';
  if (name.starts_with("%ctaid"))
    return block[dimension];
  if (name.starts_with("%nctaid"))
    return options.grid[dimension];
  if (name.starts_with("%ntid"))
    return dimension ? 1 : options.threads;
  return dimension ? 0 : warp.number * laneCount + lane;
}

/// The value of a scalar; of an address, where it points.
uint64_t PtxMachine::value(const Warp &warp, const Operand &operand, int lane) const {
  if (operand.kind == Operand::Special)
    return special(warp, operand.text, lane);
  return operand.immediate +
         (operand.kind == Operand::Register ? warp.registers[operand.number][lane] : 0);
}

void PtxMachine::write(Warp &warp, const Operand &operand, int lane, uint64_t value, int bits) {
  warp.registers[operand.number][lane] = bits == 64 ? value : value & ((uint64_t(1) << bits) - 1);
}

static int resultBits(const Instruction &instruction) {
  const std::string &op = instruction.parts[0];
  if (op == "setp")
    return 1;
  const std::string &type = op == "cvt" ? instruction.type(1) : instruction.type();
  if (type == "pred")
    return 1;
  if (type.ends_with("x2"))
    return 32;
  int bits = std::stoi(type.substr(type.find_first_of("0123456789")));
  return instruction.has("wide") ? 2 * bits : bits;
}

void PtxMachine::execute(Warp &warp, const Instruction &i, uint32_t lanes) {
  const std::string &op = i.parts[0];
  auto each = [&](auto &&work) {
    for (int lane = 0; lane < laneCount; ++lane)
      if (lanes >> lane & 1)
        work(lane);
  };
  if (op == "bra")
    return each([&](int lane) { warp.counters[lane] = i.operands[0][0].number; });
  if (op == "ret")
    return each([&](int lane) { warp.counters[lane] = program.size(); });
  if (op == "bar" || op == "barrier") {
    warp.atBarrier = !i.has("warp");
    return;
  }
  if (i.opcode == "ld.param.b64" || i.opcode == "ld.param.b32" || i.opcode == "ld.param.b8" ||
      i.opcode == "ld.param.b16")
    return each([&](int lane) {
      write(warp, i.operands[0][0], lane, options.parameters[i.operands[1][0].immediate / 8],
            resultBits(i));
    });
  if (op == "ld" || op == "st")
    return loadStore(warp, i, lanes);
  if (op == "cp")
    return copyAsync(warp, i, lanes);
  if (op == "ldmatrix")
    return loadMatrix(warp, i);
  if (op == "mma")
    return multiply(warp, i);
  if (op == "shfl")
    return shuffle(warp, i);
  each([&](int lane) {
    if (i.operands[0].size() == 2 || i.operands[1].size() == 2) { // mov of a pair
      auto &to = i.operands[0], &from = i.operands[1];
      int half = resultBits(i) / 2;
      uint64_t mask = (uint64_t(1) << half) - 1, low = value(warp, from[0], lane);
      if (to.size() == 1)
        return write(warp, to[0], lane, (low & mask) | value(warp, from[1], lane) << half,
                     2 * half);
      write(warp, to[0], lane, low, half);
      return write(warp, to[1], lane, low >> half, half);
    }
    std::vector<uint64_t> values;
    for (size_t n = 1; n < i.operands.size(); ++n)
      values.push_back(value(warp, i.operands[n][0], lane));
    write(warp, i.operands[0][0], lane, compute(i, values), resultBits(i));
  });
}

//===--- memory -------------------------------------------------------------------------------===//

uint8_t *PtxMachine::memory(uint64_t address, int bytes, bool inShared) {
  if (address % bytes)
    throw std::runtime_error("misaligned access of " + std::to_string(bytes) + " bytes");
  if (inShared) {
    if (address + bytes > shared.size())
      throw std::runtime_error("access beyond shared memory, at " + std::to_string(address));
    return shared.data() + address;
  }
  for (auto [begin, size] : buffers)
    if (address >= begin && address + bytes <= begin + size)
      return reinterpret_cast<uint8_t *>(address);
  throw std::runtime_error("access outside of all tensors");
}

void PtxMachine::loadStore(Warp &warp, const Instruction &i, uint32_t lanes) {
  bool load = i.parts[0] == "ld", inShared = i.has("shared");
  const Operand &address = i.operands[load ? 1 : 0][0];
  const std::vector<Operand> &data = i.operands[load ? 0 : 1];
  int bytes = std::max(resultBits(i) / 8, 1);
  for (int lane = 0; lane < laneCount; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    uint64_t start = value(warp, address, lane);
    memory(start, bytes * data.size(), inShared);
    for (size_t n = 0; n < data.size(); ++n) {
      uint8_t *place = memory(start + n * bytes, bytes, inShared);
      uint64_t bits = load ? 0 : value(warp, data[n], lane);
      std::memcpy(load ? static_cast<void *>(&bits) : place,
                  load ? place : static_cast<void *>(&bits), bytes);
      if (load)
        write(warp, data[n], lane, bits, 8 * bytes);
    }
  }
}

void PtxMachine::land(const Copy &copy) {
  uint8_t *target = memory(copy.target, 16, true);
  std::memset(target, 0, 16);
  if (copy.bytes)
    std::memcpy(target, memory(copy.source, 16, false), copy.bytes);
}

void PtxMachine::copyAsync(Warp &warp, const Instruction &i, uint32_t lanes) {
  for (int lane = 0; lane < laneCount; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    auto &groups = warp.groups[lane];
    if (i.has("commit_group")) {
      groups.push_back(std::move(warp.open[lane]));
      warp.open[lane].clear();
    } else if (i.has("wait_group")) {
      while (int64_t(groups.size()) > i.operands[0][0].immediate) {
        for (const Copy &copy : groups.front())
          land(copy);
        groups.erase(groups.begin());
      }
    } else {
      Copy copy{value(warp, i.operands[0][0], lane), value(warp, i.operands[1][0], lane),
                int(value(warp, i.operands[3][0], lane))};
      if (options.lateCopies)
        warp.open[lane].push_back(copy);
      else
        land(copy);
    }
  }
}

void PtxMachine::loadMatrix(Warp &warp, const Instruction &i) {
  bool transposed = i.has("trans");
  for (int matrix = 0; matrix < 4; ++matrix) {
    uint16_t elements[8][8];
    uint32_t bankGroups = 0; // of 16 bytes; the eight rows must lie in different ones
    for (int row = 0; row < 8; ++row)
      bankGroups |= 1u << value(warp, i.operands[1][0], 8 * matrix + row) / 16 % 8;
    if (bankGroups != 0xff)
      throw std::runtime_error("bank conflict: " + i.text);
    for (int row = 0; row < 8; ++row)
      std::memcpy(elements[row], memory(value(warp, i.operands[1][0], 8 * matrix + row), 16, true),
                  16);
    for (int lane = 0; lane < laneCount; ++lane) {
      int row = lane / 4, column = 2 * (lane % 4);
      uint32_t low = transposed ? elements[column][row] : elements[row][column];
      uint32_t high = transposed ? elements[column + 1][row] : elements[row][column + 1];
      write(warp, i.operands[0][matrix], lane, low | high << 16, 32);
    }
  }
}

//===--- the warp together --------------------------------------------------------------------===//

/// mma.m16n8k16: A is 16 x 16, B is 16 x 8, C and D are 16 x 8.
void PtxMachine::multiply(Warp &warp, const Instruction &i) {
  if (!i.has("m16n8k16"))
    throw std::runtime_error("unknown instruction: " + i.text);
  bool bfloat = i.has("bf16");
  float a[16][16], b[16][8], d[16][8];
  for (int lane = 0; lane < laneCount; ++lane) {
    for (int n = 0; n < 8; ++n) {
      uint16_t bits = value(warp, i.operands[1][n / 2], lane) >> 16 * (n % 2);
      a[lane / 4 + 8 * (n / 2 % 2)][2 * (lane % 4) + n % 2 + 8 * (n / 4)] = fromHalf(bits, bfloat);
    }
    for (int n = 0; n < 4; ++n) {
      uint16_t bits = value(warp, i.operands[2][n / 2], lane) >> 16 * (n % 2);
      b[2 * (lane % 4) + n % 2 + 8 * (n / 2)][lane / 4] = fromHalf(bits, bfloat);
    }
    for (int n = 0; n < 4; ++n)
      d[lane / 4 + 8 * (n / 2)][2 * (lane % 4) + n % 2] =
          std::bit_cast<float>(uint32_t(value(warp, i.operands[3][n], lane)));
  }
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column)
      for (int k = 0; k < 16; ++k)
        d[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < laneCount; ++lane)
    for (int n = 0; n < 4; ++n)
      write(warp, i.operands[0][n], lane,
            std::bit_cast<uint32_t>(d[lane / 4 + 8 * (n / 2)][2 * (lane % 4) + n % 2]), 32);
}

void PtxMachine::shuffle(Warp &warp, const Instruction &i) {
  std::array<uint64_t, laneCount> values;
  for (int lane = 0; lane < laneCount; ++lane)
    values[lane] = value(warp, i.operands[1][0], lane);
  int distance = i.operands[2][0].immediate;
  for (int lane = 0; lane < laneCount; ++lane)
    write(warp, i.operands[0][0], lane, values[i.has("bfly") ? lane ^ distance : distance], 32);
}
