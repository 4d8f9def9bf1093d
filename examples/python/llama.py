# SPDX-License-Identifier: Apache-2.0
"""A causal language model of `transformers` with Attune's attention: the same logits, the same tokens.

The model is tiny and its weights are random: 3 layers, 8 heads of queries that share 2 heads of keys. One prompt is padded.
Masks reach the compiler as the functions that transformers writes them as; a key's position, the length of a prompt, padding
and the cache's length are operands, so that the two kernels of the first call serve every later one.

  pip install . torch transformers && python examples/python/llama.py
"""
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import attune.transformers

attune.transformers.register()
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=1000, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=2,
    initializer_range=0.1, pad_token_id=0, bos_token_id=1, eos_token_id=2)).eval()
prompts = torch.randint(3, 1000, (2, 77))
present = torch.ones_like(prompts)
present[1, :13] = 0  # the second prompt is shorter: padded at its left


def run(implementation: str):
    """Logits of the prompts, and 20 tokens after them."""
    model.set_attn_implementation(implementation)
    with torch.no_grad():
        logits = model(prompts, attention_mask=present).logits[present.bool()]
        tokens = model.generate(prompts, attention_mask=present, max_new_tokens=20, do_sample=False)[:, prompts.shape[1]:]
    return logits, tokens


theirs, their_tokens = run("eager")
ours, our_tokens = run("attune")
error = (ours - theirs).abs().max().item()
print(f"logits: {theirs.numel()} numbers up to {theirs.abs().max():.2f}, largest difference {error:.1e}")
print(f"tokens: {our_tokens.numel()} generated, all the same: {torch.equal(ours.argmax(-1), theirs.argmax(-1)) and torch.equal(our_tokens, their_tokens)}")
assert error < 1e-4 and torch.equal(our_tokens, their_tokens)
