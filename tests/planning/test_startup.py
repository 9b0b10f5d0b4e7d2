"""What a job loads and sets up before it computes: no compiler, no table library, kept memory, same kernels."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wae.compute.adam import LeanAdam

TRAIN_A_STEP = """
import sys
from pathlib import Path
import torch
from wae.compute import devices
from wae.planning.config import read_config
from wae.planning.plan import load_plan
from wae.core.settings import ExecutionSettings
from wae.training.trainer import Trainer
devices.setup(ExecutionSettings(device="cpu"))
run = load_plan(read_config(Path("config/smoke.yaml"))).cells["digits", "{method}", 0]
trainer = Trainer(run, torch.zeros(100, 1, 8, 8, dtype=torch.uint8), torch.device("cpu"))
next(trainer._epoch_steps())
trainer.state_dict()
print(*[name for name in ("torch._dynamo", "sympy", "pandas", "torchvision", "sklearn") if name in sys.modules])
print(torch.are_deterministic_algorithms_enabled())
"""


@pytest.mark.parametrize("method", ["vae", "wae_mmd", "wae_gan"])
def test_a_training_job_loads_no_compiler_and_no_table_library(root: Path, method: str) -> None:
    command = [sys.executable, "-c", TRAIN_A_STEP.format(method=method)]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["", "True"]


def test_lean_adam_is_torchs_adam_bit_for_bit() -> None:
    def trained(kind: type[torch.optim.Adam]) -> tuple[torch.Tensor, dict[str, object]]:
        torch.manual_seed(0)
        layer = torch.nn.Linear(5, 3)
        optimiser = kind(layer.parameters(), lr=0.01, betas=(0.5, 0.9), fused=True)
        optimiser.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.1, "weight_decay": 0.5})
        for step in range(6):
            optimiser.zero_grad(set_to_none=True)
            extra = optimiser.param_groups[1]["params"][0]
            (layer(torch.randn(4, 5)).square().sum() + (extra**3).sum()).backward()
            optimiser.step()
            if step == 3:  # through a checkpoint
                state = optimiser.state_dict()
                optimiser.zero_grad(set_to_none=True)
                optimiser.load_state_dict(state)
        return torch.cat([layer.weight.detach().flatten(), extra.detach()]), optimiser.state_dict()

    (ours, our_state), (theirs, their_state) = trained(LeanAdam), trained(torch.optim.Adam)
    assert torch.equal(ours, theirs)
    assert our_state["param_groups"] == their_state["param_groups"]
    for index, state in our_state["state"].items():  # type: ignore[attr-defined]
        for name, tensor in state.items():
            assert torch.equal(tensor, their_state["state"][index][name])  # type: ignore[index]


def test_adam_takes_a_step_without_a_graph() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = LeanAdam([weight], fused=True)
    weight.square().sum().backward()
    optimiser.step()
    assert weight.grad_fn is None
    assert torch.is_grad_enabled()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted as Linux counts them")
def test_freed_memory_stays_in_the_process() -> None:
    code = """
import resource, torch
from wae.compute.devices import keep_freed_memory
torch.set_num_threads(1)
def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.empty(20 << 20, dtype=torch.uint8).zero_()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
keep_freed_memory()
faults(20)
print(faults(20))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 2000  # of the 100,000 pages that it wrote


def test_a_plan_without_plugins_of_ones_own_loads_no_extractors_and_draws_nothing(root: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from wae.commands.check import write_checked_plan
from wae.planning.plan import load_plan
write_checked_plan(load_plan(Path("config/smoke.yaml")), Path({str(tmp_path / "plan.json")!r}))
print(*[name for name in ("torch._dynamo", "torch_fidelity", "torchvision", "matplotlib") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout == "\n"
