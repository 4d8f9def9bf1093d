# SPDX-License-Identifier: Apache-2.0
"""`attune.kernel`: the whole attn language as a decorated Python function."""
from __future__ import annotations

import functools
import inspect
import typing
import weakref
from typing import Any, Callable, Dict, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._errors import ArgumentError, ArgumentTypeError
from ._program import Operand, Program, Result
from ._running import engine
from ._running.arrays import View, view
from ._running.engine import Choices
from ._symbols import state
from ._symbols.located import TraceError
from ._symbols.table import Table as TableValue
from ._symbols.table import TableOperand
from ._symbols.value import FLOAT, INT, Type, Value, make
from ._tracing.body import Body, Heads, Ref, element, finish, kind_text
from ._tracing.capture import capture, remember
from ._tracing.promises import Promised
from ._tracing.record import Recorder
from ._tracing.torchmode import torch_indexing


class Parameter(NamedTuple):
    """What a parameter of a kernel is. kind: "rows", "cols", "table", "index" or "float"; axis: of rows and cols."""

    kind: str
    axis: str = ""


class _Annotated:
    """Annotations of parameters; `Rows["mem"]` names another axis than the usual one."""

    parameter = Parameter("")

    def __class_getitem__(cls, axis: str) -> Parameter:
        return Parameter(cls.parameter.kind, axis)


class Rows(_Annotated):
    """Tokens of the query side: an array (batch, heads, tokens, numbers a token), or (batch, heads, tokens)."""

    parameter = Parameter("rows", "q")


class Cols(_Annotated):
    """Tokens of the key side: an array as of Rows."""

    parameter = Parameter("cols", "k")


class Table(_Annotated):
    """An array of any shape, indexed by positions; entries out of range are 0."""

    parameter = Parameter("table")


class Index(_Annotated):
    """A whole number within 2^31."""

    parameter = Parameter("index")


class Float(_Annotated):
    """A float."""

    parameter = Parameter("float")


_PLAIN = {int: Index.parameter, float: Float.parameter, "int": Index.parameter, "float": Float.parameter}


#: All that live: what they have loaded does not outlive a fork.
_kernels: "weakref.WeakSet[Kernel]" = weakref.WeakSet()


class Kernel:
    """A kernel that is written as a Python function of annotated parameters. Call it with arrays and numbers.

    Results are arrays in the library of the first array: one, a tuple, or a dict, as the function returns. `trace` gives the
    program for arrays without running it.
    """

    def __init__(self, function: Callable[..., Any], plan: Optional[str] = None) -> None:
        self.function, self.choices = function, Choices(plan or "")
        self.parameters = _parameters(function)
        self._entries: Dict[Hashable, Any] = {}
        self._fixed: Dict[Hashable, Tuple[int, ...]] = {}
        self._signature = inspect.signature(function)
        _kernels.add(self)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, lengths: Optional[Mapping[str, int]] = None, **kwargs: Any) -> Any:
        """Runs the kernel. lengths: tokens of axes that results are on and no operand is. Raises TraceError for what the language
        cannot say, ArgumentError for arrays that do not fit, CompileError."""
        from ._running import call

        given = self._bind(args, kwargs)
        captured = capture(self.function)
        values = [_given(p, name, v) for (name, p), v in zip(self.parameters.items(), given)]
        base = (captured.signature,) + tuple(_fact(p, v, a) for (p, v, a) in zip(self.parameters.values(), values, given))
        key = base + tuple(values[n].shape for n in self._fixed.get(base, ()))
        found = self._entries.get(key) if captured.signature is not None else None
        like = next((_plain(a) for a, v in zip(given, values) if isinstance(v, View)), None)
        if found is None:
            program, shape, fixed = self._trace(values, given)
            device = next(v.device for v in values if isinstance(v, View))
            signature = capture(self.function).signature
            if signature is not None and not program.volatile:
                base = (signature,) + base[1:]
                self._fixed[base] = fixed
                entry = call.prepare(program, device, self.choices)
                self._entries[base + tuple(values[n].shape for n in fixed)] = (entry, shape)
            entry, captured_values = call.prepare(program, device, self.choices, once=True), ()
        else:
            (entry, shape), captured_values = found, captured.values
        return shape.pack(call.launch(entry, values, captured_values, like, shapes=shape.sizes.shapes(values, lengths or {})))

    def trace(self, *args: Any, **kwargs: Any) -> Program:
        """The program for these arrays and numbers."""
        given = self._bind(args, kwargs)
        values = [_given(p, name, v) for (name, p), v in zip(self.parameters.items(), given)]
        return self._trace(values, given)[0]

    def explain(self, *args: Any, target: Optional[str] = None, **kwargs: Any) -> str:
        """The plan of a call with these arrays and numbers in words, as `attune.explain`."""
        from ._explain import explain_program

        return explain_program(*self._scene(args, kwargs), target)

    def picture(self, *args: Any, target: Optional[str] = None, **kwargs: Any) -> Any:
        """The mask of a call with these arrays and numbers as a drawing, as `attune.picture`."""
        from ._explain import draw_program

        return draw_program(*self._scene(args, kwargs), target)

    def _scene(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tuple[Program, List[Any], Dict[str, int]]:
        """A program, what the caller gives to it, and how many tokens there are along each axis."""
        given = self._bind(args, kwargs)
        values = [_given(p, name, v) for (name, p), v in zip(self.parameters.items(), given)]
        sizes: Dict[str, int] = {}
        for parameter, value in zip(self.parameters.values(), values):
            if parameter.kind in ("rows", "cols"):
                sizes["batch"] = max(sizes.get("batch", 1), value.shape[0])
                sizes["heads"] = max(sizes.get("heads", 1), value.shape[1])
                sizes.setdefault(parameter.axis, value.shape[2])
        return self._trace(values, given)[0], [_plain(thing) for thing in given], sizes

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> List[Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return [bound.arguments[name] for name in self.parameters]

    def _trace(self, values: Sequence[Any], given: Sequence[Any]) -> Tuple[Program, "_Call", Tuple[int, ...]]:
        recorder = Recorder()
        wide = any(isinstance(v, View) and v.dtype == "f64" and p.kind in ("rows", "cols")
                   for p, v in zip(self.parameters.values(), values))
        with state.Trace("f64" if wide else "f32", recorder) as trace, torch_indexing(trace):
            trace.device = next((v.device for v in values if isinstance(v, View)), "cpu")
            trace.arguments = []
            body = Body()
            arguments = [_argument(trace, n, name, p, v, getattr(g, "facts", "") if isinstance(g, Promised) else "")
                         for n, ((name, p), v, g) in enumerate(zip(self.parameters.items(), values, given))]
            returned = recorder.root(self.function, 0)(*arguments)
            labels, made, shape = _results(returned)
            refs = [body.ref(value, "a result") for value in made]
            name = "".join(c if c.isalnum() and c.isascii() else "_" for c in self.function.__name__) or "kernel"
            text = finish(trace, name, list(zip(refs, labels)))
            described = [Result(label, r.kind, r.type.kind, r.type.shape, r.axes, body.heads[r.name])
                         for r, label in zip(refs, labels)]
            labels = [o.name for o in trace.operands[:len(self.parameters)]]
            sized = _Sizes(dict(zip(labels, self.parameters.values())), described, {n: (v.attr if v.op == "operand" else v.concrete)
                                                        for n, v in trace.lengths.items()})
            remember((self.function,), recorder.steps)
            program = Program(text, name, trace.operands, described, trace.volatile)
            return program, _Call(shape, sized), tuple(sorted(n for (n,) in trace.fixed))


def _forget() -> None:
    for found in _kernels:
        found._entries.clear()


engine.on_forget(_forget)


def kernel(function: Optional[Callable[..., Any]] = None, *, plan: Optional[str] = None) -> Any:
    """Makes a kernel of a function whose parameters are annotated as Rows, Cols, Table, Index (int) or Float (float).

        @attune.kernel
        def sparse(q: attune.Rows, k: attune.Cols, v: attune.Cols, slope: attune.Table, w: int):
            s = attune.dot(q, k, scale=0.125)
            b, h, i, j = attune.places(s)
            s = (s + slope[h] * (j - i)).where((j <= i) & (i - j <= w))
            return attune.contract(attune.sparsemax(s), v)

    plan: tile sizes instead of the planner's, "queries=64,keys=32".
    """
    return Kernel(function, plan) if function is not None else functools.partial(kernel, plan=plan)


def _parameters(function: Callable[..., Any]) -> Dict[str, Parameter]:
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # names that are not defined yet, or annotations that are no types: taken as they are
        hints = {}
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ArgumentTypeError(f"kernel {function.__name__}: parameter '{name}' has no fixed place; name each operand")
        annotation = hints.get(name, parameter.annotation)
        if isinstance(annotation, str):
            annotation = eval(annotation, function.__globals__)  # what `from __future__ import annotations` left as text
        if isinstance(annotation, Parameter):
            found[name] = annotation
        elif isinstance(annotation, type) and issubclass(annotation, _Annotated):
            found[name] = annotation.parameter
        elif annotation in _PLAIN:
            found[name] = _PLAIN[annotation]
        else:
            raise ArgumentTypeError(f"kernel {function.__name__}: parameter '{name}' is annotated as {annotation!r}; expected "
                                    "attune.Rows, attune.Cols (Rows['axis'] for another axis), attune.Table, int or float")
    return found


def _plain(thing: Any) -> Any:
    return thing.array if isinstance(thing, Promised) else thing


def _given(parameter: Parameter, name: str, thing: Any) -> Any:
    """The view or number of an argument."""
    if parameter.kind == "index" or parameter.kind == "float":
        number = int(thing) if parameter.kind == "index" else float(thing)
        if parameter.kind == "index" and not -(2**31) <= number < 2**31:
            raise ArgumentError(f"expected '{name}' within 2^31, but got {number}")
        return number
    found = view(_plain(thing))
    if parameter.kind in ("rows", "cols") and len(found.shape) < 3:
        raise ArgumentError(f"expected '{name}' of rank 3 or more, (batch, heads, tokens, ...), but got shape {found.shape}")
    return found


def _fact(parameter: Parameter, value: Any, thing: Any) -> Hashable:
    if not isinstance(value, View):
        return None
    facts = thing.facts if isinstance(thing, Promised) else ""
    return value.dtype, value.device, (value.shape[3:] if parameter.kind != "table" else len(value.shape)), facts


class _Shaped(NamedTuple):
    dtype: str
    shape: Tuple[int, ...]


def _argument(trace: Any, number: int, name: str, parameter: Parameter, value: Any, facts: str) -> Any:
    """The operand of a parameter, and what the function gets for it."""
    label = trace.unique(name)
    clause = f" {{{facts}}}" if facts else ""
    if parameter.kind in ("index", "float"):
        type_ = "index" if parameter.kind == "index" else trace.floating
        trace.operands.append(Operand(label, "scalar", type=type_))
        return make("operand", (), label, INT if parameter.kind == "index" else FLOAT)
    if parameter.kind == "table":
        operand = Operand(label, "table", facts=clause)
        trace.operands.append(operand)
        table = TableValue(_Shaped(value.dtype, value.shape), name, (number,))
        trace.tables[("source", (number,))] = TableOperand(operand, value.dtype, tuple(value.shape))
        return table
    type_ = Type(value.dtype, tuple(value.shape[3:]))
    ref = Ref("%" + label, parameter.kind, (parameter.axis,), type_)
    trace.operands.append(Operand(label, parameter.kind, type=kind_text(ref.kind, ref.axes, type_), facts=clause))
    made = element(ref)
    trace.arguments.append(made)
    trace.body.heads[ref.name] = Heads(ref.name, (), 1)
    return made


class _Sizes(NamedTuple):
    """What the sizes of results follow from. parameters: by the operands' names; lengths: of declared axes, a number or an
    operand's name."""

    parameters: Mapping[str, Parameter]
    results: Sequence[Result]
    lengths: Mapping[str, Any]

    def shapes(self, values: Sequence[Any], given: Mapping[str, int]) -> List[Tuple[int, ...]]:
        """The shapes of the results of a call with these arguments: (batch, heads, tokens, ...)."""
        batch, heads, tokens = 1, {}, dict(given)
        numbers = dict(zip(self.parameters, values))
        for (name, parameter), value in zip(self.parameters.items(), values):
            if parameter.kind in ("rows", "cols"):
                batch = value.shape[0] if value.shape[0] != 1 else batch
                heads["%" + name] = value.shape[1]
                tokens.setdefault(parameter.axis, value.shape[2])
        for axis, length in self.lengths.items():
            tokens.setdefault(axis, numbers[length] if isinstance(length, str) else length)

        def size(axis: str) -> int:
            if "+" in axis:
                return sum(size(part) for part in axis.split("+"))
            root, _, block = axis.partition("/")
            if tokens.get(root) is None:
                raise ArgumentError(f"a result lies along axis '{root}', and no operand does: say how long it is by "
                                    f"lengths={{'{root}': N}}")
            return -(-tokens[root] // int(block or 1))

        return [(batch, r.heads.count(heads), *(size(a) for a in r.axes), *r.shape) for r in self.results]


class _Call(NamedTuple):
    """How results are made and handed back."""

    pack: Callable[[List[Any]], Any]
    sizes: _Sizes


def _results(returned: Any) -> Tuple[List[str], List[Value], Callable[[List[Any]], Any]]:
    """Names and values of the results, and how their arrays are handed back."""
    if isinstance(returned, dict):
        names = list(returned)
        return names, list(returned.values()), lambda made: dict(zip(names, made))
    if isinstance(returned, (list, tuple)):
        return [f"out{n}" for n in range(len(returned))], list(returned), tuple
    if returned is None:
        raise TraceError("the kernel returned None; return rows, cols or a matrix, a tuple or a dict of them")
    return ["out"], [returned], lambda made: made[0]
