"""Draw a directed graph without circles in layers, as SVG: boxes with a name and some words, arrows downwards."""

import html
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT, ACROSS, DOWN = 216, 74, 20, 34  # a box, and the space between boxes, in pixels
BEND, LANE = 22, 20  # how far before and behind a box an arrow is straight; room for an arrow that passes a layer

Arrow = tuple[str, str]


class Box(NamedTuple):
    """A node: its name, what it is, its colour."""

    name: str
    words: str
    colour: str


def reduced(arrows: set[Arrow]) -> set[Arrow]:
    """The arrows that no way over other nodes implies."""
    after: dict[str, set[str]] = {}

    def behind(name: str) -> set[str]:
        if name not in after:
            after[name] = set()
            for a, b in arrows:
                if a == name:
                    after[name] |= {b} | behind(b)
        return after[name]

    return {(a, b) for a, b in arrows if not any(b in behind(c) for x, c in arrows if x == a and c != b)}


def layers_of(names: Iterable[str], arrows: set[Arrow]) -> dict[str, int]:
    """The layer of each node: one more than the lowest of those that it needs; a source just above what needs it."""
    before: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in before:
            before[name] = max((depth(a) + 1 for a, b in arrows if b == name), default=0)
        return before[name]

    found = {name: depth(name) for name in names}
    for name in found:
        needed = [found[b] for a, b in arrows if a == name]
        if needed and not any(b == name for _, b in arrows):
            found[name] = min(needed) - 1
    return found


def ordered(layer: dict[str, int], links: set[Arrow]) -> list[list[str]]:
    """The nodes of each layer from left to right, so that few arrows cross: means of neighbours, twelve sweeps."""
    rows = [sorted(name for name in layer if layer[name] == level) for level in range(max(layer.values()) + 1)]
    for sweep in range(12):
        for other, row in pairwise(rows if sweep % 2 == 0 else rows[::-1]):
            place = {name: (i + 0.5) / len(other) for i, name in enumerate(other)}
            near = {n: [place[x] for a, b in links for x, y in ((a, b), (b, a)) if y == n and x in place] for n in row}
            row.sort(key=lambda n: (sum(near[n]) / len(near[n]) if near[n] else 0.5, n))
    return rows


def draw(boxes: list[Box], arrows: set[Arrow], title: str) -> str:
    """The picture as SVG; an arrow that others imply is left out."""
    kept = sorted(reduced(arrows))
    layer = layers_of([box.name for box in boxes], set(kept))
    paths, links = [], set()
    for a, b in kept:  # an arrow over several layers has a lane of its own in each
        stops = [a, *(f"{a} {b} {level}" for level in range(layer[a] + 1, layer[b])), b]
        layer |= {stop: layer[a] + i for i, stop in enumerate(stops)}
        paths.append(stops)
        links |= set(pairwise(stops))
    rows = ordered(layer, links)
    known = {box.name: box for box in boxes}
    wide = {name: WIDTH if name in known else LANE for name in layer}
    total = max(sum(wide[name] for name in row) + ACROSS * (len(row) - 1) for row in rows)
    centre, height = {}, len(rows) * (HEIGHT + DOWN) - DOWN
    for level, row in enumerate(rows):
        x = (total - sum(wide[name] for name in row) - ACROSS * (len(row) - 1)) / 2
        for name in row:
            centre[name] = (x + wide[name] / 2, level * (HEIGHT + DOWN))
            x += wide[name] + ACROSS
    frame = f"-16 -16 {total + 32:.0f} {height + 32}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame}" width="{total + 32:.0f}" height="{height + 32}" '
        'role="img" font-family="system-ui, sans-serif" text-anchor="middle">',
        f"<title>{html.escape(title)}</title>",
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto" '
        'markerUnits="userSpaceOnUse"><path d="M0 0 8 4 0 8z" fill="#6b7280"/></marker>',
        f'<rect x="-16" y="-16" width="{total + 32:.0f}" height="{height + 32}" rx="8" fill="#fff"/>',
    ]
    out += [line([(centre[stop], stop in known) for stop in stops]) for stops in paths]
    for box in boxes:
        x, y = centre[box.name]
        out.append(
            f'<rect x="{x - WIDTH / 2:.0f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{box.colour}" '
            'stroke="#9aa3ad"/>'
        )
        lines = textwrap.wrap(box.words, 33, max_lines=3, placeholder=" ...")
        top = y + HEIGHT / 2 + 5 - 7.5 * len(lines)
        out.append(f'<text x="{x:.0f}" y="{top:g}" font-size="14" font-weight="600" fill="#1b1f24">{box.name}</text>')
        out += [
            f'<text x="{x:.0f}" y="{top + 16 + 14 * i:g}" font-size="11.5" fill="#3d444d">{html.escape(text)}</text>'
            for i, text in enumerate(lines)
        ]
    return "\n".join([*out, "</svg>"]) + "\n"


def line(stops: list[tuple[tuple[float, float], bool]]) -> str:
    """An arrow from the foot of the first box to the head of the last, straight where it passes a layer."""
    (x, y), _ = stops[0]
    y += HEIGHT
    path = f"M{x:.0f} {y:g}"
    for (x2, y2), is_box in stops[1:]:
        path += f"C{x:.0f} {y + BEND:g} {x2:.0f} {y2 - BEND:g} {x2:.0f} {y2 - (3 if is_box else 0):g}"
        x, y = x2, y2
        if not is_box:
            y += HEIGHT
            path += f"V{y:g}"
    return f'<path d="{path}" fill="none" stroke="#6b7280" stroke-width="1.4" marker-end="url(#tip)"/>'
