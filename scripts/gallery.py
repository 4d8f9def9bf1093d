#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the gallery on every device and writes docs/gallery.md: which mechanism is which program, and how right it is.

  scripts/gallery.py                    all examples on host, sim:sm_80 and sim:sm_90; writes docs/gallery.md
  scripts/gallery.py --check            the same; compares the page, without its figures, with the one that stands
  scripts/gallery.py --only cog lssar   these examples alone; writes nothing
  scripts/gallery.py --ptxas            what ptxas says of the kernels at head size 128: registers, spills

examples/gallery/rows.txt lists the mechanisms; the comments `// Rows:`, `// Run:` and `// Not on:` of an example say which of
them it is and how it is run (examples/gallery/README.md). Ends with exit code 1 when an example fails or a mechanism is missing.
"""
import argparse
import concurrent.futures
import itertools
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import acceptance  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "examples" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
DEVICES = {"host": "host", "sm_80": "sim:sm_80", "sm_90a": "sim:sm_90"}
SIZES = {"batch": 2, "heads": 4, "kv-heads": 2, "queries": 70, "keys": 90}
# Rows of one to three keys, where causal. Not one query: a row of one key has the weight 1, in which an eager evaluation makes no
# error, and twice none is no bound.
SHORT = 3
PIPELINE = "builtin.module(attn-to-stages,attn-explain-sweeps)"

# What a row may lack: ops of the language, and uses of an op that do not lower.
LACKS = {"concat", "contains", "list", "reduce by", "reduce into", "reduce over heads", "reduce over queries", "rotate", "scan",
         "select", "solve", "state", "stencil", "take", "transpose", "token maps", "vector maps", "several key axes", "wide heads"}
CORE = [*range(1, 27), 28, 29, *range(31, 69), 70, *range(72, 80), 94]

# ---- What is there -----------------------------------------------------------------------------------------------------


def numbers(text):
    """`33-36 38 P2` as the names of rows: 33, 34, 35, 36, 38, P2."""
    found = []
    for word in text.split():
        low, _, high = word.partition("-")
        found += [str(number) for number in range(int(low), int(high) + 1)] if high else [word]
    return found


class Example:
    """One program of the gallery, or an older example that a row points at."""

    def __init__(self, name):
        self.name = name
        self.file = ROOT / "examples" / f"{name}.mlir"
        text = self.file.read_text()
        said = {key: [value.strip() for value in re.findall(rf"^// {key}: (.*)", text, re.M)] for key in ("Rows", "Run", "Not on", "Spills")}
        self.rows = numbers(" ".join(said["Rows"]))
        self.run = " ".join(said["Run"]).split()
        self.spills = {note.split()[0]: int(note.split()[1]) for note in said["Spills"]}
        self.refused = {note.split()[0]: note.partition(" ")[2] for note in said["Not on"]}

    @property
    def own(self):
        return self.name.startswith("gallery/")

    def arguments(self, queries, scratch):
        """Arguments of attn-run that give it random inputs."""
        if not self.own:
            heads = SIZES["heads"]
            return acceptance.run_arguments(acceptance.Session(ROOT, scratch), self.name, queries, heads)
        sizes = {**SIZES, "queries": queries}
        flags = {"--convert": "", "--batch": sizes["batch"], "--heads": sizes["heads"], "--kv-heads": sizes["kv-heads"],
                 "--tokens": queries, "--kv-tokens": sizes["keys"]}
        operands = []
        for argument in self.run:
            filled = re.sub(r"\{([^}]*)\}", lambda match: str(size_of(match[1], sizes)), argument)
            name, _, value = filled.partition("=")
            if name.startswith("--"):
                flags[name] = value
            else:
                operands.append(f"{name}={self.table(name, value, scratch, queries) if ':' in value else value}")
        return ["--random", *(f"{name}={value}" if value else name for name, value in flags.items()), *operands]

    def table(self, name, value, scratch, queries):
        """A file of random numbers: SHAPE:LOW..HIGH, whole ones unless the ends have a point."""
        shape, _, ends = value.partition(":")
        low, _, high = ends.partition("..")
        shape = [int(size) for size in shape.split("x")]
        file = Path(scratch) / f"{self.file.stem}-{name}-{queries}.npy"
        draw = random.Random(f"{self.name} {name}")
        count = 1
        for size in shape:
            count *= size
        if "." in low + high:
            save(file, shape, "f", [draw.uniform(float(low), float(high)) for _ in range(count)])
        else:
            save(file, shape, "i", [draw.randint(int(low), int(high)) for _ in range(count)])
        return file


def size_of(text, sizes):
    """`keys`, or a sum: `queries+keys`, `queries+1`."""
    return sum(sizes[part] if part in sizes else int(part) for part in text.split("+"))


def save(file, shape, letter, values):
    """A .npy file of 32-bit numbers (version 1.0)."""
    header = f"{{'descr': '<{letter}4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                     struct.pack(f"<{len(values)}{letter}", *values))


def read_rows():
    """Lines of rows.txt: row, mechanism, what it lacks, older examples that are it. In their order there."""
    rows = {}
    for line in (GALLERY / "rows.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            row, mechanism, lacks, older = (part.strip() for part in line.split("|"))
            rows[row] = {"mechanism": mechanism, "lacks": lacks, "older": older.split(), "examples": []}
    return rows


def gather():
    """Rows with their examples, every example once, and what is wrong with the lists."""
    rows, examples, findings = read_rows(), {}, []
    for row in rows.values():
        for name in row["older"]:
            row["examples"].append(examples.setdefault(name, Example(name)))
    for file in sorted(GALLERY.glob("*.mlir")):
        example = examples[f"gallery/{file.stem}"] = Example(f"gallery/{file.stem}")
        findings += [f"{file.name}: has no `// Rows:`"] if not example.rows else []
        for row in example.rows:
            if row in rows:
                rows[row]["examples"].append(example)
            elif row != "own":
                findings.append(f"{file.name}: rows.txt has no row {row}")
    wanted = [str(row) for row in CORE] + [f"P{probe}" for probe in range(1, 16)]
    findings += [f"rows.txt: row {row} is missing" for row in wanted if row not in rows]
    for name, row in rows.items():
        findings += [f"rows.txt: row {name} has no example and lacks nothing"] if not row["examples"] and not row["lacks"] else []
        findings += [f"rows.txt: row {name} lacks `{what}`, which is not in the list of scripts/gallery.py"
                     for what in lacks_of(row) if what not in LACKS]
    return rows, examples, findings


def lacks_of(row):
    """The ops that a row waits for, without what is said about them in parentheses."""
    return [part.strip() for part in re.sub(r"\([^)]*\)", "", row["lacks"]).split(",") if part.strip()]


# ---- Running -----------------------------------------------------------------------------------------------------------


def execute(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.returncode, done.stdout


def explain(tools, example):
    """Number of sweeps and of maps of tokens, of all kernels of the program, and what each sweep carries for a row."""
    status, output = execute([tools / "attn-opt", example.file, f"-pass-pipeline={PIPELINE}", "-o", "/dev/null"])
    found = re.findall(r"^@\w+: (no|\d+) sweep", output, re.M)
    if status or not found:
        return None, output
    sweeps = str(sum(int(count) for count in found if count != "no"))
    tokens = found.count("no")
    carried = re.findall(r"^sweep \d+(?: over \w+)?(?: in reverse)?: carries (.*)", output, re.M)
    runs = [(text, len(list(equal))) for text, equal in itertools.groupby(carried)]
    carried = "; ".join(f"{count} times {text}" if count > 1 else text for text, count in runs)
    return (sweeps + (f" + {tokens} of tokens" if tokens else ""), carried), ""


def host_level():
    """Code for this processor alone: what a bundle for any host would choose."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return "x86-64-v4" if "avx512vl" in flags else "x86-64-v3" if "avx2" in flags else "x86-64"


def build(tools, scratch, example, findings):
    """One bundle for all devices but those that the example is not for; these have to refuse it."""
    bundle = Path(scratch) / f"{example.name.replace('/', '-')}.attn"
    command = [tools / "attn-compile", example.file, "--no-cubin", "--self-test=off", "-o", bundle]
    for device in example.refused:
        status, _ = execute([*command, f"--target={device}"])
        findings += [f"{example.name}: `// Not on: {device}` is outdated"] if status == 0 else []
    wanted = [host_level() if device == "host" else device for device in DEVICES if device not in example.refused]
    status, output = execute([*command, f"--target={','.join(wanted)}"])
    findings += [f"{example.name}: attn-compile:\n{output}"] if status else []
    return bundle if status == 0 else None


def measure(tools, scratch, example, findings):
    """Sweeps, state, and the worst share of what is allowed on each device."""
    plan, output = explain(tools, example)
    findings += [f"{example.name}: attn-opt:\n{output}"] if not plan else []
    bundle, figures = build(tools, scratch, example, findings), {device: None for device in DEVICES}
    for device, flag in DEVICES.items() if bundle else ():
        if device in example.refused:
            continue
        shares = []
        for queries in (SIZES["queries"], SHORT):
            arguments = example.arguments(queries, scratch)
            status, output = execute([tools / "attn-run", bundle, "--program", example.file, f"--device={flag}", "--check",
                                      *arguments])
            found = [float(share) for share in re.findall(r"([-\d.e+]+|nan|inf) % of what is allowed", output)]
            if status or not found:
                findings.append(f"{example.name} on {device}: attn-run {' '.join(map(str, arguments))}\n{output}")
            shares += found
        figures[device] = max(shares, default=None)
    return plan or ("", ""), figures


def measure_all(tools, scratch, examples, jobs):
    findings, results = [], {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {name: pool.submit(measure, tools, scratch, example, findings) for name, example in examples.items()}
        for name, result in waiting.items():
            results[name] = result.result()
    return results, findings


def ptxas(tools, scratch, examples):
    """Registers and spills of what is compiled for both GPUs. A kernel fails that spills more than its example says."""
    assembler, failures = acceptance.find_ptxas(), []
    for example in examples.values():
        for device in ("sm_80", "sm_90a"):
            if device in example.refused:
                continue
            ptx = Path(scratch) / f"{example.file.stem}-{device}.ptx"
            status, log = execute([tools / "attn-compile", example.file, f"--target={device}", "--emit=ptx", "-o", ptx])
            if not status:
                status, log = execute([assembler, f"-arch={device}", "-v", ptx, "-o", Path(scratch) / "out.cubin"])
            used, spills = (re.findall(pattern, log) for pattern in (r"Used (\d+) registers", r"(\d+) bytes spill"))
            print(f"{example.name} {device}: " + (log if status else f"{max(map(int, used))} registers, "
                                                  f"{sum(map(int, spills))} bytes spilled"), flush=True)
            # Of each kernel what it stores, then what it loads.
            most = max((int(stored) + int(loaded) for stored, loaded in zip(spills[::2], spills[1::2])), default=0)
            if status or most > example.spills.get(device, 0):
                failures.append(f"{example.name} for {device}: spills more than its `// Spills:` says")
    return failures


# ---- The page ----------------------------------------------------------------------------------------------------------

HEAD = """\
# Gallery

Which published mechanism is which program. `scripts/gallery.py` runs every program below on the host and on the simulated
GPUs, compares it with the reference, and writes this page. The numbers of the rows are those of
[rows.txt](../examples/gallery/rows.txt); how an example is written and run says its
[README](../examples/gallery/README.md).

- **sweeps**: how often the loop over keys runs, in all kernels of the program; "+ 2 of tokens": two kernels before or behind
  map tokens, each by itself. **carried**: what a row keeps during a sweep; sweeps are parted by semicolons. A frame is a
  running maximum that sums of exponentials are relative to.
- **host**, **sm_80**, **sm_90a**: the worst error, as a share of what is allowed: twice the error of an eager evaluation
  in the same precision, and one rounding. The greater of two problems: {problem}; and the same with {short} queries. GPUs
  are simulated.
- **lacks**: what the language or the compiler has yet to have for the row. A row with an example that lacks something
  stands in part: what the example is, its first lines say.

"""


def status_of(row):
    return "open" if not row["examples"] else "in part" if row["lacks"] else "stands"


def summary(rows):
    text, core = "| | stand | in part | open |\n| --- | --- | --- | --- |\n", [str(row) for row in CORE]
    groups = {"core mechanisms": core, "extensions": [row for row in rows if row not in core and row[0] != "P"],
              "probes": [row for row in rows if row[0] == "P"]}
    for group, names in groups.items():
        states = [status_of(rows[name]) for name in names if name in rows]
        text += f"| {group} | " + " | ".join(str(states.count(state)) for state in ("stands", "in part", "open")) + " |\n"
    lacked = [(what, [name for name in rows if what in lacks_of(rows[name])]) for what in sorted(LACKS)]
    text += "\n| lacked | rows |\n| --- | --- |\n"
    return text + "".join(f"| {what} | {' '.join(names)} |\n" for what, names in lacked if names)


def line(name, row, example, results):
    if example is None:
        return f"| {name} | {row['mechanism']} | | | | | | | {row['lacks']} |\n"
    (sweeps, carried), figures = results[example.name]
    shares = " | ".join(f"{figures[device]:.0f} %" if figures[device] is not None else
                        f"no: {example.refused[device]}" if device in example.refused else "FAILS" for device in DEVICES)
    link = f"[{example.file.stem}](../examples/{example.name}.mlir)"
    return f"| {name} | {row['mechanism']} | {link} | {sweeps} | {carried} | {shares} | {row['lacks']} |\n"


def page(rows, results):
    problem = "{queries} queries, {keys} keys, {heads} heads on {kv-heads}, {batch} sequences".format(**SIZES)
    core = {str(row) for row in CORE}
    text = HEAD.format(problem=problem, short=SHORT) + summary(rows)
    for title, chosen in (("Core mechanisms", lambda name: name in core),
                          ("Extensions", lambda name: name not in core and name[0] != "P"),
                          ("Probes", lambda name: name[0] == "P")):
        text += f"\n## {title}\n\n| row | mechanism | example | sweeps | carried | host | sm_80 | sm_90a | lacks |\n"
        text += "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        for name, row in rows.items():
            if chosen(name):
                text += "".join(line(name, row, example, results) for example in row["examples"] or [None])
    return text


def without_figures(text):
    return re.sub(r"\d+ %", "%", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with docs/gallery.md and write nothing")
    parser.add_argument("--only", nargs="+", default=[], help="names of examples/gallery")
    parser.add_argument("--ptxas", action="store_true", help="assemble, and do not run")
    parser.add_argument("--tools", default=ROOT / "build" / "dev" / "bin", help="folder of attn-run and attn-opt")
    parser.add_argument("--scratch", default=ROOT / "build" / "gallery", help="folder for what is made on the way")
    parser.add_argument("--jobs", type=int, default=2, help="programs that run at once")
    chosen = parser.parse_args()
    tools = Path(chosen.tools).resolve()
    Path(chosen.scratch).mkdir(parents=True, exist_ok=True)
    rows, examples, findings = gather()
    if chosen.only:
        examples = {name: example for name, example in examples.items() if example.file.stem in chosen.only}
    if chosen.ptxas:
        failures = ptxas(tools, chosen.scratch, examples)
        print(*failures, f"{len(failures)} findings", sep="\n")
        sys.exit(1 if failures else 0)
    results, failed = measure_all(tools, chosen.scratch, examples, chosen.jobs)
    findings += failed
    if chosen.only:
        for name, (plan, figures) in results.items():
            print(name, *plan, figures)
    elif chosen.check:
        if without_figures(page(rows, results)) != without_figures(PAGE.read_text()):
            findings.append("docs/gallery.md: is not what scripts/gallery.py writes; run it")
    else:
        PAGE.write_text(page(rows, results))
    for finding in findings:
        print(finding)
    print(f"{len(examples)} examples, {len(rows)} rows, {len(findings)} findings")
    sys.exit(1 if findings or not examples else 0)


if __name__ == "__main__":
    main()
