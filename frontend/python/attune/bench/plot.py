# SPDX-License-Identifier: Apache-2.0
"""What do the times of `attune.bench` look like? An SVG drawing, written by hand: no plotting library is needed."""
import math
from typing import Any, List, Sequence, Tuple

_COLOURS = {"attune": "#c0392b", "sdpa": "#2c3e50", "flex": "#2980b9"}
_WIDTH, _HEIGHT, _LEFT, _TOP = 260, 200, 60, 50


def plot(rows: Sequence[Any], names: Sequence[str], title: str) -> str:
    """One panel a variant: milliseconds over tokens, both by logarithm, a line a contender. rows: `measure.Row`."""
    variants = list(dict.fromkeys(row.variant for row in rows))
    width = _LEFT + len(variants) * (_WIDTH + _LEFT)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_TOP + _HEIGHT + 60}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{_LEFT}" y="18" font-size="13">{_escape(title)}: milliseconds a call over tokens</text>']
    for at, name in enumerate(names):
        parts.append(f'<text x="{_LEFT + 80 * at}" y="36" fill="{_COLOURS[name]}">&#9644; {name}</text>')
    for at, variant in enumerate(variants):
        parts += _panel([row for row in rows if row.variant == variant], names, variant, _LEFT + at * (_WIDTH + _LEFT))
    return "\n".join([*parts, "</svg>\n"])


def _panel(rows: Sequence[Any], names: Sequence[str], variant: str, left: int) -> List[str]:
    bottom = _TOP + _HEIGHT
    parts = [f'<text x="{left + _WIDTH / 2}" y="{bottom + 45}" text-anchor="middle">{_escape(variant)}</text>',
             f'<rect x="{left}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>']
    times = [seconds * 1e3 for row in rows for seconds in row.seconds.values() if seconds]
    if not times:
        return [*parts, f'<text x="{left + 10}" y="{_TOP + 20}">nothing ran</text>']
    lengths = [row.tokens for row in rows]
    across, up = _scale(lengths, left, left + _WIDTH), _scale(times, bottom, _TOP)
    for tokens in lengths:
        parts.append(f'<text x="{across(tokens):.1f}" y="{bottom + 16}" text-anchor="middle">{tokens}</text>')
    for power in range(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))) + 1):
        if _TOP <= up(10.0 ** power) <= bottom:
            y = up(10.0 ** power)
            parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + _WIDTH}" y2="{y:.1f}" stroke="#ddd"/>'
                         f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>')
    for name in names:
        points = [(across(row.tokens), up(row.seconds[name] * 1e3)) for row in rows if row.seconds.get(name)]
        parts += _line(points, _COLOURS[name])
    return parts


def _line(points: Sequence[Tuple[float, float]], colour: str) -> List[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _scale(values: Sequence[float], low: float, high: float) -> Any:
    """From numbers to places between two ends, by logarithm, with a margin."""
    first, last = math.log(min(values)), math.log(max(values))
    span = max(last - first, 1e-9)
    margin = 0.08 * (high - low)

    def place(value: float) -> float:
        share = (math.log(value) - first) / span if last > first else 0.5
        return low + margin + share * (high - low - 2 * margin)

    return place


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
