# SPDX-License-Identifier: Apache-2.0
"""Which attention variants does `attune.bench` run, and how does each contender write them?"""
from typing import Any, Callable, Dict, NamedTuple, Optional

from .._flex import flex_attention
from .._masks import create_block_mask

Call = Callable[[], Any]


class Problem:
    """The tensors of one measurement: query (batch, heads, tokens, size), key and value with their own heads; documents
    (batch, tokens), i32, sorted; slopes (heads,), f32. torch is the module."""

    def __init__(self, torch: Any, device: str, dtype: Any, batch: int, heads: int, kv_heads: int, tokens: int,
                 size: int) -> None:
        self.torch, self.device, self.tokens = torch, device, tokens
        self.batch, self.heads, self.grouped = batch, heads, heads != kv_heads
        generator = torch.Generator().manual_seed(0)

        def made(count: int) -> Any:
            return torch.randn(batch, count, tokens, size, generator=generator).to(device, dtype)

        self.query, self.key, self.value = made(heads), made(kv_heads), made(kv_heads)
        ends = torch.randint(0, max(tokens // 512, 2), (batch, tokens), generator=generator)
        self.documents = ends.sort(dim=1).values.to(torch.int32).to(device)
        self.slopes = (2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)).to(device)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def positions(self) -> Any:
        """b, h, i, j as tensors that broadcast to (batch, heads, tokens, tokens)."""
        sizes = (self.batch, self.heads, self.tokens, self.tokens)
        return [self.torch.arange(size, device=self.device).view([-1 if at == dim else 1 for at in range(4)])
                for dim, size in enumerate(sizes)]


class Variant(NamedTuple):
    """A variant by its functions: score_mod and mask_mod of a Problem, either may be None; causal: torch has a name for it."""

    name: str
    score_mod: Callable[[Problem], Optional[Callable[..., Any]]]
    mask_mod: Callable[[Problem], Optional[Callable[..., Any]]]
    causal: bool = False

    def attune(self, problem: Problem) -> Call:
        """Our call."""
        mask_mod = self.mask_mod(problem)
        mask = mask_mod and create_block_mask(mask_mod, problem.batch, None, problem.tokens, problem.tokens)
        return _call(flex_attention, problem, self.score_mod(problem), mask)

    def flex(self, problem: Problem) -> Call:
        """torch's FlexAttention, compiled."""
        from torch.nn.attention import flex_attention as theirs

        mask_mod = self.mask_mod(problem)
        mask = mask_mod and theirs.create_block_mask(mask_mod, problem.batch, None, problem.tokens, problem.tokens,
                                                     device=problem.device)
        problem.torch.compiler.reset()
        return _call(problem.torch.compile(theirs.flex_attention, dynamic=False), problem, self.score_mod(problem), mask)

    def sdpa(self, problem: Problem) -> Call:
        """scaled_dot_product_attention, with a matrix for what it has no name for: made once, before the clock starts."""
        torch, matrix = problem.torch, None
        mask_mod, score_mod = self.mask_mod(problem), self.score_mod(problem)
        positions = problem.positions()
        if score_mod is not None:
            matrix = score_mod(torch.zeros(1, device=problem.device), *positions)
        if mask_mod is not None and not self.causal:
            seen = mask_mod(*positions)
            matrix = seen if matrix is None else matrix.masked_fill(~seen, -torch.inf)
        if matrix is not None and matrix.dtype.is_floating_point:
            matrix = matrix.to(problem.query.dtype)
        return lambda: torch.nn.functional.scaled_dot_product_attention(
            problem.query, problem.key, problem.value, attn_mask=matrix, is_causal=self.causal, enable_gqa=problem.grouped)


def _call(function: Callable[..., Any], problem: Problem, score_mod: Any, mask: Any) -> Call:
    def call() -> Any:
        with problem.torch.no_grad():
            return function(problem.query, problem.key, problem.value, score_mod=score_mod, block_mask=mask,
                            enable_gqa=problem.grouped)
    return call


def _none(problem: Problem) -> None:
    return None


def _causal(problem: Problem) -> Callable[..., Any]:
    return lambda b, h, i, j: i >= j


def _window(problem: Problem) -> Callable[..., Any]:
    return lambda b, h, i, j: (i >= j) & (i - j < 256)


def _documents(problem: Problem) -> Callable[..., Any]:
    table = problem.documents
    return lambda b, h, i, j: (i >= j) & (table[b, i] == table[b, j])


def _alibi(problem: Problem) -> Callable[..., Any]:
    slopes = problem.slopes
    return lambda score, b, h, i, j: score + slopes[h] * (j - i)


VARIANTS: Dict[str, Variant] = {variant.name: variant for variant in (
    Variant("full", _none, _none),
    Variant("causal", _none, _causal, causal=True),
    Variant("window", _none, _window),
    Variant("documents", _none, _documents),
    Variant("alibi", _alibi, _causal),
)}
