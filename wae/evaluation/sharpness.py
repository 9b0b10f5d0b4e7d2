"""Sharpness as the WAE paper measures it."""

import numpy as np
import torch
from torch import Tensor

from wae.evaluation.metric import metric

GREY = (0.2989, 0.587, 0.114)  # tf.image.rgb_to_grayscale


@metric(
    title="Sharpness",
    positive=True,
    unit="variance, pixels in [0, 1]",
    definition="Variance of the response to the Laplace filter over each grey image, averaged (Tolstikhin et al. "
    "2018). Best where it is nearest to the real data's: noise is sharp too. On a [-1, 1] scale "
    "it is four times as large.",
)
def sharpness(images: np.ndarray | Tensor, batch_size: int = 250) -> float:
    """Variance of the Laplacian's response over each grey image, averaged over the images.

    Tolstikhin et al. 2018, section 4 ("sharpness"); as ``compute_blurriness`` of the authors' code: kernel
    0 1 0 / 1 -4 1 / 0 1 0, no padding, population variance. ``images``: uint8 (N, C, H, W), sides 3 or more,
    taken as [0, 1]; on a [-1, 1] scale the value is four times as large.
    """
    tensor = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    total = 0.0
    for part in tensor.split(batch_size):
        x = part.float() / 255.0
        weights = torch.tensor(GREY, dtype=x.dtype, device=x.device)
        grey = x[:, 0] if x.shape[1] == 1 else torch.einsum("c,nchw->nhw", weights, x)
        response = (
            grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4.0 * grey[:, 1:-1, 1:-1]
        )
        total += float(response.flatten(1).var(dim=1, correction=0).double().sum())
    return total / len(tensor)
