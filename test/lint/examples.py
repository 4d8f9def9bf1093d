# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Every example has a test, every test of an example has its example, and scripts/acceptance.py knows them all.
Every mask is held to a definition in test/e2e, and stands in docs/masks.md."""
import sys

import house

sys.path.insert(0, str(house.ROOT / "scripts"))
from acceptance import CASES  # noqa: E402


def names(folder, suffix):
    """The files of examples/ or test/examples/ and of its folder masks/, without suffix: causal, masks/document."""
    root = house.ROOT / folder
    found = [path for group in ("", "masks") for path in (root / group).glob(f"*{suffix}")]
    return {str(path.relative_to(root).with_suffix("")) for path in found}


def main():
    examples, tests, findings = names("examples", ".mlir"), names("test/examples", ".test"), []
    findings += [f"examples/{name}.mlir: has no test/examples/{name}.test" for name in sorted(examples - tests)]
    findings += [f"test/examples/{name}.test: has no example" for name in sorted(tests - examples)]
    findings += [f"examples/{name}.mlir: scripts/acceptance.py has no case for it" for name in sorted(examples - set(CASES))]
    findings += [f"scripts/acceptance.py: the case {name} has no example" for name in sorted(set(CASES) - examples)]
    definitions = "".join(house.read(name) for name in house.files("Masks.cpp") if name.startswith("test/e2e/"))
    listed = house.read("docs/masks.md")
    for name in sorted(name for name in examples if name.startswith("masks/")):
        findings += [f"examples/{name}.mlir: has no definition in test/e2e"] if f'"{name}"' not in definitions else []
        findings += [f"examples/{name}.mlir: is not in docs/masks.md"] if f"/{name}.mlir)" not in listed else []
    house.finish(findings, len(examples))


main()
