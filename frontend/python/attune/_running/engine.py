# SPDX-License-Identifier: Apache-2.0
"""From a program's text to code that can be launched: in memory, else on disk, else by the compiler."""
import os
import re
import threading
from typing import Any, Callable, Dict, Hashable, List, NamedTuple

from .._errors import CompileError, Error, NativeError
from . import cache, compiler, native
from .launch import Launcher

_devices: Dict[str, native.Device] = {}
_launchers: Dict[Hashable, Launcher] = {}
_making: Dict[Hashable, threading.Lock] = {}
_lock = threading.Lock()
_dependents: List[Callable[[], None]] = []
#: How many kernels came from where, for tests and for the curious.
counts = {"disk": 0, "compiler": 0}


class Choices(NamedTuple):
    """What a caller decides of the code. plan: tile sizes, "" for the planner's. packed: code is added whose tiles hold
    rows of so many heads that read the same keys, which launches with few queries take; 0: none."""

    plan: str = ""
    packed: int = 0


def device_of(place: str) -> native.Device:
    """The device that runs kernels for arrays on "cpu" or "cuda:0". The host uses every core that the process may use,
    or as many threads as ATTUNE_THREADS says. DeviceError where there is none."""
    device = _devices.get(place)
    if device is None:
        with _lock:
            device = _devices.get(place)
            if device is None:
                name = place
                if place == "cpu":
                    threads = os.environ.get("ATTUNE_THREADS", "")
                    name = f"host:{threads}" if threads else "host"
                device = _devices[place] = native.Device(name)
    return device


def target_of(device: native.Device) -> str:
    """The compiler's name for what this device runs best. It is named, not "native", because it is part of the key of
    the cache, which several machines may share."""
    described = device.description()
    host = re.search(r"x86-64(-v[34])?$", described)
    if host:
        return host[0]
    gpu = re.search(r"sm_(\d+)", described)
    if gpu:
        return "sm_90a" if gpu[1] == "90" else "sm_80"
    raise NativeError(f"no target of the compiler is known for device '{described}'")


def launcher(text: str, name: str, content: str, place: str, choices: Choices = Choices()) -> Launcher:
    """The kernel `name` of `text`, loaded on the device of `place`. content: a digest of name and text.

    Several threads that ask for the same kernel wait for one that compiles. CompileError if the compiler refuses it.
    """
    wanted = (content, place, choices)
    found = _launchers.get(wanted)
    if found is not None:
        return found
    with _lock:
        making = _making.setdefault(wanted, threading.Lock())
    with making:
        found = _launchers.get(wanted)
        if found is None:
            found = _launchers[wanted] = _make(text, name, content, place, choices)
    return found


def _make(text: str, name: str, content: str, place: str, choices: Choices) -> Launcher:
    device = device_of(place)
    targets = target_of(device)
    key = cache.key(content, compiler.identity(), targets, choices.plan, str(choices.packed))
    kept = cache.load(key)
    if kept is not None:
        try:
            made = _load(device, kept, name)
            counts["disk"] += 1
            return made
        except Error:
            pass  # whatever is wrong with it, the compiler makes another
    bundle = _compile(text, targets, name, choices)
    made = _load(device, bundle, name)
    counts["compiler"] += 1
    cache.store(key, bundle)
    return made


def _compile(text: str, targets: str, name: str, choices: Choices) -> bytes:
    options: Dict[str, Any] = {"kernel": name, "plan": choices.plan or None}
    if choices.packed:
        try:
            return compiler.compile_text(text, targets, packed_heads=choices.packed, **options)
        except CompileError:
            pass  # a program whose heads cannot share tiles, or one that is refused altogether: then it says so now
    return compiler.compile_text(text, targets, **options)


def _load(device: native.Device, data: bytes, name: str) -> Launcher:
    bundle = native.Bundle(data)
    operands, results = bundle.arguments(name)
    return Launcher(native.Kernel(device, bundle, name), operands, results)


def forget() -> None:
    """Drops every kernel that is in memory: the next call looks on disk again."""
    with _lock:
        _launchers.clear()
        _making.clear()
    for clear in _dependents:
        clear()


def on_forget(clear: Callable[[], None]) -> None:
    """`clear` is called when what was loaded no longer holds: it drops what refers to it."""
    _dependents.append(clear)


def _after_fork() -> None:
    """A child process has none of its parent's threads: it opens devices of its own, and does not close the parent's."""
    global _lock
    _lock, native._lock, compiler._lock = threading.Lock(), threading.Lock(), threading.Lock()
    for device in _devices.values():
        device.handle = None
    for launcher_ in _launchers.values():
        launcher_.kernel.handle = None
    _devices.clear()
    _launchers.clear()
    _making.clear()
    for clear in _dependents:
        clear()


os.register_at_fork(after_in_child=_after_fork)
