# SPDX-License-Identifier: Apache-2.0
"""What a callable has captured, cheaply: which of it decides the program, and which of it is bound at each call.

Reading a function once records every step that led to a captured value: a closure cell, a global, an attribute, an item. The
recipe of these steps is then replayed for later calls. Functions, modules and what Python has branched on must be the same;
numbers and arrays may differ and are operands.
"""
from __future__ import annotations

import threading
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence, Tuple

from .torchmask import is_torch_block_mask, mask_of

# How a step gets its value out of the one before it.
ROOT, CELL, GLOBAL, DEFAULT, KEYWORD, ATTRIBUTE, ITEM, FUNCTION, SELF = range(9)
# What the value has to have in common with the recorded one.
SAME_CODE, SAME_OBJECT, SAME_VALUE, SAME_TYPE, SAME_LENGTH, NUMBER, ARRAY, ARRAY_SHAPE, ALIAS, SIGNED = range(10)


class Captured(NamedTuple):
    """What callables have captured. signature: equal signatures mean that one `Program` serves, None that they have not been
    read yet or could not be; values: arrays and numbers, for `Program.bind`."""

    signature: Optional[Hashable]
    values: List[Any]


class Step(NamedTuple):
    how: int
    base: int
    key: Any
    check: int
    expected: Any


class Recipe:
    """The steps from some root callables to all that they have captured."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)

    def replay(self, roots: Sequence[Any]) -> Optional[Tuple[Tuple[Any, ...], List[Any]]]:
        """Types and values that these roots have captured; None if they are other functions than those read."""
        values: List[Any] = []
        facts: List[Any] = []
        try:
            for how, base, key, check, expected in self.steps:
                value = (roots[key] if how == ROOT else _get(how, values[base], key))
                if check == SAME_CODE:
                    if value.__code__ is not expected:
                        return None
                elif check == NUMBER:
                    if type(value) is not expected:
                        return None
                elif check == SIGNED:
                    if type(value) is not expected[0] or (value < 0) is not expected[1]:
                        return None
                elif check == ARRAY or check == ARRAY_SHAPE:
                    if type(value) is not expected:
                        return None
                    shape = value.shape
                    facts.append(value.dtype)
                    facts.append(tuple(shape) if check == ARRAY_SHAPE else len(shape))
                elif check == ALIAS:
                    if value is not values[expected]:
                        return None
                elif check == SAME_OBJECT:
                    if value is not expected:
                        return None
                elif check == SAME_VALUE:
                    if value is not expected and (type(value) is not type(expected) or value != expected):
                        return None
                elif check == SAME_TYPE:
                    if type(value) is not expected:
                        return None
                elif check == SAME_LENGTH:
                    if type(value) is not expected[0] or len(value) != expected[1]:
                        return None
                values.append(value)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            return None
        facts.append(_aliases(values, self.arrays))
        return tuple(facts), values

    @property
    def arrays(self) -> Tuple[int, ...]:
        found = self.__dict__.get("_arrays")
        if found is None:
            found = self._arrays = tuple(n for n, s in enumerate(self.steps) if s.check in (ARRAY, ARRAY_SHAPE))
        return found

    def same_as(self, other: "Recipe") -> bool:
        return len(self.steps) == len(other.steps) and all(_same_step(a, b) for a, b in zip(self.steps, other.steps))


def _same_step(a: Step, b: Step) -> bool:
    if a[:2] != b[:2] or a.check != b.check or type(a.key) is not type(b.key) or a.key != b.key:
        return False
    if a.check in (SAME_VALUE, SAME_LENGTH, ALIAS, SIGNED):
        return type(a.expected) is type(b.expected) and a.expected == b.expected
    return a.expected is b.expected


def _aliases(values: Sequence[Any], arrays: Tuple[int, ...]) -> Tuple[int, ...]:
    """Which arrays are one: two names of one array are one operand."""
    if len(arrays) < 2:
        return ()
    first: Dict[int, int] = {}
    return tuple(first.setdefault(id(values[n]), n) for n in arrays)


def _get(how: int, base: Any, key: Any) -> Any:
    if how == CELL:
        return base.__closure__[key].cell_contents
    if how == GLOBAL:
        return base.__globals__[key]
    if how == ATTRIBUTE:
        return getattr(base, key)
    if how == ITEM:
        return base[key]
    if how == DEFAULT:
        return base.__defaults__[key]
    if how == KEYWORD:
        return base.__kwdefaults__[key]
    if how == FUNCTION:
        return base.__func__
    return base.__self__


_recipes: Dict[Tuple[Any, ...], List[Tuple[int, Recipe]]] = {}
_lock = threading.Lock()
_numbers = 0


def _family(roots: Sequence[Any]) -> Tuple[Any, ...]:
    """A first distinction between callables: their code."""
    return tuple(None if r is None else getattr(r, "__code__", None) or type(r) for r in roots)


def roots_of(callables: Sequence[Any]) -> Tuple[Any, ...]:
    """The functions of callables and of BlockMasks, ours or torch's."""
    found = []
    for thing in callables:
        if thing is not None and not hasattr(thing, "__code__"):
            thing = mask_of(thing) if is_torch_block_mask(thing) else getattr(thing, "mask_mod", thing)
        found.append(thing)
    return tuple(found)


def capture(*callables: Any) -> Captured:
    """Signature and captured values of callables, BlockMasks or None, together. Costs some microseconds. A signature of None asks
    for a trace; afterwards `capture` knows what to look at."""
    roots = roots_of(callables)
    for number, recipe in _recipes.get(_family(roots), ()):
        found = recipe.replay(roots)
        if found is not None:
            return Captured((number,) + found[0], found[1])
    return Captured(None, [])


def remember(callables: Sequence[Any], steps: Sequence[Step]) -> None:
    """Keeps the recipe of callables that have been read."""
    global _numbers
    recipe = Recipe(steps)
    family = _family(roots_of(callables))
    with _lock:
        known = _recipes.get(family, [])
        if not any(recipe.same_as(other) for _, other in known):
            _numbers += 1
            _recipes[family] = [(_numbers, recipe)] + known[:63]


__all__ = ["Captured", "capture", "remember", "Recipe", "Step"]
