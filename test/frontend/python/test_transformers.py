# SPDX-License-Identifier: Apache-2.0
# RUN: env HF_HUB_OFFLINE=1 %pytest-torch %s
# REQUIRES: python-torch
"""Models of transformers with random weights agree with their own eager attention: padding, windows, soft caps, sinks, packed
sequences, a cache, and masks given as matrices."""
import pytest
import torch
import transformers

import attune
import attune.transformers
from attune import _flex
from attune._running import engine

attune.transformers.register()
SIZES = dict(vocab_size=200, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, initializer_range=0.2, pad_token_id=0)


def made(kind, **options):
    torch.manual_seed(0)
    config = getattr(transformers, kind + "Config")(**{**SIZES, **options})
    return getattr(transformers, {"Bert": "BertModel"}.get(kind, kind + "ForCausalLM"))(config).eval()


def outputs(model, implementation, **arguments):
    model.set_attn_implementation(implementation)
    with torch.no_grad():
        return model(**arguments)[0]


def check(model, bound=2e-5, rows=slice(None), **arguments):
    theirs, ours = (outputs(model, name, **arguments)[rows] for name in ("eager", "attune"))
    assert (theirs - ours).abs().max() < bound * max(1.0, theirs.abs().max()) and theirs.abs().max() > 0.1
    assert _flex._entries and not torch.equal(theirs, ours)  # another order of sums, so not eager attention again
    return ours


@pytest.fixture
def tokens():
    return torch.randint(1, 200, (2, 50), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def padded():
    present = torch.ones(2, 50, dtype=torch.long)
    present[0, :17] = 0
    return present


@pytest.mark.parametrize("kind, options", [
    ("Llama", {}),
    ("Mistral", dict(sliding_window=16)),
    ("Gemma2", dict(sliding_window=16, attn_logit_softcapping=5.0, head_dim=16, query_pre_attn_scalar=16)),
    ("GptOss", dict(sliding_window=16, head_dim=16, num_local_experts=2, num_experts_per_tok=1)),
    ("Llama4Text", dict(attention_chunk_size=16, head_dim=16, num_local_experts=2, intermediate_size_mlp=64)),
])
def test_language_models(kind, options, tokens, padded):
    if kind == "Llama4Text":
        options["layer_types"] = ["chunked_attention", "full_attention"]
        torch.manual_seed(0)
        model = transformers.Llama4ForCausalLM(transformers.Llama4TextConfig(**{**SIZES, **options})).eval()
    else:
        model = made(kind, **options)
    check(model, input_ids=tokens)
    check(model, rows=padded.bool(), input_ids=tokens, attention_mask=padded)


def test_encoders_see_both_ways(tokens, padded):
    model = made("Bert")
    check(model, input_ids=tokens)
    check(model, rows=padded.bool(), input_ids=tokens, attention_mask=padded)


def test_packed_sequences(tokens):
    positions = torch.cat([torch.arange(20), torch.arange(30)]).expand(2, -1)
    check(made("Llama"), input_ids=tokens, position_ids=positions, use_cache=False)


@pytest.mark.parametrize("numbers", [False, True])
def test_masks_given_as_matrices(numbers, tokens):
    seen = (torch.rand(2, 1, 50, 50, generator=torch.Generator().manual_seed(1)) < 0.5) | torch.eye(50, dtype=torch.bool)
    added = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)
    model = made("Llama")
    theirs = outputs(model, "eager", input_ids=tokens, attention_mask=added)
    ours = outputs(model, "attune", input_ids=tokens, attention_mask=added if numbers else seen)
    assert (theirs - ours).abs().max() < 1e-4


def test_a_cache_grows_without_recompilation(tokens, padded):
    model = made("Mistral", sliding_window=16)

    def generate(name):
        model.set_attn_implementation(name)
        return model.generate(tokens, attention_mask=padded, max_new_tokens=20, do_sample=False)

    expected = generate("eager")
    assert torch.equal(generate("attune"), expected)
    before = dict(engine.counts)
    assert torch.equal(generate("attune"), expected) and engine.counts == before


def test_dropout_is_refused(tokens):
    model = made("Llama", attention_dropout=0.5).train()
    model.set_attn_implementation("attune")
    with torch.no_grad(), pytest.raises(ValueError, match=r"model.eval\(\)"):
        model(input_ids=tokens)
