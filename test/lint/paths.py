# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""No file names a folder of somebody's machine, an address of a package registry, or leaves a mark of unfinished work."""
import re

import house

# Written in pieces, so that this file does not find itself.
REFUSED = {
    "a folder of one machine": re.compile(r"(?<![\w.}/])/(wor" r"k|hom" r"e|roo" r"t|mn" r"t|Use" r"rs|tm" r"p)/[\w.]"),
    "an address of a package registry": re.compile(r"(pyp" r"i\.org|pythonhos" r"ted\.org|deb\.deb" r"ian\.org|apt\.ll" r"vm\.org)"),
    "unfinished work": re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"),
    "a conflict marker": re.compile(r"^(<{7}|>{7}) "),
}
BINARY = (".npy", ".png", ".bundle")


def main():
    findings, examined = [], 0
    for name in house.files():
        if name.endswith(BINARY):
            continue
        examined += 1
        for number, line in enumerate(house.read(name).splitlines(), 1):
            for what, pattern in REFUSED.items():
                if pattern.search(line):
                    findings.append(f"{name}:{number}: {what}: {line.strip()[:100]}")
    house.finish(findings, examined)


main()
