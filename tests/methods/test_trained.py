"""What can be asked of a trained method."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.shared.models import images, method, steps
from wae.compute.seeds import stream
from wae.core.errors import UserError


def test_samples_are_decoded_draws_of_the_prior_from_the_seeds_own_stream() -> None:
    made = method("wae_mmd", prior="sphere", learning_rate=5e-3)
    steps(made, images(32), 40, 16)
    state = torch.get_rng_state()
    found = made.sample(7, seed=3)
    assert (found.dtype, tuple(found.shape)) == (torch.uint8, (7, 1, 8, 8))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(found, made.sample(7, seed=3))
    assert not torch.equal(found, made.sample(7, seed=4))
    made.eval()
    with torch.no_grad():
        pixels = torch.sigmoid(made.decoder(made.prior.sample(7, stream(3, "samples"))))
    assert torch.equal(found, (pixels * 255).round().to(torch.uint8))


@pytest.mark.parametrize("encoder", ["gaussian", "implicit", "pixel_noise"])
def test_reconstructions_are_in_evaluation_mode_without_noise_and_the_mode_comes_back(encoder: str) -> None:
    made = method("wae_mmd", encoder=encoder, dropout=0.4)
    steps(made, images(32), 3, 16)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    x = images(5)
    found = made.reconstruct(x)
    assert made.training
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())  # no batch statistics
    made.eval()
    with torch.no_grad():
        z = made.encode(made.to_range(x), None).z
        assert torch.equal(found, (torch.sigmoid(made.decoder(z)) * 255).round().to(torch.uint8))
    assert torch.equal(found, made.reconstruct(x.numpy()))
    assert not made.training
    assert not made.encode_images(x).z.requires_grad


def test_batches_are_bounded_and_change_nothing() -> None:
    made = method("vae")
    seen: list[int] = []
    for network in (made.encoder, made.decoder):
        network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    x = images(11)
    codes = made.encode_images(x, batch_size=4)
    assert codes.mean is not None
    assert codes.log_variance is not None
    assert (codes.z.shape, codes.mean.shape, codes.log_variance.shape) == ((11, 4), (11, 4), (11, 4))
    assert torch.equal(codes.z, codes.mean)
    assert seen == [4, 4, 3]
    made.decode_images(codes.z, batch_size=5)
    assert seen[3:] == [5, 5, 1]
    seen.clear()
    made.sample(501, seed=0)
    assert max(seen) <= 250
    torch.testing.assert_close(made.encode_images(x).z, codes.z, rtol=1e-5, atol=1e-6)


def test_images_of_another_type_or_shape_are_refused() -> None:
    made = method("wae_mmd")
    for wrong in (
        torch.zeros(2, 1, 8, 8),
        torch.zeros(2, 8, 8, 1, dtype=torch.uint8),
        np.zeros((2, 3, 8, 8), np.uint8),
    ):
        with pytest.raises(UserError, match=r"need uint8 \('n', 1, 8, 8\)"):
            made.encode_images(wrong)


def test_the_mode_comes_back_after_an_error() -> None:
    made = method("wae_mmd")
    made.decoder = nn.Linear(3, 3)
    with pytest.raises(RuntimeError):
        made.decode_images(torch.zeros(2, 4))
    assert made.training
