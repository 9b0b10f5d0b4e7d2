import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.shared.models import CELEBA, MNIST, images, method, steps
from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.training.pretraining import pretrain


def falls(made: Method, data: Tensor, count: int, batch: int) -> None:
    losses = steps(made, data, count, batch)
    tenth = max(count // 10, 5)
    assert all(math.isfinite(loss) for loss in losses)
    assert np.mean(losses[-tenth:]) < np.mean(losses[:tenth]), (losses[:3], losses[-3:])


PAPER = {"initialisation": "truncated_normal", "encoder": "pixel_noise", "pretrain_steps": 200}


@pytest.mark.parametrize("name", ["wae_mmd", "wae_gan", "vae"])
def test_narrow_paper_networks_learn(name: str) -> None:
    common = (
        PAPER
        | {"width": 4, "critic_width": 32, "learning_rate": 2e-3}
        | ({"encoder": "gaussian"} if name == "vae" else {})
    )
    falls(method(name, (1, 28, 28), **MNIST | common, lambda_=1.0), images(100, (1, 28, 28)), 40, 16)
    changes = CELEBA | common | {"likelihood": "gaussian", "critic_prior_trick": True, "latent_dim": 16}
    falls(method(name, (3, 64, 64), **changes, lambda_=1.0), images(30, (3, 64, 64)), 25, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wae_mmd", "wae_gan", "vae"])
def test_mnist_network_of_an_eighth_width_on_real_mnist(name: str, data_root: Path) -> None:
    raw = (data_root / "MNIST/raw/train-images-idx3-ubyte").read_bytes()
    data = torch.from_numpy(np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:6000].copy())
    changes = MNIST | PAPER | {"width": 16, "lambda_": 10.0, "critic_width": 128}
    changes |= {"pretrain_steps": 20, "pretrain_samples": 300}
    changes |= {"encoder": "gaussian", "lambda_": 1.0} if name == "vae" else {}
    made = method(name, (1, 28, 28), **changes)
    if name != "vae":
        pretrain(made, data, Streams(1))
    falls(made, data, 300, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wae_mmd", "wae_gan", "vae"])
def test_celeba_network_of_a_sixteenth_width_on_generated_images(name: str) -> None:
    changes = CELEBA | PAPER | {"width": 8, "lambda_": 100.0, "likelihood": "gaussian", "critic_width": 128}
    changes |= {"encoder": "gaussian", "lambda_": 1.0, "learning_rate": 1e-4} if name == "vae" else {}
    changes |= {"critic_prior_trick": True, "lambda_": 1.0, "learning_rate": 3e-4} if name == "wae_gan" else {}
    falls(method(name, (3, 64, 64), **changes), images(300, (3, 64, 64)), 200, 8)
