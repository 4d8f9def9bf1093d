# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Every source file says its licence once, at its head, and then which question it answers."""
import house

HEAD = "SPDX-License-Identifier: Apache-2.0"
COMMENT = ("//", "#", "*", '"""', "/*")
SUFFIXES = (".h", ".hpp", ".cpp", ".c", ".td", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile")


def main():
    findings, names = [], house.files(*SUFFIXES)
    names += [name for name in house.files(".mlir") if name.startswith("examples/")]
    for name in names:
        lines = house.read(name).splitlines()
        at = next((i for i, line in enumerate(lines[:3]) if HEAD in line), None)
        if at is None:
            findings.append(f"{name}:1: expected `{HEAD}` in the first three lines")
        elif not name.endswith("CMakeLists.txt") and not "".join(lines[at + 1:at + 2]).lstrip().startswith(COMMENT):
            findings.append(f"{name}:{at + 2}: expected one to three lines that say which question the file answers")
    house.finish(findings, len(names))


main()
