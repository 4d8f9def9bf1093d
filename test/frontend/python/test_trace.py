# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-torch %s
# REQUIRES: python-torch
"""What a traced function may capture and do, what is said where it may not, and what decides whether code is shared."""
import functools
import math
import timeit
from math import exp as exponential

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import attune
from attune._program import ArrayInfo
from attune._tracing.trace import capture, signature, trace_flex

INFO = ArrayInfo("f32", (1, 2, 8, 16), (256, 128, 16, 1), "cpu")
BIAS = torch.arange(2 * 3 * 4, dtype=torch.float32).view(2, 3, 4)
WINDOW = 7


def text(score_mod=None, mask_mod=None):
    return trace_flex(score_mod, mask_mod, INFO, INFO, INFO).text


# Control flow and conversions: (function, what the message names).
def loops(s, b, h, q, k):
    for _ in range(q):
        s = s + 1
    return s


def branches(s, b, h, q, k):
    if q > 3:
        return s
    return s * 2


MISTAKES = [
    (branches, r"if q > 3:.*torch\.where\(condition, a, b\)"),
    (loops, r"for _ in range\(q\):.*it cannot count a loop"),
    (lambda s, b, h, q, k: s if q > k and q < 9 else s * 2, r"write \(a\) & \(b\) for a and b"),
    (lambda s, b, h, q, k: s * (q > k or q < 9), r"write \(a\) \| \(b\) for a or b"),
    (lambda s, b, h, q, k: s * (not q > k), r"write ~\(a\) for not a"),
    (lambda s, b, h, q, k: s * (0 <= q - k < 3), r"write \(a <= x\) & \(x < b\)"),
    (lambda s, b, h, q, k: s * (q in (1, 2)), r"write \(x == a\) \| \(x == b\)"),
    (lambda s, b, h, q, k: s + max(q, k), r"torch\.maximum\(a, b\)"),
    (lambda s, b, h, q, k: s + float(q), r"attune\.to_float\(value\)"),
    (lambda s, b, h, q, k: s + int(s), r"value\.to\(torch\.int32\)"),
    (lambda s, b, h, q, k: s.item(), r"leave \.item\(\) out"),
    (lambda s, b, h, q, k: s + [1, 2, 3][q], r"captured arrays can be indexed"),
    (lambda s, b, h, q, k: s + torch.special.bessel_j0(s), r"attune does not know torch\.special_bessel_j0"),
    (lambda s, b, h, q, k: s + s.tanhh(), r"does not know \.tanhh.*tanh"),
    (lambda s, b, h, q, k: np.sinc(s), r"does not know np\.sinc.*known and close"),
    (lambda s, b, h, q, k: torch.softmax(s, -1), r"torch\.softmax cannot be used here.*attune\.kernel"),
    (lambda s, b, h, q, k: s + torch.rand_like(s), r"results are not random"),
    (lambda s, b, h, q, k: s.add_(1), r"changes a tensor in place.*\.add\(\)"),
    (lambda s, b, h, q, k: s + BIAS[None, h], r"None among the indices of the captured array 'BIAS'"),
    (lambda s, b, h, q, k: s + BIAS[..., q], r"\.\.\. among the indices"),
    (lambda s, b, h, q, k: s + BIAS[:, q], r"a slice among the indices"),
    (lambda s, b, h, q, k: s + BIAS[h, q], r"needs 1 more indices|returned a vector"),
    (lambda s, b, h, q, k: s + BIAS[h, s], r"is the score.*index\.to\(torch\.int32\)"),
    (lambda s, b, h, q, k: s + BIAS[h > 0], r"use where\(\) in place of a boolean index"),
    (lambda s, b, h, q, k: s + BIAS[h, q, k, 1], r"4 indices for the captured array 'BIAS', which has 3 dims"),
    (lambda s, b, h, q, k: s & 1, r"and of floats.*keep the parentheses"),
    (lambda s, b, h, q, k: None, r"returned None; return the new score"),
    (lambda s, b, h, q, k: (s, s), r"returned 2 values"),
    (lambda s, b, h, q, k: BIAS, r"returned a whole array"),
    (lambda s, b, h: s, r"score_mod is called with \(score, b, h, q_idx, kv_idx\)"),
    (lambda s, b, h, q, k: s + q // 0, r"// by 0"),
    (lambda s, b, h, q, k: s.where(q > k), r"give the value that stands where the condition does not hold"),
]


@pytest.mark.parametrize("function, words", MISTAKES)
def test_mistakes_name_line_and_fix(function, words):
    with pytest.raises(TypeError) as caught:
        text(function)
    message = str(caught.value).replace("\n", " ")
    assert pytest.importorskip("re").search(words, message), message
    if "attune" in message and "returned" not in message and "called with" not in message:
        assert __file__ in message and "line" in message


def test_mask_mistakes():
    with pytest.raises(attune.TraceError, match="a mask returns a condition"):
        text(None, lambda b, h, q, k: q % 3)
    with pytest.raises(attune.TraceError, match="a symbolic value of attune was used after"):
        text(None, lambda b, h, q, k: setattr(attune, "kept_index", q) or q >= k)
        attune.kept_index + 1
    with pytest.raises(attune.TraceError, match="uint16|which kernels do not read"):
        table = np.zeros(9, np.uint16)
        text(lambda s, b, h, q, k: s + table[q])


def test_the_ir_is_what_one_would_write():
    bias, slope = np.zeros((2, 8), np.float32), 0.5

    def mod(score, b, h, q, k):
        near = q - k <= WINDOW
        far = (q - k) * slope
        return torch.where(near & (q >= k), score + bias[h, q] * far + bias[h, q], -math.inf)

    program = trace_flex(mod, None, INFO, INFO, INFO)
    assert {o.name: o.type for o in program.operands[3:]} == {"WINDOW": "index", "bias": "tensor<?x?xf32>", "slope": "f32"}
    assert program.text.count("load") == 1 and program.text.count("arith.subi %i, %j") == 2  # once in each region
    where, mapped = program.text.split(" = map ")
    assert "arith.cmpi sle" in where and "%WINDOW" in where and "arith.select" not in program.text and "mulf" in mapped
    assert trace_flex(None, attune.noop_mask, INFO, INFO, INFO).text == trace_flex(None, None, INFO, INFO, INFO).text


@pytest.mark.parametrize("mod", [
    lambda s, b, h, i, j: (j - i) * 0.25, lambda s, b, h, i, j: 0.0, lambda s, b, h, i, j: b,
    lambda s, b, h, i, j: torch.where(j == 2, 1.0, -math.inf), lambda s, b, h, i, j: torch.where(s > 0, -math.inf, -math.inf),
    lambda s, b, h, i, j: s + torch.where(j < 4, torch.where(i > 2, 0.5, -math.inf), 0.0) - 1,
])
def test_scores_that_do_not_read_the_score_stay_masked(mod):
    (q, k, v), (b, h, i, j) = inputs(), torch.meshgrid(*map(torch.arange, (2, 4, 8, 8)), indexing="ij")
    ours = attune.flex_attention(q, k, v, mod, attune.create_block_mask(lambda b, h, i, j: i >= j, None, None, 8, 8))
    s = torch.as_tensor(mod(q @ k.mT / 4, b, h, i, j)).float().broadcast_to(2, 4, 8, 8).masked_fill(i < j, -math.inf)
    torch.testing.assert_close(ours, s.softmax(-1).nan_to_num() @ v)


def test_infinite_numbers_that_are_captured_hide():
    lowest = float("-inf")
    assert "where" in text(lambda s, b, h, q, k: torch.where(q >= k, s, lowest))


def test_code_is_shared_by_numbers_and_arrays():
    def make(window, table):
        return lambda s, b, h, q, k: torch.where(q - k <= window, s + table[h], -math.inf)

    one, two = make(256, torch.zeros(4)), make(512, torch.ones(9))
    assert text(one) == text(two) and signature(one) == signature(two) is not None
    assert signature(make(256, torch.zeros(4, dtype=torch.float64))) != signature(one)
    assert signature(make(256.0, torch.zeros(4))) != signature(one)
    assert signature(make(256, torch.zeros(4, 1))) != signature(one)
    both = torch.zeros(4)
    twice = (lambda x, y: lambda s, b, h, q, k: s + x[h] + y[h])
    text(twice(both, both))
    text(twice(both, torch.ones(4)))
    assert signature(twice(both, both)) != signature(twice(both, torch.ones(4)))


def test_numbers_that_python_decides_by_are_constants():
    def make(sinks, steps):
        def mask(b, h, q, k):
            seen = q >= k
            if sinks > 0:
                seen = seen | (k < sinks)
            for n in range(steps):
                seen = seen & (k != n * 10)
            return seen

        return mask

    texts = [text(None, make(*numbers)) for numbers in ((4, 2), (5, 2), (0, 2), (4, 3))]
    assert texts[0] != texts[2] and texts[0] != texts[3]
    signatures = [signature(None, make(*numbers)) for numbers in ((4, 2), (0, 2), (4, 3), (4, 2))]
    assert len(set(signatures)) == 3 and signatures[0] == signatures[3]
    assert signature(None, make(6, 9)) is None  # not read yet


def test_signatures_are_cheap():
    document, offsets = torch.zeros(9, dtype=torch.int32), torch.zeros(9, dtype=torch.int64)
    mask = attune.and_masks(lambda b, h, q, k: q >= k, attune.or_masks(
        lambda b, h, q, k: document[q] == document[k], lambda b, h, q, k: q - offsets[document[q]] <= WINDOW))
    score = (lambda table: lambda s, b, h, q, k: torch.tanh(s / 20) * 20 + table[h])(torch.zeros(2))
    block_mask = attune.create_block_mask(mask, None, None, 9, 9)
    trace_flex(score, block_mask, INFO, INFO, INFO)
    assert capture(score, block_mask).signature is not None
    assert min(timeit.repeat(lambda: capture(score, block_mask), number=100, repeat=20)) / 100 < 30e-6


class Model(torch.nn.Module):
    """Holds what mods read, in all the places where models hold it."""

    def __init__(self):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.arange(4.0), requires_grad=False)
        self.register_buffer("ids", torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]))
        self.nested = {"tables": [torch.ones(4), torch.full((4,), 2.0)]}
        self.cap, self.kind = 5.0, "cap"

    def helper(self, x):
        return x + self.nested["tables"][1][0]

    def score(self, s, b, h, q, k):
        if self.kind == "cap" and isinstance(self, Model) and self.nested:
            s = torch.tanh(s / self.cap) * self.cap
        return self.helper(s) + self.bias[h]

    def mask(self, b, h, q, k):
        return self.ids[q] == self.ids[k]


def inputs():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 4, 8, 16, generator=generator) for _ in range(3)]


def test_objects_containers_and_partials():
    model, (q, k, v) = Model(), inputs()
    with torch.no_grad():
        ours = attune.flex_attention(q, k, v, model.score, attune.create_block_mask(model.mask, None, None, 8, 8))
        s = torch.tanh(q @ k.mT / 4 / 5.0) * 5.0 + 2 + model.bias[:, None, None]
        s = s.masked_fill(model.ids[:, None] != model.ids[None], -math.inf)
        torch.testing.assert_close(ours, s.softmax(-1) @ v)
        model.ids = torch.zeros(8, dtype=torch.int64)
        again = attune.flex_attention(q, k, v, model.score, attune.create_block_mask(model.mask, None, None, 8, 8))
        s = torch.tanh(q @ k.mT / 4 / 5.0) * 5.0
        torch.testing.assert_close(again, s.softmax(-1) @ v)

    def scaled(factor, s, b, h, q, k, *, shift):
        return s * factor + shift[h]

    shift = torch.arange(4.0)
    for factor in (2.0, 3.0):
        ours = attune.flex_attention(q, k, v, functools.partial(scaled, factor, shift=shift))
        torch.testing.assert_close(ours, (q @ k.mT / 4 * factor + shift[:, None, None]).softmax(-1) @ v)


def test_what_a_function_computes_of_whole_arrays_is_never_stale():
    table, (q, k, v) = torch.arange(4.0), inputs()

    def mod(s, b, h, q_idx, kv_idx):
        return s * table.sum() + table[h]

    for _ in range(2):
        ours = attune.flex_attention(q, k, v, mod)
        torch.testing.assert_close(ours, (q @ k.mT / 4 * table.sum() + table[:, None, None]).softmax(-1) @ v)
        table[0] += 3.0


def test_jax_and_math_by_their_own_names():
    q, k, v = (jnp.asarray(x.numpy()) for x in inputs())
    table = jnp.arange(4.0)

    @jax.jit
    def squashed(x):
        return jnp.where(x > 0, jnp.tanh(x), x * 0.5)

    def mod(s, b, h, q_idx, kv_idx):
        return squashed(s) + table[h] * exponential(-0.5) + math.log(2.0) + math.exp(s * 0.0)

    ours = attune.flex_attention(q, k, v, mod)
    s = np.einsum("bhid,bhjd->bhij", q, k) / 4
    expected = jax.nn.softmax(jnp.where(s > 0, jnp.tanh(s), s * 0.5), -1) @ v
    np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_negative_and_far_indices():
    """Literal and captured negative indices count from the end, as in Python; what is computed and lies outside reads 0."""
    table, (q, k, v) = torch.arange(1.0, 9.0), inputs()
    ours = attune.flex_attention(q, k, v, lambda s, b, h, i, j: s * 0 + table[j - i] + table[-1] + table[i + 5] * 0)
    i, j = torch.arange(8)[:, None], torch.arange(8)
    inside = torch.where(j >= i, table[(j - i).clamp(min=0)], 0.0)
    torch.testing.assert_close(ours, (inside + 8.0).softmax(-1) @ v)
    for row in (2, -1, 0, -4):
        rows = torch.arange(32.0).view(4, 8) / 7
        ours = attune.flex_attention(q, k, v, lambda s, b, h, i, j: s + rows[row, j])
        torch.testing.assert_close(ours, (q @ k.mT / 4 + rows[row]).softmax(-1) @ v)


def test_block_masks():
    def causal(b, h, q_idx, kv_idx):
        return (q_idx >= kv_idx) | (b + h > 3)

    mask = attune.create_block_mask(causal, 2, 4, 8, 9, device="cpu", BLOCK_SIZE=64, _compile=True)
    assert mask.shape == (2, 4, 8, 9) and mask.BLOCK_SIZE == (64, 64) and mask.mask_mod is causal
    assert mask.to("cpu").shape == mask.shape and mask.numel() == 576 and "causal" in str(mask) and "causal" in mask.to_string()
    for name in ("sparsity", "to_dense", "as_tuple"):
        with pytest.raises(NotImplementedError, match="keeps no list of blocks"):
            getattr(mask, name)()
    with pytest.raises(AttributeError, match="keeps no list of blocks"):
        mask.kv_indices
    with pytest.raises(NotImplementedError, match="captured boolean table"):
        attune.BlockMask.from_kv_blocks(1, 2)
    with pytest.raises(ValueError, match="takes 3 arguments"):
        attune.create_block_mask(lambda b, h, q: q, None, None, 8, 8)
    with pytest.raises(ValueError, match="KV_LEN is -1"):
        attune.create_block_mask(causal, None, None, 8, -1)
    with pytest.raises(ValueError, match="expected functions"):
        attune.and_masks(causal, 3)
    q, k, v = inputs()
    whole, part = (attune.flex_attention(*x, None, m) for x, m in (
        ((q, k, v), mask), ((q[1:, 3:], k[1:, 3:], v[1:, 3:]), mask[1, 3])))
    torch.testing.assert_close(whole[1:, 3:], part)
    dense = attune.create_mask(lambda b, h, q_idx, kv_idx: q_idx >= kv_idx, None, None, 3, 3)
    assert dense.shape == (1, 1, 3, 3) and (dense[0, 0] == np.tril(np.ones((3, 3), bool))).all()


def test_block_masks_of_torch_keep_their_blocks():
    from torch.nn.attention.flex_attention import BlockMask, create_block_mask

    q, k, v = (torch.randn(1, 2, 64, 16) for _ in range(3))
    window = create_block_mask(lambda b, h, i, j: (i >= j) & (i - j < 20), None, None, 64, 64, device="cpu", BLOCK_SIZE=16)
    i, j = torch.arange(64)[:, None], torch.arange(64)
    expected = (q @ k.mT / 4).masked_fill(~((i >= j) & (i - j < 20)), -math.inf).softmax(-1) @ v
    torch.testing.assert_close(attune.flex_attention(q, k, v, None, window), expected)
    # Blocks alone hide here: the mask_mod shows all.
    counts, chosen = torch.full((1, 1, 4), 1, dtype=torch.int32), torch.tensor([[[[2, 0], [0, 0], [3, 0], [1, 0]]]], dtype=torch.int32)
    listed = BlockMask.from_kv_blocks(counts, chosen, BLOCK_SIZE=16, seq_lengths=(64, 64))
    seen = torch.tensor([2, 0, 3, 1])[i // 16] == j // 16
    expected = (q @ k.mT / 4).masked_fill(~seen, -math.inf).softmax(-1) @ v
    torch.testing.assert_close(attune.flex_attention(q, k, v, None, listed), expected)


def test_functions_are_listed():
    assert {"where", "tanh", "floor_divide", "clamp"} <= set(attune.functions())
    assert attune.exp(0.0) == 1.0
