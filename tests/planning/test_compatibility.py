from typing import Any

import pytest

from tests.shared.models import CELEBA, IMPLEMENTATIONS, MNIST, training
from wae.commands.check import ATTRIBUTES
from wae.core.errors import UserError
from wae.core.plugins import load
from wae.planning.compatibility import check


def offers(implementation: str) -> dict[str, Any]:
    """What a Method class says of itself."""
    found = load(implementation)
    return {name: getattr(found, name) for name in ATTRIBUTES if hasattr(found, name)}


def refusal(name: str = "wae_mmd", shape: tuple[int, ...] = (1, 28, 28), **changes: Any) -> str:
    settings = training(name, **changes)
    with pytest.raises(UserError) as caught:
        check(settings, shape, offers(settings.implementation))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_impossible_combinations_are_refused_with_reason_and_remedy() -> None:
    assert "set prior to 'normal'" in refusal(encoder="gaussian", prior="sphere")
    assert "critic_prior_trick" in refusal("wae_gan", critic_prior_trick=True, prior="uniform")
    assert "leave it at 1" in refusal("vae", encoder_noise=2.0)
    assert "set it to 1e-08, theirs, at most" in refusal("vae", gaussian_floor=0.01)
    assert "list stages with schedule 'stages'" in refusal(schedule="stages")
    assert "list stages with schedule 'stages'" in refusal(stages=[[1, 1.0]])
    assert "only an mlp for pixels in [0, 1]" in refusal(output_bias="mean_image")
    assert "only an mlp for pixels in [0, 1]" in refusal(
        output_bias="mean_image", architecture="mlp", pixel_range="minus_one_one"
    )
    assert "grey levels are probabilities" in refusal(binarise="each_draw", pixel_range="minus_one_one")
    assert "set encoder to 'gaussian'" in refusal("aae", encoder_noise=2.0)
    assert "needs pixels in [0, 1]" in refusal("ae", cost="bce", pixel_range="minus_one_one")
    assert refusal("vae", encoder="deterministic") == "encoder 'deterministic': VAE takes 'gaussian'; set one of them"
    assert "RAEL2 takes" in refusal("rae_l2", encoder="implicit")
    assert "prior 'sphere': RAEL2 takes 'normal'" in refusal("rae_l2", prior="sphere")
    assert "needs pixels in [0, 1]" in refusal("vae", pixel_range="minus_one_one")
    assert "likelihood" in refusal("vae", cost="l1")
    assert "or take the method beta_vae" in refusal("vae", lambda_=3.0)
    assert "set lambda_schedule to 'constant'" in refusal("vae", lambda_schedule="adaptive")
    assert "image side 28 with decoder_depth 3" in refusal(decoder_depth=3, width=16)
    assert "set decoder_depth to 2" in refusal(decoder_depth=3, width=16)
    assert "pad or resize" in refusal(shape=(1, 27, 28), decoder_depth=2)
    assert "set width to a multiple of 8" in refusal(width=12, depth=1, shape=(1, 32, 32), decoder_depth=3)
    assert "two points" in refusal(prior="sphere", latent_dim=1)
    assert "VAE takes 'normal'" in refusal("vae", prior="mine:Prior")
    assert "write 3 in decoder_hidden, or set decoder_depth to 1" in refusal(hidden=[8, 16])
    assert "decoder_hidden gives the decoder 2 widths" in refusal(hidden=[8, 16, 32], decoder_hidden=[8, 8])
    assert "add them to hidden" in refusal(architecture="mlp", extra_dense=10)
    assert "add them to hidden" in refusal(architecture="mlp", decoder_dense=10)
    assert "with compile" in refusal(dropout=0.1, compile=True)
    assert "at least 7" in refusal("wae_mmd_rff", random_features=5)


def test_possible_combinations_pass() -> None:
    for name in IMPLEMENTATIONS:
        settings = training(name)
        check(settings, (1, 28, 28), offers(settings.implementation))
    for settings, shape in ((MNIST, (1, 28, 28)), (CELEBA, (3, 64, 64))):
        check(training(**settings), shape, offers("wae.methods.wae_mmd:WAEMMD"))
    check(training(architecture="mlp", decoder_depth=3), (1, 27, 29), {})
    own = training(architecture="mine:networks", prior="mine:Prior", cost="mine:cost", decoder_depth=3)
    check(own, (1, 27, 29), offers(own.implementation))
    vae = training("vae", authors=True)
    assert vae.gaussian_floor == 1e-8
    check(vae, (1, 28, 28), offers(vae.implementation))
    check(training(encoder="gaussian", gaussian_floor=0.01), (1, 28, 28), offers("wae.methods.wae_mmd:WAEMMD"))
    check(training(hidden=[5, 7, 9], extra_dense=4, dropout=0.5), (1, 28, 28), {})
    tuned = training("beta_vae", lambda_=3.0, lambda_schedule="adaptive")
    check(tuned, (1, 28, 28), offers(tuned.implementation))


def test_what_only_a_gaussian_encoder_has_is_refused_of_others() -> None:
    for changes in ({"noise_draws": "repeated"}, {"encoder_head": "log_sd"}):
        with pytest.raises(UserError, match=f"{next(iter(changes))} .* with encoder 'pixel_noise': only a Gaussian"):
            check(training("wae_mmd", encoder="pixel_noise", **changes), (1, 28, 28), {})
        check(training("wae_mmd", encoder="gaussian", **changes), (1, 28, 28), {})
