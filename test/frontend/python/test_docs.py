# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""The Python of docs/python.md runs as it stands there."""
import re
from pathlib import Path

import numpy as np
from helpers import attention

PAGE = Path(__file__).resolve().parents[3] / "docs" / "python.md"


def test_the_blocks_of_the_page(tmp_path, capsys):
    names = {}
    outputs = []
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)):
        source = tmp_path / f"block{number}.py"
        source.write_text(block)
        exec(compile(block, str(source), "exec"), names)
        outputs.append((capsys.readouterr().out, dict(names)))
    first = outputs[0][1]
    document, window, slopes = np.asarray(first["document"]), first["window"], first["slopes"]
    expected, lse = attention(first["query"], first["key"], first["value"],
                              score_mod=lambda s, b, h, i, j: s + slopes[h] * (j - i),
                              mask_mod=lambda b, h, i, j: (document[i] == document[j]) & (i >= j) & (i - j <= window))
    assert np.abs(first["out"] - expected).max() < 2e-6 and np.abs(first["lse"] - lse).max() < 2e-6
    assert "score if q_idx - kv_idx < window" in outputs[1][0] and "torch.where(condition, a, b)" in outputs[1][0]
    assert "(2, 4, 200, 64) (2, 4, 200)" in outputs[3][0] and "attn.kernel @observed" in outputs[3][0]
