# SPDX-License-Identifier: Apache-2.0
# RUN: %python %s
"""Who may import whom in frontend/python/attune: reads every import, also those within functions, and holds the table below."""
import ast

import house

PACKAGE = "frontend/python/attune/"
SHARED = ("_errors", "_program")  # what every room may know; they know nothing
ENTRIES = ("_explain", "_flex", "_kernel", "_masks")  # what a user calls
# room, a folder or a file of the package: the rooms that it may import, beside itself.
TABLE = {
    "_errors": (),
    "_program": (),
    "_symbols": SHARED,
    "_tracing": SHARED + ("_symbols",),
    "_running": SHARED,
    **{entry: SHARED + ("_symbols", "_tracing", "_running") + ENTRIES for entry in ENTRIES},
    "__init__": SHARED + ("_symbols", "_tracing", "_running") + ENTRIES,
    "transformers": SHARED + ENTRIES,
    "bench": SHARED + ENTRIES + ("_running",),
}


def imported(node, folders):
    """The rooms that an import names; "" for the whole package. folders: those of the file, within the package."""
    if isinstance(node, ast.Import):
        paths = [alias.name.split(".") for alias in node.names]
        return [(path + [""])[1] for path in paths if path[0] == "attune"]
    path = node.module.split(".") if node.module else []
    if node.level:
        path = folders[:len(folders) - node.level + 1] + path
    elif path[:1] == ["attune"]:
        path = path[1:]
    else:
        return []
    return [(path + [alias.name])[0] for alias in node.names]


def check(name):
    """Each import of a file, with what is wrong with it or None."""
    *folders, file = name[len(PACKAGE):-len(".py")].split("/")
    own = (folders + [file])[0]
    if own not in TABLE:
        yield 1, "no room of the package holds this file; see TABLE in test/lint/python-layering.py"
        return
    tree = ast.parse(house.read(name))
    if folders and file.startswith("_") and not file.startswith("__"):
        yield 1, f"the room {own} is private; a file in it needs no underscore"
    if folders and file == "__init__" and not ast.get_docstring(tree):
        yield 1, "a room says in its docstring what is in it, and who may import it"
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node.lineno, "import what is used by name, not *"
        for room in imported(node, folders):
            wrong = room != own and room not in TABLE[own]
            words = f"{own} may not import {room or 'the whole package'}; it may import {', '.join(TABLE[own]) or 'no other room'}"
            yield node.lineno, words if wrong else None


def main():
    findings, examined = [], 0
    for name in house.files(".py"):
        if name.startswith(PACKAGE):
            for line, wrong in check(name):
                examined += 1
                findings += [f"{name}:{line}: {wrong}"] if wrong else []
    house.finish(findings, examined)


main()
