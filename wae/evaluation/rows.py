"""One score as a row of metrics.json."""

import math
from typing import Any


def row(
    metric: str,
    subject: str,
    value: float,
    reference: str = "",
    samples: int | None = None,
    draw: int | None = None,
    label: str = "",
) -> dict[str, Any]:
    """A row of the tidy table. ``subject``: prior, mixture, reconstruction, interpolation, data, codes, training, or
    images (of ``wae score``).

    ``reference``: the split compared with, "" where none is; ``samples``: how many images or codes the value
    rests on; ``draw``: which sample set, reference half or repetition. A value that is not finite becomes None.
    """
    value = float(value)
    return {
        "metric": metric,
        "subject": subject,
        "reference": reference,
        "samples": samples,
        "draw": draw,
        "label": label,
        "value": value if math.isfinite(value) else None,
    }
