# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""The same mods without torch, on NumPy arrays, against loops over all pairs in double."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "Inputs"))
import flex_cases  # noqa: E402


@pytest.mark.parametrize("case", flex_cases.CASES, ids=lambda case: case.name)
def test_agrees_with_loops_in_double(case):
    assert flex_cases.library()[0] is np and "torch" not in sys.modules
    outcome = flex_cases.run(case)
    assert outcome.passes, outcome
