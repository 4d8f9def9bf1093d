# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""Plans in words and masks as drawings, of the very call: its sizes, captured numbers and captured tables count."""
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from helpers import inputs

import attune


def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def visible(text):
    """How many pairs the plan says are visible."""
    return int(text.split(" visible pairs")[0].split()[-1])


def test_a_call():
    q, k, v = inputs(tokens=100, keys=100)
    text = attune.explain(q, k, v, block_mask=attune.create_block_mask(causal, None, None, 100, 100))
    assert "@flex_attention: 1 sweep over the keys" in text and "at 100 queries x 100 keys" in text
    assert visible(text) == 100 * 101 // 2


def test_a_mask_alone_has_the_sizes_it_was_made_for():
    assert visible(attune.explain(attune.create_block_mask(causal, 2, 3, 200, 50))) == 50 * 51 // 2 + 150 * 50


def test_captured_numbers_count():
    for window in (3, 40):
        mask = attune.create_block_mask(lambda b, h, i, j: (i >= j) & (i - j < window), None, None, 128, 128)
        assert visible(attune.explain(mask)) == sum(min(i + 1, window) for i in range(128))


@pytest.mark.parametrize("change", [lambda x: x, lambda x: np.stack([x, x], 1)[:, 0], lambda x: x[::-1].copy()[::-1]])
def test_captured_tables_count(change):
    document = change(np.repeat(np.arange(4), [10, 20, 30, 68]).astype(np.int32))
    mask = attune.create_block_mask(lambda b, h, i, j: document[i] == document[j], None, None, 128, 128)
    assert visible(attune.explain(mask)) == 10 ** 2 + 20 ** 2 + 30 ** 2 + 68 ** 2


def test_another_target():
    assert "sm_90a: tiles of" in attune.explain(*inputs(dtype=np.float16), target="sm_90a")
    with pytest.raises(ValueError, match="sm_17"):
        attune.explain(*inputs(), target="sm_17")


def test_pictures(tmp_path):
    mask = attune.create_block_mask(causal, None, None, 256, 256)
    drawing = attune.picture(mask)
    assert drawing._repr_svg_() == drawing.svg == mask._repr_svg_() and "SVG" in repr(drawing)
    drawing.save(tmp_path / "mask.svg")
    assert xml.parse(tmp_path / "mask.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    q, k, v = inputs(tokens=256, keys=256)
    assert attune.picture(q, k, v).svg != attune.picture(q, k, v, block_mask=mask).svg


def test_a_mask_that_cannot_be_drawn_is_shown_in_words():
    short = np.zeros(10, np.int32)
    mask = attune.create_block_mask(lambda b, h, i, j: short[i, j] == 0, None, None, 128, 128)
    with pytest.raises(attune.Error):
        attune.picture(mask)
    assert mask._repr_svg_() is None and "BlockMask" in repr(mask)


def test_what_cannot_be_explained():
    q, k, v = inputs()
    mask = attune.create_block_mask(causal, None, None, 33, 47)
    with pytest.raises(TypeError, match="query, key and value as flex_attention takes them, or a BlockMask alone"):
        attune.explain(q)
    with pytest.raises(TypeError, match="a BlockMask alone, or query, key and value with block_mask="):
        attune.explain(mask, k, v)
    with pytest.raises(ValueError, match="key of query's head size"):
        attune.explain(q, k[..., :8], v)


@attune.kernel
def window_kernel(q: attune.Rows, k: attune.Cols, v: attune.Cols, document: attune.Table, w: int):
    s = attune.dot(q, k, scale=0.25)
    b, h, i, j = attune.places(s)
    return attune.contract(attune.softmax(s.where((j <= i) & (i - j < w) & (document[i] == document[j]))), v)


def test_kernels_of_the_whole_language():
    q, k, v = inputs(tokens=100, keys=100)
    one, two = np.zeros(100, np.int32), np.repeat(np.arange(2), 50).astype(np.int32)
    assert visible(window_kernel.explain(q, k, v, one, 10)) == 10 * 100 - 45
    assert visible(window_kernel.explain(q, k, v, document=two, w=10)) == 2 * (10 * 50 - 45)
    assert window_kernel.picture(q, k, v, one, 10).svg.startswith("<svg")
