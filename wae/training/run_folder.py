"""The folder of one run: what training leaves there."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from wae.core.files import read_json, write_atomic, write_bytes, write_json
from wae.core.settings import RunSettings

OUTPUTS = ("weights.safetensors", "settings.json", "history.csv", "run.json")


def is_done(out: Path, identity: str) -> bool:
    """Whether ``out`` holds a whole run of these settings and sources."""
    return all((out / name).exists() for name in OUTPUTS) and read_json(out / "run.json")["identity"] == identity


def save_weights(method: nn.Module, path: Path, leave_out: Sequence[str] = ()) -> None:
    """The method's state as safetensors, atomically; without the modules named in ``leave_out``."""
    state = method.state_dict().items()
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in state if name.partition(".")[0] not in leave_out
    }
    write_bytes(path, save(tensors))


def write_history(history: list[dict[str, float]], path: Path) -> None:
    """history.csv: a row an epoch, NaN as an empty field. Without pandas, which takes half a second to import."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(history[0]) if history else [], lineterminator="\n")
            writer.writeheader()
            writer.writerows({k: "" if v != v else v for k, v in row.items()} for row in history)

    write_atomic(path, write)


def write_results(out: Path, run: RunSettings, method: nn.Module, record: dict[str, Any]) -> None:
    """Weights, settings and run.json, which comes last: a folder that has it is whole. ``record``: its content."""
    save_weights(method, out / "weights.safetensors")
    write_json(out / "settings.json", run.model_dump())
    write_json(out / "run.json", record | {"parameters": sum(p.numel() for p in method.parameters())})
