"""Extractors behind torch-fidelity's interface: those that it registers, one's own, and the small classifier for it.

The one module of a job that imports torch-fidelity: torchvision, which comes with it, brings torch's compiler, two
seconds and 200 MB that a job with the classifier alone does without.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from wae.core.errors import UserError
from wae.core.files import sha256_file
from wae.core.plugins import load_class
from wae.core.settings import ExtractorSettings
from wae.evaluation.classifier import load_classifier
from wae.evaluation.efficientnet_lite0 import EfficientNetLite0

CLASSIFIER = "wae-classifier"
INCEPTION = "inception-v3-compat"  # of torch-fidelity; its kind here is "inception"
EFFICIENTNET = "efficientnet_lite0"


class ClassifierExtractor(FeatureExtractorBase):
    """The classifier as torch-fidelity's feature extractor ``wae-classifier`` with the one layer ``features``.

    So that, once this module is imported, ``torch_fidelity.calculate_metrics(feature_extractor="wae-classifier",
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
        return ("features",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "features"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, input: Tensor) -> tuple[Tensor]:
        return (self.network(input),)


for _name, _kind in ((CLASSIFIER, ClassifierExtractor), (EFFICIENTNET, EfficientNetLite0)):
    if _name not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor(_name, _kind)


class FirstLayer(nn.Module):
    """A torch-fidelity extractor as a module that gives its one layer's features, not a tuple of layers."""

    def __init__(self, extractor: FeatureExtractorBase) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.extractor(images)[0]
        return features


def describe(settings: ExtractorSettings) -> dict[str, Any]:
    """The extractor.json of an extractor of ``settings``: kind, name, layer, channels, weights file and sha256.

    The sha256 is that of the weights file, or of the parameters where the extractor brings its own. UserError for a
    layer that it does not have and for weights that are missing, not as the settings say, or not its own.
    """
    name = INCEPTION if settings.kind == "inception" else settings.kind
    kind = extractor_class(name)
    layers = list(kind.get_provided_features_list())
    layer = settings.layer or kind.get_default_feature_layer_for_metric("fid")
    if layer not in layers:
        raise UserError(f"extractor {settings.kind} has no layer {layer!r}; it has {', '.join(layers)}")
    path = _weights(settings)
    found = _digest(construct(name, layer, None)) if path is None else sha256_file(path)
    if settings.weights_sha256 is not None and found != settings.weights_sha256:
        raise UserError(
            f"{path or settings.kind}: sha256 is {found}, the config wants {settings.weights_sha256}; "
            "take the right file or correct extractors.*.weights_sha256"
        )
    if path is not None:
        construct(name, layer, path)  # so that a wrong file stops here, and not each evaluation
    record = {"kind": settings.kind, "name": name, "layer": layer, "channels": int(getattr(kind, "channels", 3))}
    return record | {"weights": None if path is None else str(path), "sha256": found}


def restore(record: dict[str, Any]) -> nn.Module:
    """The network of an extractor.json, uint8 (n, C, H, W) to (n, D); UserError for weights gone or changed."""
    path = None if record["weights"] is None else Path(record["weights"])
    if path is not None and not path.is_file():
        raise UserError(f"{path}: the extractor's weights are gone; restore them or run the extractor stage again")
    if path is not None and sha256_file(path) != record["sha256"]:
        raise UserError(f"{path}: sha256 is not the recorded {record['sha256']}; run the extractor stage again")
    module = construct(record["name"], record["layer"], path)
    if path is None and _digest(module) != record["sha256"]:
        raise UserError(f"{record['name']}: its parameters are not the recorded ones; run the extractor stage again")
    return module


def extractor_class(name: str) -> type[Any]:
    """The extractor that torch-fidelity registers as ``name``, or the class that a dotted path names."""
    if ":" in name:
        return load_class(name, FeatureExtractorBase)
    found: type[Any] = FEATURE_EXTRACTORS_REGISTRY[name]
    return found


def construct(name: str, layer: str, weights: Path | None) -> nn.Module:
    """The network, in evaluation mode; UserError where its weights cannot be had or are not its own."""
    kind = extractor_class(name)
    try:
        if weights is not None and not name.startswith("clip-"):  # CLIP's files are TorchScript archives
            torch.load(weights, weights_only=True, map_location="cpu")  # torch-fidelity itself would run pickled code
        made = kind(name, [layer], feature_extractor_weights_path=None if weights is None else str(weights))
    except UserError:
        raise
    except NotImplementedError as error:
        raise UserError(f"torch-fidelity reads no weights file for {name}; leave extractors.*.weights out") from error
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        if weights is None:
            raise UserError(
                f"the weights of {name} cannot be had ({first}); download them elsewhere and name the file in "
                "extractors.*.weights, or use kind 'classifier' or 'efficientnet_lite0'"
            ) from error
        raise UserError(f"{weights}: not the weights of {_owner(name)} ({first})") from error
    return FirstLayer(made).eval()


def _owner(name: str) -> str:
    return name if ":" in name else f"torch-fidelity's {name}"


def _weights(settings: ExtractorSettings) -> Path | None:
    """The weights file that the settings name, or Inception's download; None for an extractor that brings its own."""
    if settings.weights is not None:
        path = Path(settings.weights).expanduser().resolve()
        if not path.is_file():
            raise UserError(f"{path}: no such weights file; correct extractors.*.weights")
        return path
    if settings.kind != "inception":
        return None
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
                "the file in extractors.*.weights, or use kind 'classifier' or 'efficientnet_lite0'"
            ) from error
    return path


def _digest(module: nn.Module) -> str:
    """sha256 of a network's parameters and buffers, by name."""
    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
