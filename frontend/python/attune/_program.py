# SPDX-License-Identifier: Apache-2.0
"""What tracing hands to running: the text of one kernel, what its operands are bound to, and what is said of an array."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple


class ArrayInfo(NamedTuple):
    """What can be said of an array without its numbers.

    dtype: "f32", "bf16", "f16", "f64", "i64", "i32", "i16", "i8", "u8", "i1" (one byte, 0 or 1).
    shape, strides: one entry a dimension; strides count entries, not bytes.
    device: "cpu" or "cuda:0", "cuda:1", ...
    """

    dtype: str
    shape: Tuple[int, ...]
    strides: Tuple[int, ...]
    device: str


@dataclass
class Operand:
    """One argument of the kernel, in its order.

    name: as in the text, without the %.
    role: "query", "key", "value" (the caller's arrays), "rows", "cols", "tokens" (arrays of `attune.kernel`), "table" (an
        array of any shape, captured or an argument), or "scalar".
    array: the captured array object itself, or None where the caller gives it at each call.
    scalar: the captured Python number, or None.
    type: the type in the text, such as "tensor<?xf32>", "index" or "f32".
    source: where the captured value stands in `Captured.values`, or None. See `Program.bind`.
    facts: what is promised of it, as the text has it.
    """

    name: str
    role: str
    array: Any = None
    scalar: Optional[float] = None
    type: str = ""
    source: Optional[int] = None
    facts: str = ""


@dataclass
class Result:
    """One result of the kernel. role: "rows", "cols" or "matrix"; dtype: as `ArrayInfo.dtype`, of one element; shape: that of
    one token's element, () for a number and (64,) for a vector; axes: the names of its token axes; heads: how many it has, as an
    expression (`_tracing.body.Heads`)."""

    name: str
    role: str
    dtype: str
    shape: Sequence[int] = ()
    axes: Sequence[str] = ()
    heads: Any = None


@dataclass
class Program:
    """The attn text of one kernel with its operands and results.

    volatile: the function read values that no later call could refresh (an array's contents, say): trace it again at each
    call.
    """

    text: str
    name: str
    operands: List[Operand]
    results: List[Result]
    volatile: bool = False
    key: str = field(default="")

    def __post_init__(self) -> None:
        if not self.key:
            self.key = hashlib.sha256((self.name + "\0" + self.text).encode()).hexdigest()

    def bind(self, values: Sequence[Any]) -> List[Any]:
        """The captured operands' values, in their order, out of `Captured.values` of a callable with the same signature; an
        operand without a source keeps what it has."""
        bound = []
        for operand in self.operands:
            if operand.source is not None:
                bound.append(values[operand.source])
            elif operand.array is not None:
                bound.append(operand.array)
            elif operand.scalar is not None:
                bound.append(operand.scalar)
        return bound
