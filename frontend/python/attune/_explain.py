# SPDX-License-Identifier: Apache-2.0
"""What will a kernel do? `explain` says it in words and `picture` draws the mask, for the arrays of one call."""
import ctypes
import os
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ._errors import ArgumentError, ArgumentTypeError, DeviceError
from ._program import Program
from ._running import compiler, engine
from ._running.arrays import ITEM_BYTES, View, is_array, row_major, view

_NPY = {"f64": "<f8", "f32": "<f4", "f16": "<f2", "bf16": "<u2", "i64": "<i8", "i32": "<i4", "i16": "<i2", "i8": "|i1",
        "u8": "|u1", "i1": "|b1"}
_INTEGERS = ("i64", "i32", "i16", "i8", "u8", "i1")
_MOST_BYTES = 1 << 26
_HEAD_SIZE = 64  # of arrays that a mask alone is explained with


class Picture:
    """A drawing. A notebook shows it by itself; `svg` is its text."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the drawing to a file, which any browser opens: "mask.svg"."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)

    def __repr__(self) -> str:
        return f"attune.Picture of {len(self.svg)} bytes of SVG; .save('mask.svg') writes it"


class Scene(NamedTuple):
    """One launch to be explained: a program, the values of its operands (None: not known), sizes by name."""

    program: Program
    values: Sequence[Any]
    sizes: Dict[str, int]
    device: str


def explain(query: Any, key: Any = None, value: Any = None, score_mod: Any = None, block_mask: Any = None,
            scale: Optional[float] = None, enable_gqa: bool = False, *, target: Optional[str] = None) -> str:
    """The plan of one `flex_attention` call, in words, without launching anything.

    Takes the arguments of `flex_attention`, or a BlockMask alone, which is explained for the sizes it was made for (with
    float32 numbers of 64 a token). target: "x86-64-v3", "sm_80", "sm_90a", ...; by default that of the arrays' device.

    Says: sweeps over the keys and what they carry, the mask in normal form, tiles, visible and computed pairs of this very
    call (captured numbers and tables count), how tiles are found, advice. Raises what `flex_attention` would.
    """
    return _ask(compiler.explain_text, _scene(query, key, value, score_mod, block_mask, scale, enable_gqa), target)


def picture(query: Any, key: Any = None, value: Any = None, score_mod: Any = None, block_mask: Any = None,
            scale: Optional[float] = None, enable_gqa: bool = False, *, target: Optional[str] = None) -> Picture:
    """The mask of one call and its tiles as a drawing; arguments as for `explain`."""
    return Picture(_ask(compiler.picture_text, _scene(query, key, value, score_mod, block_mask, scale, enable_gqa),
                        target))


def explain_program(program: Program, given: Sequence[Any], sizes: Dict[str, int], target: Optional[str]) -> str:
    """The plan of a program. given: what the caller gives to its operands, in order. sizes: "batch", "heads", axes."""
    return _ask(compiler.explain_text, _scene_of(program, given, sizes), target)


def draw_program(program: Program, given: Sequence[Any], sizes: Dict[str, int], target: Optional[str]) -> Picture:
    """The mask of a program; arguments as for `explain_program`."""
    return Picture(_ask(compiler.picture_text, _scene_of(program, given, sizes), target))


def _scene_of(program: Program, given: Sequence[Any], sizes: Dict[str, int]) -> Scene:
    caller = iter(given)
    values = [operand.array if operand.array is not None else operand.scalar if operand.scalar is not None else next(caller)
              for operand in program.operands]
    device = next((view(value).device for value in values if is_array(value)), "cpu")
    # Tokens decide no mask: only integers among them could, and those are read.
    known = [None if is_array(value) and operand.role in ("rows", "cols", "tokens") and view(value).dtype not in _INTEGERS
             else value for operand, value in zip(program.operands, values)]
    return Scene(program, known, sizes, device)


def _scene(query: Any, key: Any, value: Any, score_mod: Any, block_mask: Any, scale: Optional[float],
           enable_gqa: bool) -> Scene:
    from . import _flex
    from ._masks import BlockMask
    from ._tracing.trace import capture

    if isinstance(query, BlockMask):
        if key is not None or value is not None or block_mask is not None:
            raise ArgumentTypeError("expected a BlockMask alone, or query, key and value with block_mask=")
        block_mask, views = query, _views_for(query)
    elif key is None or value is None:
        raise ArgumentTypeError("expected query, key and value as flex_attention takes them, or a BlockMask alone, but "
                                f"got {type(query).__name__}")
    else:
        views = (view(query), view(key), view(value))
        _flex._check(views, enable_gqa)
    program = _flex.trace(score_mod, block_mask, views, scale, enable_gqa, (False, False))
    captured = capture(score_mod, block_mask).values
    values = [None if operand.source is None and operand.array is None and operand.scalar is None
              else captured[operand.source] if operand.source is not None
              else operand.array if operand.array is not None else operand.scalar for operand in program.operands]
    sizes = {"batch": views[0].shape[0], "heads": views[0].shape[1], "tokens": views[0].shape[2],
             "kv-tokens": views[1].shape[2]}
    return Scene(program, values, sizes, views[0].device)


def _views_for(mask: Any) -> Tuple[View, View, View]:
    """Arrays without memory, of the sizes that a mask was made for."""
    batch, heads, queries, keys = mask.shape

    def made(tokens: int) -> View:
        shape = (batch, heads, tokens, _HEAD_SIZE)
        return View(0, "f32", shape, row_major(shape), "cpu", None)

    return made(queries), made(keys), made(keys)


def _ask(function: Any, scene: Scene, target: Optional[str]) -> str:
    if target is None:
        try:
            target = engine.target_of(engine.device_of(scene.device))
        except DeviceError:
            target = "sm_80"
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        return str(function(scene.program.text, _problem(scene, folder), target, kernel=scene.program.name))


def _problem(scene: Scene, folder: str) -> str:
    """The launch as the compiler's library takes it: sizes, numbers, and files of tables."""
    parts: List[str] = [f"{name}={size}" for name, size in scene.sizes.items()]
    for operand, value in zip(scene.program.operands, scene.values):
        if value is None:
            continue
        if not is_array(value):
            parts.append(f"{operand.name}={float(value)!r}" if isinstance(value, float) else f"{operand.name}={int(value)}")
            continue
        found = _on_the_host(value)
        if found is not None and _bytes(found) <= _MOST_BYTES:
            path = os.path.join(folder, operand.name + ".npy")
            _write(path, found)
            parts.append(f"{operand.name}={path}")
    if any("," in part for part in parts):
        raise ArgumentError(f"the folder for temporary files, {folder}, has a comma in its name; set TMPDIR to another")
    return ",".join(parts)


def _on_the_host(array: Any) -> Optional[View]:
    """The array's numbers in this computer's memory; None where they cannot be had: then the compiler makes some up."""
    found = view(array)
    if found.device == "cpu":
        return found
    for name in ("cpu", "get"):  # PyTorch's, CuPy's
        if hasattr(array, name):
            return view(getattr(array, name)())
    return None


def _bytes(found: View) -> int:
    count = ITEM_BYTES[found.dtype]
    for size in found.shape:
        count *= size
    return count


def _write(path: str, found: View) -> None:
    header = repr({"descr": _NPY[found.dtype], "fortran_order": False, "shape": tuple(found.shape)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        _write_entries(file, found.pointer, found.shape, found.strides, ITEM_BYTES[found.dtype])


def _write_entries(file: Any, pointer: int, shape: Tuple[int, ...], strides: Tuple[int, ...], size: int) -> None:
    if 0 in shape:
        return
    if strides == row_major(shape):
        count = size
        for entries in shape:
            count *= entries
        file.write(ctypes.string_at(pointer, count))
        return
    for index in range(shape[0]):
        _write_entries(file, pointer + index * strides[0] * size, shape[1:], strides[1:], size)
