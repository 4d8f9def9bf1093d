#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every example to what is promised of it, with the tools as a user runs them.

  scripts/acceptance.py accuracy [EXAMPLE...]   host against the reference, at several lengths, for several forms
  scripts/acceptance.py ptxas [EXAMPLE...]      what ptxas says of the sm_80 code: registers, spills
  scripts/acceptance.py speed                   GFLOP/s of dense and causal, next to two sgemms a head
  scripts/acceptance.py all                     all three (`make acceptance`)

An example is named as in examples/, without suffix: `causal`, `masks/document`. A form is ELEMENT:SIZE, as in f32:64; forms are made by
scripts/variant.py. Ends with exit code 1 when anything is outside its bound, and says what.
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import masks  # noqa: E402
from variant import variant  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

# What an example needs beyond q, k, v: extra arguments of attn-run. {more} is a greater number of tokens.
CASES = {
    "alibi": [],
    "alibi-window": ["w=100"],
    "causal": [],
    "causal-offset": ["offset=37"],
    "cross-attention": ["--kv-tokens={more}"],
    "dense": [],
    "gqa": ["--heads=8", "--kv-heads=1"],
    "key-bias": [],
    "prefix-kv": [],
    "sigmoid": ["bias=-3.5"],
    "sink": [],
    "sliding-window": ["w=100"],
    "softcap": ["cap=20"],
    "value-size": [],
    **{f"masks/{name}": None for name in masks.CASES},  # scripts/masks.py says
}


def examples(names):
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"expected names of examples ({', '.join(CASES)}), found {', '.join(unknown)}")
    return names or list(CASES)


class Session:
    """Where the tools are, where variants are written, and what has failed so far."""

    def __init__(self, tools, scratch):
        self.tools, self.scratch, self.failures = Path(tools).resolve(), Path(scratch), []
        self.scratch.mkdir(parents=True, exist_ok=True)

    def source(self, example, element, size):
        file = self.scratch / f"{Path(example).name}-{element}-{size}.mlir"
        file.write_text(variant((ROOT / "examples" / f"{example}.mlir").read_text(), element, size))
        return str(file)

    def run(self, *command):
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace")
        return done.returncode, done.stdout

    def tool(self, name, *arguments):
        return self.run(self.tools / name, *arguments)

    def fail(self, what, output):
        self.failures.append(what)
        print(f"FAILED: {what}\n{output}", flush=True)


def run_arguments(session, example, tokens, heads):
    """Arguments of attn-run that give the example random inputs of a length."""
    if CASES[example] is None:
        made = masks.arguments(Path(example).name, tokens, heads, session.scratch)
        return ["--random", f"--tokens={tokens}", f"--heads={heads}", *made]
    own = [argument.format(more=2 * tokens + 3) for argument in CASES[example]]
    shape = [f"--tokens={tokens}"]
    if not any(argument.startswith("--heads") for argument in own):
        shape.append(f"--heads={heads}")
    return ["--random", *shape, *own]


def accuracy(session, names, lengths, forms):
    for example in examples(names):
        for element, size in forms:
            source = session.source(example, element, size)
            for tokens in lengths:
                heads = 3 if tokens <= 256 else 1
                status, output = session.tool("attn-run", source, "--device=host", "--check",
                                              *run_arguments(session, example, tokens, heads))
                what = f"{example} {element} d={size} N={tokens}"
                figures = " ".join(line.strip() for line in output.splitlines() if "error" in line)
                if status:
                    session.fail(what, output)
                else:
                    print(f"{what}: {figures}", flush=True)


def ptxas(session, names, sizes):
    assembler = find_ptxas()
    for example in examples(names):
        for size in sizes:
            what = f"{example} bf16 d={size} sm_80"
            ptx = session.scratch / f"{Path(example).name}-{size}.ptx"
            status, output = session.tool("attn-compile", session.source(example, "bf16", size), "--target=sm_80",
                                          "--emit=ptx", "-o", ptx)
            if status:
                session.fail(f"{what}: attn-compile", output)
                continue
            status, log = session.run(assembler, "-arch=sm_80", "-v", ptx, "-o", session.scratch / "out.cubin")
            used = [int(n) for n in re.findall(r"Used (\d+) registers", log)]
            spills = [int(n) for n in re.findall(r"(\d+) bytes spill", log)]
            if status or not used or sum(spills):
                session.fail(f"{what}: ptxas", log)
            else:
                print(f"{what}: {max(used)} registers, {sum(spills)} bytes spilled", flush=True)


def find_ptxas():
    candidates = [shutil.which("ptxas"), "/usr/local/cuda/bin/ptxas", ROOT / "build" / "tools" / "bin" / "ptxas"]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return candidate
    sys.exit("ptxas is not installed: run scripts/setup.sh")


def speed(session, tokens, heads):
    naive = session.tools / "openblas-naive"
    for example in ("dense", "causal"):
        for size in (64, 128):
            for element in ("f32", "bf16"):
                status, output = session.tool("attn-run", session.source(example, element, size), "--device=host",
                                              "--bench", *run_arguments(session, example, tokens, heads))
                if status:
                    session.fail(f"bench {example} {element} d={size}", output)
                for line in output.splitlines():
                    if "FLOP/s" in line:
                        print(f"attune {example} {element} heads={heads} tokens={tokens} size={size}: {line.strip()}")
            if naive.exists():
                flags = ["--causal"] if example == "causal" else []
                status, output = session.run(naive, f"--heads={heads}", f"--tokens={tokens}", f"--size={size}", *flags)
                print(output.strip(), flush=True)
    if not naive.exists():
        print("skipped: openblas-naive is not built (libopenblas-dev is not installed)")


def forms(text):
    return [(element, int(size)) for element, size in (form.split(":") for form in text.split(","))]


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["accuracy", "ptxas", "speed", "all"])
    parser.add_argument("example", nargs="*")
    parser.add_argument("--tools", default=ROOT / "build" / "dev" / "bin", help="folder of attn-compile and attn-run")
    parser.add_argument("--scratch", default=ROOT / "build" / "acceptance", help="folder for what is made on the way")
    parser.add_argument("--tokens", type=numbers, default=[1, 17, 128, 1000, 4096], help="lengths for accuracy")
    parser.add_argument("--forms", type=forms, default=forms("f32:64,f32:128,bf16:64,bf16:128"))
    parser.add_argument("--sizes", type=numbers, default=[64, 128], help="head sizes for ptxas")
    parser.add_argument("--bench-tokens", type=int, default=4096)
    parser.add_argument("--bench-heads", type=int, default=8)
    arguments = parser.parse_args()
    session = Session(arguments.tools, arguments.scratch)
    if arguments.what in ("accuracy", "all"):
        accuracy(session, arguments.example, arguments.tokens, arguments.forms)
    if arguments.what in ("ptxas", "all"):
        ptxas(session, arguments.example, arguments.sizes)
    if arguments.what in ("speed", "all"):
        speed(session, arguments.bench_tokens, arguments.bench_heads)
    print(f"{len(session.failures)} failures")
    sys.exit(1 if session.failures else 0)


if __name__ == "__main__":
    main()
