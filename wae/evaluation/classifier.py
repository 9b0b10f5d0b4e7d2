"""The small network whose features the distances use, as a trained classifier or as it is drawn; its weights file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from wae.compute.adam import LeanAdam
from wae.compute.seeds import stream
from wae.core.errors import UserError
from wae.core.files import read_json, sha256_file, write_bytes, write_json
from wae.core.settings import ExtractorSettings
from wae.data.source import Split, load
from wae.data.split import train_validation_indices

UNTRAINED_CLASSES = 2  # of a head that nothing reads
MAX_WIDTH = 8  # the widest convolution has at most so many times the channels of the first


class Classifier(nn.Module):
    """Convolutions of stride 2 until the grid is at most 4 pixels a side, a linear layer, logits.

    The features are the linear layer's output *before* its ReLU, so that no dimension is dead, centred
    and divided by one number: over the training images they have mean 0 and variance 1, averaged over
    dimensions. A Frechet distance of these features is in units of that variance.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int, features: int) -> None:
        """For images of ``shape`` (C, H, W); ``width`` channels in the first convolution, then doubling."""
        super().__init__()
        channels, height, wide = shape
        self.shape = (channels, height, wide)
        layers: list[nn.Module] = []
        level = 0
        while level == 0 or max(height, wide) > 4:
            out = width * min(2**level, MAX_WIDTH)
            layers += [nn.Conv2d(channels, out, 3, stride=2, padding=1), nn.ReLU()]
            channels, height, wide = out, (height + 1) // 2, (wide + 1) // 2
            level += 1
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.linear = nn.Linear(channels * height * wide, features)
        self.head = nn.Linear(features, classes)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(()))

    def hidden(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) to the linear layer's output (n, D), float32."""
        output: Tensor = self.linear(self.convolutions(images.float() / 255.0 - 0.5))
        return output

    def logits(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) to class scores (n, K)."""
        scores: Tensor = self.head(functional.relu(self.hidden(images)))
        return scores

    def classify(self, features: Tensor) -> Tensor:
        """Standardised features (n, D) to class scores (n, K), those of the images that they are of."""
        scores: Tensor = self.head(functional.relu(features * self.scale + self.mean))
        return scores

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) to standardised features (n, D), float32."""
        return (self.hidden(images) - self.mean) / self.scale


def train_classifier(
    data: str | Path,
    settings: ExtractorSettings,
    out: str | Path,
    device: torch.device | str = "cpu",
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Train a classifier on the prepared dataset in ``data``; write weights.safetensors and extractor.json in ``out``.

    With kind "random" the network stays as it is drawn, and no label is needed: only the mean and scale of its features
    are of the training images (random embeddings, as in Naeem et al. 2020). A classifier never sees the images that
    ``validation_fraction`` holds back, on which weights of methods may be tuned.
    Adam with a learning rate that falls to 0 (one cosine), cross-entropy, no augmentation, one seed: the
    same settings give the same file. ``made_from``: digests, recorded as given. UserError for a dataset without labels
    or with a single class.
    """
    train, test = load(data, "train"), load(data, "test")
    kept, held_back = train_validation_indices(len(train.images), settings.validation_fraction)
    trained = settings.kind == "classifier"
    classes = _classes(train, data) if trained else UNTRAINED_CLASSES
    if len(held_back):
        train = Split(train.images[kept], None if train.labels is None else train.labels[kept])
    shape = tuple(int(side) for side in train.images.shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(settings.seed, "init").initial_seed())
        network = Classifier(shape, classes, settings.width, settings.features)  # type: ignore[arg-type]
    network, images = network.to(device), torch.from_numpy(train.images).to(device)
    epochs = 0
    if trained and train.labels is not None:
        labels = torch.from_numpy(np.array(train.labels, dtype=np.int64))
        epochs = _fit(network, images, labels.to(device), settings)
    _standardise(network, images)
    if not float(network.scale) > 0.0:
        raise UserError(f"{data}: all training images give the same features; are they one image? Check the dataset")
    architecture = {"shape": list(shape), "classes": classes, "width": settings.width, "features": settings.features}
    out = Path(out)
    weights = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    metadata = {"architecture": json.dumps(architecture, sort_keys=True)}
    write_bytes(out / "weights.safetensors", save(weights, metadata))
    record: dict[str, Any] = {
        "kind": settings.kind,
        "architecture": architecture,
        "layers": "3x3 convolutions of stride 2 with ReLU, linear layer (features, before ReLU), linear layer",
        "parameters": sum(p.numel() for p in network.parameters()),
        "epochs": epochs,
        "images": len(train.images),
        "validation_fraction": settings.validation_fraction,
        "seed": settings.seed,
        "train_accuracy": accuracy(network, train) if trained else None,
        "test_accuracy": accuracy(network, test) if trained else None,
        "dataset": read_json(Path(data) / "meta.json"),
        "sha256": sha256_file(out / "weights.safetensors"),
        "settings": settings.model_dump(),
        "made_from": dict(made_from or {}),
    }
    write_json(out / "extractor.json", record, sealed=True)


def _classes(train: Split, data: str | Path) -> int:
    """How many classes the labels have; UserError for fewer than two, or no labels."""
    remedy = "take extractor random, efficientnet_lite0 or inception"
    if train.labels is None:
        raise UserError(
            f"{data}: the dataset has no labels, so no classifier can be trained on it; {remedy}, or give the dataset "
            "labels"
        )
    classes = int(train.labels.max()) + 1
    if classes < 2:
        raise UserError(f"{data}: all labels are the same class; a classifier needs 2 or more; {remedy}")
    return classes


def _fit(network: Classifier, images: Tensor, labels: Tensor, settings: ExtractorSettings) -> int:
    """Train in place; returns the number of epochs, at least the settings' and enough for ``min_steps``."""
    batch = min(settings.batch_size, len(images))
    steps_per_epoch = len(images) // batch
    epochs = max(settings.epochs, -(-settings.min_steps // steps_per_epoch))
    optimiser = LeanAdam(network.parameters(), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps_per_epoch)
    order = stream(settings.seed, "order")
    network.train()
    for _ in range(epochs):
        permutation = torch.randperm(len(images), generator=order)
        for step in range(steps_per_epoch):
            chosen = permutation[step * batch : (step + 1) * batch].to(images.device)
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(network.logits(images[chosen]), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    network.eval()
    return epochs


@torch.no_grad()
def _standardise(network: Classifier, images: Tensor) -> None:
    """Set ``mean`` and ``scale`` so that the training images' features have mean 0 and mean variance 1."""
    hidden = torch.cat([network.hidden(part) for part in images.split(250)]).double()
    network.mean.copy_(hidden.mean(0))
    network.scale.copy_(hidden.var(0).mean().sqrt())


@torch.no_grad()
def accuracy(network: Classifier, split: Split) -> float | None:
    """Share of images that get their label; None where the split has no labels."""
    if split.labels is None:
        return None
    parts = torch.from_numpy(split.images).split(250)
    device = network.mean.device
    predicted = torch.cat([network.logits(part.to(device)).argmax(1) for part in parts]).cpu().numpy()
    return float(np.mean(predicted == split.labels))


def load_classifier(path: str | Path) -> Classifier:
    """The classifier in a weights file that ``train_classifier`` wrote; UserError if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            architecture = json.loads((file.metadata() or {})["architecture"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = Classifier(
            tuple(architecture["shape"]), architecture["classes"], architecture["width"], architecture["features"]
        )
        network.load_state_dict(weights)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; run the extractor stage first") from error
    except (SafetensorError, KeyError, ValueError, RuntimeError, OSError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise UserError(f"{path}: not a classifier's weights ({first}); delete it and run again") from error
    return network.eval().requires_grad_(False)
