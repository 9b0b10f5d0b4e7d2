"""Feature extractors: the small classifier or torch-fidelity's Inception v3, behind torch-fidelity's interface."""

import hashlib
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from wae.errors import UserError
from wae.evaluation.classifier import load_classifier, train_classifier
from wae.files import read_json, sha256_file, write_json
from wae.settings import ExtractorSettings

CLASSIFIER = "wae-classifier"
INCEPTION = "inception-v3-compat"
LAYERS = {CLASSIFIER: "features", INCEPTION: "2048"}


class ClassifierExtractor(FeatureExtractorBase):
    """The classifier as torch-fidelity's feature extractor ``wae-classifier`` with the one layer ``features``.

    So that ``torch_fidelity.calculate_metrics(feature_extractor="wae-classifier",
    feature_extractor_weights_path="weights.safetensors", feature_layer_fid="features", ...)`` works.
    """

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name, features_list)
        if feature_extractor_weights_path is None:
            raise UserError(f"{CLASSIFIER} needs feature_extractor_weights_path, a weights.safetensors")
        self.network = load_classifier(feature_extractor_weights_path)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return (LAYERS[CLASSIFIER],)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return LAYERS[CLASSIFIER]

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, input: Tensor) -> tuple[Tensor]:
        return (self.network(input),)


if CLASSIFIER not in FEATURE_EXTRACTORS_REGISTRY:
    register_feature_extractor(CLASSIFIER, ClassifierExtractor)


@dataclass(frozen=True)
class Extractor:
    """A loaded extractor. ``record``: what extractor.json says of it, with the sha256 of its weights."""

    module: FeatureExtractorBase
    record: dict[str, Any]

    @property
    def channels(self) -> int:
        """Channels that the network wants: Inception takes RGB, to which grey images are repeated."""
        return 3 if self.record["kind"] == "inception" else int(self.record["architecture"]["shape"][0])


def build_extractor(data: str | Path, settings: ExtractorSettings, out: str | Path) -> None:
    """Write an extractor's folder: extractor.json, and the weights of a classifier trained on the dataset ``data``.

    For Inception the weights stay where they are (the settings' file, or torch-fidelity's download); their
    path and sha256 are recorded and, where the settings give one, compared.
    """
    if settings.kind == "classifier":
        train_classifier(data, settings, out)
        return
    path = _inception_weights(settings)
    found = sha256_file(path)
    if settings.weights_sha256 is not None and found != settings.weights_sha256:
        raise UserError(
            f"{path}: sha256 is {found}, the config wants {settings.weights_sha256}; "
            "take the right file or correct extractors.*.weights_sha256"
        )
    record = {"kind": "inception", "name": INCEPTION, "layer": LAYERS[INCEPTION], "weights": str(path), "sha256": found}
    _inception(record)
    write_json(Path(out) / "extractor.json", record)


def _inception_weights(settings: ExtractorSettings) -> Path:
    if settings.weights is not None:
        path = Path(settings.weights).expanduser().resolve()
        if not path.is_file():
            raise UserError(f"{path}: no such Inception weights file; correct extractors.*.weights")
        return path
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rpartition("/")[2]
    if not path.is_file():
        print(f"fetching {URL_INCEPTION_V3}", file=sys.stderr)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), hash_prefix="6726825d", progress=False)
        except Exception as error:
            raise UserError(
                f"Inception weights cannot be fetched ({error}); download {URL_INCEPTION_V3} elsewhere and name "
                "the file in extractors.*.weights, or use kind 'classifier'"
            ) from error
    return path


def _inception(record: dict[str, Any]) -> FeatureExtractorBase:
    path = Path(record["weights"])
    if not path.is_file():
        raise UserError(f"{path}: the Inception weights are gone; restore them or run the extractor stage again")
    if sha256_file(path) != record["sha256"]:
        raise UserError(f"{path}: sha256 is not the recorded {record['sha256']}; run the extractor stage again")
    try:
        torch.load(path, weights_only=True, map_location="cpu")  # torch-fidelity itself would run pickled code
        return FEATURE_EXTRACTORS_REGISTRY[INCEPTION](
            INCEPTION, [LAYERS[INCEPTION]], feature_extractor_weights_path=str(path)
        )
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise UserError(f"{path}: not the weights of torch-fidelity's {INCEPTION} ({first})") from error


def load_extractor(folder: str | Path, device: torch.device | str = "cpu") -> Extractor:
    """The extractor in a folder that ``build_extractor`` wrote, weights checked against their recorded sha256."""
    folder = Path(folder)
    record = read_json(folder / "extractor.json")
    if record["kind"] == "inception":
        return restore_extractor(record, b"", device)
    path = folder / "weights.safetensors"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the extractor stage first")
    return restore_extractor(record, path.read_bytes(), device, where=str(path))


def restore_extractor(
    record: dict[str, Any], weights: bytes, device: torch.device | str = "cpu", where: str = "reference.npz"
) -> Extractor:
    """The extractor of a ``record`` (extractor.json) and, for a classifier, the bytes of its weights file."""
    if record["kind"] == "inception":
        module = _inception(record)
    else:
        if hashlib.sha256(weights).hexdigest() != record["sha256"]:
            raise UserError(f"{where}: sha256 is not the recorded {record['sha256']}; delete its folder and run again")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            path.write_bytes(weights)
            module = ClassifierExtractor(CLASSIFIER, [LAYERS[CLASSIFIER]], feature_extractor_weights_path=str(path))
    return Extractor(module.eval().requires_grad_(False).to(device), record)


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
    if extractor.record["kind"] == "classifier" and list(tensor.shape[1:]) != extractor.record["architecture"]["shape"]:
        raise UserError(
            f"images are {list(tensor.shape[1:])}, the classifier was trained on "
            f"{extractor.record['architecture']['shape']} (channels, height, width); resize them or use 'inception'"
        )
    device = next(extractor.module.parameters()).device
    parts = []
    for part in tensor.split(batch_size):
        part = part.to(device)
        if part.shape[1] < extractor.channels:
            part = part.expand(-1, extractor.channels, -1, -1)
        parts.append(extractor.module(part)[0].cpu())
    features = torch.cat(parts).numpy()
    if not np.isfinite(features).all():
        raise UserError(f"{np.sum(~np.isfinite(features))} features are not finite; the extractor's weights are unfit")
    return features


def extractor_name(folder: str | Path) -> str:
    """The name of an extractor from its folder: ``classifier`` for ``classifier-1a2b3c4d``."""
    return re.sub(r"-[0-9a-f]{8}$", "", Path(folder).name)
