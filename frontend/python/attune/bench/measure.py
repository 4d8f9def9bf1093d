# SPDX-License-Identifier: Apache-2.0
"""How fast are attention variants here, next to torch's own? `python -m attune.bench --help`

Each variant runs as a kernel of Attune, as torch's scaled_dot_product_attention (with a matrix of booleans or numbers where
it has no name for the variant) and as compiled FlexAttention, on the same tensors. What is reported is the median time of a
call, after the calls that compile; results are compared first, and a contender that computes something else is not timed.
"""
import argparse
import statistics
import sys
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from .._errors import Error
from .plot import plot
from .variants import VARIANTS, Problem, Variant

CONTENDERS = ("attune", "sdpa", "flex")
_TOLERANCE = {"float32": 2e-5, "float16": 1e-2, "bfloat16": 6e-2}


class Row(NamedTuple):
    """One variant at one length: seconds by contender; None where it did not run, with the reason in `notes`."""

    variant: str
    tokens: int
    seconds: Dict[str, Optional[float]]
    notes: List[str]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = _parse(arguments)
    try:
        import torch
    except ImportError:
        print("attune.bench compares with torch, which is not installed: pip install torch", file=sys.stderr)
        return 1
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = options.dtype or ("float32" if device == "cpu" else "bfloat16")
    print(f"{_describe(torch, device)}, {dtype}; batch {options.batch}, {options.heads} heads, {options.kv_heads or options.heads} "
          f"of keys, {options.size} numbers a token; median of at least {options.repeat} calls")
    names = [name for name in CONTENDERS if name not in options.without]
    rows: List[Row] = []
    with Progress(len(options.lengths) * len(options.variants) * len(names)) as progress:
        for name in options.variants:
            for tokens in options.lengths:
                problem = Problem(torch, device, getattr(torch, dtype), options.batch, options.heads,
                                  options.kv_heads or options.heads, tokens, options.size)
                rows.append(_measure(VARIANTS[name], problem, names, options.repeat, dtype, progress))
    _print(rows, names)
    if options.plot:
        with open(options.plot, "w", encoding="utf-8") as file:
            file.write(plot(rows, names, f"{_describe(torch, device)}, {dtype}"))
        print(f"plot: {options.plot}")
    return 0 if all(row.seconds["attune"] for row in rows if "attune" in names) else 1


def _parse(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m attune.bench", description=__doc__.split("\n")[0])
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"of {', '.join(VARIANTS)} (all)")
    parser.add_argument("--lengths", type=_numbers, default=[512, 1024, 2048], metavar="N,N", help="tokens (512,1024,2048)")
    parser.add_argument("--batch", type=_positive, default=1)
    parser.add_argument("--heads", type=_positive, default=8)
    parser.add_argument("--kv-heads", type=_positive, help="heads of keys (as many as of queries)")
    parser.add_argument("--size", type=_positive, default=64, help="numbers a token (64)")
    parser.add_argument("--dtype", choices=sorted(_TOLERANCE), help="float32 on the CPU, bfloat16 on a GPU")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="cuda where there is one")
    parser.add_argument("--repeat", type=_positive, default=10, help="timed calls, at least (10)")
    parser.add_argument("--without", choices=CONTENDERS, action="append", default=[], help="leave a contender out")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the times")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.variants if name not in VARIANTS]
    if unknown:
        parser.error(f"no variant is named {unknown[0]}: expected some of {', '.join(VARIANTS)}")
    options.variants = options.variants or list(VARIANTS)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, but got {number}")
    return number


def _numbers(text: str) -> List[int]:
    return [_positive(part) for part in text.split(",")]


def _describe(torch: Any, device: str) -> str:
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    from .._running.engine import device_of

    return f"CPU, {device_of('cpu').description()} (torch: {torch.get_num_threads()} threads)"


def _measure(variant: Variant, problem: Problem, names: Sequence[str], repeat: int, dtype: str, progress: "Progress") -> Row:
    row = Row(variant.name, problem.tokens, {}, [])
    expected = None
    for name in sorted(names, key=lambda name: name != "sdpa"):  # the one that the others are compared with comes first
        progress.step(f"{variant.name}, {problem.tokens} tokens: {name}")
        try:
            call = getattr(variant, name)(problem)
            result = call()
            if expected is None:
                expected = result.float()
            difference = (result.float() - expected).abs().max().item()
            if not difference <= _TOLERANCE[dtype]:
                raise ArithmeticError(f"its result differs by {difference:.1e}")
            row.seconds[name] = _median(call, problem, repeat)
        except (Error, ArithmeticError, RuntimeError, NotImplementedError) as error:
            row.seconds[name] = None
            row.notes.append(f"{name}: {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}")
    return row


def _median(call: Callable[[], Any], problem: Problem, repeat: int) -> float:
    """Seconds of a call: the median of `repeat`, or of more where they take less than 0.2 seconds together."""
    call()
    times: List[float] = []
    start = time.perf_counter()
    while len(times) < repeat or (time.perf_counter() - start < 0.2 and len(times) < 1000):
        problem.wait()
        before = time.perf_counter()
        call()
        problem.wait()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def _print(rows: Sequence[Row], names: Sequence[str]) -> None:
    others = [name for name in names if name != "attune"]
    head = f"{'variant':12} {'tokens':>6}" + "".join(f"{name + ' ms':>11}" for name in names)
    print(head + "".join(f"{name + '/attune':>14}" for name in others if "attune" in names))
    for row in rows:
        line = f"{row.variant:12} {row.tokens:6}"
        line += "".join(f"{seconds * 1e3:11.3f}" if seconds else f"{'-':>11}" for seconds in map(row.seconds.get, names))
        ours = row.seconds.get("attune")
        for name in others if "attune" in names else ():
            theirs = row.seconds[name]
            line += f"{theirs / ours:14.2f}" if theirs and ours else f"{'-':>14}"
        print(line)
    for row in rows:
        for note in row.notes:
            print(f"{row.variant}, {row.tokens} tokens: {note}")


class Progress:
    """A bar on a terminal's error stream; nothing elsewhere."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done, self.shown = steps, 0, sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def step(self, what: str) -> None:
        """Says what is done now."""
        if self.shown:
            filled = 30 * self.done // max(self.steps, 1)
            print(f"\r\x1b[K[{'#' * filled}{'.' * (30 - filled)}] {what}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def __exit__(self, *_: Any) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
