# SPDX-License-Identifier: Apache-2.0
"""Which trace is going on in this thread, and what it has found out so far."""
from __future__ import annotations

import threading
from typing import Any, Dict, List, Optional, Set, Tuple

from .located import TraceError


class Trace:
    """One run of user functions on symbolic values.

    floating: the type that floats are computed in, "f32", or "f64" when the queries are.
    operands: the program's operands so far (`_program.Operand`), in order of first use.
    recorder: where captured values come from (`_tracing.record.Recorder`), or None.
    """

    def __init__(self, floating: str = "f32", recorder: Any = None) -> None:
        self.floating = floating
        self.recorder = recorder
        self.nodes: Dict[Tuple[Any, ...], Any] = {}
        self.operands: List[Any] = []
        self.names: Dict[str, int] = {}
        self.tables: Dict[Any, Any] = {}
        self.fresh: Dict[int, Any] = {}
        self.fixed: Set[Any] = set()
        self.arguments: List[Any] = []
        self.lengths: Dict[str, Any] = {}
        self.volatile = False
        self.device = "cpu"
        self.body: Any = None

    def unique(self, name: str) -> str:
        """A name that no operand has yet, made of letters, digits and _."""
        base = "".join(c if c.isalnum() and c.isascii() or c == "_" else "_" for c in name) or "x"
        if base[0].isdigit():
            base = "_" + base
        count = self.names.get(base, 0)
        self.names[base] = count + 1
        return base if count == 0 else self.unique(f"{base}_{count}")

    def __enter__(self) -> "Trace":
        self.outer = getattr(_local, "trace", None)
        _local.trace = self
        return self

    def __exit__(self, *_: Any) -> None:
        _local.trace = self.outer


_local = threading.local()


def current() -> Trace:
    """The trace that is going on; an error outside of one."""
    trace: Optional[Trace] = getattr(_local, "trace", None)
    if trace is None:
        raise TraceError("a symbolic value of attune was used after the function that it belongs to had been read; "
                         "it has a meaning only inside a score_mod, a mask_mod or an attune.kernel")
    return trace


def tracing() -> bool:
    return getattr(_local, "trace", None) is not None
