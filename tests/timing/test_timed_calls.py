"""What the wall-clock study times: calls, their marks and their memory; a whole small study."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from wae.commands import experiment
from wae.compute.checkout import git_state
from wae.core.files import load_yaml, read_json, write_json
from wae.core.layout import Layout
from wae.core.settings import ExecutionSettings, TimingSettings
from wae.data.source import prepare
from wae.mmd import fused
from wae.planning.plan import load_plan
from wae.timing import memory, study
from wae.timing.clock import Clock
from wae.timing.cores import Cores
from wae.timing.machine import describe
from wae.timing.penalty import gan_call, mmd_call, penalty_groups, penalty_points
from wae.timing.rounds import Point, TooLargeError
from wae.timing.step import step_call, step_points
from wae.timing.study import COLUMNS, ROUND_COLUMNS

CPU = torch.device("cpu")


@pytest.mark.parametrize("subject", ["mmd_fused", "mmd_official", "mmd_official_kept", "mmd_random_features"])
def test_mmd_calls_announce_their_part(subject: str) -> None:
    marks: list[str] = []
    mmd_call(TimingSettings(random_features=16), subject, 6, 3, CPU)(marks.append)
    assert marks == ["penalty"]


def test_gan_call_trains_the_critic_of_the_paper() -> None:
    marks: list[str] = []
    call = gan_call(TimingSettings(), 6, 3, 16, CPU)
    method = call.__closure__ and next(c.cell_contents for c in call.__closure__ if hasattr(c.cell_contents, "critic"))
    widths = [layer.out_features for layer in method.critic if hasattr(layer, "out_features")]
    assert widths == [16, 16, 16, 16, 1]
    before = method.critic[0].weight.detach().clone()
    passes: list[int] = []
    method.critic.register_forward_hook(lambda module, inputs, output: passes.append(len(marks)))
    call(marks.append)
    assert marks == ["penalty", "critic"]
    assert not torch.equal(method.critic[0].weight, before)
    assert passes == [0, 1, 1]  # the codes; then draws of the prior, and the codes again


def test_sizes_in_turn_find_their_buffers_as_training_does(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[fused.Workspace] = []

    class Counted(fused.Workspace):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(fused, "Workspace", Counted)
    fused.release()
    sizes = range(8, 8 + len(load_yaml(root / "config/timing.yaml")["timing"]["penalty_n"]))
    calls = [mmd_call(TimingSettings(), "mmd_fused", n, 3, CPU) for n in sizes]
    for call in calls * 2:
        call(lambda part: None)
    fused.release()
    assert len(made) == len(sizes) == 10


def test_the_penalty_grid() -> None:
    points = list(penalty_points(TimingSettings(penalty_n=[32, 64], critics=[512, 1024]), 8, CPU))
    assert len(points) == 2 * (3 + 2)
    assert {(p.labels["subject"], p.labels["critic_width"]) for p in points} == {
        ("mmd_fused", None),
        ("mmd_official", None),
        ("mmd_random_features", None),
        ("gan", 512),
        ("gan", 1024),
    }
    assert len({p.key for p in points}) == 5


def test_memory_kept_is_a_point_of_its_own_where_it_can_be() -> None:
    settings = TimingSettings(penalty_n=[32, 64], penalties=["mmd_official", "mmd_official_kept"])
    points = list(penalty_points(settings, 8, CPU))
    assert {p.memory_power for p in points} == {2.0}  # of (n, n) tensors
    assert {p.memory_power for p in penalty_points(TimingSettings(penalties=["mmd_fused", "gan"]), 8, CPU)} == {1.0}
    assert [(p.labels["subject"], p.before is not None) for p in points[:2]] == [
        ("mmd_official", False),
        ("mmd_official_kept", True),
    ][: 1 + memory.can_keep(CPU)]
    assert len(list(penalty_points(settings, 8, torch.device("meta")))) == 2


PAGES = """
import resource
import torch
from wae.timing import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(1 << 24).fill_(1.0)  # 64 MiB, above the size from which blocks come from the system
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
with memory.keeping():
    memory.prefill(faults)
    print(faults(), faults())
print(faults())
"""


@pytest.mark.skipif(not memory.can_keep(CPU), reason="the C library has no mallopt")
def test_memory_that_is_kept_has_its_pages_already() -> None:
    # In a process of its own: a heap in which earlier calls left a gap of 64 MiB gives that before it asks the system.
    result = subprocess.run([sys.executable, "-c", PAGES], check=True, capture_output=True, text=True)
    given_back, first, second, afterwards = map(int, result.stdout.split())
    assert first < given_back / 10
    assert second < given_back / 10
    assert afterwards > given_back / 2


def test_no_end_of_the_heap_is_given_back_while_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    class Library:
        def mallopt(self, option: int, value: int) -> None:
            asked.append((option, value))

        def malloc_trim(self, pad: int) -> None:
            asked.append((pad,))

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Library())
    monkeypatch.setattr(memory.devices, "keep_freed_memory", lambda: asked.append(()))
    with memory.keeping():
        assert asked == [(-1, -1), (-4, 0)]  # M_TRIM_THRESHOLD never: its largest number ends at 2 GiB; M_MMAP_MAX none
    assert asked[2:] == [(-4, 65_536), (), (0,)]


AFTER_KEPT = """
import ctypes
import resource
from wae.compute import devices
from wae.core.settings import ExecutionSettings
from wae.timing import memory

devices.setup(ExecutionSettings(device="cpu", threads=1))
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

def faults(size=30 << 20):  # below the size from which blocks come from the system
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = library.malloc(size)
    ctypes.memset(block, 1, size)
    library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(*(faults() for _ in range(4)))
with memory.keeping():
    memory.prefill(lambda: faults(64 << 20))
print(*(faults() for _ in range(4)))
"""


@pytest.mark.skipif(not memory.can_keep(CPU), reason="the C library has no mallopt")
def test_after_memory_was_kept_other_calls_keep_what_a_job_keeps() -> None:
    result = subprocess.run([sys.executable, "-c", AFTER_KEPT], check=True, capture_output=True, text=True)
    before, after = ([int(count) for count in line.split()] for line in result.stdout.splitlines())
    assert max(before[1:]) < before[0] / 100
    assert max(after[1:]) < before[0] / 100  # the first makes the pages that were given back


Turn = tuple[set[int], set[str], bool]  # code sizes, subjects, whether memory was kept


def turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, can_keep: bool = True
) -> tuple[list[Turn], list[float]]:
    """The groups that a study measures, in order, and the seconds that each is given; none takes any time."""
    groups: list[Turn] = []
    shares: list[float] = []
    keeps: list[bool] = [False]

    @contextmanager
    def keeping() -> Iterator[None]:
        keeps[0] = True
        yield
        keeps[0] = False

    def measure(self: study.Study, points: Sequence[Point], seconds: float) -> None:
        if points:
            dimensions, subjects = ({p.labels[name] for p in points} for name in ("latent_dim", "subject"))
            groups.append((dimensions, subjects, keeps[0]))
            shares.append(seconds)

    monkeypatch.setattr(memory, "can_keep", lambda device: can_keep)
    monkeypatch.setattr(memory, "keeping", keeping)
    monkeypatch.setattr(study.Load, "close", lambda self: 1.5)
    monkeypatch.setattr(study.Study, "measure", measure)
    settings = TimingSettings(penalty_latent_dim=[2, 8], penalties=["mmd_fused", "mmd_official_kept", "gan"])
    execution = ExecutionSettings(device="cpu", threads=threads)
    before = torch.get_num_threads()
    try:
        study.run_study([], {}, settings, execution, *(tmp_path / name for name in FILES))
    finally:
        torch.set_deterministic_debug_mode("default")
        torch.set_num_threads(before)
    return groups, shares


FILES = ("timing.csv", "timing_rounds.csv", "timing_machine.json")
PLAIN, KEPT = {"mmd_fused", "gan"}, {"mmd_official_kept"}
FIRST_PASS, LAST = [({2}, PLAIN, False), ({8}, PLAIN, False)], ({2, 8}, KEPT, True)


def test_points_whose_memory_is_kept_come_after_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groups, seconds = turns(tmp_path, monkeypatch, threads=1)
    assert groups == [*FIRST_PASS, LAST]
    assert "other processes keep 1.50 cores busy" in capsys.readouterr().err
    assert seconds == pytest.approx([36, 72, 90], rel=0.1)  # of 90; no time passed, so that the last one has all


def test_points_that_lack_rounds_have_their_turn_again_before_memory_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(self: Point, cores: Cores) -> bool:
        return self.labels["latent_dim"] == 8 and self.labels["subject"] in ("mmd_fused", "mmd_official_kept")

    monkeypatch.setattr(Point, "lacks_rounds", lacks)
    groups, seconds = turns(tmp_path, monkeypatch, threads=2)
    assert groups == [*FIRST_PASS, ({8}, {"mmd_fused"}, False), LAST]
    assert seconds == pytest.approx([29.25, 58.5, 72, 90], rel=0.1)


def test_without_memory_kept_the_others_have_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, seconds = turns(tmp_path, monkeypatch, threads=1, can_keep=False)
    assert groups == FIRST_PASS
    assert seconds == pytest.approx([45, 90], rel=0.1)


def test_sizes_of_each_latent_dimension_are_given_up_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "can_keep", lambda device: True)
    settings = TimingSettings(penalty_latent_dim=[2, 8], penalty_n=[32, 64], penalties=["mmd_official_kept", "gan"])
    groups, kept = penalty_groups(settings, CPU)
    assert [(p.n, p.labels["latent_dim"]) for p in kept] == [(32, 2), (64, 2), (32, 8), (64, 8)]
    for points in (kept, groups[0] + groups[1]):
        keys = [(p.key, p.n) for p in points]
        assert len(set(keys)) == len(keys)


def test_variants_of_random_streams_have_no_steps_of_their_own(smoke) -> None:
    smoke["run"] |= {"seeds": [0, 1], "seed_streams": ["first_weights", "samples"]}
    plan = load_plan(smoke)
    points = list(step_points(plan.runs, {"digits": Path()}, TimingSettings(step_batch_sizes=[20]), CPU))
    assert len(plan.methods) == 3 * len(points)
    assert {p.labels["subject"] for p in points} == {method for method in plan.methods if "@" not in method}


def test_steps_walk_through_the_data(smoke, tmp_path: Path) -> None:
    run = load_plan(smoke).runs[0]
    (tmp_path / "data").mkdir()
    images = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1)
    for split in ("train", "test"):
        np.save(tmp_path / f"data/{split}_images.npy", images)
        np.save(tmp_path / f"data/{split}_labels.npy", np.zeros(11, np.int64))
    meta = {"counts": {"train": 11, "test": 11}, "shape": [1, 1, 1], "classes": 1, "sha256": {}}
    write_json(tmp_path / "data/meta.json", meta)
    seen: list[list[int]] = []
    modes: list[tuple[bool, bool]] = []  # in training; in reduced precision

    class Recorder(torch.nn.Module):
        def prepare_training(self) -> None:
            pass

        def step(self, images, streams, mark) -> None:
            seen.append(images.flatten().tolist())
            modes.append((self.training, torch.is_autocast_enabled("cpu")))

    with pytest.raises(TooLargeError, match="11 training images make no batch of 12"):
        step_call(Recorder(), run, tmp_path / "data", 12, CPU)
    step_call(Recorder(), run, tmp_path / "data", 11, CPU)
    call = step_call(Recorder(), run, tmp_path / "data", 4, CPU)
    assert not seen
    for _ in range(3):
        call(lambda part: None)
    assert len({*seen[0], *seen[1]}) == 8
    assert seen[2] == seen[0]
    seen.clear()
    compiled = run.model_copy(update={"training": run.training.model_copy(update={"compile": True})})
    step_call(Recorder(), compiled, tmp_path / "data", 4, CPU)
    assert len(seen) == 1  # compiling is not timed
    assert set(modes) == {(True, False)}
    reduced = run.model_copy(update={"training": run.training.model_copy(update={"mixed_precision": "bfloat16"})})
    step_call(Recorder().eval(), reduced, tmp_path / "data", 4, CPU)(lambda part: None)
    assert modes[-1] == (True, True)


def test_peak_memory_is_that_of_the_call() -> None:
    def call() -> None:
        held = torch.empty(250_000)  # 1 MB
        for _ in range(3):
            held = held + torch.ones(250_000)

    found = memory.peak_bytes(call, CPU)
    assert found == pytest.approx(3e6, rel=0.01)


def test_peak_memory_of_the_penalties_grows_as_it_should() -> None:
    def peak(subject: str, n: int) -> int:
        call = mmd_call(TimingSettings(), subject, n, 4, CPU)
        call(lambda part: None)
        found = memory.peak_bytes(lambda: call(lambda part: None), CPU)
        assert found is not None
        return found

    assert peak("mmd_official", 512) > 3.5 * peak("mmd_official", 256)
    assert peak("mmd_fused", 1024) - peak("mmd_fused", 512) < 4 * 512 * 4 * 60  # bytes a point, not pairs
    assert peak("mmd_fused", 300) > 2**18 * 4  # the kept buffers count


def test_the_machine_is_described() -> None:
    found = describe(CPU, ExecutionSettings(device="cpu"))
    assert found["versions"]["torch"] == torch.__version__.split("+")[0]
    assert found["hardware"]["cores"] >= 1
    assert (found["commit"], found["clean_tree"]) == git_state()
    for name in ("governor", "max_frequency_khz"):
        assert isinstance(found[name], str) or found[name]["missing"]


def test_a_whole_study(smoke, tmp_path: Path) -> None:
    smoke["timing"] = {"rounds": 3, "max_rounds": 3, "warmup": 1, "penalty_n": [8, 16], "critics": [16]}
    smoke["timing"] |= {"random_features": 16, "step_batch_sizes": [20, 2000], "total_seconds": 20.0}
    smoke["run"]["seeds"] = [0, 1]
    smoke["execution"]["device"] = "cpu"
    plan = load_plan(smoke)
    prepare(plan.config.datasets["digits"], None, tmp_path / "data" / plan.data_id("digits"))
    try:
        experiment.timing(plan, Layout(tmp_path))
    finally:
        torch.set_deterministic_debug_mode("default")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "smoke/timing.csv").read_text())))
    assert tuple(rows[0]) == COLUMNS
    steps = [row for row in rows if row["study"] == "step"]
    assert {(row["subject"], row["n"], row["status"]) for row in steps} == {
        (method, n, status) for method in plan.methods for n, status in (("20", "ok"), ("2000", "trimmed"))
    }
    parts = [row["part"] for row in steps if row["subject"] == "wae_gan" and row["n"] == "20"]
    assert parts == ["data", "forward", "penalty", "backward", "optimiser", "critic", "total"]
    assert {row["critic_width"] for row in steps if row["n"] == "20"} == {"", "512"}
    for row in (r for r in rows if r["status"] == "ok"):
        assert 0 < float(row["low"]) <= float(row["seconds"]) <= float(row["high"])
        assert row["rounds"] == "3"
    timed = pd.read_csv(tmp_path / "smoke/timing_rounds.csv", keep_default_na=False)
    assert tuple(timed.columns) == ROUND_COLUMNS
    medians = timed.groupby(["subject", "n", "critic_width"])["seconds"].median()
    totals = [row for row in rows if row["part"] == "total" and row["status"] == "ok"]
    assert len(medians) == len(totals) == 3 + 8
    for row in totals:
        width = int(row["critic_width"]) if row["critic_width"] else ""
        assert medians[row["subject"], int(row["n"]), str(width)] == pytest.approx(float(row["seconds"]))
    assert set(timed["together"]) == {1}
    machine = read_json(tmp_path / "smoke/timing_machine.json")
    assert machine["threads"]["intra_op"] == 1
    assert machine["rounds"] == 3 * (3 + 8)
    assert any("no batch of 2000" in line for line in machine["left_out"])
    assert machine["cores_apart"] == {
        "fastest_handover_seconds": None,  # one thread
        "fastest_product_seconds": None,
        "seconds_waited": 0.0,
        "rounds_taken_out": 0,
        "rounds_kept": 0,
        "points": {},
    }


def test_the_real_clock_goes_forward() -> None:
    clock = Clock(CPU)
    first = clock.now()
    torch.randn(100, 100) @ torch.randn(100, 100)
    assert 0 < clock.now() - first < 10**10
    assert not clock.marks_cost
