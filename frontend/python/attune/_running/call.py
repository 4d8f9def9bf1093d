# SPDX-License-Identifier: Apache-2.0
"""How is a program run with what the caller gives and what its functions have captured?"""
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._errors import ArgumentError
from .._program import Program
from . import engine
from .arrays import View, view
from .engine import Choices
from .launch import Launcher, Value
from .libraries import library_of


class Entry(NamedTuple):
    """What a call needs when it comes again: code, and where each operand is taken from."""

    launcher: Launcher
    #: For each operand an index into what the caller gives, followed by the captured values; a constant's is negative.
    sources: Tuple[int, ...]
    #: How many operands the caller gives.
    given: int
    #: Values that are the same at each call.
    constants: Tuple[Any, ...]


def prepare(program: Program, device: str, choices: Choices = Choices(), once: bool = False) -> Entry:
    """Compiles the program for the device ("cpu", "cuda:0"), or finds that this was done before. Raises CompileError.

    once: the entry holds what the program has captured, and serves this one call without `captured`.
    """
    launcher = engine.launcher(program.text, program.name, program.key, device, choices)
    sources: List[int] = []
    constants: List[Any] = []
    given = sum(_is_given(operand) for operand in program.operands)
    caller = 0
    for operand in program.operands:
        if _is_given(operand):
            sources.append(caller)
            caller += 1
        elif operand.source is not None and not once:
            sources.append(given + operand.source)
        else:
            constants.append(operand.scalar if operand.array is None else operand.array)
            sources.append(-len(constants))
    return Entry(launcher, tuple(sources), given, tuple(reversed(constants)))


def _is_given(operand: Any) -> bool:
    return operand.source is None and operand.array is None and operand.scalar is None


def launch(entry: Entry, given: Sequence[Value], captured: Sequence[Any], like: Any,
           lengths: Optional[Mapping[str, int]] = None, shapes: Optional[Sequence[Tuple[int, ...]]] = None) -> List[Any]:
    """Makes the results in the library of the array `like`, launches on its stream, and returns them.

    given: views and numbers that the caller gives, in the order of the operands that are the caller's. captured: what the
    entry's sources count on from there. lengths: tokens of axes that no operand lies along. shapes: of the results, where
    more is known than the kernel says. Raises ArgumentError for
    arrays on several devices and with the runtime's sentence for what does not fit.
    """
    launcher = entry.launcher
    operands: List[Value] = list(given)
    if len(entry.sources) != len(operands):
        values = [*given, *captured, *entry.constants]
        operands = [value if type(value) in (View, int, float, bool) else _operand(value)
                    for value in (values[source] for source in entry.sources)]
    device = _device(launcher, operands)
    library = library_of(like)
    made = [library.empty(shape, info.dtype, like)
            for shape, info in zip(shapes or launcher.result_shapes(operands, lengths), launcher.results)]
    launcher([*operands, *[library.view(array) for array in made]], 0 if device == "cpu" else library.stream(device))
    if library.waits and device != "cpu":
        launcher.kernel.device.synchronize()
    return made


def _operand(value: Any) -> Value:
    return value if isinstance(value, (int, float)) else view(value)


def _device(launcher: Launcher, operands: Sequence[Value]) -> str:
    """The one device that all arrays are on."""
    first = ""
    for info, value in zip(launcher.operands, operands):
        if type(value) is View and value.device != first:
            if first:
                raise ArgumentError(f"expected the array '{info.name}' on {first}, where '{launcher.operands[0].name}' is, "
                                    f"but it is on {value.device}; move it there")
            first = value.device
    return first
