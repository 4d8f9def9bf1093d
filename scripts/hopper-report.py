#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ptxas makes of the kernels for sm_90a, next to what a fast kernel looks like; exit code 1 when a gate fails.

  scripts/hopper-report.py                            every example, bf16 and f16, head sizes 64, 128, 192/128, 256
  scripts/hopper-report.py causal --sizes 128         one example, one size
  scripts/hopper-report.py --markdown docs/hopper-report.md              every example, mask and kernel of the gallery, as a page
  scripts/hopper-report.py --ptx FILE --form bf16:128 --tiles 128x128    PTX from elsewhere

A row is a kernel; under it stands each gate that it fails. `R2UR` are moves to uniform registers, in loops with products and
in all; `products` are HGMMA with A in shared memory and in
registers, of each loop that has some; `hidden` are exponentials (MUFU) that run while a product does; `turn` is how many
instructions a turn has, without and with what it may jump over, the mask, and in parentheses what is on record for full
tiles and for tiles that the diagonal cuts (~: no record, an estimate that is no gate).
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from acceptance import examples  # noqa: E402
from variant import variant  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "test" / "dialects" / "attn" / "gallery.mlir"

# Instructions a turn, over full tiles and over tiles that the diagonal cuts, of kernels that ptxas 13.0 made of
# hand-placed PTX: (q and k size, v size, queries, keys of a tile). FlashAttention-3 built by the same ptxas is longer
# in all but the last two. What was measured without the code that holds exponentials back gets five more.
GUARD = 5
RECORDED = {
    (64, 64, 192, 128): (416 + GUARD, 554 + GUARD),
    (128, 128, 128, 128): (463, 601),
    (128, 128, 128, 176): (574 + GUARD, None),
    (192, 192, 128, 112): (495 + GUARD, 615 + GUARD),
    (256, 256, 128, 80): (475, 567),
}
TOLERANCE = 1.03
TO_UNIFORM = 45  # R2UR of loops with products: more says that descriptors left the uniform registers
# No line (C75..) of ptxas; no stack and no spills; the registers that the block may have; descriptors in uniform
# registers; as many HGMMA a turn as the sizes say; all exponentials while a product runs; turns as short as recorded.
GATES = ("pipeline", "spills", "registers", "uniform", "products", "hidden", "turns")


def estimate(size, value_size, keys):
    """A turn over a full tile, from the recorded ones: work a key, rescaling, products, and what is left."""
    rest = 126 if size > 192 else 110 if size > 128 else 68
    return round(2.42 * keys + value_size / 2 + size / 16 + keys / 16 + rest + GUARD)


def register_cap(threads):
    """What a thread may have when the block has the SM to itself."""
    return min(255, 65536 // threads // 8 * 8)


class Form:
    """bf16:128, f16:192/128: what numbers are, the size of q and k, and the size of v where it differs."""

    def __init__(self, text):
        self.element, sizes = text.split(":")
        self.size, _, value = sizes.partition("/")
        self.size, self.value_size = int(self.size), int(value or self.size)

    def __str__(self):
        return f"{self.element}:{self.size}" + (f"/{self.value_size}" if self.value_size != self.size else "")


class Row:
    """One kernel and what its gates find."""

    def __init__(self, name, form, gates, plain=True, cut_by_diagonal=False):
        self.name, self.form, self.gates, self.plain, self.cut_by_diagonal = name, form, gates, plain, cut_by_diagonal
        self.queries = self.keys = self.threads = None
        self.failures, self.cells = [], []

    def fail(self, gate, message):
        if gate == "made" or gate in self.gates:
            self.failures.append(re.sub(r"\S*/(?=\S+\.mlir:)", "", message.splitlines()[0]))  # files without folders

    def judge(self, report):
        """Holds a report of cubin-report to every gate."""
        for line in report["hazards"]:
            self.fail("pipeline", line)
        for kernel in report["kernels"]:
            self.judge_spills(kernel)
        with_products = [kernel for kernel in report["kernels"] if products(kernel)[0]]
        if len(with_products) != 1:
            self.fail("made", f"expected one kernel with HGMMA, found {len(with_products)} of {len(report['kernels'])}")
        for kernel in with_products:
            self.judge_kernel(kernel, len(report["hazards"]))

    def judge_spills(self, kernel):
        counts = kernel["counts"]
        local = counts["LDL"] + counts["STL"]
        spilled = kernel["spill_store_bytes"] + kernel["spill_load_bytes"]
        if kernel["stack_bytes"] or spilled or local:
            self.fail("spills", f"{kernel['name']}: {kernel['stack_bytes']} bytes of stack, "
                      f"{kernel['spill_store_bytes']} + {kernel['spill_load_bytes']} bytes of spills, {local} LDL and STL")
        if counts["BRX"]:
            self.fail("made", f"{kernel['name']}: {counts['BRX']} jumps by table, so that loops cannot be told")

    def judge_kernel(self, kernel, hazards):
        cap, counts = register_cap(self.threads), kernel["counts"]
        if kernel["registers"] != cap:
            self.fail("registers", f"expected {cap} registers for {self.threads} threads, found {kernel['registers']}")
        loops = sorted((loop for loop in kernel["loops"] if loop["main"]), key=lambda loop: loop["shortest_turn"])
        if not loops:
            self.fail("made", "no loop has HGMMA")
        # Elsewhere a copy takes each of its coordinates from a uniform register.
        to_uniform = sum(loop["counts"]["R2UR"] for loop in loops)
        if to_uniform > TO_UNIFORM:
            self.fail("uniform", f"expected at most {TO_UNIFORM} R2UR in loops with products, found {to_uniform}")
        for loop in loops:
            self.judge_loop(loop)
        if self.recorded() and loops:
            self.judge_turns(loops[0]["shortest_turn"], max(loop["longest_turn"] for loop in loops), *self.recorded())
        spilled = kernel["spill_store_bytes"] + kernel["spill_load_bytes"]
        moves = f"{to_uniform}/{counts['R2UR']}"
        self.cells = [str(kernel["registers"]), str(spilled), str(hazards), moves,
                      listed("/".join(map(str, products(loop))) for loop in loops),
                      listed("{}/{}".format(*hidden(loop)) for loop in loops), self.turns(loops)]

    def judge_loop(self, loop):
        expected = (self.form.size // 16, self.keys // 16)
        if products(loop) != expected:
            self.fail("products", f"loop at {loop['header']}: expected {expected[0]} HGMMA.SS and {expected[1]} "
                      f"HGMMA.RS, found {products(loop)[0]} and {products(loop)[1]}")
        done, all_of_them = hidden(loop)
        if done != all_of_them:
            self.fail("hidden", f"loop at {loop['header']}: {all_of_them - done} of {all_of_them} MUFU run under no product "
                      f"({loop['mufu_before_wait']} are before the last wait)")

    def recorded(self):
        return RECORDED.get((self.form.size, self.form.value_size, self.queries, self.keys)) if self.plain else None

    def judge_turns(self, shortest, longest, full, cut):
        if shortest > full * TOLERANCE:
            self.fail("turns", f"a turn over full tiles: expected at most {full * TOLERANCE:.0f} instructions, "
                      f"found {shortest}")
        if self.cut_by_diagonal and cut and longest > cut * TOLERANCE:
            self.fail("turns", f"a turn over tiles on the diagonal: expected at most {cut * TOLERANCE:.0f} "
                      f"instructions, found {longest}")

    def turns(self, loops):
        known = self.recorded()
        against = listed(str(length) for length in known if length) if known else \
            f"~{estimate(self.form.size, self.form.value_size, self.keys)}"
        return f"{listed(turn(loop) for loop in loops)} ({against})"

    def __str__(self):
        cells = [cell.rjust(width) if right else cell.ljust(width)
                 for cell, (_, width, right) in zip([*self.head(), *self.cells], COLUMNS)]
        return "\n".join([listed(cells).rstrip()] + [f"    {failure}" for failure in self.failures])

    def head(self):
        tiles = f"{self.queries}x{self.keys}x{self.threads}" if self.threads else "-"
        return [self.name, str(self.form), tiles, "FAILED" if self.failures else "ok"]

    def markdown(self):
        name, form, tiles, _ = self.head()
        cells = self.cells or [""] * (len(COLUMNS) - 4)
        verdict = "ok" if not self.failures else "**fails**: " + "; ".join(
            failure.replace("|", "\\|") for failure in self.failures)
        return "| " + " | ".join([f"`{name}`", form, tiles, *cells, verdict]) + " |"


# Of the table: heading, width, whether numbers stand to the right.
COLUMNS = [("kernel", 28, False), ("form", 12, False), ("tile", 12, False), ("", 6, False), ("regs", 4, True),
           ("spills", 6, True), ("C75..", 5, True), ("R2UR", 6, True), ("products", 16, False), ("hidden", 16, False),
           ("turn", 0, False)]


def listed(words):
    return " ".join(words)


def turn(loop):
    """463, or 463-601 when something can be jumped over."""
    ends = sorted({loop["shortest_turn"], loop["longest_turn"]})
    return "-".join(map(str, ends))


def products(counted):
    return counted["counts"]["HGMMA.SS"], counted["counts"]["HGMMA.RS"]


def hidden(loop):
    return loop["mufu_under_product"], loop["counts"]["MUFU"]


class Bench:
    """The tools, and where files go."""

    def __init__(self, tools, scratch, gates):
        self.tools, self.scratch, self.gates = Path(tools).resolve(), Path(scratch), gates
        self.scratch.mkdir(parents=True, exist_ok=True)

    def run(self, tool, *arguments):
        done = subprocess.run([self.tools / tool, *map(str, arguments)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr.strip()

    def assemble(self, row, ptx):
        threads = re.findall(r"\.reqntid (\d+)", Path(ptx).read_text())
        if not threads:
            return row.fail("made", "the PTX has no .reqntid, so that setmaxnreg is ignored")
        # The kernel proper has the larger block; what runs before it fills tables.
        row.threads = max(map(int, threads))
        status, output, errors = self.run("cubin-report", "--json", ptx)
        return row.fail("made", errors) if status else row.judge(json.loads(output))

    def compile(self, example, form, override):
        """The row of an example in one form."""
        text = (ROOT / "examples" / f"{example}.mlir").read_text()
        if "\n!v = " in text and form.value_size == form.size:
            form = Form(f"{form.element}:{form.size}/{form.size // 2}")  # as it is written: 128/64
        plain = " map (" not in text and "softmax" in text
        row = Row(example, form, self.gates, plain, example in ("causal", "gqa"))
        base = self.scratch / f"{example.replace('/', '-')}-{str(form).replace('/', '-').replace(':', '-')}"
        source = base.with_suffix(".mlir")
        source.write_text(variant(text, form.element, form.size, form.value_size))
        flags = [source, "--target=sm_90a", *([f"--override={override}"] if override else [])]
        return self.build(row, flags, base)

    def build(self, row, flags, base):
        status, plan, errors = self.run("attn-compile", *flags, "--emit=plan")
        if status:
            row.fail("made", errors)
            return row
        row.queries, row.keys = (int(re.search(rf"#tile.config<[^>]*\b{what} = (\d+)", plan)[1])
                                 for what in ("queries", "keys"))
        status, _, errors = self.run("attn-compile", *flags, "--emit=ptx", "-o", base.with_suffix(".ptx"))
        row.fail("made", errors) if status else self.assemble(row, base.with_suffix(".ptx"))
        return row

    def compile_gallery(self, kernel):
        """The row of a kernel of the gallery, as it is written. What products and turns it should have, nobody says."""
        gates = [gate for gate in self.gates if gate not in ("products", "turns")]
        row = Row(f"gallery/{kernel}", Form("bf16:128"), gates, plain=False)
        base = self.scratch / f"gallery-{kernel}"
        row = self.build(row, [GALLERY, f"--kernel={kernel}", "--target=sm_90a"], base)
        return row if row.cells else None  # some are for other targets, or for the reference alone


def gallery():
    return re.findall(r"^attn\.kernel @(\w+)", GALLERY.read_text(), re.MULTILINE)


def given(bench, arguments):
    """The row of PTX from elsewhere."""
    row = Row(Path(arguments.ptx).stem, Form(arguments.form), bench.gates, True, arguments.diagonal)
    row.queries, row.keys = map(int, arguments.tiles.split("x"))
    bench.assemble(row, arguments.ptx)
    return [row]


def rows(bench, arguments):
    forms = [Form(f"{element}:{size}") for size in arguments.sizes.split(",")
             for element in arguments.elements.split(",")]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        asked = [pool.submit(bench.compile, example, form, arguments.override)
                 for example in examples(arguments.example) for form in forms]
        if arguments.markdown:
            asked += [pool.submit(bench.compile_gallery, kernel) for kernel in gallery()]
        yield from (row for row in (one.result() for one in asked) if row)


PAGE = """# What ptxas makes of the kernels for sm_90a

Made by `scripts/hopper-report.py --markdown docs/hopper-report.md` with ptxas {ptxas}; no GPU was asked. {total} kernels, {failed} with
a failed gate: those say which. A kernel of the gallery (`test/dialects/attn/gallery.mlir`) stands as it is written, if
warpgroups can multiply for it; others stand in each form.

- *tile*: queries x keys x threads of a block. *regs*: at entry, before `setmaxnreg`. *spills*: bytes stored and loaded.
- *C75..*: lines of ptxas that say that products wait for each other. *R2UR*: moves to uniform registers, in loops with products and in all.
- *products*: HGMMA of a turn of each such loop, with A in shared memory and in registers. *hidden*: exponentials that run while a product
  does, of all.
- *turn*: instructions of a turn, without and with what it may jump over (the mask), and in parentheses what is on record for full tiles and
  tiles on the diagonal (~: an estimate, no gate). The bound is {tolerance:.0f} % above the record.

"""


def write_page(path, done):
    version = subprocess.run([shutil.which("ptxas") or "/usr/local/cuda/bin/ptxas", "--version"], capture_output=True,
                             text=True, check=True).stdout
    headings = [heading for heading, _, _ in COLUMNS if heading] + ["verdict"]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings), *(row.markdown() for row in done)]
    head = PAGE.format(ptxas=re.search(r"V([\d.]+)", version)[1], total=len(done),
                       failed=sum(bool(row.failures) for row in done), tolerance=100 * (TOLERANCE - 1))
    Path(path).write_text(head + "\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", nargs="*", help="as in examples/, without suffix: causal, masks/document")
    parser.add_argument("--elements", default="bf16,f16")
    parser.add_argument("--sizes", default="64,128,192/128,256", help="of q and k, with /SIZE of v where it differs")
    parser.add_argument("--gates", default=",".join(GATES), help="only these")
    parser.add_argument("--override", help="tiles, as attn-compile takes them")
    parser.add_argument("--ptx", help="report on this file instead of examples")
    parser.add_argument("--form", default="bf16:128", help="with --ptx: what its numbers and sizes are")
    parser.add_argument("--tiles", default="128x128", help="with --ptx: queries x keys")
    parser.add_argument("--diagonal", action="store_true", help="with --ptx: its longest loop is over causal tiles")
    parser.add_argument("--tools", default=ROOT / "build" / "dev" / "bin", help="folder of attn-compile, cubin-report")
    parser.add_argument("--scratch", default=ROOT / "build" / "hopper", help="folder for what is made on the way")
    parser.add_argument("--markdown", metavar="FILE", help="write a page, with the kernels of the gallery")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    bench = Bench(arguments.tools, arguments.scratch, arguments.gates.split(","))
    if unknown := set(bench.gates) - set(GATES):
        sys.exit(f"expected gates among {', '.join(GATES)}, found {', '.join(sorted(unknown))}")
    print(listed(heading.rjust(width) if right else heading.ljust(width) for heading, width, right in COLUMNS))
    done = []
    for row in given(bench, arguments) if arguments.ptx else rows(bench, arguments):
        print(row, flush=True)
        done.append(row)
    failed = sum(bool(row.failures) for row in done)
    print(f"{len(done)} kernels, {failed} with failed gates")
    if arguments.markdown:
        write_page(arguments.markdown, done)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
