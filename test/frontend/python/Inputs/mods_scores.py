# SPDX-License-Identifier: Apache-2.0
"""Score mods of the FlexAttention documentation and of attention-gym, as users write them; see `mods_masks`."""
import numpy as np
from mods_masks import Pages, clamp


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def noop(xp, array):
    def noop(score, b, h, q_idx, kv_idx):
        return score

    return noop


def causal(xp, array):
    return lambda score, b, h, q_idx, kv_idx: xp.where(q_idx >= kv_idx, score, -float("inf"))


def causal_added(xp, array):
    return lambda score, b, h, q_idx, kv_idx: score + xp.where(kv_idx > q_idx, float("-inf"), 0.0)


def sliding_window(xp, array, window=9):
    def sliding(score, b, h, q_idx, kv_idx):
        seen = (q_idx >= kv_idx) & (q_idx - kv_idx <= window)
        return xp.where(seen, score, float("-inf"))

    return sliding


def empty_rows(xp, array):
    return lambda score, b, h, q_idx, kv_idx: xp.where(q_idx % 3 == 1, float("-inf"), score)


def relative_position(xp, array):
    return lambda score, b, h, q_idx, kv_idx: score + (q_idx - kv_idx)


def relative_table(xp, array, length=48):
    bias = array(random(2 * length, seed=1))
    return lambda score, b, h, q_idx, kv_idx: score + bias[(q_idx - kv_idx) + length]


def alibi_table(xp, array, heads=2):
    slopes = array((2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)).astype(np.float32))

    def alibi(score, b, h, q_idx, kv_idx):
        bias = slopes[h] * (kv_idx - q_idx)
        return score + bias

    return alibi


def alibi_computed(xp, array, heads=2):
    def alibi_mod(score, b, h, q_idx, kv_idx):
        scale = xp.exp2(-((h + 1) * 8.0 / heads))
        return score + (kv_idx - q_idx) * scale

    return alibi_mod


def alibi_positions(xp, array):
    slopes = array(np.array([0.5, 0.125], np.float32))
    positions = array(np.random.default_rng(2).integers(0, 90, (2, 48)).astype(np.int64))
    return lambda score, b, h, q_idx, kv_idx: score - slopes[h] * xp.abs(positions[b, kv_idx] - positions[b, q_idx])


def softcap(xp, array, cap=5):
    def soft_cap(score, b, h, q_idx, kv_idx):
        score = score / cap
        score = xp.tanh(score)
        score = score * cap
        return score

    return soft_cap


def softcap_approximate(xp, array, cap=5):
    """The same with tanh as an operator of its own, which attention-gym lowers to an approximate instruction."""
    if xp.__name__ != "torch":
        return softcap(xp, array, cap)
    torch = xp
    if not hasattr(torch.ops.attune_approx, "tanh"):
        torch.library.define("attune_approx::tanh", "(Tensor inp) -> Tensor")
        torch.library.impl("attune_approx::tanh", "CompositeExplicitAutograd", torch.tanh)

    class TanhApprox(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return torch.ops.attune_approx.tanh(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)

        @staticmethod
        def vmap(info, in_dims, x):
            return torch.tanh(x), 0

    approximate = TanhApprox.apply
    return lambda score, b, h, q_idx, kv_idx: cap * approximate(score / cap)


def activation_relu(xp, array, offset=1.0):
    if xp.__name__ == "torch":
        relu = xp.nn.functional.relu
    else:
        def relu(x):
            return xp.maximum(x, 0.0)

    return lambda score, b, h, q_idx, kv_idx: xp.log(relu(score) + offset)


def activation_gelu(xp, array, offset=1.0):
    if xp.__name__ == "torch":
        gelu = xp.nn.functional.gelu
    else:
        def gelu(x):
            return 0.5 * x * (1.0 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))

    return lambda score, b, h, q_idx, kv_idx: xp.log(gelu(score) + offset)


def graphormer_spatial(xp, array):
    bias = array(random(2, 7, seed=3))
    distances = array(np.random.default_rng(4).integers(0, 7, (2, 48, 48)).astype(np.int32))
    return lambda score, b, h, q_idx, kv_idx: score + bias[h, distances[b, q_idx, kv_idx]]


def graphormer_edges(xp, array, hops=3):
    rng = np.random.default_rng(6)
    edge_bias = array(random(2, hops, 5, seed=5))
    types = array(rng.integers(0, 5, (2, 48, 48, hops)).astype(np.int32))
    lengths = array(rng.integers(0, hops + 1, (2, 48, 48)).astype(np.int32))
    tables = [edge_bias[:, n] for n in range(hops)]

    def edges(score, b, h, q_idx, kv_idx):
        length = lengths[b, q_idx, kv_idx]
        total = 0.0
        for n, table in enumerate(tables):
            share = table[h, types[b, q_idx, kv_idx, n]]
            total = total + xp.where(length > n, share, 0.0)
        return score + total / (xp.clamp(length, min=1) if xp.__name__ == "torch" else xp.maximum(length, 1))

    return edges


def latent_rope(xp, array, heads=2, scale=0.3):
    query_rope, key_rope = array(random(2, heads, 48, 16, seed=7)), array(random(2, 1, 48, 16, seed=8))

    def rope(score, b, h, q_idx, kv_idx):
        return score + scale * xp.dot(query_rope[b, h, q_idx], key_rope[b, h // heads, kv_idx])

    return rope


def sandwich(xp, array, heads=2, length=48):
    frequencies = 1.0 / 10000 ** (2 * np.arange(8) / 16)
    distances = np.arange(2 * length) - (length - 1)
    table = array(np.cos(np.abs(distances)[:, None] * frequencies).sum(-1).astype(np.float32))
    ratio = array((heads / (8.0 * np.arange(1, heads + 1))).astype(np.float32))
    offset = length - 1
    return lambda score, b, h, q_idx, kv_idx: score + table[q_idx - kv_idx + offset] * ratio[h]


def anti_window(xp, array, window=4):
    def anti(score, batch, head, q_idx, kv_idx):
        distance = xp.abs(q_idx - kv_idx)
        return xp.where(distance <= window, score - 1.0, score + distance)

    return anti


def paged_softcap(xp, array):
    return Pages(array).score(xp, softcap(xp, array))


class Biases:
    """Learnable biases: methods, chosen by name, that read a parameter and members."""

    def __init__(self, xp, array):
        self.xp, self.window = xp, 6
        self.which = array(np.array(2, np.int64))
        self.offset = array(np.random.default_rng(8).integers(0, 48, 48).astype(np.int64))
        self.functions = {name: getattr(self, name) for name in (
            "relative", "absolute", "of_head", "of_batch_and_head", "multiplied", "local", "of_keys", "weird", "shuffled")}

    def relative(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[self.xp.abs(q_idx - kv_idx)]

    def absolute(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[q_idx, kv_idx]

    def of_head(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[h, q_idx, kv_idx]

    def of_batch_and_head(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[b, h, q_idx, kv_idx]

    def multiplied(self, score, b, h, q_idx, kv_idx, bias):
        return score * bias[q_idx]

    def local(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[clamp(self.xp, q_idx - kv_idx + self.window, 0, 2 * self.window)]

    def of_keys(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[kv_idx]

    def weird(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[b, h, self.which, q_idx]

    def shuffled(self, score, b, h, q_idx, kv_idx, bias):
        return score + bias[self.offset[q_idx]]


SHAPES = {"relative": (96,), "absolute": (48, 48), "of_head": (2, 48, 48), "of_batch_and_head": (2, 2, 48, 48),
          "multiplied": (48,), "local": (13,), "of_keys": (48,), "weird": (2, 2, 4, 48), "shuffled": (48,)}


def learned(kind):
    """attention-gym's learnable bias of a kind."""
    def make(xp, array):
        holder, bias = Biases(xp, array), array(random(*SHAPES[kind], seed=11))

        def bias_func(score, b, h, q_idx, kv_idx):
            return holder.functions[kind](score, b, h, q_idx, kv_idx, bias)

        return bias_func

    return make


def sink_logit(xp, array):
    logit = array(np.array([0.7, -0.4], np.float32))

    def with_sink(score, b, h, q_idx, kv_idx):
        return xp.where(kv_idx == 0, logit[h], score)

    return with_sink


def key_padding_added(xp, array):
    """The largest negative number in place of -inf: a row without other keys weighs all alike."""
    padded = array(np.random.default_rng(12).integers(0, 2, (2, 48)).astype(bool))
    lowest = -1e30
    return lambda score, b, h, q_idx, kv_idx: xp.where(padded[b, kv_idx], score, lowest)


def distance_of_norms(xp, array):
    norms = array(np.abs(random(2, 2, 48, seed=13)))
    return lambda score, b, h, q_idx, kv_idx: score - 0.5 * norms[b, h, kv_idx]


def head_scale(xp, array):
    scale = array(np.array([0.5, 2.0], np.float32))
    return lambda score, b, h, q_idx, kv_idx: score * scale[h]


def squared_and_trigonometric(xp, array):
    def mixed(score, b, h, q_idx, kv_idx):
        wave = xp.sin(xp.cos(score) * 0.5) if xp.__name__ == "numpy" else score.cos().mul(0.5).sin()
        return score * score * 0.1 + wave + xp.exp(-xp.abs(q_idx - kv_idx) / 10.0)

    return mixed


def checkerboard(xp, array):
    def checker(score, b, h, q_idx, kv_idx):
        score = xp.where(xp.abs(kv_idx - q_idx) % 2 == 1, score * 0.5, score)
        return xp.where((q_idx + kv_idx) % 5 == 0, score * 2.0, score)

    return checker
