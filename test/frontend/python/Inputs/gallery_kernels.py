# SPDX-License-Identifier: Apache-2.0
"""Programs of examples/gallery as Python functions. Parameters have the names of the examples' operands."""
import attune
from attune import (Cols, Rows, Table, concat, contract, dot, list_first, logsumexp, places, reduce, scan, select, softmax,
                    stencil, take)

SCALE = 0.0883883


def causal(q, k):
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    return s.where(j <= i), b, h, i, j


@attune.kernel
def alibi_window(q: Rows, k: Cols, v: Cols, slope: Table, w: int):
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    s = (s + slope[h] * (j - i)).where((j <= i) & (i - j <= w))
    return contract(softmax(s), v)


@attune.kernel
def learned_key(q: Rows, km: Cols["mem"], vm: Cols["mem"], k: Cols, v: Cols):
    s = concat(dot(q, km, scale=SCALE), causal(q, k)[0])
    return contract(softmax(s), concat(vm, v))


@attune.kernel
def prefix_kv(q: Rows, km: Cols["mem"], vm: Cols["mem"], k: Cols, v: Cols):
    s = concat(dot(q, km, scale=SCALE), causal(q, k)[0])
    return {"out0": contract(softmax(s), concat(vm, v)), "lse": logsumexp(s)}


@attune.kernel
def sparsemax(q: Rows, k: Cols, v: Cols):
    return contract(attune.sparsemax(causal(q, k)[0]), v)


@attune.kernel
def entmax(q: Rows, k: Cols, v: Cols, alpha: Table):
    s, b, h, i, j = causal(q, k)
    return contract(attune.entmax(s, alpha[h]), v)


@attune.kernel
def sink(q: Rows, k: Cols, v: Cols, sink: Table):
    s, b, h, i, j = causal(q, k)
    return contract(softmax(s, sink=sink[h]), v)


@attune.kernel
def sigmoid(q: Rows, k: Cols, v: Cols, bias: float):
    return contract(attune.sigmoid(dot(q, k, scale=SCALE) + bias), v)


@attune.kernel
def moba(q: Rows, k: Cols, v: Cols, n: int):
    g = dot(q, reduce("mean", k, "keys", by=16))
    b, h, i, block = places(g)
    best = select(g.where(block + 1 <= i // 16), n)
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    return contract(softmax(s.where(((j <= i) & (i // 16 == j // 16)) | best)), v)


@attune.kernel
def token_lists(q: Rows, k: Cols, v: Cols, list: Rows):
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    return contract(softmax(s.where(attune.contains(list, j))), v)


@attune.kernel
def best_keys(q: Rows, k: Cols, v: Cols):
    p = softmax(causal(q, k)[0])
    weights, keys = list_first(p, 8)
    return {"out0": contract(p, v), "weights": weights, "keys": keys}


@attune.kernel
def column_sums(q: Rows, k: Cols, v: Cols, first: int):
    s, b, h, i, j = causal(q, k)
    p = softmax(s)
    return {"out0": contract(p, v), "total": reduce("sum", p, "queries"), "greatest": reduce("max", p, "queries"),
            "observed": reduce("sum", p.where(i >= first), "queries")}


@attune.kernel
def shaw(q: Rows, k: Cols, v: Cols, a: Cols["rel"], b: Cols["rel"]):
    attune.axis("rel", size=17)
    s = dot(q, k, scale=SCALE)
    _, h, i, j = places(s)
    offset = attune.clamp(j - i + 8, 0, 16)
    p = softmax(s + take(dot(q, a, scale=SCALE), offset, like=s))
    w = reduce("sum", p, "keys", into="rel", index=offset)
    return (contract(p, v, dtype="float32") + contract(w, b, dtype="float32")).to(q.dtype)


@attune.kernel
def differential(q1: Rows, k1: Cols, q2: Rows, k2: Cols, v: Cols, lambda_: Table):
    first, b, h, i, j = causal(q1, k1)
    return contract(softmax(first) - lambda_[h] * softmax(causal(q2, k2)[0]), v)


@attune.kernel
def rela(q: Rows, k: Cols, v: Cols, gain: Table):
    a = contract(attune.relu(causal(q, k)[0]), v, dtype="float32")
    mean = attune.vector_sum(a * a) / 128 + 1e-6
    return (a * attune.rsqrt(mean) * gain).to(q.dtype)


@attune.kernel
def agent(q: Rows, ask: Rows["a"], agent: Cols["a"], k: Cols, v: Cols):
    brought = contract(softmax(dot(ask, k, scale=SCALE)), v)
    return contract(softmax(dot(q, agent, scale=SCALE)), attune.transpose(brought))


@attune.kernel
def two_hops(q: Rows, ask: Rows["a"], agent: Cols["a"], k: Cols, v: Cols):
    p = contract(softmax(dot(q, agent, scale=SCALE)), softmax(dot(ask, k, scale=SCALE)))
    b, h, i, j = places(p)
    m = p.where(j <= i)
    return contract(m / reduce("sum", m, "keys"), v)


@attune.kernel
def cope(q: Rows, k: Cols, v: Cols, e: Cols["rel"], last: float):
    s, b, h, i, j = causal(q, k)
    position = attune.minimum(scan("sum", attune.sigmoid(s), "keys", reverse=True), last)
    z = dot(q, e)
    low, high = (take(z, f(position).to("int32"), like=s) for f in (attune.floor, attune.ceil))
    s = s + low + (position - attune.floor(position)) * (high - low)
    return contract(softmax(s), v)


@attune.kernel
def stick_breaking(q: Rows, k: Cols, v: Cols):
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    s = s.where(j + 1 <= i)
    left = -attune.log1p(attune.exp(s))
    return contract(attune.exp(s + left + scan("sum", left, "keys", reverse=True, exclusive=True)), v)


@attune.kernel
def forgetting(q: Rows, k: Cols, v: Cols, logq: Rows, logf: Cols):
    s, b, h, i, j = causal(q, k)
    return contract(softmax(s + (scan("sum", logq, "queries") - scan("sum", logf, "keys"))), v)


@attune.kernel
def multi_token(q: Rows, k: Cols, v: Cols, weight: Table):
    s, b, h, i, j = causal(q, k)
    near = stencil(s, queries=(-2, 0), keys=(-1, 1))
    return contract(softmax(attune.vector_sum(near * weight[h])), v)


@attune.kernel
def pooled_map(q: Rows, k: Cols):
    p = softmax(causal(q, k)[0])
    return reduce("mean", reduce("mean", p, "keys", by=32), "queries", by=32)


@attune.kernel
def offset_histogram(q: Rows, k: Cols, reach: int):
    attune.axis("distance", size=reach)
    s, b, h, i, j = causal(q, k)
    w = reduce("sum", softmax(s), "keys", into="distance", index=i - j)
    c = places(w)[3]
    return reduce("mean", w, "heads", by=2), reduce("sum", w * c, "keys")


@attune.kernel
def rope(q: Rows, k: Cols, v: Cols, base: float):
    def turned(x):
        n = places(x)[2]
        return attune.rotate(x, attune.exp(attune.step(64) * (attune.log(base) * -0.015625)) * n)

    s = dot(turned(q), turned(k), scale=SCALE)
    b, h, i, j = places(s)
    return contract(softmax(s.where(j <= i)), v)


@attune.kernel
def additive(q: Rows, k: Cols, v: Cols, weight: Table):
    s = attune.vector_sum(attune.tanh(q + k) * weight)
    b, h, i, j = places(s)
    return contract(softmax(s.where(j <= i)), v)


@attune.kernel
def group_mass(q: Rows, k: Cols, v: Cols, kind: Cols, asking: Rows):
    p = softmax(causal(q, k)[0])
    return {"out0": contract(p, v), "prompt": reduce("sum", p.where(kind == 1), "keys"),
            "image": reduce("sum", p.where(kind == 2), "keys"), "from_image": reduce("sum", p.where(asking == 2), "queries")}


@attune.kernel
def own_normaliser(q: Rows, k: Cols, v: Cols):
    e = attune.exp(causal(q, k)[0])
    return contract(e / attune.sqrt(reduce("sum", e * e, "keys")), v)


@attune.kernel
def causal_offset(q: Rows, k: Cols, v: Cols, offset: int):
    s = dot(q, k, scale=SCALE)
    b, h, i, j = places(s)
    return contract(softmax(s.where(j <= i + offset)), v)
