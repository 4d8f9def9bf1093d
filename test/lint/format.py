# SPDX-License-Identifier: Apache-2.0
# REQUIRES: clang-format
# RUN: %python %s
"""Every C++ file is as clang-format-22 writes it; `make format` repairs."""
import subprocess

import house


def main():
    names = house.files(".h", ".hpp", ".cpp")
    done = subprocess.run(["clang-format-22", "--dry-run", "--Werror", *names], cwd=house.ROOT, capture_output=True,
                          text=True)
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
    house.finish([f"{name}:1: not formatted; run `make format`" for name in wrong], len(names))


main()
