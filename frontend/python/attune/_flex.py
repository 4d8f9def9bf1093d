# SPDX-License-Identifier: Apache-2.0
"""`flex_attention`: torch's function of this name, on arrays of any library."""
import math
from typing import Any, Callable, Dict, Hashable, Mapping, NamedTuple, Optional, Tuple

from ._errors import ArgumentError, ArgumentTypeError
from ._program import ArrayInfo, Program
from ._running import call, engine
from ._running.arrays import View, view
from ._running.call import Entry
from ._running.engine import Choices
from ._tracing.trace import capture, trace_flex

ScoreMod = Callable[[Any, Any, Any, Any, Any], Any]
_NAMES = ("query", "key", "value")
_CONVERSIONS = {"f64": "float64 inputs have no fast kernel: convert them to float32, by .astype('float32') or .float(), "
                       "which also halves the memory that is read"}


class AuxRequest(NamedTuple):
    """Which results `flex_attention` returns beside the output (torch's class of this name will do as well).

    lse: the logarithm of each row's sum of exponentials, (B, H, L), f32, natural; -inf for a row that sees no key.
    max_scores: the largest score of each row, (B, H, L), f32; -inf for a row that sees no key.
    """

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by `AuxRequest`; None for what was not."""

    lse: Any = None
    max_scores: Any = None


_entries: Dict[Hashable, Entry] = {}
_MOST_ENTRIES = 4096
_FEW_QUERIES = 64


def flex_attention(
    query: Any,
    key: Any,
    value: Any,
    score_mod: Optional[ScoreMod] = None,
    block_mask: Any = None,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Optional[Mapping[str, Any]] = None,
    *,
    return_aux: Any = None,
) -> Any:
    """Attention whose scores and mask are written as Python functions, as one fused kernel.

    query: (B, Hq, L, E). key: (B, Hkv, S, E). value: (B, Hkv, S, Ev). All of one dtype (float32, float16 or bfloat16)
    and on one device; NumPy, PyTorch (CPU, CUDA), JAX, CuPy or anything with DLPack or an array interface. They are
    read where they lie: any strides, but the numbers of a token have to lie side by side. key and value may have batch
    1 with any B.
    score_mod(score, b, h, q_idx, kv_idx) -> score: applied to each scaled score.
    block_mask: of `create_block_mask`; which keys a query sees. It changes no memory: the compiler derives from the
    expression which tiles are computed at all.
    scale: by default 1 / sqrt(E). It is part of the compiled kernel.
    enable_gqa: allows fewer heads of keys than of queries; Hkv has to divide Hq, and consecutive heads share keys.
    return_lse: returns (output, lse); return_aux: returns (output, AuxOutput) with what an `AuxRequest` asks for.
    kernel_options: torch's keys are hints for another compiler and are ignored. "attune_plan": tile sizes such as
    "queries=64,keys=32" instead of the planner's.

    Returns (B, Hq, L, Ev), an array of query's library, dtype and device; a row that sees no key is 0. On a GPU the
    kernel is enqueued on the caller's current stream (PyTorch, CuPy). The first call of a variant compiles it; kernels
    are kept in memory and on disk. Raises ArgumentError (a ValueError), ArgumentTypeError (a TypeError), CompileError
    or DeviceError (RuntimeErrors), all of them `attune.Error`.
    """
    views = (view(query), view(key), view(value))
    _check(views, enable_gqa)
    wants_lse, wants_max = (return_aux.lse, return_aux.max_scores) if return_aux is not None else (return_lse, False)
    if return_aux is not None and return_lse:
        raise ArgumentError("return_lse and return_aux were both given; ask for the lse by return_aux alone")
    captured = capture(score_mod, block_mask)
    scale = None if scale is None else float(scale)
    choices = Choices(kernel_options.get("attune_plan", "") if kernel_options else "", _packed(views))
    first, second, third = views
    wanted = (captured.signature, first.dtype, first.device, first.shape[3], third.shape[3], scale, wants_lse, wants_max,
              choices)
    entry = _entries.get(wanted) if captured.signature is not None else None
    if entry is None:
        entry = _make(wanted, score_mod, block_mask, views, scale, enable_gqa, (wants_lse, wants_max), choices)
        made = call.launch(entry, views, (), query)
    else:
        made = call.launch(entry, views, captured.values, query)
    if return_aux is not None:
        rest = iter(made[1:])
        return made[0], AuxOutput(next(rest) if wants_lse else None, next(rest) if wants_max else None)
    return (made[0], made[1]) if return_lse else made[0]


def _check(views: Tuple[View, View, View], enable_gqa: bool) -> None:
    """What FlexAttention demands of shapes and dtypes; the runtime checks the rest at the launch."""
    query, key, value = views
    if not len(query.shape) == len(key.shape) == len(value.shape) == 4:
        _refuse_ranks(views)
    if not query.dtype == key.dtype == value.dtype or query.dtype not in ("f32", "bf16", "f16"):
        _refuse_dtypes(views)
    if not query.device == key.device == value.device:
        raise ArgumentError(f"expected query, key and value on one device, but got {query.device}, {key.device} and "
                            f"{value.device}; move them to one")
    if query.dtype == "f32" and query.device != "cpu":
        raise ArgumentTypeError("float32 inputs have no kernel on a GPU, whose matrix units read float16 and bfloat16: "
                                "convert them, by .to(torch.bfloat16) or .astype('float16'), or compute on the CPU")
    batch, heads, _, size = query.shape
    if key.shape[:3] != value.shape[:3]:
        raise ArgumentError(f"expected value of the batch, heads and tokens of key, {key.shape[:3]}, but got "
                            f"{value.shape[:3]}")
    if key.shape[3] != size:
        raise ArgumentError(f"expected key of query's head size {size}, but got {key.shape[3]}")
    if key.shape[0] != batch and key.shape[0] != 1:
        raise ArgumentError(f"expected key and value of batch 1 or {batch} as query has, but got {key.shape[0]}")
    if key.shape[1] != heads:
        if not enable_gqa:
            raise ArgumentError(f"expected key and value of {heads} heads as query has, but got {key.shape[1]}; "
                                "enable_gqa=True lets consecutive heads of queries share keys")
        if key.shape[1] == 0 or heads % key.shape[1]:
            raise ArgumentError(f"expected a number of key heads that divides the {heads} of query, but got "
                                f"{key.shape[1]}")
    for name, found in zip(_NAMES, views):
        if found.strides[3] != 1 and found.shape[3] > 1 and 0 not in found.shape:
            raise ArgumentError(f"expected the numbers of a token of {name} side by side (stride 1 in the last "
                                f"dimension), but got stride {found.strides[3]}; make a contiguous copy of it")
    if size == 0 or value.shape[3] == 0:
        raise ArgumentError(f"expected head sizes above 0, but got {size} for query and key, {value.shape[3]} for value")


def _packed(views: Tuple[View, ...]) -> int:
    """For few queries: how many heads that share keys one tile of rows may hold, up to 8. With 1, the host's tiles have 16
    rows. 0 for many queries, whose tiles are full of one head."""
    heads, shared, queries = views[0].shape[1], views[1].shape[1], views[0].shape[2]
    if queries >= _FEW_QUERIES or not shared:
        return 0
    packed = math.gcd(heads // shared, 8)
    return packed if packed > 1 or views[0].device == "cpu" else 0


def _refuse_ranks(views: Tuple[View, ...]) -> None:
    for name, found in zip(_NAMES, views):
        if len(found.shape) != 4:
            raise ArgumentError(f"expected {name} of rank 4, (batch, heads, tokens, numbers), but got rank "
                                f"{len(found.shape)}: {tuple(found.shape)}")


def _refuse_dtypes(views: Tuple[View, ...]) -> None:
    dtypes = [found.dtype for found in views]
    if len(set(dtypes)) > 1:
        raise ArgumentTypeError(f"expected query, key and value of one dtype, but got {dtypes[0]}, {dtypes[1]} and "
                                f"{dtypes[2]}; convert them to one")
    raise ArgumentTypeError(_CONVERSIONS.get(dtypes[0], "expected query, key and value of float32, float16 or bfloat16, "
                                             f"but got {dtypes[0]}"))


def trace(score_mod: Optional[ScoreMod], block_mask: Any, views: Tuple[View, ...], scale: Optional[float],
          enable_gqa: bool, results: Tuple[bool, bool]) -> Program:
    """The program of a call with these arrays. results: whether lse and max_scores are wanted."""
    query, key, value = (ArrayInfo(found.dtype, found.shape, found.strides, found.device) for found in views)
    return trace_flex(score_mod, block_mask, query, key, value, scale=scale, enable_gqa=enable_gqa, return_lse=results[0],
                      return_max=results[1])


def _make(wanted: Tuple[Any, ...], score_mod: Optional[ScoreMod], block_mask: Any, views: Tuple[View, ...],
          scale: Optional[float], enable_gqa: bool, results: Tuple[bool, bool], choices: Choices) -> Entry:
    """Traces and compiles; remembers the code for calls that capture the like, and returns what this call needs."""
    program = trace(score_mod, block_mask, views, scale, enable_gqa, results)
    signature = capture(score_mod, block_mask).signature  # the trace has found out what the callables capture
    if not program.volatile and signature is not None:
        if len(_entries) >= _MOST_ENTRIES:
            _entries.clear()
        _entries[(signature, *wanted[1:])] = call.prepare(program, views[0].device, choices)
    return call.prepare(program, views[0].device, choices, once=True)


engine.on_forget(_entries.clear)
