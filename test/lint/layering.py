# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Who may include whom: reads every #include line and holds the table below (the house rule of the README's tree)."""
import re

import house

# folder: what a quoted include may begin with, and which foreign headers <...> beyond the standard library.
# The longest folder that matches a file decides.
MLIR = ("mlir/", "llvm/", "mlir-c/")
TABLE = {
    "dialects/attn/": (("dialects/attn/",), MLIR),
    "dialects/tile/": (("dialects/tile/",), MLIR),
    "compiler/": (("compiler/", "dialects/", "runtime/bundle/"), MLIR + ("lld/",)),
    "runtime/bundle/": (("runtime/bundle/",), ()),
    "runtime/": (("runtime/",), ("dlpack/",)),
    "frontend/": (("frontend/", "dialects/attn/", "compiler/"), MLIR),
    "frontend/cpp/": ((), ("attune/",)),  # what a user's program includes: only what is installed
    "tools/": (("tools/", "compiler/", "dialects/", "frontend/", "runtime/"), MLIR + ("dlpack/", "CLI/")),
    "test/runtime/install/": ((), ("attune/",)),  # a user's program: only what is installed
    "test/frontend/cpp/": (("test/frontend/cpp/",), ("attune/", "gtest/", "gmock/")),
    "test/frontend/cpp/install/": ((), ("attune/",)),
    "examples/cpp/": ((), ("attune/",)),
    "test/": (("test/", "compiler/", "dialects/", "frontend/", "runtime/"),
              MLIR + ("dlpack/", "gtest/", "gmock/", "benchmark/", "CLI/", "cblas.h")),
}
SYSTEM = re.compile(r"[a-z0-9_]+(\.h)?$|(sys|linux|netinet|bits)/[a-z0-9_/]+\.h$|x86intrin\.h$")
INCLUDE = re.compile(r'^\s*#?\s*include\s+(["<])([^">]+)[">]')
FOREIGN_C = ("cuda.h", "cuda_runtime.h", "cblas.h")


def rule(name):
    matches = [folder for folder in TABLE if name.startswith(folder)]
    return TABLE[max(matches, key=len)] if matches else None


def allowed(name, quote, target):
    own, foreign = rule(name)
    if (name, target) == ("runtime/attune.hpp", "attune.h"):  # the two are installed side by side
        return True
    if target.startswith(foreign):
        return True
    if quote == "<":
        return bool(SYSTEM.match(target)) and target not in FOREIGN_C
    return target.startswith(own)


def main():
    findings, examined = [], 0
    for name in house.files(".h", ".hpp", ".cpp", ".c", ".td"):
        if rule(name) is None:
            findings.append(f"{name}:1: no layer of the house holds this file; see TABLE in test/lint/layering.py")
            continue
        for number, line in enumerate(house.read(name).splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            examined += 1
            if not allowed(name, match[1], match[2]):
                findings.append(f"{name}:{number}: may not include {match[2]} from here; "
                                f"quoted includes may begin with {', '.join(rule(name)[0])}")
    house.finish(findings, examined)


main()
