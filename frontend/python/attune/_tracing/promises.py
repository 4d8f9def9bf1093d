# SPDX-License-Identifier: Apache-2.0
"""Facts about captured integer arrays that the compiler may use, which the caller promises."""
from __future__ import annotations

from typing import Any, Optional, Tuple

from .._errors import ArgumentError


class Promised:
    """An array with facts. It is indexed as the array is, inside traced functions and outside."""

    def __init__(self, array: Any, facts: str) -> None:
        self.array, self.facts = array, facts

    def __getitem__(self, index: Any) -> Any:
        return self.array[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.array, name)


def promise(array: Any, sorted: bool = False, contiguous: bool = False, range: Optional[Tuple[int, int]] = None) -> Promised:
    """An integer array of which is known that it does not decrease along its last dim (`sorted`), that equal entries of it are
    adjacent (`contiguous`), or that its entries lie in [low, high] (`range`).

    Document ids that are sorted make a mask whose tiles are found by bisection, without a pass over the ids. A broken promise
    gives wrong results, but no access out of bounds. Raises ArgumentError if nothing is promised.
    """
    facts = [f"attn.{name}" for name, given in (("sorted", sorted), ("contiguous", contiguous)) if given]
    if range is not None:
        low, high = int(range[0]), int(range[1])
        facts.append(f"attn.range = [{low}, {high}]")
    if not facts:
        raise ArgumentError("promise of nothing; give sorted=True, contiguous=True or range=(low, high)")
    return Promised(array, ", ".join(facts))
