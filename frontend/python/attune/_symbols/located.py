# SPDX-License-Identifier: Apache-2.0
"""Errors of tracing, which say where in the user's own file they come from, and how to write it instead."""
from __future__ import annotations

import ast
import linecache
import os
import re
import sys
import textwrap
from typing import Optional, Tuple

from .._errors import ArgumentTypeError

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # the package


class TraceError(ArgumentTypeError):
    """A callable does what no kernel can. The message has file, line, the line's text and the fix."""


def user_line() -> Tuple[str, int, str]:
    """File, line and text of the innermost frame that belongs neither to this package nor to a library that calls back into it."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        inside = name.startswith(_HERE) or name.startswith("<") or "/site-packages/" in name or "/dist-packages/" in name
        if not inside:
            return name, frame.f_lineno, linecache.getline(name, frame.f_lineno).strip()
        frame = frame.f_back
    return "", 0, ""


def located(message: str, fix: str = "") -> TraceError:
    """The error with the user's line, and the fix if there is one."""
    file, line, text = user_line()
    where = f'{file}, line {line}:\n    {text}\n' if file else ""
    return TraceError(f"{where}{message}" + (f"\n  fix: {fix}" if fix else ""))


def _branch_kind(text: str) -> Optional[str]:
    """Which construct of a source line asks a value for its truth."""
    source = textwrap.dedent(text).strip()
    for candidate in (source, source + "\n    pass", re.sub(r"^el(if\b.*)", r"\1\n    pass", source)):
        try:
            tree = ast.parse(candidate)
        except SyntaxError:
            continue
        kinds = {type(node) for node in ast.walk(tree)}
        chained = any(isinstance(n, ast.Compare) and len(n.ops) > 1 for n in ast.walk(tree))
        member = any(isinstance(o, (ast.In, ast.NotIn)) for n in ast.walk(tree) if isinstance(n, ast.Compare) for o in n.ops)
        calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        for found, kind in ((chained, "chain"), (ast.And in kinds, "and"), (ast.Or in kinds, "or"), (ast.Not in kinds, "not"),
                            (member, "in"), ("min" in calls, "min"), ("max" in calls, "max"),
                            ("any" in calls or "all" in calls, "any"), (ast.IfExp in kinds, "ifexp"),
                            (ast.While in kinds, "while"), (ast.If in kinds, "if"), (ast.Assert in kinds, "assert")):
            if found:
                return kind
    return None


_FIXES = {
    "chain": "write (a <= x) & (x < b) for a <= x < b",
    "and": "write (a) & (b) for a and b; & binds tighter than comparisons, so keep the parentheses",
    "or": "write (a) | (b) for a or b; | binds tighter than comparisons, so keep the parentheses",
    "not": "write ~(a) for not a",
    "in": "write (x == a) | (x == b) for x in (a, b), or index a boolean table",
    "min": "write torch.minimum(a, b) (np.minimum, attune.minimum) for min(a, b)",
    "max": "write torch.maximum(a, b) (np.maximum, attune.maximum) for max(a, b)",
    "any": "join the conditions with | or &",
    "ifexp": "write torch.where(condition, a, b) (np.where, attune.where) for a if condition else b",
    "while": "a loop cannot depend on a position or a score; unroll it to a fixed number of steps",
    "if": "compute both sides and choose: torch.where(condition, a, b) (np.where, attune.where); a mask returns its condition",
    "assert": "remove the assertion: it would have to hold for every pair",
}


def truth_error(what: str) -> TraceError:
    """`bool(value)` of something that is another value at each pair."""
    kind = _branch_kind(user_line()[2])
    return located(f"{what} is a different value for each query and key, so Python cannot decide by it while the function is read",
                   _FIXES.get(kind or "", _FIXES["if"]))


def number_error(what: str, call: str) -> TraceError:
    """`int(value)`, `float(value)`, `range(value)` and the like."""
    fixes = {
        "int": "write value.to(torch.int32) or attune.to_int(value) for int(value)",
        "float": "write value.to(torch.float32) or attune.to_float(value) for float(value)",
        "index": "it cannot count a loop or index a Python list; captured arrays can be indexed by it",
        "item": "leave .item() out: the value can be used as it is",
        "len": "it is a single number and has no length",
        "iter": "it is a single number and cannot be iterated over",
        "array": "capture the array in a variable of the function (not inside another object) and index it: table[q_idx]",
        "str": "a message can only be made of it when the kernel runs",
    }
    return located(f"{what} is a different value for each query and key; {call} needs one number while the function is read",
                   fixes.get(call.split("(")[0].strip("."), fixes.get(call, fixes["index"])))
