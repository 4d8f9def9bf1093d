// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Flags.h"

#include <CLI/CLI.hpp>

namespace attune::run {
namespace {

constexpr const char *about =
    R"(Runs an attention kernel: attn text, which is compiled first, or a bundle of attn-compile.

Operands are given by name, as NAME=VALUE:
  q=q.npy              the tensor of a file; bf16 numbers are kept as 16-bit words (u2)
  q=1x12x4096x128      a tensor of random numbers: batch, heads, tokens, numbers a token
  w=256  cap=30.0      a scalar
With --random, tensors that are not given are made up from --tokens, --heads and their kin.
)";

constexpr const char *examples = R"(
Examples
  What does a kernel compute of these files? Write it to one.
    attn-run examples/causal.mlir q=q.npy k=k.npy v=v.npy -o out0=o.npy -o lse=lse.npy
  Is the compiled kernel right, at a length of 1000?
    attn-run examples/alibi-window.mlir --random --tokens=1000 w=64 --check
  How fast is it, on two threads?
    attn-run examples/dense.mlir --device=host:2 --random --tokens=4096 --bench
  One query against a cache of 131072 keys, 8 query heads on one key head:
    attn-run examples/gqa.mlir --random --tokens=1 --kv-tokens=131072 --heads=8 --kv-heads=1 --bench
  Does the PTX that a GPU would run race, or read what is not there yet? No GPU is needed:
    attn-run examples/causal.mlir --device=sim --random --heads=2 --tokens=200 --check --counters
  What is in a bundle: which code, how it finds its tiles, what runs before it?
    attn-run kernel.attn --list
  The meaning itself, in double precision, without any compiled code:
    attn-run examples/sink.mlir --device=reference --random --tokens=64 -o o.npy

Exit codes: 0 all is well; 1 something failed, or --check found an error beyond what is allowed;
others: the command line could not be read.)";

/// Splits NAME=VALUE; the name may be missing where `nameless` says so.
std::pair<std::string, std::string> splitPair(const std::string &text, bool nameless) {
  size_t equals = text.find('=');
  if (equals == std::string::npos && nameless)
    return {"", text};
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw CLI::ValidationError(text, "expected NAME=VALUE, such as q=q.npy or w=256");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void insertPair(std::map<std::string, std::string> &into, const std::string &text, bool nameless) {
  auto [name, value] = splitPair(text, nameless);
  if (!into.emplace(name, value).second)
    throw CLI::ValidationError(text, "'" + name + "' is given twice");
}

void insertLength(std::map<std::string, int64_t> &into, const std::string &text) {
  auto [axis, value] = splitPair(text, false);
  int64_t length = 0;
  if (!CLI::detail::lexical_cast(value, length) || length < 0)
    throw CLI::ValidationError(text, "expected a number of tokens, such as " + axis + "=1");
  into[axis] = length;
}

} // namespace

std::optional<int> parseFlags(int argc, char **argv, Flags &flags) {
  CLI::App app(about, "attn-run");
  app.footer(examples);
  std::vector<std::string> arguments, outputs, lengths;
  const CLI::Range positive(int64_t(1), int64_t(1) << 31),
      notNegative(int64_t(0), int64_t(1) << 31);

  app.add_option("file", flags.file, "attn text (.mlir) or a bundle (.attn)")->required();
  app.add_option("NAME=VALUE", arguments, "operands of the kernel");
  app.add_option("--kernel", flags.kernel, "which kernel, when the file has several");
  app.add_option("--program", flags.program, "the text that a bundle was made of, for --check");
  app.add_option("--ptx", flags.ptx,
                 "run this PTX (of attn-compile --emit=ptx, edited) in place of the compiled one; "
                 "entry and parameters have to stay");
  app.add_option("--device", flags.device,
                 "host, host:THREADS, cuda, cuda:ORDINAL, sim, sim:sm_80, sim:sm_90, or reference "
                 "(default: host)");
  app.add_option("-o,--output", outputs, "write a result: FILE, or NAME=FILE for one of several")
      ->type_name("[NAME=]FILE")
      ->expected(1)
      ->take_all();
  app.add_flag("--list", flags.list,
               "say what the bundle holds and run nothing: operands, code, masks, pre-passes");
  app.add_flag("--convert", flags.convert, "round the numbers of a file to the operand's type");

  auto *inputs = app.add_option_group("Random tensors");
  inputs->add_flag("--random", flags.random, "make up the tensors that are not given");
  inputs->add_option("--seed", flags.seed, "which random numbers (default: 1)");
  inputs->add_option("--batch", flags.batch, "sequences (default: 1)")->check(positive);
  inputs->add_option("--heads", flags.heads, "query heads (default: 8)")->check(positive);
  inputs->add_option("--kv-heads", flags.kvHeads, "key heads (default: --heads)")->check(positive);
  inputs->add_option("--tokens", flags.tokens, "queries (default: 1024)")->check(notNegative);
  inputs->add_option("--kv-tokens", flags.kvTokens, "keys (default: --tokens)")->check(notNegative);

  app.add_option("--length", lengths, "tokens of an axis that results are on, but no operand is")
      ->type_name("AXIS=N")
      ->allow_extra_args(false);

  auto *quality = app.add_option_group("Is it right, is it fast");
  quality->add_flag(
      "--check", flags.check,
      "compare with the reference; the bound is twice the error of an eager evaluation in "
      "the same precision, and one rounding");
  quality->add_option("--repeat", flags.repeat, "run so often, and demand the same bits each time")
      ->check(positive);
  quality->add_flag("--bench", flags.bench,
                    "measure: median time, GFLOP/s, share of the processor's probed peak");
  quality->add_option("--warmup", flags.warmup, "runs before the clock starts (default: 3)")
      ->check(notNegative);
  quality->add_option("--iterations", flags.iterations, "timed runs (default: what fills a second)")
      ->check(notNegative);

  auto *simulator = app.add_option_group("Simulated GPU");
  simulator->add_option(
      "--sim-options", flags.simOptions,
      "NAME=VALUE,...: numerics=exact|fast|f64, completion=late|early|random, "
      "schedule=round-robin|random|lowest-first|highest-first|starve-one, seed=N, perturb=N, "
      "contract=on|off, split=on|off, checks=on|off, exclusive-writer=on|off, threads=N");
  simulator->add_flag("--counters", flags.counters,
                      "print instructions, bytes and bank conflicts, and an estimate of what "
                      "bounds the kernel");

  try {
    app.parse(argc, argv);
    for (const std::string &text : arguments)
      insertPair(flags.arguments, text, false);
    for (const std::string &text : outputs)
      insertPair(flags.outputs, text, true);
    for (const std::string &text : lengths)
      insertLength(flags.lengths, text);
  } catch (const CLI::ParseError &error) {
    return app.exit(error);
  }
  return std::nullopt;
}

} // namespace attune::run
