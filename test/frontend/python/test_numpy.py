# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""Without torch: NumPy arrays in, NumPy arrays out, whatever their strides and sizes; every mistake is named."""
import importlib.util

import ml_dtypes
import numpy as np
import pytest
from helpers import attention, inputs

import attune
from attune._program import ArrayInfo
from attune._running.arrays import describe


def test_there_is_no_torch_here():
    assert importlib.util.find_spec("torch") is None


@pytest.mark.parametrize("dtype, bound", [(np.float32, 2e-6), (np.float16, 2e-3), (ml_dtypes.bfloat16, 2e-2)])
def test_values(dtype, bound):
    q, k, v = inputs(dtype=dtype)
    output, lse = attune.flex_attention(q, k, v, return_lse=True)
    expected, expected_lse = attention(q, k, v)
    assert type(output) is np.ndarray and output.dtype == dtype and lse.dtype == np.float32
    assert np.abs(output.astype(float) - expected).max() < bound
    assert np.abs(lse - expected_lse).max() < max(bound, 2e-6)


def test_value_size_and_scale():
    q, k, v = inputs(value_size=48)
    output = attune.flex_attention(q, k, v, scale=0.5)
    assert np.abs(output - attention(q, k, v, scale=0.5)[0]).max() < 5e-6


def test_grouped_queries_and_one_batch_of_keys():
    q, k, v = inputs(heads=6, key_heads=2)
    output = attune.flex_attention(q, k[:1], v[:1], enable_gqa=True)
    assert np.abs(output - attention(q, k[:1], v[:1])[0]).max() < 2e-6


@pytest.mark.parametrize("change", [
    lambda x: x.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3),  # (B, L, H, D) in memory
    lambda x: x[:, :, ::-1],                                        # a negative stride
    lambda x: x[:, ::2],                                            # every second head
    lambda x: np.broadcast_to(x[:1], x.shape),                      # a stride of 0
    lambda x: np.concatenate([x, x], -1)[..., 3:3 + x.shape[-1]],   # not aligned to 16 bytes
])
def test_strides_are_read_as_they_are(change):
    q, k, v = (change(x) for x in inputs())
    assert np.abs(attune.flex_attention(q, k, v) - attention(q, k, v)[0]).max() < 2e-6


def test_read_only_arrays():
    arrays = inputs()
    before = [x.copy() for x in arrays]
    for x in arrays:
        x.flags.writeable = False
    output = attune.flex_attention(*arrays)
    assert output.flags.writeable and np.abs(output - attention(*before)[0]).max() < 2e-6
    assert all((x == y).all() for x, y in zip(arrays, before))


@pytest.mark.parametrize("tokens, keys", [(0, 5), (5, 0), (0, 0), (1, 1)])
def test_zero_lengths(tokens, keys):
    q, k, v = inputs(tokens=tokens, keys=keys)
    output, lse = attune.flex_attention(q, k, v, return_lse=True)
    assert output.shape == (2, 4, tokens, 16) and lse.shape == (2, 4, tokens)
    assert np.abs(output - attention(q, k, v)[0]).max(initial=0.0) < 2e-6
    if keys == 0:
        assert (output == 0).all() and (lse == -np.inf).all()


def test_no_batch_and_no_heads():
    q, k, v = inputs()
    assert attune.flex_attention(q[:0], k[:0], v[:0]).shape == (0, 4, 33, 16)
    assert attune.flex_attention(q[:, :0], k[:, :0], v[:, :0]).shape == (2, 0, 33, 16)


def test_any_object_with_an_array_interface():
    class Wrapped:
        def __init__(self, array):
            self.array = array

        @property
        def __array_interface__(self):
            return self.array.__array_interface__

    q, k, v = inputs()
    output = attune.flex_attention(*map(Wrapped, (q[:, :, ::2], k, v)))
    assert type(output) is np.ndarray and np.abs(output - attention(q[:, :, ::2], k, v)[0]).max() < 2e-6
    assert describe(Wrapped(q)) == ArrayInfo("f32", (2, 4, 33, 16), (2112, 528, 16, 1), "cpu")


def test_any_object_with_dlpack():
    class Wrapped:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    q, k, v = inputs()
    view = q[:, :, 1::2]
    output = attune.flex_attention(*map(Wrapped, (view, k, v)))
    assert np.abs(output - attention(view, k, v)[0]).max() < 2e-6
    assert describe(Wrapped(view)) == describe(view)


def refused(kind, words, *arrays, **options):
    with pytest.raises(kind) as caught:
        attune.flex_attention(*arrays, **options)
    assert isinstance(caught.value, attune.Error)
    for word in words.split("|"):
        assert word in str(caught.value), str(caught.value)


def test_shapes_that_do_not_fit():
    q, k, v = inputs()
    refused(ValueError, "query of rank 4|got rank 3|(4, 33, 16)", q[0], k, v)
    refused(ValueError, "value of rank 4|got rank 5", q, k, v[None])
    refused(ValueError, "value of the batch, heads and tokens of key", q, k, v[:, :, :-1])
    refused(ValueError, "key of query's head size 16|got 8", q, k[..., :8], v)
    refused(ValueError, "batch 1 or 2|got 3", q, *(np.concatenate([x, x[:1]]) for x in (k, v)))
    refused(ValueError, "4 heads|got 2|enable_gqa=True", q, k[:, :2], v[:, :2])
    refused(ValueError, "divides the 4 of query|got 3", q, k[:, :3], v[:, :3], enable_gqa=True)
    refused(ValueError, "head sizes above 0", q[..., :0], k[..., :0], v)


def test_a_last_dimension_with_gaps():
    q, k, v = inputs(size=32)
    for at, name in enumerate(("query", "key", "value")):
        for step in (slice(None, None, 2), slice(None, None, -1)):
            arrays = [np.ascontiguousarray(x[..., step]) for x in (q, k, v)]
            arrays[at] = (q, k, v)[at][..., step]
            refused(ValueError, f"side by side|{name}|stride {step.step}|contiguous copy", *arrays)


def test_dtypes_that_do_not_fit():
    q, k, v = inputs()
    refused(TypeError, "one dtype|f32, f16 and f32|convert", q, k.astype(np.float16), v)
    refused(TypeError, "float64|astype('float32')", *inputs(dtype=np.float64))
    refused(TypeError, "float32, float16 or bfloat16|i32", *(x.astype(np.int32) for x in (q, k, v)))
    refused(TypeError, "complex64|which no kernel reads", *(x.astype(np.complex64) for x in (q, k, v)))
    refused(TypeError, "bytes are in the other order|astype(float32)", *(x.astype(">f4") for x in (q, k, v)))
    refused(TypeError, "expected an array|list", q.tolist(), k, v)
    refused(TypeError, "expected an array|NoneType", None, k, v)


def test_strides_within_an_entry():
    raw = np.zeros((2, 4, 33, 16), np.dtype([("number", "<f4"), ("tag", "u1")]))["number"]
    refused(ValueError, "stride of|multiple of the 4 bytes|contiguous copy", raw, *inputs()[1:])


def test_bf16_results_need_ml_dtypes(monkeypatch):
    import sys

    q, k, v = inputs(dtype=ml_dtypes.bfloat16)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    refused(TypeError, "bf16|ml_dtypes|not installed", q, k, v)
