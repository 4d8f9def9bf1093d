# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Runs every command of docs/*.md and of the gallery's page from the root, and looks for the output shown below it, line by
line and in order."""
import re
import subprocess

import house

BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```)?", re.M | re.S)


def missing(expected, output):
    """The first line of `expected` that does not follow the ones before it in `output`."""
    at = 0
    for line in expected.splitlines():
        found = output.find(line.strip(), at)
        if found < 0:
            return line.strip()
        at = found + len(line.strip())
    return None


def check(name, commands, expected):
    output = ""
    for command in commands.splitlines():
        done = subprocess.run(["bash", "-c", command], cwd=house.ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        output = done.stdout
        if done.returncode:
            yield f"{name}: `{command}` ended with {done.returncode}:\n{output[-2000:]}"
            return
    line = missing(expected, output)
    if line is not None:
        yield f"{name}: `{commands.splitlines()[-1]}` does not print `{line}` (or not after the line above it)"


def main():
    findings, examined = [], 0
    for name in house.files(".md"):
        if name.startswith(("docs/", "examples/gallery/")):
            for commands, expected in BLOCK.findall(house.read(name)):
                examined += 1
                findings += check(name, commands, expected)
    house.finish(findings, examined)


main()
