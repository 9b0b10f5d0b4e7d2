"""Image grids of a run as plain PNG files, pixel for pixel, with a grey line between images."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from wae.compute.seeds import stream
from wae.core.files import write_atomic
from wae.core.layout import RunFolder
from wae.evaluation.draws import part_generator
from wae.evaluation.subjects import decode, encode, path
from wae.methods.base import Method

SIDE = 10  # rows and columns of the grid of samples
PAIRS = 8  # rows of the other two grids
STEPS = 10
GAP, GREY = 1, 128  # pixels between images, and their value
GRID_SEED = 0  # one seed for all runs: their grids show the same z on the same kind of device


def grid(images: Tensor, columns: int) -> np.ndarray:
    """uint8 images (n, C, H, W), n a multiple of ``columns``, side by side with a grey line between them.

    The result is (rows (H + 1) - 1, columns (W + 1) - 1), or (..., 3) for colour.
    """
    images = functional.pad(images, (0, GAP, 0, GAP), value=GREY)
    n, channels, height, width = images.shape
    tiles = images.view(n // columns, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    joined = tiles.reshape(n // columns * height, columns * width, channels)[:-GAP, :-GAP].numpy()
    return joined[:, :, 0] if channels == 1 else joined


def save_grid(file: str | Path, images: Tensor, columns: int) -> None:
    """Write a grid as PNG, atomically."""
    picture = Image.fromarray(np.ascontiguousarray(grid(images, columns)))
    write_atomic(file, lambda temporary: picture.save(temporary, format="PNG", optimize=False))


def save_pictures(method: Method, images: np.ndarray, folder: RunFolder, device: torch.device) -> None:
    """Write samples.png, reconstructions.png and interpolations.png of a run.

    ``images``: uint8 test images (n, C, H, W), of which a random subset is shown, the same for every run (repeated
    where there are fewer than needed): the first can all be of one class. samples: 10 by 10, the same z for every run
    of a latent dimension and prior on one kind of device (CUDA's generators draw others). reconstructions: 8 rows of
    10, each original above what comes back. interpolations: 8 rows of 10 steps from one test image's code to the
    next one's.
    """
    generator = stream(GRID_SEED, "samples", device)
    z = method.prior.sample(SIDE * SIDE, generator)
    save_grid(folder.picture("samples"), decode(method, z, SIDE * SIDE), SIDE)
    order = part_generator(0, "pictures").permutation(len(images))
    shown = images[order[np.arange(PAIRS // 2 * STEPS) % len(images)]]
    back = decode(method, encode(method, shown, len(shown)).z, len(shown))
    rows = torch.stack([torch.from_numpy(shown).view(PAIRS // 2, STEPS, *shown.shape[1:]),
                        back.view(PAIRS // 2, STEPS, *back.shape[1:])], dim=1)  # fmt: skip
    save_grid(folder.picture("reconstructions"), rows.flatten(0, 2), STEPS)
    ends = encode(method, images[order[np.arange(2 * PAIRS) % len(images)]], 2 * PAIRS).z
    line = path(method, ends[:PAIRS], ends[PAIRS:], STEPS)
    save_grid(folder.picture("interpolations"), decode(method, line.flatten(0, 1), PAIRS * STEPS), STEPS)
