"""Digits and capital letters drawn from font outlines, with the same bits on every machine.

The outlines are read in font units by fontTools and turned into signed distance fields. Everything after the
draws of ``numpy.random.Generator.random`` is +, -, *, /, square root and comparison of float64 in a fixed order,
which IEEE 754 defines to the last bit; no rasteriser, hinting, sine or sum whose result depends on the machine.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from wae.core.errors import UserError

# Fonts whose ten digits have full height and whose capitals are plain letters. LastResort, cmex10 and cmsy10 have other
# signs in their place, cmmi10 old-style figures; the other STIX fonts and the DejaVu display fonts have none.
FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-BoldItalic", "-Italic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "BolIta", "Italic")),
    *("cmb10", "cmr10", "cmss10", "cmti10", "cmtt10"),
)
SIDE = 28  # pixels of an image
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HEIGHT = 20.0  # pixels of a zero, and of a letter at most, before jitter; as in MNIST
_WIDTH = 17.0  # pixels of a letter at most, before jitter: W and M are wider than high
_STEP = 0.5  # pixels between the nodes of a distance field
_NODES = 57  # a field spans 28 pixels, -14 to 14 round the digit's middle
_CURVE_PIECES = 4  # straight pieces per quadratic arc
_CHUNK = 500  # images drawn at a time


def font_folder() -> Path:
    """The folder of matplotlib's fonts, found without importing matplotlib."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise UserError("glyphs and letters are drawn from matplotlib's fonts; install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def distance_fields(folder: Path, characters: str = DIGITS) -> np.ndarray:
    """Signed distances of each font's ``characters``, float64 (fonts, K, nodes, nodes), in pixels, inside positive.

    Node (j, i) lies at x = i / 2 - 14, y = j / 2 - 14 (y down) from the middle of the character's bounding box. Digits
    have the scale at which the font's zero is 20 pixels high; each letter its own, at which it just fits a box of
    17 x 20 pixels. UserError names a font file that is missing or unreadable.
    """
    return np.stack([_font_fields(folder / f"{name}.ttf", characters) for name in FONTS])


def draw(fields: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` images (uint8, (count, 1, 28, 28)) and labels (int64, 0..K-1), from ``distance_fields``.

    Every K images hold each character once. The first images and labels of a larger count with the same seed are
    those of a smaller one.
    """
    classes = fields.shape[1]
    blocks = -(-count // classes)
    generators = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]
    order = np.argsort(generators[0].random((blocks, classes)), axis=1)
    labels = order.reshape(-1)[:count].astype(np.int64)
    draws = generators[1].random((count, 9))
    images = np.empty((count, 1, SIDE, SIDE), np.uint8)
    for start in range(0, count, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        images[chunk, 0] = _render(fields, labels[chunk], draws[chunk])
    return images, labels


def _render(fields: np.ndarray, labels: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Images (n, 28, 28) of ``labels`` (n,), jittered by ``draws`` (n, 9) in [0, 1)."""
    font = (draws[:, 0] * len(fields)).astype(np.int64)
    centred = 2 * draws[:, 1:] - 1  # (n, 8), each in [-1, 1)
    rotation = 0.12 * (centred[:, 0] + centred[:, 1]) / 2  # tangent of half the angle; triangular law
    cosine = (1 - rotation * rotation) / (1 + rotation * rotation)
    sine = 2 * rotation / (1 + rotation * rotation)
    slant = 0.25 * centred[:, 2]
    width, height = 0.95 + 0.2 * centred[:, 3], 0.95 + 0.12 * centred[:, 4]
    weight = 0.35 + 0.65 * centred[:, 5]  # pixels added to each side of a stroke
    shift_x, shift_y = 2.0 * centred[:, 6], 2.0 * centred[:, 7]

    def column(values: np.ndarray) -> np.ndarray:
        return values[:, None, None]  # (n, 1, 1)

    pixel = np.arange(SIDE) - (SIDE - 1) / 2
    x = pixel[None, None, :] - column(shift_x)  # (n, 1, 28)
    y = pixel[None, :, None] - column(shift_y)  # (n, 28, 1)
    # From a pixel back to the font: undo the rotation, then the slant, then the stretch.
    u = column(cosine) * x + column(sine) * y
    v = column(cosine) * y - column(sine) * x
    u = (u + column(slant) * v) / column(width)
    v = v / column(height)
    distance = _bilinear(fields[font, labels], u, v) * column(np.sqrt(width * height))
    coverage = np.clip(distance + column(weight) + 0.5, 0, 1)
    return np.floor(255 * coverage + 0.5).astype(np.uint8)


def _bilinear(fields: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Values of ``fields`` (n, nodes, nodes) at the points (u, v), each (n, 28, 28), in pixels from the middle."""
    last = _NODES - 1
    column = np.clip(u / _STEP + last / 2, 0, last - 1e-9)
    row = np.clip(v / _STEP + last / 2, 0, last - 1e-9)
    i, j = column.astype(np.int64), row.astype(np.int64)
    along, down = column - i, row - j
    flat = fields.reshape(-1)
    at = np.arange(len(fields))[:, None, None] * (_NODES * _NODES) + j * _NODES + i
    top = flat[at] + (flat[at + 1] - flat[at]) * along
    bottom = flat[at + _NODES] + (flat[at + _NODES + 1] - flat[at + _NODES]) * along
    return top + (bottom - top) * down


def _font_fields(path: Path, characters: str) -> np.ndarray:
    shapes = _font_contours(path, characters)
    sizes = [np.ptp(np.concatenate(contours), axis=0) for contours in shapes]  # each (width, height), font units
    if characters == DIGITS:
        return np.stack([_field(contours, _HEIGHT / sizes[0][1]) for contours in shapes])
    boxes = zip(shapes, sizes, strict=True)
    return np.stack([_field(contours, min(_WIDTH / w, _HEIGHT / h)) for contours, (w, h) in boxes])


class _Pen(BasePen):
    """Collects the closed contours of a glyph, arcs cut into straight pieces; fontTools resolves the rest."""

    def __init__(self, shapes: Any) -> None:
        super().__init__(shapes)
        self.contours: list[list[tuple[float, float]]] = []

    def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802 (fontTools' names)
        self.contours.append([pt])

    def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802
        self.contours[-1].append(pt)

    def _qCurveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float]) -> None:  # noqa: N802
        start = self.contours[-1][-1]
        for piece in range(1, _CURVE_PIECES + 1):
            t = piece / _CURVE_PIECES
            a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
            self._lineTo((a * start[0] + b * pt1[0] + c * pt2[0], a * start[1] + b * pt1[1] + c * pt2[1]))


def _font_contours(path: Path, characters: str) -> list[list[np.ndarray]]:
    """For each character its closed contours, each float64 (points, 2) in font units, y up."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # old fonts have odd dates
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            names, shapes = font.getBestCmap(), font.getGlyphSet()
            return [_contours(shapes, names[ord(character)]) for character in characters]
    except Exception as error:  # a damaged font fails in whatever way its tables are damaged
        raise UserError(
            f"{path}: not a font with the characters {characters} ({error!r}); install matplotlib again"
        ) from error


def _contours(shapes: Any, name: str) -> list[np.ndarray]:
    pen = _Pen(shapes)
    shapes[name].draw(pen)
    return [np.array(contour, np.float64) for contour in pen.contours]


def _field(contours: list[np.ndarray], scale: float) -> np.ndarray:
    """The signed distance field (nodes, nodes) of one character; inside where the winding number is not 0."""
    points = np.concatenate(contours)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    node = np.arange(_NODES) * _STEP - (_NODES - 1) / 2 * _STEP
    x, y = node[None, :], node[:, None]
    squared = np.full((_NODES, _NODES), np.inf)
    winding = np.zeros((_NODES, _NODES), np.int64)
    for contour in contours:
        corners = (contour - middle) * (scale, -scale)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            dx, dy = x1 - x0, y1 - y0
            length = dx * dx + dy * dy
            if length == 0:
                continue
            along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1)
            off_x, off_y = x - (x0 + along * dx), y - (y0 + along * dy)
            np.minimum(squared, off_x * off_x + off_y * off_y, out=squared)
            left = dx * (y - y0) - dy * (x - x0)
            winding += (y0 <= y) & (y1 > y) & (left > 0)
            winding -= (y0 > y) & (y1 <= y) & (left < 0)
    return np.where(winding != 0, 1.0, -1.0) * np.sqrt(squared)
