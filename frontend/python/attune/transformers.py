# SPDX-License-Identifier: Apache-2.0
"""Attune as an attention implementation of the package `transformers`:

    attune.transformers.register()
    model = AutoModel.from_pretrained(name, attn_implementation="attune")       # or model.set_attn_implementation("attune")

A model's masks (causal, sliding window, chunked, packed, padded) reach the compiler as the functions that transformers
writes them as; no matrix is made of them. Inference only: there is no backward pass and no dropout.
"""
from typing import Any, Callable, Optional, Tuple

from ._errors import ArgumentError
from ._flex import flex_attention
from ._masks import BlockMask, and_masks, create_block_mask


def register(name: str = "attune") -> None:
    """Makes `name` an attention implementation that any model of transformers can be asked for."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, attention_mask)


def attention_mask(batch_size: int, q_length: int, kv_length: int, q_offset: Any = 0, kv_offset: Any = 0,
                   mask_function: Optional[Callable[..., Any]] = None, attention_mask: Any = None, device: Any = "cpu",
                   **_: Any) -> BlockMask:
    """The mask of a model's layer, as transformers asks for it. mask_function(b, h, q_idx, kv_idx): on positions within the
    sequence, which begin at the offsets. attention_mask: (batch, tokens), False for padding."""
    from transformers.masking_utils import causal_mask_function, padding_mask_function, prepare_padding_mask

    function = mask_function or causal_mask_function
    if attention_mask is not None and not bool(attention_mask.all()):
        padding = prepare_padding_mask(attention_mask, kv_length, kv_offset)
        function = and_masks(function, padding_mask_function(padding))
    return create_block_mask(_moved(function, int(q_offset), int(kv_offset)), batch_size, None, q_length, kv_length, device)


def _moved(function: Callable[..., Any], q_offset: int, kv_offset: int) -> Callable[..., Any]:
    def mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        return function(b, h, q_idx + q_offset, kv_idx + kv_offset)

    return mask


def attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: Optional[float] = None,
              dropout: float = 0.0, softcap: Optional[float] = None, s_aux: Any = None, position_bias: Any = None,
              is_causal: Optional[bool] = None, **_: Any) -> Tuple[Any, None]:
    """One layer's attention, as transformers calls it.

    query: (B, Hq, L, D). key, value: (B, Hkv, S, D). attention_mask: what `attention_mask` gave, a (B or 1, 1 or Hq, L, S)
    tensor (booleans, or numbers to be added), or None. s_aux: (Hq,), a sink for each head. position_bias: (B or 1, Hq, L, S).
    Returns the output, (B, L, Hq, D), and None: no weights are ever stored. ArgumentError for dropout.
    """
    if dropout:
        raise ArgumentError("attention dropout is not to be had: call model.eval(), or set the configuration's "
                            "attention_dropout to 0")
    sizes = (query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    block_mask = attention_mask if isinstance(attention_mask, BlockMask) else None
    added = None if attention_mask is None or block_mask is not None else attention_mask[..., :sizes[3]].expand(sizes)
    if attention_mask is None and sizes[2] > 1 and (getattr(module, "is_causal", True) if is_causal is None else is_causal):
        block_mask = create_block_mask(_causal, None, None, sizes[2], sizes[3])
    if added is not None and not added.dtype.is_floating_point:
        block_mask, added = create_block_mask(_of_table(added), *sizes), None
    bias = None if position_bias is None else position_bias.expand(sizes)
    result = flex_attention(query, key, value, _score_mod(softcap, added, bias), block_mask, scaling, enable_gqa=True,
                            return_lse=s_aux is not None)
    if s_aux is not None:
        output, lse = result
        # A sink takes part in the sum and brings no value: exp(lse) / (exp(lse) + exp(sink)) of the output is left.
        result = output * (lse - s_aux.to(lse.dtype).view(1, -1, 1)).sigmoid().unsqueeze(-1).to(output.dtype)
    return result.transpose(1, 2), None


def _causal(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
    return kv_idx <= q_idx


def _of_table(table: Any) -> Callable[..., Any]:
    def mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        return table[b, h, q_idx, kv_idx]

    return mask


def _score_mod(softcap: Optional[float], added: Any, bias: Any) -> Optional[Callable[..., Any]]:
    """What transformers does to scores, in its order; None for nothing."""
    import torch

    if softcap is None and added is None and bias is None:
        return None

    def score_mod(score: Any, b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        if softcap is not None:
            score = softcap * torch.tanh(score / softcap)
        if added is not None:
            score = score + added[b, h, q_idx, kv_idx]
        if bias is not None:
            score = score + bias[b, h, q_idx, kv_idx]
        return score

    return score_mod
