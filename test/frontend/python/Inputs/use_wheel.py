# SPDX-License-Identifier: Apache-2.0
"""Does an installed package compute? Run by wheel.test, in an environment that has nothing but it and NumPy."""
from importlib.metadata import version
from pathlib import Path

import numpy as np

import attune

print("attune", attune.__version__, "in", Path(attune.__file__).parent)
print(version("attune"), "is the version of the package")
rng = np.random.default_rng(0)
query, key, value = (rng.standard_normal((1, 2, 20, 16), np.float32) for _ in range(3))
output = attune.flex_attention(query, key, value)
scores = query.astype(float) @ key.swapaxes(2, 3) / 4
weights = np.exp(scores - scores.max(-1, keepdims=True))
expected = weights @ value / weights.sum(-1, keepdims=True)
print("error below 1e-6:", bool(np.abs(output - expected).max() < 1e-6))
