# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s %bin/../lib/libattune.so
"""The runtime library stays small, needs nothing but the C and C++ libraries, and shows nothing but its C API."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import house

MOST_BYTES = 1_000_000
NEEDED = re.compile(r"lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+$|ld-linux-x86-64\.so\.2$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    library, findings = sys.argv[1], []
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "stripped.so"
        output("strip", "--strip-unneeded", "-o", str(stripped), library)
        size = stripped.stat().st_size
    if size >= MOST_BYTES:
        findings.append(f"{library}: expected less than {MOST_BYTES} bytes when stripped, found {size}")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", library))
    findings += [f"{library}: needs {name}" for name in needed if not NEEDED.match(name)]
    symbols = [line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()]
    findings += [f"{library}: shows {symbol}" for symbol in symbols if not symbol.startswith("attune")]
    print(f"{size} bytes, needs {', '.join(needed)}, shows {len(symbols)} functions")
    house.finish(findings, len(symbols))


main()
