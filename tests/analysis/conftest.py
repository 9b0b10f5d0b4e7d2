"""What the evaluation declares of its metrics, known to every test of the analysis and to nothing after it."""

import pytest

from wae.evaluation.run import known_metrics


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics of the extractors x, classifier and inception."""
    monkeypatch.setattr("wae.analysis.metrics.METRICS", dict(known_metrics(["x", "classifier", "inception"])))
