import signal

import numpy as np
import pytest
import torch

from tests.shared.models import images, method
from wae.compute.seeds import Streams
from wae.core.errors import StopSignalError
from wae.training.pretraining import moment_loss, pretrain


def test_moment_loss_is_that_of_means_and_unbiased_covariances() -> None:
    z, prior = torch.randn(30, 3, dtype=torch.float64) * 2 + 1, torch.randn(20, 3, dtype=torch.float64)
    a, b = z.numpy(), prior.numpy()
    expected = ((a.mean(0) - b.mean(0)) ** 2).mean() + ((np.cov(a.T) - np.cov(b.T)) ** 2).mean()
    assert float(moment_loss(z, prior)) == pytest.approx(expected)


def test_pretraining_matches_moments_and_touches_only_the_encoder() -> None:
    made = method("wae_mmd", latent_dim=4, pretrain_steps=200, pretrain_samples=256, learning_rate=1e-3, sigma_z=2.0)
    decoder = {key: value.clone() for key, value in made.decoder.state_dict().items()}
    losses = pretrain(made, images(300), Streams(0))
    assert losses[0] > 1.0
    assert losses[-1] < 0.1
    assert all(loss >= 0.1 for loss in losses[:-1])
    assert all(torch.equal(value, decoder[key]) for key, value in made.decoder.state_dict().items())
    again = method("wae_mmd", latent_dim=4, pretrain_steps=200, pretrain_samples=256, learning_rate=1e-3, sigma_z=2.0)
    assert pretrain(again, images(300), Streams(0)) == losses


def test_pretraining_ends_at_a_stop_signal() -> None:
    made = method("wae_mmd", pretrain_steps=10**6, pretrain_samples=10, sigma_z=50.0)
    stop: list[int] = []
    made.encoder.register_forward_pre_hook(lambda *_: stop.append(signal.SIGTERM))
    message = "stopped by SIGTERM in pre-training, before its step 2; the same command begins it again"
    with pytest.raises(StopSignalError, match=message):
        pretrain(made, images(20), Streams(0), stop)


def test_pretraining_takes_at_most_its_steps_and_all_images_if_there_are_fewer() -> None:
    made = method("wae_mmd", pretrain_steps=3, pretrain_samples=1000, sigma_z=5.0)
    assert len(pretrain(made, images(20), Streams(0))) == 3
