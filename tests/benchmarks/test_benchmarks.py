"""That what the benchmarks compare is the same computation; their timings are not tested."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks import __main__ as front
from benchmarks import dag, frechet, growth, measure, report
from benchmarks.bare import BareLoop
from benchmarks.contestant import use_torchs_layers
from benchmarks.frechet import by_sqrtm, features
from benchmarks.measure import Ratio, Spent
from benchmarks.memory import bare_script
from benchmarks.penalty import expanded
from benchmarks.problem import METHODS, images, run_settings
from benchmarks.served import Served, same_addresses
from wae.evaluation.fidelity import as_reference, frechet_distance, moments
from wae.methods.base import build
from wae.mmd.estimators import mmd_penalty
from wae.models import blockwise, layers
from wae.planning.jobs import STAGES
from wae.planning.plan import load_plan
from wae.training.trainer import Trainer


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", ["dcgan", "mlp"])
def test_the_bare_loop_reaches_the_trainers_weights(method: str, network: str) -> None:
    run = run_settings(method, network, width=8, critic_width=16)
    noise = torch.randint(0, 256, (400, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    trainer, loop, other = Trainer(run, noise, torch.device("cpu")), BareLoop(run, noise), BareLoop(run, noise, "uint8")
    first = {name: tensor.clone() for name, tensor in trainer.method.state_dict().items()}
    trainer.method.train()
    for _ in trainer._epoch_steps():
        pass
    loop.epoch()
    other.epoch()
    for name, tensor in trainer.method.state_dict().items():
        assert torch.equal(tensor, loop.method.state_dict()[name]), name
        assert torch.equal(tensor, other.method.state_dict()[name]), name
        assert not torch.equal(tensor, first[name]), name


def test_peers_get_torchs_own_layers_with_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    run, z = run_settings("wae_mmd", width=8), torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    ours = build(run)
    expected, called = ours.decoder(z), []
    monkeypatch.setattr(blockwise, "LANES", blockwise.LANES)  # as it is, to be put back at the end
    use_torchs_layers()
    monkeypatch.setattr(layers, "conv_transpose2d_in_blocks", lambda *_: called.append(1))
    plain = build(run)
    assert torch.allclose(plain.decoder(z), expected, atol=1e-5)
    assert not called


def test_the_expanded_penalty_is_ours() -> None:
    generator = torch.Generator().manual_seed(0)
    z, y = (torch.randn(20, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    assert torch.allclose(expanded(2.0 * z, y, 6.0), mmd_penalty(2.0 * z, y, base=6.0), rtol=1e-10)


@pytest.mark.parametrize("dimensions", [12, 600])
def test_the_distance_by_sqrtm_is_ours(dimensions: int) -> None:
    real, fake = (moments(features(3 * dimensions, dimensions, seed)) for seed in (0, 1))
    assert by_sqrtm(fake, real) == pytest.approx(frechet_distance(fake, as_reference(real)), rel=1e-9)


def test_images_are_padded_with_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAE_DATA_ROOT", raising=False)
    found, origin = images(7)
    assert (found.shape, found.dtype, origin) == ((7, 1, 32, 32), torch.uint8, "glyphs padded to 32x32")
    assert found[..., 2:-2, 2:-2].sum() == found.sum() > 0


def test_rounds_take_turns_and_the_first_is_dropped() -> None:
    calls: list[str] = []

    def contestant(name: str) -> Any:
        return lambda: calls.append(name) or Spent(len(calls), len(calls))

    spent = measure.interleave({name: contestant(name) for name in "abc"}, 2)
    assert calls == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert {name: [s.wall for s in found] for name, found in spent.items()} == {"a": [6, 8], "b": [4, 9], "c": [5, 7]}


def test_a_ratio_is_the_median_of_the_rounds_ratios_of_computing_time() -> None:
    ours = [Spent(0.0, seconds) for seconds in (1.0, 2.0, 4.0)]
    other = [Spent(9.0, seconds) for seconds in (3.0, 2.0, 8.0)]
    assert Ratio.of(other, ours) == Ratio(2.0, 1.5, 2.5)


def test_fits_find_a_known_law() -> None:
    sizes = [1.0, 2.0, 4.0, 8.0]
    assert measure.power(sizes, [3.0 * n**1.5 for n in sizes]) == pytest.approx((1.5, 1.0))
    assert measure.line(sizes, [3.0 + 0.5 * n for n in sizes]) == pytest.approx((3.0, 0.5, 1.0))
    assert measure.line(sizes, [1.0, 0.0, 1.0, 0.0])[2] < 0.5


def test_each_form_of_the_penalty_has_a_process_that_answers_with_its_value() -> None:
    commands = {form: ["-m", "benchmarks.penalty", form] for form in ("ours", "official", "expanded")}
    with Served(commands) as served:
        found = {form: served.ask(form, "4 50 0.0") for form in commands}
        assert {len(answer) for answer in found.values()} == {3}
        assert [answer[2] for answer in found.values()] == pytest.approx([found["ours"][2]] * 3, abs=1e-5)
        assert found["ours"][2] > 0.01
        with pytest.raises(RuntimeError, match="ours ended; to see why"):
            served.ask("ours", "none")


def test_a_served_process_has_the_same_addresses_each_time() -> None:
    if not same_addresses():
        pytest.skip("setarch is missing, or the system lets no process choose its addresses")
    found = []
    for _ in range(3):
        with Served({"it": ["-c", "input(); print(id(object()))"]}) as served:
            found.append(served.ask("it", ""))
    assert len(set(found)) == 1


def test_the_bare_script_saves_what_it_trained(tmp_path: Path) -> None:
    run = run_settings("wae_mmd", width=8)
    (tmp_path / "run.json").write_text(run.model_dump_json())
    np.save(tmp_path / "train_images.npy", np.random.default_rng(0).integers(0, 256, (200, 1, 32, 32), np.uint8))
    bare_script(tmp_path / "run.json", tmp_path)
    assert set(load_file(tmp_path / "weights.safetensors")) == set(build(run).state_dict())


def test_every_part_measures_with_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = lambda quick: {"threads": [pool["num_threads"] for pool in threadpool_info()]}  # noqa: E731
    monkeypatch.setattr(frechet, "measure", pools)
    monkeypatch.setattr(front, "KEPT", tmp_path)
    monkeypatch.setattr(report, "write", lambda parts, out: None)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--parts", "frechet"])
    with threadpool_limits(2):
        front.main()
    found = json.loads((tmp_path / "quick/frechet.json").read_text())["found"]["threads"]
    assert len(found) > 0
    assert set(found) == {1}


def test_a_part_that_fails_says_how_to_go_on_with_the_parts_before_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frechet, "measure", lambda quick: {})
    monkeypatch.setattr(growth, "measure", lambda quick: {}["none"])
    monkeypatch.setattr(front, "KEPT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--parts", "frechet", "growth", "dag"])
    with pytest.raises(KeyError) as caught:
        front.main()
    assert caught.value.__notes__[0].endswith("To go on: python -m benchmarks --quick --parts growth dag")
    assert (tmp_path / "quick/frechet.json").exists()


@pytest.mark.parametrize("stage", [*STAGES, "index"])
def test_the_start_of_every_stage_has_the_imports_of_its_job(stage: str) -> None:
    module = STAGES.get(stage, "wae.report.page.index")
    assert any(statement.startswith(f"from {module} import ") for statement in dag.imports(stage))


@pytest.mark.parametrize(("name", "changes", "runs"), [("config", None, 40), ("mnist", dag.MNIST, 8)])
def test_the_workflow_is_timed_on_configs_of_the_project(
    name: str, changes: dict[str, Any] | None, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)  # MNIST need not be here
    plan = load_plan(dag.short(name, changes))
    assert len(plan.runs) == runs
    assert plan.config.timing.total_seconds == 10.0


def test_the_start_of_a_stage_is_measured() -> None:
    assert dag.starting("plan") > 0.0


def test_the_report_says_what_was_met_and_missed(tmp_path: Path) -> None:
    def spent(**seconds: float) -> dict[str, list[list[float]]]:
        return {name: [[9.0, value]] * 3 for name, value in seconds.items()}

    def beside(**seconds: float) -> dict[str, list[list[list[float]]]]:
        return {name: [[[9.0, k * value], [9.0, k]] for k in (1, 2, 3)] for name, value in seconds.items()}

    flow = {"outside_study": 0.9, "starting": 0.2, "whole": 0.8, "computing": 0.7, "jobs": 40}
    found = {
        "training": {
            "seconds": {"dcgan/vae": spent(ours=1.0, bare=0.9, pythae=1.5, ours_compiled=1.1, ours_bfloat16=0.75)},
            **{"images": {"dcgan": 10}, "origin": "noise", "rounds": 3, "same_addresses": True},
        },
        "penalty": {
            "spent": {"8/1024": {}, "8/100": beside(official=1.9, official_kept=1.5, pythae=7.0)},
            **{"largest_difference": 1e-7, "same_addresses": True},
        },
        "frechet": {
            "spent": spent(ours=1.0, torch_fidelity=3.5, scipy=30.0, product=0.5, eigenvalues=0.2),
            "values": {"ours": 2.0, "torch_fidelity": 2.0 + 2e-8, "scipy": 2.0},
            **{"reference": [9.0, 2.5], "count": 10_000, "dimensions": 2048},
        },
        "dag": {
            "default": flow,
            "nothing_to_do": [[3.5, 3.0, 1]] * 3,
            "dry_run": {"100": 1.0, "999": 4.0},
            "plainest": 2.0,
        },
        "memory": {"vae": {"ours": 110, "bare": 100}},
        "growth": {"n": {"100": 1.0, "200": 4.0, "400": 16.0}},
    }
    parts = {name: {"found": value, "load_before": 0.1, "minutes": 1.0} for name, value in found.items()}
    report.write(parts, tmp_path / "REPORT.md")
    text = (tmp_path / "REPORT.md").read_text()
    for part in ("0.90 [0.90, 0.90] missed", "1.50 [1.50, 1.50] met", "dcgan"):
        assert part in text
    assert "gain on them:\n  1.67 (dcgan/vae)." in text
    assert "| dcgan/vae | - | - | 1.10 [1.10, 1.10] | 0.75 [0.75, 0.75] | 2.00 [2.00, 2.00] |" in text
    cells = ("1.90 [1.90, 1.90] missed", "1.50 [1.50, 1.50]", "7.00 [7.00, 7.00]", "-")
    assert f"| 8 | 100 | {' | '.join(cells)} |\n| 8 | 1,024 | - | - | - | - |" in text
    assert "| torch-fidelity | 3.50 [3.50, 3.50] met | 1.0e-08 |" in text
    assert "takes 5.00 times as long as these two" in text
    assert "| default config, short study | 0.90 met | 0.20 | 0.80 | 0.70 | 40 |" in text
    assert "| run with nothing to do | 1.17 of the 3 s allowed | missed |" in text
    assert "| dry run of 999 runs | 0.80 of the 5 s allowed | met |" in text
    assert "| dry run of the plainest 1,998 jobs, one file each | 0.50 of that |  |" in text
    assert "| vae | 1.10 met |" in text
    assert "| the MMD penalty, by n | 100, 200, 400 | 1.00, 4.00, 16.00 | 2.00 (1.000) |" in text
    assert "| a dry run, by runs | 100, 999 |" in text
    assert "same addresses in every run" in text


@pytest.mark.parametrize(
    ("found", "text"),
    [([True, True], "at the same addresses in every run"), ([True, False], "lets no process choose"), ([], "")],
)
def test_the_report_says_whether_addresses_were_the_same(found: list[bool], text: str) -> None:
    parts: dict[str, dict[str, Any]] = {str(i): {"found": {"same_addresses": same}} for i, same in enumerate(found)}
    said = report.addresses({**parts, "memory": {"found": {}}})
    assert text in said
    assert bool(said) == bool(text)


def test_features_are_repeatable_and_differ_by_seed() -> None:
    assert np.array_equal(features(5, 4, 1), features(5, 4, 1))
    assert not np.array_equal(features(5, 4, 1), features(5, 4, 2))
