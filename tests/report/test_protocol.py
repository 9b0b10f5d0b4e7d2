"""The protocol's text says what the evaluation does, and the judges' words follow their verdicts."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.shared.evaluation import EVALUATION, build
from tests.shared.models import IMPLEMENTATIONS, training
from tests.shared.report import experiment
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.words import method_title
from wae.core.plugins import ROOT, load_class
from wae.core.settings import ExecutionSettings, RunSettings
from wae.evaluation import run as evaluation
from wae.methods.base import Method
from wae.report.page import protocol
from wae.training.loop import train

TITLES = {"vae": "VAE", "wae_mmd": "WAE-MMD"}


def test_where_encoder_noise_is_on_is_said_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes are drawn for the mixture and the latent match, and are means for everything that is shown."""
    data, _, reference = build(tmp_path)
    settings = training("vae", width=4, depth=2, latent_dim=2, epochs=1, encoder="gaussian")
    run = RunSettings(dataset="bars", method="vae", seed=0, shape=[1, 12, 12], training=settings)
    train(run, data, tmp_path / "run", ExecutionSettings(device="cpu"), "code")
    calls: list[tuple[int, bool]] = []
    encode = evaluation.encode

    def recorded(method: Any, images: Any, batch: Any, generator: Any = None) -> Any:
        calls.append((len(images), generator is not None))
        return encode(method, images, batch, generator)

    monkeypatch.setattr(evaluation, "encode", recorded)
    evaluation.evaluate(tmp_path / "run", data, [reference], EVALUATION)
    noisy = [count for count, noise in calls if noise]
    assert noisy == [600, 200]  # the mixture's train images, the latent match's held-out ones
    assert {count for count, noise in calls if not noise} == {200}  # reconstructions and the plot of codes
    text = " ".join(protocol.paragraphs(Results(experiment(tmp_path / "fake", datasets=("digits",)))))
    assert "Encoder noise is off" not in text
    assert "The mixture and the latent match use codes drawn from a random encoder, its noise included" in text
    assert "Reconstructions, interpolations and the plots of codes use codes without encoder noise" in text


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"vae": 8, "wae_mmd": 8}, "d_z = 8"),
        ({"vae": 8, "wae_mmd": 8, "vae@latent_dim=2": 2}, "d_z = 8, or what a variant's name says"),
        ({"vae": 8, "wae_mmd": 64}, "d_z = 8 for VAE; d_z = 64 for WAE-MMD"),
        (
            {"vae": 8, "wae_mmd": 64, "wae_mmd@latent_dim=2+lambda_=1": 2, "wae_mmd@lambda_=1": 64},
            "d_z = 8 for VAE; d_z = 64 for WAE-MMD, WAE-MMD, λ = 1, or what a variant's name says",
        ),
        ({"vae@latent_dim=2": 2, "vae@latent_dim=32": 32}, "d_z = 2 or d_z = 32"),
    ],
)
def test_a_setting_that_a_variants_name_gives_is_not_listed(sizes: dict[str, int], said: str) -> None:
    cells = {("digits", method): {"latent_dim": size} for method, size in sizes.items()}
    found = SimpleNamespace(cells=cells, title=lambda method: method_title(method, TITLES[base_method(method)]))
    assert protocol.setting_said(cast(Results, found), "latent_dim", "d_z = {}") == said


def test_what_equal_seeds_share_is_said_as_it_is(tmp_path: Path) -> None:
    import torch

    from wae.compute.seeds import Streams
    from wae.methods.base import build as build_method

    runs = [
        RunSettings(dataset="d", method=name, seed=3, shape=[1, 8, 8], training=training(name, width=4, depth=2))
        for name in ("wae_mmd", "wae_gan")
    ]
    first, second = (build_method(run).state_dict() for run in runs)
    assert all(torch.equal(first[key], second[key]) for key in first if key.startswith(("encoder", "decoder")))
    a, b = (Streams(run.seed) for run in runs)
    assert torch.equal(torch.randperm(9, generator=a["order"]), torch.randperm(9, generator=b["order"]))
    text = " ".join(protocol.paragraphs(Results(experiment(tmp_path, datasets=("digits",)))))
    assert "Equal seeds share nothing" not in text
    assert "first weights where the networks are the same, the order of the data and the draws from the prior" in text


def test_the_judge_of_divergences_says_what_failed(tmp_path: Path) -> None:
    from wae.analysis.claims.gradients import divergences
    from wae.analysis.claims.verdicts import Verdict

    folder = experiment(tmp_path, datasets=("digits",))
    parameters = {"distance": 1.0, "saturated": 1e-6, "flat": 1e-6, "useful": 0.25}
    held = divergences(Results(folder), parameters)
    assert held.verdict is Verdict.CALCULATED
    assert "W2 keeps its gradient" in held.summary
    document = json.loads((folder / "divergences.json").read_text())
    for row in document["rows"]:
        if (row["family"], row["divergence"], row["parameter"]) == ("lower-dimensional", "w2", 4.0):
            row["gradient"] = 1e-9
    (folder / "divergences.json").write_text(json.dumps(document))
    failed = divergences(Results(folder), parameters)
    assert failed.verdict is Verdict.REFUTED
    assert "W2 loses its gradient" in failed.summary
    assert ", W2 keeps its gradient" not in failed.summary


def test_the_names_of_classes_are_shown() -> None:
    meta = {"counts": {"train": 900, "test": 100}, "shape": [3, 64, 64], "class_names": ["ant", "bee"]}
    results = SimpleNamespace(datasets=["insects"], manifest={"data": {"insects": meta}})
    assert "64×64 (channels × height × width), classes ant, bee." in protocol._data(cast(Results, results))
    meta["class_names"] = [f"class{number:04d}" for number in range(1000)]
    assert protocol._data(cast(Results, results)).count("class0") < 30
    meta["class_names"] = []
    assert "classes" not in protocol._data(cast(Results, results))


def test_a_method_whose_lambda_weighs_nothing_is_said_without_it(tmp_path: Path) -> None:
    methods = ("wae_mmd", "wae_gan", "ae", "aae", "pca")
    folder = experiment(tmp_path, datasets=("digits",), methods=methods)
    plan = json.loads((folder / "plan.json").read_text())
    plan["methods"] = {name: load_class(IMPLEMENTATIONS[name], Method).facts().document() for name in methods}
    (folder / "plan.json").write_text(json.dumps(plan))
    text = " ".join(protocol.paragraphs(Results(folder)))
    assert "Every method but AE, AAE and PCA minimises" in text
    critic = "a latent discriminator of 4 layers of 512 units"
    assert f"WAE-GAN: a deterministic encoder, λ = 1, {critic};" in text
    assert "AE: a deterministic encoder (there is no penalty);" in text
    assert f"AAE: a deterministic encoder, {critic} (the encoder meets the discriminator in a step of its own);" in text
    assert "PCA: a deterministic encoder (linear and in closed form" in text
    assert "steps of Adam" in text


def _said(settings: dict[str, Any], **records: dict[str, Any]) -> str:
    manifest = {"extractors": {f"{dataset}/it": record for dataset, record in records.items()}}
    results = SimpleNamespace(datasets=["ants", "bees"], manifest=manifest)
    return protocol._extractor(cast(Results, results), "it", settings)


def test_a_classifier_is_said_with_the_epochs_that_it_was_trained() -> None:
    settings = {"kind": "classifier", "features": 64, "epochs": 5}
    text = "a classifier of 64 features trained on the dataset's labels for "
    assert _said(settings, ants={"epochs": 7}, bees={"epochs": 7}) == f"{text}7 epochs"
    assert _said(settings, ants={"epochs": 7}, bees={"epochs": 9}) == f"{text}7 epochs on ants, 9 epochs on bees"
    assert _said(settings) == f"{text}at least 5 epochs"


def test_an_extractor_that_is_no_classifier_is_not_called_one() -> None:
    random = {"kind": "random", "features": 32, "epochs": 5}
    assert (
        _said(random, ants={"epochs": 0}) == "a convolutional network of 32 features with random weights, not trained"
    )
    asked = {"kind": "inception", "layer": None, "features": 64, "epochs": 5}
    assert _said(asked, ants={"layer": "2048"}) == "Inception v3, as torch-fidelity has it, layer 2048"
    assert _said(asked | {"kind": "dinov2-vit-s-14"}, bees={"layer": "dinov2"}) == "dinov2-vit-s-14, layer dinov2"
    assert _said(asked | {"kind": "mine:Own", "layer": "top"}) == "mine:Own, layer top"
    assert _said(asked) == "Inception v3, as torch-fidelity has it"


@pytest.mark.parametrize("name", ["default", "information_mnist"])
def test_the_recorded_extractors_are_said_as_their_records_have_them(name: str) -> None:
    results = Results(ROOT / "reports/recorded" / name)
    text = protocol.latex(results)
    for key, record in results.manifest["extractors"].items():
        if record["kind"] == "classifier":
            assert f"for {record['epochs']} epochs" in text
        else:
            assert f"{key.partition('/')[2]} (a convolutional network" in text
