# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""The README's Python runs as it stands there, and computes what it says."""
import re
from pathlib import Path

import numpy as np
from helpers import attention, inputs

import attune

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_block_of_the_readme():
    code, = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    query, key, value = inputs(tokens=100, keys=100)
    slopes, w = np.array([0.5, 0.25, 0.125, 0.0625], np.float32), 30
    names = dict(attune=attune, query=query, key=key, value=value, slopes=slopes, w=w, B=2, H=4, L=100)
    exec(compile(code, str(README), "exec"), names)
    expected = attention(query, key, value, score_mod=lambda s, b, h, i, j: s + slopes[h] * (j - i),
                         mask_mod=lambda b, h, i, j: (i >= j) & (i - j <= w))[0]
    assert np.abs(names["out"] - expected).max() < 2e-6
    assert names["mask"]._repr_svg_().startswith("<svg")
