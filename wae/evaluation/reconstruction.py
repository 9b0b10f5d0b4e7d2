"""How well images come back: MSE, L1, PSNR and SSIM of reconstructions."""

import torch
from torch import Tensor

from wae.evaluation.metric import metric

WINDOW = 11  # pixels, of SSIM's Gaussian window at sigma 1.5
SIGMA = 1.5


@metric(
    "mse",
    title="MSE",
    positive=True,
    unit="per pixel, pixels in [0, 1]",
    better="lower",
    definition="Mean squared error of reconstructions of held-out images, rounded to 256 grey levels as all "
    "images are.",
)
@metric(
    "sse",
    title="SSE per image",
    positive=True,
    unit="pixels in [0, 1]",
    better="lower",
    definition="Squared error of reconstructions of held-out images summed over pixels, mean over images, from the "
    "decoder's own output: neither clamped nor rounded.",
)
@metric(
    "l1",
    title="L1",
    positive=True,
    unit="per pixel, pixels in [0, 1]",
    better="lower",
    definition="Mean absolute error of reconstructions of held-out images.",
)
@metric(
    "psnr",
    title="PSNR",
    unit="dB",
    better="higher",
    definition="Peak signal-to-noise ratio of each reconstruction, at most 54 dB, averaged over held-out images.",
)
@metric(
    "ssim",
    title="SSIM",
    better="higher",
    definition="Structural similarity of reconstructions (Wang et al. 2004; Gaussian window of 11 pixels, sigma 1.5, "
    "edges mirrored), averaged over held-out images; torchmetrics' value.",
    lowest=-1,
    highest=1,
)
def reconstruction_scores(images: Tensor, reconstructions: Tensor, batch_size: int = 250) -> dict[str, float]:
    """{"mse", "l1", "psnr", "ssim"} of uint8 (N, C, H, W) against uint8 of the same shape, pixels taken as [0, 1].

    MSE and L1 are means over all pixels. PSNR, in dB, and SSIM are those of each image, averaged. No PSNR counts
    as more than that of half a grey level's error everywhere (54 dB), so that the mean stays finite where images come
    back exactly.
    """
    if images.shape != reconstructions.shape:
        raise ValueError(f"images {tuple(images.shape)} and reconstructions {tuple(reconstructions.shape)} differ")
    squared, absolute, ratio, similarity = 0.0, 0.0, 0.0, 0.0
    floor = (0.5 / 255.0) ** 2
    for x, y in zip(images.split(batch_size), reconstructions.split(batch_size), strict=True):
        x, y = x.float() / 255.0, y.float() / 255.0
        difference = (x - y).flatten(1).double()
        mse = difference.square().mean(1)
        squared += float(mse.sum())
        absolute += float(difference.abs().mean(1).sum())
        ratio += float((-10.0 * mse.clamp_min(floor).log10()).sum())
        similarity += float(ssim(x, y).double().sum())
    n = len(images)
    return {"mse": squared / n, "l1": absolute / n, "psnr": ratio / n, "ssim": similarity / n}


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of float images in [0, 1], (n, C, H, W) to (n,): the map's mean."""
    return ssim_map(x, y).flatten(1).mean(1)


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity round each pixel, (n, C, H, W): torchmetrics' values, whose mean is its SSIM.

    Gaussian window of 11 pixels and sigma 1.5, K1 = 0.01, K2 = 0.03, population moments, edges mirrored (inside
    the image scikit-image gives the same; it leaves the edges out of its mean). Images under 6 pixels get a
    window of twice their side less one, with sigma in proportion. Written here because the window separates
    into a matrix product a side, which takes a tenth of the time of torchmetrics' convolutions.
    """
    rows, columns = (_window(x, length, min(x.shape[-2:])) for length in x.shape[-2:])
    planes = rows @ torch.stack([x, y, x * x, y * y, x * y]) @ columns.T  # (5, n, C, H, W)
    mean_x, mean_y, square_x, square_y, product = planes
    c1, c2 = 0.01**2, 0.03**2
    variances = (square_x - mean_x**2).clamp_min(0.0) + (square_y - mean_y**2).clamp_min(0.0)
    covariance = product - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return numerator / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))


def _window(like: Tensor, length: int, shorter: int) -> Tensor:
    """The window along a side of ``length`` pixels, mirrored at the edges, as a matrix (length, length).

    ``shorter``: the image's shorter side, which limits the window.
    """
    side = min(WINDOW, 2 * shorter - 1)
    sigma = SIGMA * side / WINDOW
    offsets = torch.arange(side, device=like.device) - side // 2
    weights = torch.exp(-offsets.to(like.dtype).square() / (2.0 * sigma**2))
    places = torch.arange(length, device=like.device)[:, None] + offsets
    places = places.abs()
    places = torch.where(places >= length, 2 * (length - 1) - places, places)
    matrix = like.new_zeros(length, length)
    return matrix.scatter_add_(1, places, (weights / weights.sum()).expand(length, side))
