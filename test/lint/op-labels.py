# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Constraints C1..Cn of an op stand in three places: its description, its verifier, and a case of invalid.mlir.

  .td            * C2 their element is a float or i8.
  verifier       // C2 above the check, in a function of the op or one that it reaches; elsewhere // C2 of dot;
                 /*C2*/ beside a trait of the .td
  invalid.mlir   // dot C2: ...     titles the case
"""
import re

import house

DEFINITION = re.compile(r"^def (\w+?)_(\w+Op) : \w+<\"([\w.]+)\"", re.M)
LABEL = re.compile(r"^\s*\* (C\d+) ", re.M)


def op_definitions(text):
    """(class name, mnemonic, body) for each op of a .td file."""
    matches = list(DEFINITION.finditer(text))
    ends = [m.start() for m in matches[1:]] + [len(text)]
    return [(m[2], m[3], text[m.start():end]) for m, end in zip(matches, ends)]


FUNCTION = re.compile(r"(?:^//.*\n)*^(?![ \t/#}]|namespace)[^;={}]*?\b((?:\w+::)*\w+)\([^;{]*\{", re.M)


def functions(sources):
    """Name -> text of every function and class defined at the left edge, with the comment lines above it; `Op::verify` keeps
    its class."""
    found = {}
    for text in sources:
        for match in FUNCTION.finditer(text):
            end = text.find("\n}\n", match.start())
            found.setdefault(match[1], []).append(text[match.start():end if end >= 0 else len(text)])
        for match in re.finditer(r"^(?:class|struct) (\w+).*?^};", text, re.M | re.S):
            found.setdefault(match[1], []).append(match[0])
    return found


def checks(op, known):
    """The text of an op's member functions and of every helper that they reach."""
    waiting = [name for name in known if re.search(rf"\b{op}::", name)]
    reached, text = set(waiting), ""
    while waiting:
        body = "\n".join(known[waiting.pop()])
        text += body
        called = (set(re.findall(r"\w+", body)) & set(known)) - reached
        reached |= called
        waiting += called
    return text


def main():
    findings, examined = [], 0
    for dialect in ("attn", "tile"):
        folder = f"dialects/{dialect}/"
        sources = [house.read(name) for name in house.files(".cpp") if name.startswith(folder)]
        known, everything = functions(sources), "".join(sources)
        cases = "".join(house.read(name) for name in house.files(".mlir")
                        if name.startswith(f"test/{folder}invalid"))
        for name in house.files("Ops.td"):
            if not name.startswith(folder):
                continue
            for op, mnemonic, body in op_definitions(house.read(name)):
                if "let description" not in body:
                    findings.append(f"{name}: {mnemonic} has no description")
                code = checks(op, known)
                for label in LABEL.findall(body):
                    examined += 1
                    elsewhere = rf"//.*\b{label} of {mnemonic}\b"
                    if not re.search(rf"//.*\b{label}\b", code) and not re.search(elsewhere, everything) and f"/*{label}*/" not in body:
                        findings.append(f"{name}: {mnemonic} {label} has no check labelled `// {label}` in {op}")
                    if not re.search(rf"//\s*(?:attn\.|tile\.)?{re.escape(mnemonic)}\b.*\b{label}\b", cases):
                        findings.append(f"{name}: {mnemonic} {label} has no case `// {mnemonic} {label}: ...` in test/{folder}invalid.mlir")
    house.finish(findings, examined)


main()
