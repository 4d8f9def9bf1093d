# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-torch %s
# REQUIRES: python-torch
"""The mods of FlexAttention's documentation and of attention-gym, written with torch, against torch's own definition in double."""
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "Inputs"))
import flex_cases  # noqa: E402


@pytest.mark.parametrize("case", flex_cases.CASES, ids=lambda case: case.name)
def test_agrees_with_flex_attention_in_double(case):
    assert flex_cases.library()[0] is torch
    outcome = flex_cases.run(case)
    assert outcome.passes, outcome
