"""Which variants the sweep of a setting shows: one at each value, tuned for it or not."""

from pathlib import Path
from typing import Any

from tests.shared.claims import FID, spread
from tests.shared.tables import results
from wae.analysis.courses import courses
from wae.analysis.sweeps import one_per_value

SETTINGS: dict[str, dict[str, Any]] = {
    "wae_mmd": {"latent_dim": 8, "lambda_": 3.0},
    "wae_mmd@lambda_=1": {"latent_dim": 8, "lambda_": 1.0},  # another weight at the method's own size
    "wae_mmd@latent_dim=64+lambda_=30": {"latent_dim": 64, "lambda_": 30.0},
    "wae_mmd@latent_dim=128+lambda_=10": {"latent_dim": 128, "lambda_": 10.0},  # two at one size, none the method's own
    "wae_mmd@latent_dim=128+lambda_=30": {"latent_dim": 128, "lambda_": 30.0},
    "wae_mmd@latent_dim=64+prior=uniform": {"latent_dim": 64, "lambda_": 3.0, "prior": "uniform"},
    "vae": {"latent_dim": 8, "lambda_": 1.0},
    "vae@latent_dim=2": {"latent_dim": 2, "lambda_": 1.0},
    "ae": {"latent_dim": 8, "lambda_": 0.0},  # not swept
}


def test_a_sweep_has_one_variant_at_each_value(tmp_path: Path) -> None:
    scores = {(method, FID): spread(10.0 + place) for place, method in enumerate(SETTINGS)}
    found = results(tmp_path, scores, settings=SETTINGS)
    sweeps = [(p.method, p.setting, p.value, round(p.mean)) for p in courses(found).sweeps]
    assert sorted(sweeps) == [
        ("vae", "latent_dim", 2.0, 17),
        ("vae", "latent_dim", 8.0, 16),
        ("wae_mmd", "lambda_", 1.0, 11),
        ("wae_mmd", "lambda_", 3.0, 10),
        ("wae_mmd", "latent_dim", 8.0, 10),
        ("wae_mmd", "latent_dim", 64.0, 12),
    ]
    (dataset,) = found.datasets
    both = ["wae_mmd", "wae_mmd@lambda_=1", "wae_mmd@latent_dim=64+lambda_=30"]
    assert one_per_value(found, dataset, "latent_dim", both) == {"8": both[0], "64": both[2]}
