"""That the device that is not there refuses what CUDA refuses, and finds faults that are put into the project."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cuda.pretend import pretend
from tests.cuda.rules import CUDA, DeviceMismatchError
from tests.cuda.runs import REAL, run_of, whole
from tests.cuda.tensors import OnCuda
from wae.compute import seeds
from wae.evaluation import distances, pictures, subjects
from wae.methods import autoencoder
from wae.methods.base import Method
from wae.models import priors

pytestmark = pytest.mark.skipif(REAL, reason="of the device that is not there")


def test_the_device_that_is_not_there_refuses_what_cuda_refuses() -> None:
    with pretend():
        x = torch.ones(4, 3).to("cuda")
        refused = [
            lambda: x + torch.ones(4, 3),
            lambda: torch.ones(3)[torch.zeros(1, dtype=torch.long, device="cuda")],
            lambda: x.numpy(),
            lambda: np.asarray(x),
            lambda: torch.cat([x, torch.ones(4, 3)]),
            lambda: torch.stack([x.sum(), torch.tensor(1.0)]),
            lambda: torch.randn(3, device="cuda", generator=torch.Generator()),
            lambda: torch.randn(3, generator=torch.Generator("cuda")),
            lambda: torch.empty(3, device="cuda").exponential_(generator=torch.Generator()),
            lambda: x.index_select(0, torch.tensor([0])),
            lambda: torch.histc(x),
            lambda: torch.nn.functional.linear(x, torch.ones(2, 3)),
            lambda: x.flatten().kthvalue(2),
        ]
        for call in refused:
            with pytest.raises((RuntimeError, TypeError)):
                call()
        assert isinstance(x * torch.tensor(2.0), OnCuda)  # a CPU scalar is allowed, as on CUDA
        assert isinstance(x[torch.tensor([0])], OnCuda)  # and so are CPU indices
        assert not isinstance(x.cpu(), OnCuda)
        loss = (x.clone().requires_grad_() ** 2).sum()
        loss.backward()


def cpu_prior(patch: pytest.MonkeyPatch) -> None:
    real = priors.Normal.sample
    patch.setattr(priors.Normal, "sample", lambda self, n, g: torch.randn(n, self.dim) * self.sigma if g else real)


def cpu_noise(patch: pytest.MonkeyPatch) -> None:
    def noise(shape, sigma, generator, device):
        return sigma * torch.randn(shape)

    patch.setattr(autoencoder, "truncated_normal", noise)


def cpu_generator(patch: pytest.MonkeyPatch) -> None:
    real = seeds.stream
    patch.setattr(seeds, "stream", lambda seed, purpose, device="cpu": real(seed, purpose))


def no_cpu_of_features(patch: pytest.MonkeyPatch) -> None:
    def extract(extractor, images, batch_size=250):
        tensor = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
        return torch.cat([extractor.module(part.to(CUDA)) for part in tensor.split(batch_size)]).numpy()

    patch.setattr(distances, "extract", extract)


def no_cpu_of_images(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(subjects, "decode", lambda m, z, b: torch.cat([m.decode_images(part) for part in z.split(b)]))
    patch.setattr(pictures, "decode", subjects.decode)


def histogram_in_the_penalty(patch: pytest.MonkeyPatch) -> None:
    real = Method._strength
    patch.setattr(Method, "_strength", staticmethod(lambda g, p: real(g, p) + 0.0 * torch.histc(g[0]).sum()))


@pytest.mark.parametrize(
    "fault", [cpu_prior, cpu_noise, cpu_generator, no_cpu_of_features, no_cpu_of_images, histogram_in_the_penalty]
)
def test_an_injected_fault_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises((DeviceMismatchError, RuntimeError, TypeError, AttributeError)):
        whole(run_of("wae_mmd", encoder="pixel_noise"), made, tmp_path)
