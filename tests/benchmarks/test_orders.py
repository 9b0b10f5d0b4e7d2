"""The order of methods by each measure, from results whose order is known."""

import shutil
from pathlib import Path

from benchmarks.orders import table
from tests.shared.tables import results
from wae.analysis.contrasts import contrasts
from wae.analysis.files import CONTRASTS
from wae.core.files import read_json, write_json


def test_the_best_comes_first_in_each_measures_own_direction_and_close_pairs_are_named(
    root: Path, tmp_path: Path
) -> None:
    shutil.copy(root / "reports/recorded/main_mnist/metric_facts.json", tmp_path)  # which way each measure is better
    made = results(
        tmp_path,
        {
            ("vae", "fid_classifier/prior"): [9.0, 9.1, 9.2, 9.3],
            ("wae_mmd", "fid_classifier/prior"): [5.0, 5.3, 5.2, 5.1],
            ("wae_gan", "fid_classifier/prior"): [5.2, 4.9, 5.3, 5.0],
            ("vae", "precision_classifier/prior"): [0.91, 0.92, 0.90, 0.93],
            ("wae_mmd", "precision_classifier/prior"): [0.71, 0.72, 0.70, 0.73],
            ("wae_gan", "precision_classifier/prior"): [0.81, 0.82, 0.80, 0.83],
        },
    )
    plan = read_json(tmp_path / "plan.json")
    plan["config"]["report"] = {"secondary": ["precision_classifier/prior", "mse/reconstruction"]}  # mse: not measured
    write_json(tmp_path / "plan.json", plan)
    made = type(made)(tmp_path)
    CONTRASTS.write(tmp_path, contrasts(made))
    assert table(made).splitlines()[2:] == [
        "| glyphs, Fréchet distance (classifier) of samples from the prior | WAE-GAN, WAE-MMD, VAE "
        "| WAE-MMD and WAE-GAN |",
        "| glyphs, Precision (classifier) of samples from the prior | VAE, WAE-GAN, WAE-MMD | - |",
    ]
