"""Feature extractors: the small classifier, one that torch-fidelity registers, or one's own."""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.core.settings import BUILT_HERE, ExtractorSettings
from wae.evaluation.classifier import load_classifier, train_classifier


@dataclass(frozen=True)
class Extractor:
    """A loaded extractor. ``name``: the config's. ``record``: extractor.json, with the sha256 of its weights.

    ``module`` takes uint8 images (n, C, H, W) to features (n, D).
    """

    name: str
    module: nn.Module
    record: dict[str, Any]

    @property
    def channels(self) -> int:
        """Channels that the network wants: most take RGB, to which grey images are repeated."""
        if self.record["kind"] in BUILT_HERE:
            return int(self.record["architecture"]["shape"][0])
        return int(self.record["channels"])


def build_extractor(
    data: str | Path,
    settings: ExtractorSettings,
    out: str | Path,
    device: torch.device | str = "cpu",
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Write an extractor's folder: extractor.json, and the weights of a classifier trained on the dataset ``data``.

    Weights of other kinds stay where they are (the settings' file, a download, a package, the class itself); their
    sha256 is recorded and, where the settings give one, compared. ``made_from``: digests, recorded as given.
    """
    if settings.kind in BUILT_HERE:
        train_classifier(data, settings, out, device, made_from)
        return
    from wae.evaluation.fidelity_extractors import describe

    record = describe(settings) | {"made_from": dict(made_from or {})}
    write_json(Path(out) / "extractor.json", record, sealed=True)


def load_extractor(folder: str | Path, device: torch.device | str = "cpu") -> Extractor:
    """The extractor in a folder that ``build_extractor`` wrote, weights checked against their recorded sha256."""
    folder = Path(folder)
    record = read_json(folder / "extractor.json", "kind", "sha256")
    if record["kind"] not in BUILT_HERE:
        return restore_extractor(extractor_name(folder), record, b"", device)
    path = folder / "weights.safetensors"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the extractor stage first")
    return restore_extractor(extractor_name(folder), record, path.read_bytes(), device, where=str(path))


def restore_extractor(
    name: str, record: dict[str, Any], weights: bytes, device: torch.device | str = "cpu", where: str = "reference.npz"
) -> Extractor:
    """The extractor ``name`` of a ``record`` (extractor.json) and, for a classifier, the bytes of its weights file."""
    if record["kind"] not in BUILT_HERE:
        from wae.evaluation.fidelity_extractors import restore

        module = restore(record)
    else:
        if hashlib.sha256(weights).hexdigest() != record["sha256"]:
            raise UserError(f"{where}: sha256 is not the recorded {record['sha256']}; delete its folder and run again")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            path.write_bytes(weights)
            module = load_classifier(path)
    return Extractor(name, module.eval().requires_grad_(False).to(device), record)


@torch.no_grad()
def extract(extractor: Extractor, images: np.ndarray | Tensor, batch_size: int = 250) -> np.ndarray:
    """Features of uint8 images (N, C, H, W): float32 (N, D).

    UserError where channels or sizes do not fit the extractor, the type is not uint8, or a feature is not finite.
    """
    tensor = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if tensor.dtype != torch.uint8 or tensor.dim() != 4:
        raise UserError(f"images are {tensor.dtype} of shape {tuple(tensor.shape)}; need uint8 (N, C, H, W)")
    if tensor.shape[1] not in (1, 3) or (tensor.shape[1] == 3 and extractor.channels == 1):
        raise UserError(f"images have {tensor.shape[1]} channels, the extractor takes {extractor.channels}")
    if extractor.record["kind"] in BUILT_HERE and list(tensor.shape[1:]) != extractor.record["architecture"]["shape"]:
        raise UserError(
            f"images are {list(tensor.shape[1:])}, extractor {extractor.name} takes "
            f"{extractor.record['architecture']['shape']} (channels, height, width); resize them, or take another "
            "extractor"
        )
    weights = chain(extractor.module.parameters(), extractor.module.buffers())
    device = next(weights, torch.empty(0)).device
    parts = []
    for part in tensor.split(batch_size):
        part = part.to(device)
        if part.shape[1] < extractor.channels:
            part = part.expand(-1, extractor.channels, -1, -1)
        found = extractor.module(part)
        if found.dim() != 2 or len(found) != len(part):
            raise UserError(
                f"extractor {extractor.name} gave features of shape {tuple(found.shape)} for {len(part)} images, need "
                f"({len(part)}, D)"
            )
        parts.append(found.float().cpu())
    features = torch.cat(parts).numpy()
    if not np.isfinite(features).all():
        raise UserError(f"{np.sum(~np.isfinite(features))} features are not finite; the extractor's weights are unfit")
    return features


def extractor_name(folder: str | Path) -> str:
    """The name of an extractor from its folder: ``classifier`` for ``classifier-1a2b3c4d``."""
    return re.sub(r"-[0-9a-f]{8}$", "", Path(folder).name)
