# SPDX-License-Identifier: Apache-2.0
# RUN: env JAX_PLATFORMS=cpu %pytest-torch %s
# REQUIRES: python-torch
"""JAX arrays in, JAX arrays out."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import attention, inputs

import attune
from attune._program import ArrayInfo
from attune._running.arrays import describe, view


@pytest.mark.parametrize("dtype, bound", [("float32", 2e-6), ("float16", 2e-3), ("bfloat16", 2e-2)])
def test_values(dtype, bound):
    arrays = [jnp.asarray(x, dtype) for x in inputs()]
    output, lse = attune.flex_attention(*arrays, return_lse=True)
    expected, expected_lse = attention(*arrays)
    assert isinstance(output, jax.Array) and output.dtype == dtype and lse.dtype == jnp.float32
    assert np.abs(np.asarray(output, float) - expected).max() < bound
    assert np.abs(np.asarray(lse) - expected_lse).max() < max(bound, 2e-6)
    assert np.abs(np.asarray(output + 1, float) - np.asarray(output, float) - 1).max() < 2e-2  # JAX computes on with it


def test_nothing_is_copied():
    array = jnp.asarray(inputs()[0])
    assert view(array).pointer == array.unsafe_buffer_pointer()
    assert describe(array) == ArrayInfo("f32", (2, 4, 33, 16), (2112, 528, 16, 1), "cpu")


def test_results_are_memory_of_their_own():
    q, k, v = map(jnp.asarray, inputs())
    outputs = [attune.flex_attention(q, k, v * factor) for factor in (1, 2, 3)]
    assert len({x.unsafe_buffer_pointer() for x in outputs}) == 3
    for factor, output in enumerate(outputs, 1):
        assert np.allclose(output, outputs[0] * factor, atol=1e-5)


def test_zero_lengths():
    q, k, v = map(jnp.asarray, inputs(keys=0))
    output = attune.flex_attention(q, k, v)
    assert output.shape == (2, 4, 33, 16) and (output == 0).all()
    assert attune.flex_attention(*map(jnp.asarray, inputs(tokens=0))).shape == (2, 4, 0, 16)


def test_tracers_are_refused():
    arrays = [jnp.asarray(x) for x in inputs()]
    with pytest.raises(TypeError, match="JAX tracer.*jax.pure_callback"):
        jax.jit(attune.flex_attention)(*arrays)
