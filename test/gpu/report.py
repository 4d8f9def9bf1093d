# SPDX-License-Identifier: Apache-2.0
"""What do the rows say? A Markdown table, and a drawing of TFLOP/s over length.

  test/gpu/report.py ROWS.jsonl OUT    writes OUT/benchmarks.md and OUT/benchmarks.svg
"""
import json
import sys
from pathlib import Path

PEERS = ("flash", "cudnn", "flex")
COLORS = {"attune": "#c2410c", "flash": "#1d4ed8", "cudnn": "#15803d", "flex": "#6b7280"}
# Outputs of ours and of a peer may differ so much, as a share of the largest number: both round to bf16, and so do
# the weights inside.
MOST_DIFFERENCE = 2.0 ** -5


def read_rows(file):
    """All rows but a last one that was cut off."""
    rows = []
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def work(row, pairs):
    """10^12 operations of a row: two products for each pair."""
    return 4 * row["width"] * pairs * row["heads"] * row["batch"] * 1e-12


def rate(row, name, which=0):
    """TFLOP/s of a contender, by visible pairs, or by those that our tiles compute; None if it was not timed."""
    time = row["milliseconds"].get(name)
    return work(row, row["pairs"][which]) / (time * 1e-3) if time else None


def number(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def benchmark_line(row, dense):
    ours, per_tile = rate(row, "attune"), rate(row, "attune", 1)
    share = per_tile / dense if per_tile and dense else None
    cells = [row["mask"], row["width"], row["tokens"], row["heads"], row["batch"], row["target"],
             number(row["milliseconds"].get("attune"), 3), number(ours), number(per_tile),
             number(share and 100 * share)]
    for peer in PEERS:
        theirs = rate(row, peer)
        cells += [number(theirs), number(ours / theirs if ours and theirs else None, 2)]
    differences = row.get("differences", {}).values()
    return cells + [f"{max(differences):.4f}" if differences else "-"]


def table(head, lines):
    text = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(text + ["| " + " | ".join(map(str, line)) + " |" for line in lines]) + "\n"


def dense_rate(rows, row):
    for other in rows:
        if other["mask"] == "dense" and all(other[key] == row[key] for key in ("width", "tokens", "target")):
            return rate(other, "attune", 1)
    return None


def markdown(rows):
    """All tables; `rows` are of one run."""
    about = [row for row in rows if row["kind"] == "about"]
    checks = [row for row in rows if row["kind"] == "check"]
    benchmarks = [row for row in rows if row["kind"] == "benchmark"]
    parts = ["# Attention on a GPU\n"]
    parts += [f"{row['text']}\n" for row in about[-1:]]
    if benchmarks:
        head = ["mask", "d", "N", "heads", "batch", "code", "ms", "TFLOP/s", "a computed tile", "% of dense"]
        for peer in PEERS:
            head += [peer, f"x {peer}"]
        lines = [benchmark_line(row, dense_rate(benchmarks, row)) for row in benchmarks]
        parts += ["## Speed\n", "Forward, bf16. TFLOP/s count visible pairs, and in the next column the pairs of tiles that are "
                  "computed, of which `% of dense` compares the rate with the dense kernel's. Medians of CUDA events, contenders taking turns over "
                  "rotating inputs; `x` is how many times as fast we are; `difference` is the largest one from a peer's "
                  "output, as a share of its largest number.\n", table([*head, "difference"], lines)]
        refused = {f"{peer}: {why}" for row in benchmarks for peer, why in row["peers"].items()}
        if refused:
            parts.append("Peers that did not run:\n\n" + "".join(f"- {text}\n" for text in sorted(refused)))
    if checks:
        lines = [[row["mask"], row["width"], row["target"], row["device"], name,
                  f"{100 * result['share']:.1f} %" if result else "not compared",
                  f"{result['elements'] - result['other_bits']} of {result['elements']}" if result else "-"]
                 for row in checks for name, result in row["results"].items()]
        parts += ["## Correctness\n", "The largest error as a share of what is allowed (twice an eager evaluation's, and "
                  "rounding), and how many elements have the bits that the simulator gets.\n",
                  table(["mask", "d", "code", "device", "result", "error", "same bits"], lines)]
    return "\n".join(parts)


def failures(rows):
    """A sentence for each row that is wrong."""
    found = []
    for row in rows:
        name = f"{row.get('mask')}-{row.get('width')} ({row.get('target')})"
        if row["kind"] == "check":
            found += [f"{name} on {row['device']}: result '{result}' has {said['share']:.3g} times the error allowed"
                      for result, said in row["results"].items() if said and not said["share"] <= 1]
        if row["kind"] == "benchmark":
            found += [f"{name}, N = {row['tokens']}: differs from {peer} by {share:.3g} of its largest number"
                      for peer, share in row.get("differences", {}).items() if not share <= MOST_DIFFERENCE]
        if row["kind"] == "failure":
            found.append(f"{name}: {row['text']}")
    return found


class Drawing:
    """Panels of lines: a mask and a width each, TFLOP/s over length."""

    WIDE, HIGH, LEFT, TOP = 230, 150, 46, 40

    def __init__(self, rows):
        self.rows, self.text = [row for row in rows if row["kind"] == "benchmark"], []
        self.masks = list(dict.fromkeys(row["mask"] for row in self.rows))
        self.widths = sorted({row["width"] for row in self.rows})
        self.lengths = sorted({row["tokens"] for row in self.rows})
        rates = [rate(row, name) or 0 for row in self.rows for name in COLORS]
        self.most = max([100, *rates])

    def place(self, tokens, value):
        steps = max(1, len(self.lengths) - 1)
        return (self.LEFT + self.lengths.index(tokens) * (self.WIDE - 70) / steps,
                self.TOP + (self.HIGH - 60) * (1 - value / self.most))

    def label(self, x, y, text, anchor="middle", color="#111"):
        self.text.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{text}</text>')

    def panel(self, mask, width, left, top):
        self.text.append(f'<g transform="translate({left} {top})">')
        self.label(self.WIDE / 2, 22, f"{mask}, d = {width}")
        base, end = self.place(self.lengths[0], 0), self.place(self.lengths[-1], 0)
        for value in (0, self.most / 2, self.most):
            y = self.place(self.lengths[0], value)[1]
            self.text.append(f'<path d="M{base[0]:.0f} {y:.1f}H{end[0]:.0f}" stroke="#ddd"/>')
            self.label(base[0] - 6, y + 4, f"{value:.0f}", "end")
        for tokens in self.lengths:
            self.label(self.place(tokens, 0)[0], base[1] + 15, f"{tokens // 1024}k" if tokens >= 1024 else str(tokens))
        for name, color in COLORS.items():
            points = [self.place(row["tokens"], rate(row, name)) for row in self.rows
                      if row["mask"] == mask and row["width"] == width and rate(row, name)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in sorted(points))
            if path:
                self.text.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
                self.text += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{color}"/>' for x, y in points]
        self.text.append("</g>")

    def svg(self):
        wide, high = self.WIDE * max(1, len(self.masks)), self.HIGH * max(1, len(self.widths)) + 30
        for row, width in enumerate(self.widths):
            for column, mask in enumerate(self.masks):
                self.panel(mask, width, column * self.WIDE, row * self.HIGH + 20)
        self.label(10, 16, "TFLOP/s of visible pairs over length:", "start")
        for index, (name, color) in enumerate(COLORS.items()):
            self.label(260 + 70 * index, 16, name, "start", color)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" '
                f'font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(self.text) + "\n</svg>\n")


def write(rows, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmarks.md").write_text(markdown(rows))
    (out / "benchmarks.svg").write_text(Drawing(rows).svg())


if __name__ == "__main__":
    write(read_rows(Path(sys.argv[1])), Path(sys.argv[2]))
    print("\n".join(failures(read_rows(Path(sys.argv[1])))) or "nothing is wrong")
