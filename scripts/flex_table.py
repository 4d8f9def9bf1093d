#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how far each mod of FlexAttention's documentation and of attention-gym is from the definition in double, on the host.

With torch installed (build/python/bin/python) the mods are written with torch and the definition is torch's own, evaluated
eagerly in float64; with --numpy, or without torch, they are written with NumPy and the definition is a loop over all pairs.
Needs frontend/python in PYTHONPATH and the libraries of a build in ATTUNE_LIBRARY_DIR.
"""
import argparse
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "frontend" / "python"), str(ROOT / "test" / "frontend" / "python" / "Inputs")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numpy", action="store_true", help="write the mods with NumPy even where torch is installed")
    options = parser.parse_args()
    if not options.numpy and importlib.util.find_spec("torch"):
        import torch  # noqa: F401
    import flex_cases

    library = flex_cases.library()[0].__name__
    print(f"| mod ({library}, f32, host) | from | largest error | eager f32 | allowed | agrees |\n| --- | --- | --- | --- | --- | --- |")
    failed = 0
    for case in flex_cases.CASES:
        try:
            outcome = flex_cases.run(case)
            verdict = "yes" if outcome.passes else "no"
            numbers = f"{outcome.error:.1e} | {outcome.eager:.1e} | {outcome.bound:.1e}"
        except Exception as error:
            verdict, numbers = f"no: {str(error).splitlines()[0]}", "| |"
        failed += verdict != "yes"
        print(f"| {case.name} | {case.source} | {numbers} | {verdict} |", flush=True)
    print(f"\n{len(flex_cases.CASES) - failed} of {len(flex_cases.CASES)} agree.")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
