# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Each decision of RATIONALE.md is numbered in order, at most 25 lines long, and has all of its parts."""
import re

import house

PARTS = ("*Decision.*", "*Because*", "*Refused.*", "*Where.*", "*Would change it:*")


def main():
    findings = []
    entries = re.split(r"^## ", house.read("RATIONALE.md"), flags=re.M)[1:]
    for expected, entry in enumerate(entries, 1):
        title = entry.splitlines()[0]
        if not title.startswith(f"{expected}. "):
            findings.append(f"RATIONALE.md: expected number {expected}, found `{title}`")
        if len(entry.strip().splitlines()) > 25:
            findings.append(f"RATIONALE.md: `{title}` has {len(entry.strip().splitlines())} lines, at most 25 are wanted")
        optional = ("*Refused.*",) if title.startswith("8.") else ()
        findings += [f"RATIONALE.md: `{title}` has no part {part}" for part in PARTS
                     if part not in entry and part not in optional]
    house.finish(findings, len(entries))


main()
