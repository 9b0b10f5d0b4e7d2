"""The sentence on what a step costs: nothing without its interval, nothing far beyond what was measured."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.shared.report import copy, experiment
from wae.analysis.costs.rows import Meeting
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.core.files import write_json
from wae.report.page import headline
from wae.report.page.headline import step_cost


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return experiment(tmp_path_factory.mktemp("headline"), datasets=("digits",), methods=("vae", "wae_gan"))


def sentence(folder: Path, n: float | None, status: Meeting) -> str:
    """The sentence where the fused MMD and the discriminator cost the same at ``n``; 4,096 is the largest measured."""
    fits = TIMING_FITS.read(folder)
    found = [replace(c, n=n, low=n and 0.9 * n, high=n and 1.1 * n, status=status) for c in fits.crossovers]
    assert ("mmd_fused", "gan") in {(c.a, c.b) for c in found}
    TIMING_FITS.write(folder, replace(fits, crossovers=found))
    return step_cost(Results(folder))


def test_each_time_has_its_interval_and_its_machine(folder: Path) -> None:
    write_json(folder / "timing_machine.json", {"device": "cpu", "threads": {"asked": 2}})
    said = sentence(folder, 3000.0, Meeting.MEASURED)
    assert said.startswith("A training step on digits at batch size 100 (width 16, cpu, 2 threads) takes 27.1 ms [")
    assert "27.1 ms [26.6 ms, 27.6 ms] with VAE, 45.1 ms [44.2 ms, 46 ms] with WAE-GAN; " in said


def test_times_of_few_rounds_have_no_interval_and_no_say_in_the_largest_size(folder: Path, tmp_path: Path) -> None:
    few = copy(folder, tmp_path)
    timing = pd.read_csv(few / "timing.csv")
    timing.loc[(timing["study"] == "step") | (timing["n"] == 4096), "rounds"] = 5
    timing.to_csv(few / "timing.csv", index=False)
    said = sentence(few, None, Meeting.ABOVE_GRID)
    assert " takes 27.1 ms with VAE, 45.1 ms with WAE-GAN; " in said
    assert said.endswith("at all measured batch sizes, up to 2,048 (d_z = 8).")


def test_nothing_is_said_of_two_costs_that_were_not_timed_at_one_size(folder: Path, tmp_path: Path) -> None:
    said = sentence(copy(folder, tmp_path), None, Meeting.NO_COMMON_SIZE)
    assert said.endswith("with WAE-GAN.")


@pytest.mark.parametrize(
    ("measure", "extractors"),
    [
        ("fid_classifier", ["classifier"]),
        ("precision_classifier_1", ["classifier_1"]),
        ("fid_classifier_infinity", ["classifier"]),
        ("brightness_gap", []),
    ],
)
def test_the_basis_names_the_extractor_of_the_primary_measure(
    measure: str, extractors: list[str], folder: Path
) -> None:
    results = Results(folder)
    results.config["extractors"] = {"classifier": {}, "classifier_1": {}}
    results.__dict__["distance"] = measure
    said = [part.removesuffix(" features") for part in headline.basis(results) if part.endswith(" features")]
    assert said == extractors


@pytest.mark.parametrize(
    ("n", "status", "expected"),
    [
        (
            3000.0,
            Meeting.MEASURED,
            "less than the {} up to n ≈ 3,000 [2,700, 3,300] (d_z = 8), between measured sizes.",
        ),
        (
            8192.0,
            Meeting.EXTRAPOLATED,
            "up to n ≈ 8,192 [7,373, 9,011] (d_z = 8), beyond the measured sizes, by the fits.",
        ),
        (8193.0, Meeting.EXTRAPOLATED, "less than the {} at all measured batch sizes, up to 4,096 (d_z = 8)."),
        (None, Meeting.ABOVE_GRID, "less than the {} at all measured batch sizes, up to 4,096 (d_z = 8)."),
        (None, Meeting.BELOW_GRID, "more than the {} at all measured batch sizes, up to 4,096 (d_z = 8)."),
    ],
)
def test_nothing_is_said_beyond_twice_the_largest_size(
    n: float | None, status: Meeting, expected: str, folder: Path
) -> None:
    said = sentence(folder, n, status)
    assert said.endswith(expected.format("latent discriminator 4 × 512")), said


def test_a_measure_that_no_run_has_is_not_said_to_lack_runs(tmp_path: Path) -> None:
    results = Results(experiment(tmp_path, datasets=("digits",), methods=("vae", "wae_gan")))
    assert headline.sentence(results).startswith("Samples closest to real images, by ")
    results.__dict__["distance"] = "brightness_gap"
    said = "Samples are not ranked: no finished run has a value of the measure, brightness_gap."
    assert headline.sentence(results) == said
    results.runs()["status"] = "failed"
    assert headline.sentence(results) == "No run finished, so that no distance to real data could be measured."


def test_a_dataset_whose_turn_is_late_is_ranked_where_those_before_it_have_no_score(tmp_path: Path) -> None:
    datasets = ("a", "b", "c", "d")
    lost = tuple((d, m, s) for d in datasets[:3] for m in ("vae", "wae_gan") for s in (0, 1, 2))
    folder = experiment(tmp_path, datasets=datasets, methods=("vae", "wae_gan"), missing=lost)
    said = headline.sentence(Results(folder))
    assert said.startswith("Samples closest to real images, by ")
    assert " d" in said
    assert "more dataset" not in said
