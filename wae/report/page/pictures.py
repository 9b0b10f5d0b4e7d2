"""Image grids of the runs as data: URIs, as many as the page's budget allows."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wae.analysis.results import Results

KINDS = {
    "samples": ("Samples from the prior", "the same codes for every seed and, at equal latent size, every method"),
    "reconstructions": ("Reconstructions", "each original above what comes back"),
    "interpolations": ("Interpolations", "from one held-out image's code to another's, left to right"),
}
BUDGET = 2_000_000  # bytes of image data in the page
Encode = Callable[[Path], tuple[str, int, int]]  # an image as a data: URI, its width and height


@dataclass(frozen=True)
class Picture:
    """A grid of one run. ``uri`` is its data: URI."""

    title: str
    alt: str
    uri: str
    width: int
    height: int
    file: str


@dataclass
class Gallery:
    """A dataset's grids of one kind: the first seed of each method, then the other seeds."""

    dataset: str
    kind: str
    title: str
    note: str
    first: list[Picture] = field(default_factory=list)
    others: list[Picture] = field(default_factory=list)
    left_out: int = 0


def encoded(path: Path) -> tuple[str, int, int]:
    """The image as a data: URI, the smaller of PNG and (for colour) JPEG of quality 85, and its width and height."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
    best, kind = io.BytesIO(), "png"
    image.save(best, format="PNG", optimize=True)
    if image.mode == "RGB":
        jpeg = io.BytesIO()
        image.save(jpeg, format="JPEG", quality=85)
        if jpeg.tell() < best.tell():
            best, kind = jpeg, "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(best.getvalue()).decode()}", image.width, image.height


def galleries(results: Results, budget: int = BUDGET, encode: Encode = encoded) -> dict[str, list[Gallery]]:
    """Galleries by dataset. First seeds come first into the budget; what does not fit is counted in ``left_out``."""
    made = {(d, k): Gallery(d, k, *KINDS[k]) for d in results.datasets for k in KINDS}
    spent = 0
    for rank in range(max((results.started(d, m) for d in results.datasets for m in results.methods), default=0)):
        for (dataset, kind), gallery in made.items():
            for method in results.main_methods:
                seed = _seed(results, dataset, method, rank)
                path = None if seed is None else results.run_folder(dataset, method, seed).picture(kind)
                if path is None or not path.exists():
                    continue
                data, width, height = encode(path)
                if spent + len(data) > budget:
                    gallery.left_out += 1
                    continue
                spent += len(data)
                title = f"{results.title(method)}, seed {seed}"
                alt = f"{gallery.title} of {title} on {dataset}: {gallery.note}"
                picture = Picture(title, alt, data, width, height, results.shown_path(path))
                (gallery.others if rank else gallery.first).append(picture)
    return {d: [g for k in KINDS if (g := made[d, k]).first or g.left_out] for d in results.datasets}


def _seed(results: Results, dataset: str, method: str, rank: int) -> int | None:
    seeds = results.finished_seeds(dataset, method)
    return seeds[rank] if rank < len(seeds) else None
