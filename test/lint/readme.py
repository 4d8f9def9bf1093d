# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""The README tells the truth: its ten lines are the example's, its tree is there, its commands are the Makefile's."""
import re

import house

EXAMPLE = "examples/alibi-window.mlir"


def blocks(text, language):
    fenced = re.findall(r"^```([a-z]*)\n(.*?)^```$", text, re.M | re.S)
    return [body for of, body in fenced if of == language]


def kernel_lines():
    text = house.read(EXAMPLE)
    return text[text.index("attn.kernel"):]


def ten_lines(readme):
    quoted = blocks(readme, "mlir")
    if not quoted or quoted[0] != kernel_lines():
        yield f"README.md: the kernel is not the one of {EXAMPLE}, character by character"
    if quoted and quoted[0].count("\n") != 10:
        yield f"README.md: expected a kernel of ten lines, found {quoted[0].count(chr(10))}"


def tree(readme):
    """The folders that the tree names, with the indentation as nesting."""
    drawing = next(block for block in blocks(readme, "") if "dialects/" in block)
    parent = ""
    for line in drawing.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            parent = name
        folder = name if not line.startswith(" ") else parent + name
        if not (house.ROOT / folder).is_dir():
            yield f"README.md: the tree names {folder}, which is not there"
        if parent == "tools/" and not line.startswith(" "):
            yield from (f"README.md: tools/{tool} is not there" for tool in line.split()[1:]
                        if not (house.ROOT / "tools" / tool).is_dir())


def commands(readme):
    targets = re.findall(r"^([a-z]+):", house.read("Makefile"), re.M)
    for line in "".join(blocks(readme, "sh")).splitlines():
        command = line.split("#")[0].split()
        if command[:1] == ["make"] and command[1] not in targets:
            yield f"README.md: `make {command[1]}` is not in the Makefile"
    for target in re.findall(r"`make ([a-z]+)`", readme):
        if target not in targets:
            yield f"README.md: `make {target}` is not in the Makefile"


def links(name):
    for target in re.findall(r"\]\(([^)#:]+)\)", house.read(name)):
        if not (house.ROOT / target).exists():
            yield f"{name}: links to {target}, which is not there"


def mentioned_paths(name):
    """Files in backquotes that begin with a folder of the house exist."""
    for path in re.findall(r"`((?:dialects|compiler|runtime|tools|examples|test|scripts)/[\w./-]+)`", house.read(name)):
        if not (house.ROOT / path).exists():
            yield f"{name}: mentions {path}, which is not there"


def main():
    readme = house.read("README.md")
    findings = [*ten_lines(readme), *tree(readme), *commands(readme)]
    for name in ("README.md", "RATIONALE.md", "CONTRIBUTING.md"):
        findings += [*links(name), *mentioned_paths(name)]
    house.finish(findings, len(readme.splitlines()))


main()
