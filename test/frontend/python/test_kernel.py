# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""Programs of the gallery, written under attune.kernel: the reference finds the same numbers in both texts, and the host's
results are as near to it as compiled kernels have to be."""
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import attune

sys.path.insert(0, str(Path(__file__).parent / "Inputs"))
import gallery_kernels as gallery  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
HEADS, QUERIES, KEYS, D = 2, 40, 48, 128


def floats(*shape, low=None, high=None, seed=0, dtype=np.float32):
    rng = np.random.default_rng([seed, *shape])
    numbers = rng.standard_normal(shape) if low is None else rng.uniform(low, high, shape)
    return numbers.astype(dtype)


def whole(*shape, low, high, seed=0):
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype(np.int32)


def tokens(count, heads=HEADS, seed=0):
    return floats(1, heads, count, D, seed=seed, dtype=ml_dtypes.bfloat16)


Q, K, V = tokens(QUERIES, seed=1), tokens(KEYS, seed=2), tokens(KEYS, seed=3)
QKV = {"q": Q, "k": K, "v": V}
MEMORY = {"km": tokens(5, seed=4), "vm": tokens(5, seed=5)}
AGENTS = {"ask": tokens(7, seed=6), "agent": tokens(7, seed=7)}
LISTS = np.sort(np.stack([np.random.default_rng(n).permutation(KEYS) for n in range(QUERIES)])[:, :64], axis=1)
LISTS = np.pad(LISTS[:, :20], ((0, 0), (0, 44)), constant_values=-1)[None, None].astype(np.int32)

# The example, and its operands beside q, k and v.
PROGRAMS = {
    "alibi-window": {**QKV, "slope": floats(HEADS), "w": 20},
    "causal-offset": {**QKV, "offset": 8},
    "prefix-kv": {**QKV, **MEMORY},
    "sigmoid": {**QKV, "bias": -2.0},
    "sink": {**QKV, "sink": floats(HEADS, seed=9)},
    "gallery/learned-key": {**QKV, "km": tokens(1, seed=4), "vm": tokens(1, seed=5)},
    "gallery/sparsemax": QKV,
    "gallery/entmax": {**QKV, "alpha": floats(HEADS, low=1.3, high=2.0)},
    "gallery/moba": {**QKV, "n": 2},
    "gallery/token-lists": {**QKV, "list": np.repeat(LISTS, HEADS, axis=1)},
    "gallery/best-keys": QKV,
    "gallery/column-sums": {**QKV, "first": 30},
    "gallery/shaw": {**QKV, "a": tokens(17, seed=10), "b": tokens(17, seed=11)},
    "gallery/differential": {"q1": Q, "k1": K, "q2": tokens(QUERIES, seed=12), "k2": tokens(KEYS, seed=13), "v": V,
                             "lambda": floats(HEADS, low=0.1, high=0.9)},
    "gallery/rela": {**QKV, "gain": floats(D, low=0.5, high=1.5)},
    "gallery/agent": {**QKV, **AGENTS},
    "gallery/two-hops": {**QKV, **AGENTS},
    "gallery/cope": {**QKV, "e": tokens(16, seed=14), "last": 15.0},
    "gallery/stick-breaking": QKV,
    "gallery/forgetting": {**QKV, "logq": floats(1, HEADS, QUERIES, low=-0.5, high=0.0),
                           "logf": floats(1, HEADS, KEYS, low=-0.5, high=0.0)},
    "gallery/multi-token": {**QKV, "weight": floats(HEADS, 3, 3, low=-0.3, high=0.3)},
    "gallery/pooled-map": {"q": Q, "k": K},
    "gallery/offset-histogram": {"q": Q, "k": K, "reach": QUERIES},
    "gallery/rope": {**QKV, "base": 10000.0},
    "gallery/additive": {**QKV, "weight": floats(D, low=-1.0, high=1.0)},
    "gallery/group-mass": {**QKV, "kind": whole(1, 1, KEYS, low=0, high=3), "asking": whole(1, 1, QUERIES, low=0, high=3)},
    "gallery/own-normaliser": QKV,
}
# Selections, thresholds and sums into groups take seconds to compile, since they are a dozen kernels each; these four are
# compared by the reference alone here, and run on the host as examples of the gallery.
MANY_KERNELS = ("gallery/best-keys", "gallery/moba", "gallery/shaw", "gallery/entmax")


def run(text, values, folder, results, *flags):
    """attn-run on a text with these operands; its output, and what it wrote for each result."""
    folder.mkdir()
    source = folder / "kernel.mlir"
    source.write_text(text)
    command = ["attn-run", str(source), *flags]
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            np.save(folder / name, value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value)
            value = folder / f"{name}.npy"
        command.append(f"{name}={value}")
    command += [f"-o{name}={folder}/result-{name}.npy" for name in results]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, text + done.stdout + done.stderr
    return done.stdout, {name: np.load(folder / f"result-{name}.npy") for name in results}


@pytest.mark.parametrize("name", PROGRAMS)
def test_is_the_program_of_the_gallery(name, tmp_path):
    kernel = getattr(gallery, name.split("/")[-1].replace("-", "_"))
    values = PROGRAMS[name]
    ours = dict(zip(kernel.parameters, (values[n.rstrip("_")] for n in kernel.parameters)))
    program = kernel.trace(**ours)
    renamed = dict(zip((o.name for o in program.operands), ours.values()))
    labels = [r.name for r in program.results]
    example = (EXAMPLES / f"{name}.mlir").read_text()
    _, found = run(program.text, renamed, tmp_path / "ours", labels, "--device=reference")
    _, expected = run(example, values, tmp_path / "example", labels, "--device=reference")
    for label in labels:
        a, b = found[label], expected[label]
        assert a.shape == b.shape and a.dtype == b.dtype
        if a.dtype == np.uint16:  # bf16: the numbers are rounded once in both, at most one apart
            a, b = (x.view(ml_dtypes.bfloat16).astype(np.float32) for x in (a, b))
            np.testing.assert_allclose(a, b, rtol=2**-7, atol=2**-13)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    if name not in MANY_KERNELS:
        run(program.text, renamed, tmp_path / "check", [], "--check", "--device=host")


def test_is_called_with_arrays():
    q, k, v = (x.astype(np.float32) for x in (Q, K, V))
    made = gallery.alibi_window(q, k, v, np.zeros(HEADS, np.float32), 7)
    rows, columns = np.ogrid[:QUERIES, :KEYS]
    s = np.where((columns <= rows) & (rows - columns <= 7), np.einsum("bhid,bhjd->bhij", q, k) * gallery.SCALE, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    np.testing.assert_allclose(made, np.einsum("bhij,bhjd->bhid", p / p.sum(-1, keepdims=True), v), atol=2e-6)
    assert made.dtype == np.float32 and len(gallery.alibi_window._entries) == 1
    gallery.alibi_window(q, k, v, np.ones(HEADS, np.float32), w=11)
    assert len(gallery.alibi_window._entries) == 1
    probes = gallery.column_sums(q, k, v, 3)
    assert set(probes) == {"out0", "total", "greatest", "observed"} and probes["total"].shape == (1, HEADS, KEYS)


def test_folds_and_own_scans():
    @attune.kernel
    def longest(q: attune.Rows, k: attune.Cols):
        s = attune.dot(q, k, scale=0.125)

        def softmax_state(m, l, n, r):
            top = attune.maximum(m, n)
            return top, l * attune.exp(m - top) + r * attune.exp(n - top)

        m, l = attune.fold(softmax_state, (s, s * 0.0 + 1.0), (-1e30, 0.0))
        running = attune.scan(lambda a, x: a + x, s, "keys", identities=[0.0])
        return m + attune.log(l), attune.reduce("max", running, "keys")

    q, k = Q.astype(np.float32), K.astype(np.float32)
    s = np.einsum("bhid,bhjd->bhij", q.astype(np.float64), k) * 0.125
    lse, peak = longest(q, k)
    np.testing.assert_allclose(lse, np.log(np.exp(s).sum(-1)), rtol=1e-5)
    np.testing.assert_allclose(peak, np.cumsum(s, -1).max(-1), rtol=1e-4, atol=1e-4)


def test_numbers_and_arrays_may_be_captured():
    def make(weight, table):
        @attune.kernel
        def weighted(q: attune.Rows, k: attune.Cols, v: attune.Cols):
            s = attune.dot(q, k)
            b, h, i, j = attune.places(s)
            return attune.contract(attune.softmax(s * weight + table[h]), v)

        return weighted

    q, k, v = (x.astype(np.float32) for x in (Q, K, V))
    one, two = (make(w, np.arange(HEADS, dtype=np.float32)) for w in (0.125, 0.0))
    assert one.trace(q, k, v).text == two.trace(q, k, v).text
    np.testing.assert_allclose(two(q, k, v), np.broadcast_to(v.mean(2, keepdims=True), Q.shape), atol=1e-6)
    np.testing.assert_allclose(one(q, k, v), attune.flex_attention(q, k, v, scale=0.125), atol=1e-6)


@pytest.mark.parametrize("body, words", [
    (lambda q, k, v: attune.dot(k, q), "the first are rows, the second cols"),
    (lambda q, k, v: attune.softmax(q), "expected to be a matrix"),
    (lambda q, k, v: attune.contract(attune.dot(q, k), q), "cols of the matrix's key axis"),
    (lambda q, k, v: attune.reduce("product", attune.dot(q, k), "keys"), "kinds are sum, mean, max, min"),
    (lambda q, k, v: None, "returned None"),
    (lambda q, k, v: attune.attention(q, k), "no attribute 'attention'"),
])
def test_mistakes_are_named(body, words):
    def wrong(q: attune.Rows, k: attune.Cols, v: attune.Cols):
        return body(q, k, v)

    with pytest.raises((attune.Error, AttributeError), match=words):
        attune.kernel(wrong)(Q, K, V)


def test_parameters_are_annotated():
    with pytest.raises(attune.ArgumentTypeError, match="parameter 'k' is annotated as"):
        @attune.kernel
        def unsaid(q: attune.Rows, k):
            return q

    with pytest.raises(attune.ArgumentError, match="expected 'q' of rank 3 or more"):
        gallery.sparsemax(np.zeros(3, np.float32), K, V)
