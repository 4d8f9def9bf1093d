# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""Kernels are compiled once: for a process, for all processes, for threads that come at once. What is on disk may be
damaged, somebody else's, or too much: never a crash and never wrong."""
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers import attention, inputs

import attune
from attune import _flex
from attune._running import cache, compiler, engine


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache, on disk and in memory."""
    monkeypatch.setenv("ATTUNE_CACHE_DIR", str(tmp_path / "cache"))
    engine.forget()
    engine.counts.update(disk=0, compiler=0)
    return tmp_path / "cache"


def compute(size=16):
    q, k, v = inputs(size=size, tokens=70)
    output = attune.flex_attention(q, k, v)
    assert np.abs(output - attention(q, k, v)[0]).max() < 2e-6


def files(folder):
    return sorted(folder.iterdir())


def test_memory_then_disk_then_compiler(folder):
    compute()
    assert engine.counts == {"disk": 0, "compiler": 1} and len(files(folder)) == 1
    compute()
    assert engine.counts == {"disk": 0, "compiler": 1}  # the call itself was known
    engine.forget()
    compute()
    assert engine.counts == {"disk": 1, "compiler": 1} and len(files(folder)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [
    lambda data: b"",
    lambda data: data[:20],
    lambda data: data[:-1],
    lambda data: data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:],
    lambda data: b"something else entirely" * 1000,
    lambda data: data + b"more",
])
def test_a_damaged_file_is_compiled_again(folder, damage, capfd):
    compute()
    path, = files(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    engine.forget()
    compute()
    assert engine.counts["compiler"] == 2 and path.read_bytes() == whole
    assert capfd.readouterr() == ("", "")


def test_a_whole_file_that_is_no_bundle_is_compiled_again(folder):
    compute()
    path, = files(folder)
    cache.store(path.stem, b"the digest is right and the bytes are not")
    engine.forget()
    compute()
    assert engine.counts["compiler"] == 2


def test_files_that_others_could_have_written_are_not_read(folder):
    compute()
    path, = files(folder)
    path.chmod(0o666)
    engine.forget()
    compute()
    assert engine.counts == {"disk": 0, "compiler": 2} and path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ATTUNE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    compute()
    monkeypatch.setenv("ATTUNE_CACHE_DIR", "off")
    engine.forget()
    compute()
    assert engine.counts["compiler"] == 2


def test_where_the_folder_is(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("ATTUNE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "attune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "attune"


def test_a_compiler_that_was_built_again_finds_nothing_old(monkeypatch):
    compute()
    monkeypatch.setattr(compiler, "_identity", "0.1.0 of another day")
    engine.forget()
    compute()
    assert engine.counts["compiler"] == 2


def test_other_instruction_sets_have_other_files(folder, monkeypatch):
    compute()
    monkeypatch.setattr(engine, "target_of", lambda device: "x86-64")
    engine.forget()
    compute()
    assert engine.counts["compiler"] == 2 and len(files(folder)) == 2


def test_what_was_used_longest_ago_is_removed(folder, monkeypatch):
    monkeypatch.setenv("ATTUNE_CACHE_MEGABYTES", "0.01")
    for number in range(20):
        cache.store(f"{number:064x}", bytes(1000))
        os.utime(folder / f"{number:064x}.attn", (number, number))
        if number == 5:
            assert cache.load(f"{0:064x}") == bytes(1000)  # used now
    kept = [path.name for path in files(folder)]
    assert sum(path.stat().st_size for path in files(folder)) <= 10_000
    assert f"{0:064x}.attn" in kept and f"{19:064x}.attn" in kept and f"{1:064x}.attn" not in kept
    assert cache.clear() == len(kept) and not files(folder)


def test_what_an_interrupted_process_left_is_removed(folder):
    cache.store("0", b"one")
    old, new = folder / "old.partial", folder / "new.partial"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    cache.store("1", b"two")
    assert not old.exists() and new.exists()


def test_threads_that_come_at_once_compile_once():
    barrier, failures = threading.Barrier(8), []

    def work():
        try:
            barrier.wait()
            for _ in range(5):
                compute()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and engine.counts["compiler"] == 1


PROCESS = """
import numpy as np, attune
from attune._running import engine
x = np.ones((1, 2, 9, 16), 'f')
assert np.allclose(attune.flex_attention(x, x, x), 1)
print(engine.counts['compiler'], engine.counts['disk'])
"""


def test_processes_that_come_at_once(folder):
    def start():
        return subprocess.Popen([sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    together = [start() for _ in range(4)]
    assert [process.communicate()[1] for process in together] == [""] * 4
    assert all(process.returncode == 0 for process in together) and len(files(folder)) == 1
    assert start().communicate() == ("0 1\n", "")


@attune.kernel
def whole(q: attune.Rows, k: attune.Cols, v: attune.Cols):
    return attune.contract(attune.softmax(attune.dot(q, k, scale=0.25)), v)


def test_a_forked_child_has_threads_of_its_own():
    compute()
    expected = whole(*inputs())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            compute()
            assert (whole(*inputs()) == expected).all()
            compute(size=32)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    compute()
    assert engine.counts["compiler"] == 2


def test_a_miss_is_quick_and_prints_nothing(capfd):
    compute(size=64)  # the libraries are loaded
    start = time.perf_counter()
    compute(size=128)
    assert time.perf_counter() - start < 2.0  # 0.1 s where nothing else runs
    assert capfd.readouterr() == ("", "")


def test_few_queries_have_code_of_their_own():
    """16 rows a tile instead of 64, or the heads that share keys: the same values."""
    for tokens, key_heads in ((1, 8), (1, 2), (5, 4), (64, 8)):
        q, k, v = inputs(heads=8, key_heads=key_heads, tokens=tokens, keys=150)
        output = attune.flex_attention(q, k, v, enable_gqa=True)
        assert np.abs(output - attention(q, k, v)[0]).max() < 2e-6
    assert {wanted[-1].packed for wanted in _flex._entries} == {0, 1, 2, 4}
