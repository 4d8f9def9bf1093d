# SPDX-License-Identifier: Apache-2.0
"""Who else computes the same attention? PyTorch's SDPA, where a back end of it has the mask, and compiled FlexAttention."""
from problems import Problem


class Peers:
    def __init__(self, torch, mode="default"):
        self.torch, self.mode, self.flex, self.blocks = torch, mode, None, None

    def names(self, problem: Problem):
        fused = ["flash", "cudnn"] if problem.mask in ("dense", "causal") else []
        return [*fused, "flex"]

    def make(self, name, problem, tensors):
        return self.make_flex(problem, tensors) if name == "flex" else self.make_sdpa(name, problem, tensors)

    def make_sdpa(self, name, problem, tensors):
        from torch.nn.attention import SDPBackend, sdpa_kernel
        backend = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}[name]
        attention, causal = self.torch.nn.functional.scaled_dot_product_attention, problem.mask == "causal"

        def run(index):
            q, k, v = tensors.sets[index]
            with sdpa_kernel(backend):
                return attention(q, k, v, is_causal=causal)
        return run

    def make_flex(self, problem, tensors):
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
        if self.flex is None:
            mode = None if self.mode == "default" else self.mode
            self.flex = self.torch.compile(flex_attention, dynamic=False, mode=mode)
            self.blocks = self.torch.compile(create_block_mask)
            # Every mask, width and length is compiled for itself; the limit has had two names.
            for limit in ("cache_size_limit", "recompile_limit"):
                if hasattr(self.torch._dynamo.config, limit):
                    setattr(self.torch._dynamo.config, limit, 1000)
        visible, score = self.visible(problem), self.score(problem)
        block = None
        if visible:
            block = self.blocks(visible, None, None, problem.tokens, problem.tokens, device="cuda")

        def run(index):
            q, k, v = tensors.sets[index]
            return self.flex(q, k, v, score_mod=score, block_mask=block)
        return run

    def visible(self, problem):
        if problem.mask == "dense":
            return None
        if problem.mask == "window":
            window = problem.scalars()["w"]
            return lambda b, h, q, k: (k <= q) & (q - k <= window)
        if problem.mask == "document":
            ids = self.torch.tensor(problem.documents(), device="cuda", dtype=self.torch.int32)
            return lambda b, h, q, k: ids[q] == ids[k]
        if problem.mask == "neighborhood":
            return self.neighborhood(problem)
        return lambda b, h, q, k: k <= q

    def neighborhood(self, problem):
        (rows, columns), torch = problem.grid(), self.torch
        high, wide = problem.scalars()["wh"], problem.scalars()["ww"]

        def near(x, y, size, window):
            first = torch.clamp(x - window // 2, 0, size - window)
            return (y >= first) & (y < first + window)

        def visible(b, h, q, k):
            return near(q // columns, k // columns, rows, high) & near(q % columns, k % columns, columns, wide)
        return visible

    def score(self, problem):
        if problem.mask == "alibi":
            slopes = self.torch.tensor(problem.slopes(), device="cuda", dtype=self.torch.float32)
            return lambda score, b, h, q, k: score + slopes[h] * (k - q)
        if problem.mask == "softcap":
            cap, tanh = problem.scalars()["cap"], self.torch.tanh
            return lambda score, b, h, q, k: cap * tanh(score / cap)
        return None
