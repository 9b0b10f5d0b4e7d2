"""The folder of one run: what training leaves there."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from wae.compute.checkout import git_state
from wae.compute.machine import processor, versions
from wae.core.errors import UserError
from wae.core.files import check_files, csv_text, read_json, sha256_file, write_bytes, write_json, write_text
from wae.core.layout import RunFolder
from wae.core.plugins import plugin_versions
from wae.core.settings import RunSettings
from wae.planning.fingerprint import own_code, own_sources
from wae.planning.jobs import plugins_of


def is_done(folder: RunFolder, identity: str) -> bool:
    """Whether ``folder`` holds a whole run of these settings and sources."""
    outputs = (folder.weights, folder.settings, folder.history, folder.record)
    if not all(path.exists() for path in outputs):
        return False
    try:
        record = read_json(folder.record, "identity")
        if record["identity"] != identity:
            return False
        check_files(folder.path, record.get("sha256", {}), "training begins again")
    except UserError as error:
        print(error, file=sys.stderr)
        return False
    return True


def differing(folder: RunFolder, made_from: Mapping[str, str]) -> list[str]:
    """What the finished run in ``folder`` was made from otherwise: "settings", "code", "data"; none where none is."""
    try:
        former = read_json(folder.record, "made_from")["made_from"]
    except UserError:
        return []
    return [name for name, value in made_from.items() if former.get(name) != value]


def save_weights(method: nn.Module, path: Path, leave_out: Sequence[str] = ()) -> str:
    """The method's state as safetensors, atomically; without the modules named in ``leave_out``. Returns its sha256."""
    state = method.state_dict().items()
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in state if name.partition(".")[0] not in leave_out
    }
    content = save(tensors)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def write_history(history: list[dict[str, float]], path: Path) -> None:
    """history.csv: one row per epoch, NaN as an empty field. Without pandas, which takes half a second to import."""
    columns = list(history[0]) if history else []
    rows = ([None if row[name] != row[name] else row[name] for name in columns] for row in history)
    write_text(path, csv_text(columns, rows))


def write_results(
    folder: RunFolder, run: RunSettings, method: nn.Module, record: dict[str, Any], snapshots: dict[str, str]
) -> None:
    """Weights, settings and run.json, which comes last: a folder that has it is whole. ``record``: its content.

    ``snapshots``: the sha256 of each, by file name. run.json has that of every file which later stages read.
    """
    digests = {folder.weights.name: save_weights(method, folder.weights)}
    write_json(folder.settings, run.model_dump())
    digests |= {path.name: sha256_file(path) for path in (folder.settings, folder.history)}
    digests |= {f"{folder.snapshots.name}/{name}": found for name, found in snapshots.items()}
    plugins = plugins_of(run.training)
    commit, clean = git_state(own_sources(plugins))
    record |= {
        "versions": versions() | plugin_versions(plugins),
        "commit": commit,
        "clean_tree": clean,
        "own_code": own_code(plugins),
    }
    record |= {"machine": processor(), "parameters": sum(p.numel() for p in method.parameters()), "sha256": digests}
    write_json(folder.record, record, sealed=True)
