import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from wae.compute import devices
from wae.core.errors import UserError
from wae.core.settings import ExecutionSettings
from wae.planning import jobs
from wae.planning.plan import load_plan

CLAIM = """
import sys, time
from pathlib import Path
from wae.core.locks import take_any  # what a claim is, without torch
found = take_any(Path(sys.argv[1]), sys.argv[2:])
print(None if found is None else found[0], flush=True)
time.sleep(60)
"""


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three devices that are not there, claimed in a folder of the test's own; what was claimed is given back."""
    monkeypatch.setattr(devices, "device_names", lambda: ["GPU-a", "GPU-b", "GPU-c"])
    monkeypatch.setattr(devices, "fault_of", lambda device: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(devices, "_held", [])
    monkeypatch.setattr(devices, "_own", None)
    monkeypatch.setattr(devices, "_said", set())
    yield tmp_path / "wae/devices"
    for lock in devices._held:
        lock.release()


def claiming(folder: Path, *names: str) -> tuple[subprocess.Popen[str], str]:
    """Another process that claims one of the devices and goes on living, and the index it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(folder), *names],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_each_process_gets_its_own_and_a_dead_ones_is_free_again(tmp_path: Path, death: signal.Signals) -> None:
    first, index = claiming(tmp_path, "GPU-a", "GPU-b")
    second, other = claiming(tmp_path, "GPU-a", "GPU-b")
    third, none = claiming(tmp_path, "GPU-a", "GPU-b")
    assert (index, other, none) == ("0", "1", "None")
    first.send_signal(death)
    first.communicate()
    fourth, again = claiming(tmp_path, "GPU-a", "GPU-b")
    assert again == "0"
    for process in (second, third, fourth):
        process.kill()
        process.communicate()


def test_a_device_is_known_by_its_name_however_a_process_numbers_it(tmp_path: Path) -> None:
    first, index = claiming(tmp_path, "GPU-b", "GPU-a")  # as under CUDA_VISIBLE_DEVICES=1,0
    second, other = claiming(tmp_path, "GPU-a", "GPU-b")
    third, none = claiming(tmp_path, "GPU-b")
    assert (index, other, none) == ("0", "0", "None")
    for process in (first, second, third):
        process.kill()
        process.communicate()


def test_auto_claims_the_next_free_one_and_then_takes_the_cpu(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    auto = ExecutionSettings(device="auto")
    assert [str(in_a_new_process(auto)) for _ in range(4)] == ["cuda:0", "cuda:1", "cuda:2", "cpu"]
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "computing on CUDA device 1 (GPU-b)"
    assert said[3] == "all 3 CUDA devices are claimed by other jobs: computing on the CPU"
    assert sorted(file.name for file in three.iterdir()) == ["GPU-a.lock", "GPU-b.lock", "GPU-c.lock"]


def test_cuda_is_an_order_and_a_number_a_choice(three: Path) -> None:
    assert devices.setup(ExecutionSettings(device="cuda:2")) == torch.device("cuda", 2)
    assert not three.exists()
    with pytest.raises(UserError, match="'cuda:3', 3 CUDA devices are visible"):
        devices.setup(ExecutionSettings(device="cuda:3"))
    for _ in range(3):
        in_a_new_process(ExecutionSettings(device="cuda"))
    with pytest.raises(UserError, match="all 3 CUDA devices are claimed by other jobs; lower --resources gpu=N"):
        in_a_new_process(ExecutionSettings(device="cuda"))


def in_a_new_process(execution: ExecutionSettings) -> torch.device:
    """The device that a process gets which has none yet, beside those that have."""
    devices._own = None
    devices._said.clear()
    return devices.setup(execution)


def test_the_stages_of_one_process_keep_its_device(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, index = claiming(devices.private(three), "GPU-a")
    assert index == "0"
    for device in ("auto", "cuda", "auto"):
        assert str(devices.setup(ExecutionSettings(device=device))) == "cuda:1"
    assert capsys.readouterr().err == "computing on CUDA device 1 (GPU-b)\n"
    assert str(devices.setup(ExecutionSettings(device="cpu"))) == "cpu"
    other.kill()
    other.communicate()


def test_claims_lie_in_a_folder_that_nobody_else_can_prepare(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert devices.claim(["GPU-a"]) == 0
    assert stat.S_IMODE(three.stat().st_mode) == 0o700
    assert devices.claim(["GPU-a"]) is None
    three.chmod(0o770)
    assert devices.claim(["GPU-a", "GPU-b"]) == 0
    assert "not a folder that only you can open; delete it" in capsys.readouterr().err
    three.rename(three.with_name("elsewhere"))
    three.symlink_to(three.with_name("elsewhere"))
    assert devices.claim(["GPU-b"]) == 0
    assert capsys.readouterr().err.startswith("CUDA devices are not claimed (")
    assert [file.name for file in three.iterdir()] == ["GPU-a.lock"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_not_used(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three.mkdir(parents=True, mode=0o700)
    os.chown(three, 12345, 12345)
    assert devices.claim(["GPU-a"]) == 0
    assert "not a folder that only you can open" in capsys.readouterr().err
    assert list(three.iterdir()) == []


def test_without_a_device(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "device_names", list)
    monkeypatch.setattr(devices, "_said", set())
    for said in ("there is no CUDA device: computing on the CPU\n", ""):  # once, however many stages ask
        assert devices.setup(ExecutionSettings(device="auto")).type == "cpu"
        assert capsys.readouterr().err == said
    assert devices.setup(ExecutionSettings(device="cpu")).type == "cpu"
    assert capsys.readouterr().err == ""
    for wanted in ("cuda", "cuda:0"):
        with pytest.raises(UserError, match="CUDA device"):
            devices.setup(ExecutionSettings(device=wanted))


def test_names_follow_cuda_visible_devices() -> None:
    """Torch sees what CUDA_VISIBLE_DEVICES leaves, so that the names do; none of them where it is empty."""
    code = "from wae.compute import devices; print(devices.device_names())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_threads_and_deterministic_kernels() -> None:
    threads = torch.get_num_threads()
    devices.setup(ExecutionSettings(device="cpu", threads=2))
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    devices.setup(ExecutionSettings(device="cpu", threads=threads))


def test_numpy_scipy_and_scikit_learn_have_the_threads_of_the_config_whatever_the_environment_says() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADED_BEFORE_AND_AFTER],
        env=os.environ | dict.fromkeys(devices.THREADS, "2"),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = (json.loads(line) for line in found.stdout.splitlines())
    assert min(os.cpu_count() or 1, 2) in before.values()
    assert len(after) >= len(before) + 2
    assert set(after.values()) == {1}


LOADED_BEFORE_AND_AFTER = """
import json, numpy, torch
from threadpoolctl import threadpool_info

from wae.compute.devices import setup
from wae.core.settings import ExecutionSettings

def threads():
    print(json.dumps({pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}))

threads()
setup(ExecutionSettings(device="cpu", threads=1))
import scipy.linalg, sklearn.mixture
threads()
"""


def test_kernel_gradients_are_cudnns_unless_asked_for() -> None:
    for asked, wanted in (({"kernel_gradients": "products"}, "products"), ({}, "cudnn")):
        devices.setup(ExecutionSettings(device="cpu", **asked))
        assert devices.kernel_gradients == wanted


def test_tf32_is_off_unless_asked_for() -> None:
    for asked, wanted in (({"tf32": True}, True), ({}, False)):
        devices.setup(ExecutionSettings(device="cpu", **asked))
        assert torch.backends.cudnn.allow_tf32 is wanted
        assert torch.backends.cuda.matmul.allow_tf32 is wanted


BUSY = "CUDA error: all CUDA-capable devices are busy or unavailable"
TOO_OLD = "CUDA error: no kernel image is available for execution on the device"


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_the_next_free_device_is_tried_where_one_does_not_compute(
    wanted: str, three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = {0: BUSY, 2: TOO_OLD}
    monkeypatch.setattr(devices, "fault_of", lambda device: faults.get(device.index))
    assert devices.setup(ExecutionSettings(device=wanted)) == torch.device("cuda", 1)
    assert capsys.readouterr().err.splitlines() == [
        f"CUDA device 0 (GPU-a) is passed over: {BUSY}",
        "computing on CUDA device 1 (GPU-b)",
    ]
    with pytest.raises(UserError) as caught:  # 1 is claimed by now, and 0 still held
        in_a_new_process(ExecutionSettings(device=wanted))
    line = f"no free CUDA device computes (device 2: {TOO_OLD}); free or repair one, or set execution.device to cpu"
    assert str(caught.value) == line


def test_what_is_wrong_with_a_device_is_found_by_computing_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cuda.pretend import pretend

    with pretend():
        assert devices.fault_of(torch.device("cuda", 0)) is None

    def broken(*arguments: object) -> torch.Tensor:
        raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED\nmore")

    monkeypatch.setattr(torch.nn.functional, "conv2d", broken)
    with pretend():
        assert devices.fault_of(torch.device("cuda", 0)) == "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED more"


def test_a_gpu_is_recorded_with_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cuda.pretend import pretend

    monkeypatch.setattr(devices, "DRIVER", tmp_path / "version")
    with pretend():
        assert devices.describe(torch.device("cuda", 0))["driver"] is None
        text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Fri Nov\nGCC version: gcc 12.3.0\n"
        (tmp_path / "version").write_text(text)
        assert devices.describe(torch.device("cuda", 0)) == {
            "device": "cuda:0",
            "gpu": "Pretend GPU",
            "gpu_uuid": "GPU-pretend",
            "driver": "570.86.15",
            "tf32": False,
            "kernel_gradients": "cudnn",
        }
    assert devices.describe(torch.device("cpu")) == {"device": "cpu"}


def test_jobs_ask_for_no_gpu_that_they_could_not_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = load_plan(Path(__file__).parents[2] / "config/smoke.yaml")
    monkeypatch.setattr(jobs, "CUDA_DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(jobs, "_torch_has_cuda", lambda: True)
    assert jobs.devices_per_job(plan) == 1
    for hidden, wanted in (("", 0), ("-1", 0), ("0,1", 1)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert jobs.devices_per_job(plan) == wanted
    monkeypatch.setattr(jobs, "_torch_has_cuda", lambda: False)
    assert jobs.devices_per_job(plan) == 0
    monkeypatch.setattr(jobs, "CUDA_DEVICES", tmp_path / "none")
    monkeypatch.setattr(jobs, "_torch_has_cuda", lambda: True)
    assert jobs.devices_per_job(plan) == 0


def test_a_torch_without_cuda_is_known_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs._torch_has_cuda() is (torch.version.cuda is not None)
    (tmp_path / "torch").mkdir()
    for line, wanted in (("cuda: Optional[str] = None", False), ("cuda: Optional[str] = '13.0'", True)):
        (tmp_path / "torch/version.py").write_text(f"__version__ = '2.14.1'\n{line}\nhip: Optional[str] = None\n")
        fake = SimpleNamespace(locate_file=lambda name: tmp_path / name)
        monkeypatch.setattr(jobs.importlib.metadata, "distribution", lambda name, fake=fake: fake)
        assert jobs._torch_has_cuda() is wanted
