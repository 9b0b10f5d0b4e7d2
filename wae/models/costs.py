"""Reconstruction costs c(x, x_hat), summed over pixels and averaged over the batch.

The authors' code weighs l2sq, l2 and l1 by 0.05, 0.2 and 0.02: that factor is ``settings.cost_weight``, not in here.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from wae.core.plugins import load_function

Cost = Callable[[Tensor, Tensor], Tensor]


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Sum of squared differences of (n, C, H, W), averaged over the batch: a scalar."""
    return (x_hat - x).flatten(1).square().sum(1).mean()


def euclidean(x_hat: Tensor, x: Tensor) -> Tensor:
    """sqrt(1e-8 + sum of squared differences), averaged over the batch."""
    return torch.sqrt(1e-8 + (x_hat - x).flatten(1).square().sum(1)).mean()


def absolute_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Sum of absolute differences, averaged over the batch."""
    return (x_hat - x).flatten(1).abs().sum(1).mean()


def cross_entropy(x_hat: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy of pixels in [0, 1], grey levels as probabilities, in nats, averaged over the batch.

    log x_hat and log(1 - x_hat) are at least -100. With ``cost_weight`` 1 / (C H W) it is the mean over pixels.
    """
    return functional.binary_cross_entropy(x_hat, x, reduction="sum") / len(x)


COSTS: dict[str, Cost] = {"l2sq": squared_error, "l2": euclidean, "l1": absolute_error, "bce": cross_entropy}


def find_cost(name: str) -> Cost:
    """The cost of that name, or the function of ``package.module:name``, annotated ``-> Tensor``.

    It takes the reconstruction and the images, (n, C, H, W) in the network's range, and returns a scalar.
    """
    return COSTS.get(name) or load_function(name, Tensor)
