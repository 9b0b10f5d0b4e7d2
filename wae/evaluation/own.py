"""Metrics of the user's own: loaded by dotted path, called on copies, their values checked."""

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from wae.core.errors import UserError
from wae.core.plugins import load_function
from wae.evaluation.metric import Metric, facts
from wae.evaluation.rows import row


class OwnMetrics:
    """The functions of ``evaluation.metrics``: (generated, real) uint8 images (n, C, H, W) each, to a number.

    A score's name is what follows the colon. Each call gets copies, so that no function changes what another sees.
    """

    def __init__(self, dotted: Sequence[str]) -> None:
        self.functions: dict[str, Callable[..., Any]] = {
            path.rpartition(":")[2]: load_function(path, float) for path in dotted
        }

    def facts(self) -> dict[str, Metric]:
        """What the functions declare; one that declares nothing is shown under its name, without a direction."""
        known = {}
        for name, function in self.functions.items():
            declared = facts(function)
            known[name] = next(iter(declared.values())) if declared else Metric(name)
        return known

    def rows(self, subject: str, images: Tensor, real: np.ndarray, split: str) -> list[dict[str, Any]]:
        """A row of each metric; UserError where a value is no finite number."""
        found = []
        for name, function in self.functions.items():
            value = function(images.cpu().numpy().copy(), np.array(real))
            found.append(row(name, subject, as_number(name, value), split, len(images), 0))
        return found


def as_number(name: str, value: Any) -> float:
    """``value`` as a float; UserError with the metric's ``name`` unless it is one finite number."""
    if isinstance(value, Tensor) and value.dim() == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        kind = f"{type(value).__name__} of shape {tuple(value.shape)}" if hasattr(value, "shape") else f"{value!r:.60}"
        raise UserError(f"evaluation.metrics: {name} returned {kind}, need one number (float)")
    if not math.isfinite(value):
        raise UserError(f"evaluation.metrics: {name} returned {value}, need a finite number")
    return float(value)
