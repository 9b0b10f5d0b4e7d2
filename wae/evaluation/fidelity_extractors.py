"""What goes through torch-fidelity: its Inception v3, and the small classifier behind its interface.

The one module of a job that imports torch-fidelity: torchvision, which comes with it, brings torch's compiler, two
seconds and 200 MB that a job with the classifier alone does without.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from wae.core.errors import UserError
from wae.core.files import sha256_file
from wae.core.settings import ExtractorSettings
from wae.evaluation.classifier import load_classifier

CLASSIFIER = "wae-classifier"
INCEPTION = "inception-v3-compat"
LAYERS = {CLASSIFIER: "features", INCEPTION: "2048"}


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


def inception_weights(settings: ExtractorSettings) -> Path:
    """The weights file that the settings name, or torch-fidelity's download; UserError where there is none."""
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


class FirstLayer(nn.Module):
    """A torch-fidelity extractor as a module that gives its one layer's features, not a tuple of layers."""

    def __init__(self, extractor: FeatureExtractorBase) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.extractor(images)[0]
        return features


def inception(record: dict[str, Any]) -> nn.Module:
    """The network of an extractor.json, uint8 (n, 3, H, W) to (n, 2048).

    UserError for weights that are gone, changed or not Inception's.
    """
    path = Path(record["weights"])
    if not path.is_file():
        raise UserError(f"{path}: the Inception weights are gone; restore them or run the extractor stage again")
    if sha256_file(path) != record["sha256"]:
        raise UserError(f"{path}: sha256 is not the recorded {record['sha256']}; run the extractor stage again")
    try:
        torch.load(path, weights_only=True, map_location="cpu")  # torch-fidelity itself would run pickled code
        kind = FEATURE_EXTRACTORS_REGISTRY[INCEPTION]
        return FirstLayer(kind(INCEPTION, [LAYERS[INCEPTION]], feature_extractor_weights_path=str(path)))
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise UserError(f"{path}: not the weights of torch-fidelity's {INCEPTION} ({first})") from error
