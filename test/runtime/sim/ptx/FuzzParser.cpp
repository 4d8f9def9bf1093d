// SPDX-License-Identifier: Apache-2.0
// Can any text make the parser or the decoder crash, hang, or build a program that breaks its own
// rules?
//
// The first byte of an input chooses the road: the rest is a whole module, the body of the sample
// module, or a choice of good and bad statements with edits among them.
#include "runtime/sim/program/Decoder.h"
#include "test/runtime/sim/ptx/SampleText.h"
#include "test/runtime/sim/ptx/Snippets.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>

using namespace attune::sim;

namespace {

void expect(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "expected: %s\n", what);
  std::abort();
}

void checkProgram(const Program &program, const ptx::Function &function) {
  size_t size = function.statements.size();
  expect(program.code.size() == size, "one instruction a statement");
  expect(program.uses.size() == size, "the uses of every instruction");
  for (const Instruction &instruction : program.code) {
    expect(instruction.run, "a handler");
    expect(instruction.target <= size && instruction.reconverge <= size, "places in the program");
    expect(instruction.guard == Instruction::unguarded || instruction.guard < program.predicates,
           "a guard that exists");
    expect(instruction.line > 0, "a line");
  }
  for (const Preset &preset : program.presets)
    expect(preset.row + (preset.wide ? 2 : 1) <= program.rows, "rows that exist");
  for (const RegisterUse &use : program.uses)
    for (const std::vector<Row> *rows : {&use.reads, &use.writes})
      for (Row row : *rows)
        expect(row < program.rows, "registers that exist");
}

void tryText(const std::string &text) {
  try {
    ptx::Module module = ptx::parse(text);
    for (const ptx::Function &function : module.functions) {
      try {
        checkProgram(*decode(module, function), function);
      } catch (const LoadError &error) {
        expect(error.line > 0, "the line of what is refused");
      }
    }
  } catch (const LoadError &error) {
    expect(error.line > 0, "the line of what is refused");
  }
}

const char *snippet(uint8_t choice) {
  constexpr size_t good = std::size(goodSnippets), hopper = std::size(goodHopperSnippets),
                   bad = std::size(badSnippets);
  size_t index = choice % (good + hopper + bad);
  if (index < good)
    return goodSnippets[index];
  return index < good + hopper ? goodHopperSnippets[index - good]
                               : badSnippets[index - good - hopper].body;
}

/// Each three bytes: a statement of the samples, and one byte of it that is changed (or not: 255).
std::string assembled(std::string_view choices) {
  std::string body;
  for (; choices.size() >= 3; choices.remove_prefix(3)) {
    std::string statement = snippet(uint8_t(choices[0]));
    if (uint8_t(choices[1]) != 255)
      statement[uint8_t(choices[1]) % statement.size()] = choices[2];
    body += statement;
  }
  return body;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  switch (data[0] % 3) {
  case 0: tryText(rest); break;
  case 1: tryText(sampleModule(rest)); break;
  case 2: tryText(sampleModule(assembled(rest))); break;
  }
  return 0;
}
