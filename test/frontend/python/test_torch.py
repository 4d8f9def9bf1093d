# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-torch %s
# REQUIRES: python-torch
"""torch tensors in, torch tensors out: FlexAttention's arguments, results, and refusals of what has no meaning here."""
import inspect
import subprocess
import sys

import pytest
import torch
from helpers import attention, inputs

import attune
from attune._program import ArrayInfo
from attune._running.arrays import describe, view


def tensors(dtype=torch.float32, **sizes):
    return [torch.from_numpy(x).to(dtype) for x in inputs(**sizes)]


def test_the_signature_is_torchs():
    from torch.nn.attention.flex_attention import flex_attention as theirs

    ours, expected = inspect.signature(attune.flex_attention), inspect.signature(theirs)
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in expected.parameters.values()]


@pytest.mark.parametrize("dtype, bound", [(torch.float32, 2e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_values(dtype, bound):
    q, k, v = tensors(dtype)
    output = attune.flex_attention(q, k, v)
    assert type(output) is torch.Tensor and output.dtype == dtype and output.is_contiguous()
    assert (output.double() - torch.from_numpy(attention(q.double(), k.double(), v.double())[0])).abs().max() < bound


def test_agrees_with_sdpa_and_flex_attention():
    from torch.nn.attention.flex_attention import flex_attention

    q, k, v = tensors(heads=6, key_heads=2)
    ours = attune.flex_attention(q, k, v, enable_gqa=True)
    sdpa = torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    assert (ours - sdpa).abs().max() < 2e-6
    assert (ours - flex_attention(q, k, v, enable_gqa=True)).abs().max() < 2e-6


def test_lse_and_aux():
    from torch.nn.attention.flex_attention import AuxRequest

    q, k, v = tensors()
    expected = torch.from_numpy(attention(q, k, v)[1])
    output, lse = attune.flex_attention(q, k, v, return_lse=True)
    assert lse.dtype == torch.float32 and (lse - expected).abs().max() < 2e-6
    for request in (AuxRequest(lse=True), attune.AuxRequest(lse=True)):
        again, aux = attune.flex_attention(q, k, v, return_aux=request)
        assert torch.equal(again, output) and torch.equal(aux.lse, lse) and aux.max_scores is None
    again, aux = attune.flex_attention(q, k, v, return_aux=AuxRequest())
    assert torch.equal(again, output) and aux == (None, None)
    scores = q.double() @ k.double().mT / 4
    _, aux = attune.flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: torch.where(i >= j, 2 * s, -float("inf")),
                                   return_aux=AuxRequest(max_scores=True))
    hidden = torch.ones(33, 47, dtype=torch.bool).triu(1)
    assert aux.lse is None and (aux.max_scores - (2 * scores).masked_fill(hidden, -torch.inf).amax(-1)).abs().max() < 2e-6
    with pytest.raises(ValueError, match="return_lse and return_aux were both given"):
        attune.flex_attention(q, k, v, return_lse=True, return_aux=AuxRequest(lse=True))


def test_nothing_is_copied():
    q, k, v = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in tensors())
    assert describe(q) == ArrayInfo("f32", (2, 4, 33, 16), q.stride(), "cpu") and not q.is_contiguous()
    assert view(q).pointer == q.data_ptr()
    assert (attune.flex_attention(q, k, v) - torch.from_numpy(attention(q, k, v)[0])).abs().max() < 2e-6


def test_tensors_that_require_grad():
    q, k, v = tensors()
    q.requires_grad_()
    with pytest.raises(ValueError, match=r"no backward pass yet: call under torch.no_grad\(\), or pass tensor.detach\(\)"):
        attune.flex_attention(q, k, v)
    with torch.no_grad():
        output = attune.flex_attention(q, k, v)
    assert torch.equal(output, attune.flex_attention(q.detach(), k, v)) and not output.requires_grad
    with torch.inference_mode():
        assert torch.equal(output, attune.flex_attention(*tensors()))


def test_parameters_and_subclasses():
    class Marked(torch.Tensor):
        pass

    q, k, v = tensors()
    output = attune.flex_attention(torch.nn.Parameter(q, requires_grad=False), k.as_subclass(Marked), v)
    assert torch.equal(output, attune.flex_attention(q, k, v))


def test_tensors_without_memory():
    q, k, v = tensors()
    for bad, words in ((q.to("meta"), "device 'meta', expected 'cpu' or 'cuda'"), (q.to_sparse(), "no memory that a kernel could read")):
        with pytest.raises(attune.Error, match=words):
            attune.flex_attention(bad, k, v)
    with pytest.raises(TypeError, match="float64 inputs have no fast kernel.*float32"):
        attune.flex_attention(*tensors(torch.float64))
    with pytest.raises(TypeError, match="float8_e4m3fn, which no kernel reads"):
        attune.flex_attention(q.to(torch.float8_e4m3fn), k, v)


def test_inputs_of_two_libraries_meet_on_the_cpu():
    q, k, v = tensors()
    assert torch.equal(attune.flex_attention(q, k.numpy(), v.numpy()), attune.flex_attention(q, k, v))


def test_lazily_negated_tensors():
    q, k, v = tensors()
    lazy = torch.complex(torch.zeros_like(q), -q).conj().imag
    assert lazy.is_neg() and torch.equal(lazy, q)
    assert torch.equal(attune.flex_attention(lazy, k, v), attune.flex_attention(q, k, v))


def test_kernel_options_of_another_compiler_are_ignored():
    q, k, v = tensors()
    options = {"BLOCK_M": 7, "num_warps": 3, "PRESCALE_QK": True}
    assert torch.equal(attune.flex_attention(q, k, v, kernel_options=options), attune.flex_attention(q, k, v))
    planned = attune.flex_attention(q, k, v, kernel_options={"attune_plan": "queries=16,keys=16"})
    assert (planned - attune.flex_attention(q, k, v)).abs().max() < 1e-6
    with pytest.raises(attune.CompileError):
        attune.flex_attention(q, k, v, kernel_options={"attune_plan": "queries=nonsense"})


def test_torch_is_not_imported_by_the_package():
    code = ("import sys, attune, numpy as np; x = np.ones((1, 1, 2, 16), 'f'); attune.flex_attention(x, x, x); "
            "sys.exit('torch' in sys.modules or 'jax' in sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)
