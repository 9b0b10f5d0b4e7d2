import math
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.shared.models import images, method, optimiser_order, training
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import RunSettings
from wae.methods.batch import Batch, Codes, batch_of
from wae.methods.wae_gan import WAEGAN


def logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))


def test_critic_takes_prior_draws_for_real_and_codes_for_fake() -> None:
    made = method("wae_gan", latent_dim=2)
    assert isinstance(made, WAEGAN)
    z, prior = torch.randn(6, 2), torch.randn(6, 2)
    d_z, d_prior = (made.logits(t).tolist() for t in (z, prior))
    expected = -np.mean([math.log(logistic(d)) for d in d_prior]) - np.mean([math.log(1 - logistic(d)) for d in d_z])
    assert made.critic_loss(made.logits(z), made.logits(prior)).item() == pytest.approx(float(expected), rel=1e-5)
    saturation = -np.mean([math.log(logistic(d)) for d in d_z])
    assert made.penalty(batch_of(Codes(z)), Streams(0)).item() == pytest.approx(float(saturation), rel=1e-5)


def test_autoencoder_step_moves_the_encoder_towards_fooling_the_critic_and_leaves_the_critic() -> None:
    made = method("wae_gan", latent_dim=2)
    assert isinstance(made, WAEGAN)
    critic = [p.detach().clone() for p in made.critic.parameters()]
    codes = Codes(torch.randn(8, 2, requires_grad=True))
    made.penalty(batch_of(codes), Streams(0)).backward()
    assert codes.z.grad is not None
    assert codes.z.grad.abs().sum() > 0
    made.zero_grad()
    made.optimisers["critic"] = torch.optim.SGD(made.critic.parameters(), lr=0.0)
    made.step(images(8), Streams(0))
    for before, after in zip(critic, made.critic.parameters(), strict=True):
        assert torch.equal(before, after)


def test_critic_step_trains_the_critic_alone_on_detached_codes() -> None:
    made = method("wae_gan", latent_dim=2, critic_learning_rate=1e-2)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    codes = Codes(torch.randn(64, 2) + 3.0)
    streams = Streams(0)
    losses = [float(made.after_step(batch_of(codes), streams)["critic"]) for _ in range(100)]
    assert losses[-1] < 0.3 < losses[0]
    changed = {key.split(".")[0] for key, value in made.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"critic"}
    assert isinstance(made, WAEGAN)
    assert made.logits(torch.zeros(1, 2)).item() > 0 > made.logits(torch.full((1, 2), 3.0)).item()


def test_the_critics_step_cannot_reach_the_encoder() -> None:
    made = method("wae_gan")
    given: list[Batch] = []
    original = made.after_step
    made.after_step = lambda batch, streams: given.append(batch) or original(batch, streams)  # type: ignore
    made.step(images(8), Streams(0))
    assert not any(tensor.requires_grad for tensor in [*given[0].codes.tensors(), given[0].output, given[0].decoded])
    assert set(given[0].kept) == {"logits"}
    for parameter in made.encoder.parameters():
        parameter.grad = None
    leaf = torch.randn(8, 4, requires_grad=True)
    batch = batch_of(Codes(leaf))
    made.penalty(batch, Streams(0))
    original(batch, Streams(0))
    assert leaf.grad is None
    assert all(parameter.grad is None for parameter in made.encoder.parameters())


def test_order_is_autoencoder_then_critic(monkeypatch: pytest.MonkeyPatch) -> None:
    made = method("wae_gan")
    order = optimiser_order(made, monkeypatch)
    made.step(images(8), Streams(0))
    assert order == ["autoencoder", "critic"]


@pytest.mark.parametrize("mixed", [False, True])
def test_fresh_codes_are_those_of_the_updated_encoder(mixed: bool) -> None:
    precision = {"mixed_precision": "bfloat16"} if mixed else {}
    for fresh in (False, True):
        made = method("wae_gan", options={"fresh_codes": fresh}, learning_rate=0.1, **precision)
        assert isinstance(made, WAEGAN)
        seen: list[Tensor] = []
        original = made.logits
        made.logits = lambda z, s=seen, o=original: s.append(z.detach().clone()) or o(z)  # type: ignore
        half = partial(torch.autocast, "cpu", torch.bfloat16, enabled=mixed)
        with half():
            before = made.encode(made.to_range(images(8)), None).z.detach()
        with half():  # as the loop has it, one context around the whole step
            made.step(images(8), Streams(0))
        with half():
            after = made.encode(made.to_range(images(8)), None).z.detach()
        torch.testing.assert_close(seen[0], before)  # for the penalty
        assert len(seen) == (3 if fresh else 2)  # and on the prior's draws; the codes of the penalty are judged once
        if fresh:
            torch.testing.assert_close(seen[2], after)


def test_codes_judged_once_train_the_critic_as_codes_judged_again() -> None:
    found = []
    for kept in (False, True):
        made = method("wae_gan", critic_learning_rate=0.1)
        assert isinstance(made, WAEGAN)
        streams = Streams(0)
        batch = batch_of(Codes(torch.linspace(-2.0, 2.0, 32).view(8, 4)))
        if kept:
            made.penalty(batch, streams)
        assert bool(batch.kept) == kept
        made.after_step(batch.detached(), streams)
        found.append(torch.cat([p.detach().flatten() for p in made.critic.parameters()]))
    assert not torch.equal(found[0], torch.cat([p.flatten() for p in method("wae_gan").critic.parameters()]))
    assert torch.equal(*found)


def test_prior_trick_adds_the_log_density_up_to_the_authors_constant() -> None:
    plain = method("wae_gan", latent_dim=5, sigma_z=1.3)
    trick = method("wae_gan", latent_dim=5, sigma_z=1.3, critic_prior_trick=True)
    assert isinstance(plain, WAEGAN)
    assert isinstance(trick, WAEGAN)
    z = torch.randn(6, 5)
    squared = z.square().sum(1)
    authors = -squared / 2 / 1.3**2 - 0.5 * math.log(2 * math.pi) - 0.5 * 5 * math.log(1.3**2)
    torch.testing.assert_close(trick.logits(z) - plain.logits(z), authors, rtol=1e-4, atol=1e-5)


def test_a_subclass_has_its_parents_options_and_its_own() -> None:
    class Mine(WAEGAN):
        """A method of somebody's own with one more option."""

        options: ClassVar[dict[str, Any]] = {"extra": 1.0}

    class Fresh(Mine):
        """The same with another default of its grandparent's option."""

        options: ClassVar[dict[str, Any]] = {"fresh_codes": True}

    assert WAEGAN.options == {"fresh_codes": False}
    assert Mine.options == {"fresh_codes": False, "extra": 1.0}
    assert Fresh.options == {"fresh_codes": True, "extra": 1.0}
    settings = training("wae_gan", width=4, depth=2, latent_dim=4, critic_width=16, options={"extra": 2.0})
    made = Mine(RunSettings(dataset="d", method="mine", seed=0, shape=[1, 8, 8], training=settings))
    made.prepare_training()
    made.step(images(8), Streams(0))
    assert made.own == {"fresh_codes": False, "extra": 2.0}


def test_a_density_that_would_be_added_to_every_pair_is_refused() -> None:
    made = method("wae_gan", critic_prior_trick=True)
    made.prior.log_density = lambda z: -z.square().sum(1, keepdim=True)  # type: ignore[method-assign]
    with pytest.raises(
        UserError, match=r"log_density of Normal gives \(6, 1\) for 6 codes, need \(6,\): sum over the dim"
    ):
        made.logits(torch.zeros(6, 4))
