"""The training step against gradients computed apart from it, in double precision."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.shared.models import IMPLEMENTATIONS, images, method
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import RunSettings
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.wae_gan import WAEGAN
from wae.methods.wae_mmd import WAEMMD
from wae.models.layers import Dropout
from wae.models.priors import Normal


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def gradients_in_a_step(made: Method, n: int) -> dict[str, Tensor]:
    """What the autoencoder's optimiser is given in one step, by the parameter's name."""
    found: dict[str, Tensor] = {}
    optimiser = made.optimisers["autoencoder"]

    def note() -> None:
        owned = {id(p) for group in optimiser.param_groups for p in group["params"]}
        named = {name: p for name, p in made.named_parameters() if id(p) in owned}
        found.update({name: p.grad.clone() for name, p in named.items() if p.grad is not None})
        assert set(found) == set(named)

    optimiser.step = note  # type: ignore[method-assign, assignment]
    made.step(images(n), Streams(0))
    return found


def independent_gradients(made: Method, n: int, weights: tuple[float, float] = (1.0, 2.5)) -> dict[str, Tensor]:
    """Gradients of reconstruction and penalty with these weights, by name, of what has any."""
    streams = Streams(0)
    x = made.to_range(images(n))
    codes = made.encode(x, streams)
    output = made.decoder(codes.z)
    penalty = made.penalty(Batch(x, codes, output, codes.z), streams)
    loss = weights[0] * made.reconstruction_loss(output, x) + weights[1] * penalty
    critic = {f"critic.{name}" for name, _ in made.critic.named_parameters()} if isinstance(made, WAEGAN) else set()
    named = {name: p for name, p in made.named_parameters() if name not in critic}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values()), allow_unused=True), strict=True))


CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in IMPLEMENTATIONS if name != "pca"),
    ("vae", {"likelihood": "learned_gaussian"}),
    ("wae_gan", {"options": {"fresh_codes": True}}),
    ("wae_gan", {"critic_prior_trick": True, "encoder": "gaussian"}),
    ("wae_mmd", {"encoder": "implicit", "prior": "uniform", "architecture": "mlp"}),
    ("swae", {"prior": "sphere"}),
    ("wae_mmd", {"hidden": [4, 6, 5], "dropout": 0.2, "activation": "elu", "extra_dense": 7}),
    ("wae_mmd", {"architecture": "tests.models.test_own:pair", "cost": "tests.models.test_own:halved"}),
    ("swae", {"prior": "tests.models.test_own:Shifted"}),
]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("name", "changes"), CASES)
def test_step_has_the_gradient_of_reconstruction_plus_lambda_times_penalty(name: str, changes: dict[str, Any]) -> None:
    found = gradients_in_a_step(method(name, lambda_=2.5, **changes), 8)
    expected = independent_gradients(method(name, lambda_=2.5, **changes), 8)
    assert set(found) == set(expected)
    for key, gradient in expected.items():
        assert gradient.dtype == torch.float64
        torch.testing.assert_close(found[key], gradient, rtol=1e-9, atol=1e-12, msg=key)
    if name not in ("ae", "aae"):  # the fixture can tell: without penalty, and without reconstruction, it is another
        for weights in ((1.0, 0.0), (0.0, 2.5)):
            other = independent_gradients(method(name, lambda_=2.5, **changes), 8, weights)
            last = next(key for key in reversed(expected) if key.startswith("encoder"))
            lone = other[last]
            assert lone is None or (lone - found[last]).norm() > 1e-4 * found[last].norm()


class Learned(Normal):
    """N(m, s^2 I) with m and s learned."""

    def __init__(self, dim: int, sigma: float) -> None:
        super().__init__(dim, sigma)
        self.mean = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.mean + self.log_scale.exp() * super().sample(n, generator)


class LearnedPrior(WAEMMD):
    """WAE-MMD with a prior that moves towards the codes as well."""

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        self.prior = Learned(self.settings.latent_dim, self.settings.sigma_z)


class Forgetful(WAEMMD):
    """Has a parameter that its loss does not depend on."""

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        self.width = nn.Parameter(torch.ones(3))


class KernelWidth(Forgetful):
    """Its penalty depends on a parameter, on the images and on the decoder's output."""

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        return (self.width.sum() * batch.codes.z.mean() + (batch.output * batch.x).mean()).square()


class OwnEncoder(WAEMMD):
    """Replaces its encoder by one with dropout."""

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        size = math.prod(self.shape)
        self.encoder = nn.Sequential(nn.Flatten(), Dropout(0.5), nn.Linear(size, self.settings.latent_dim))


class Unowned(WAEGAN):
    """Leaves a parameter to nobody."""

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        optimisers = super().build_optimisers()
        del optimisers["critic"]
        return optimisers


class Twice(WAEGAN):
    """Gives the critic to both optimisers."""

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {**super().build_optimisers(), "autoencoder": self.adam(self.parameters(), 1e-3)}


def own(kind: type[Method], **changes: Any) -> Method:
    """A method defined here, ready to step."""
    training = method("wae_mmd", **changes).settings
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = kind(RunSettings(dataset="d", method="own", seed=0, shape=[1, 8, 8], training=training))
    made.prepare_training()
    return made.train()


def test_a_learned_prior_and_a_kernels_width_are_trained_without_a_line_for_it() -> None:
    for kind, names in ((LearnedPrior, ("prior.mean", "prior.log_scale")), (KernelWidth, ("width",))):
        made = own(kind, learning_rate=0.01)
        before = {name: p.detach().clone() for name, p in made.named_parameters()}
        streams = Streams(0)
        for _ in range(3):
            made.step(images(16), streams)
        moved = {name for name, p in made.named_parameters() if not torch.equal(p, before[name])}
        assert moved == set(before) >= set(names)


@pytest.mark.usefixtures("double")
def test_a_learned_priors_gradient_is_that_of_the_loss() -> None:
    found = gradients_in_a_step(own(LearnedPrior), 8)
    expected = independent_gradients(own(LearnedPrior), 8, (1.0, 1.0))
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-9, atol=1e-12, msg=key)
    assert expected["prior.mean"].abs().min() > 0


def test_a_parameter_without_an_optimiser_or_with_two_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"'critic\.0\.weight' of Unowned is in no optimiser"):
        own(Unowned)
    with pytest.raises(UserError, match=r"'critic\.0\.weight' of Twice is in 2 optimisers \(autoencoder, critic\)"):
        own(Twice)


def test_a_parameter_that_the_loss_does_not_reach_is_refused_by_name() -> None:
    made = own(Forgetful)
    with pytest.raises(UserError, match="'width' of Forgetful gets no gradient from the loss"):
        made.step(images(8), Streams(0))


def test_the_discriminator_gets_no_gradient_from_the_autoencoders_step() -> None:
    made = method("wae_gan")
    assert isinstance(made, WAEGAN)
    made.after_step = lambda batch, streams: {}  # type: ignore[method-assign]
    made.step(images(8), Streams(0))
    assert all(p.grad is None for p in made.critic.parameters())
    assert all(p.grad is not None for p in made.encoder.parameters())


@pytest.mark.parametrize(
    ("draw", "library"), [(torch.randn_like, "torch"), (lambda z: float(np.random.rand()) * z, "NumPy")]
)
def test_a_draw_from_a_global_generator_is_refused(draw: Any, library: str) -> None:
    class Careless(WAEMMD):
        def penalty(self, batch: Batch, streams: Streams) -> Tensor:
            return super().penalty(batch, streams) + (batch.codes.z * draw(batch.codes.z)).mean()

    class Late(WAEMMD):
        def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
            draw(batch.codes.z)
            return {}

    for kind in (Careless, Late):
        with pytest.raises(
            UserError, match=f"{kind.__name__}, or .* of its own, drew from {library}'s global generator"
        ):
            own(kind).step(images(8), Streams(0))


def test_a_penalty_that_nothing_trained_has_a_gradient_of_is_refused() -> None:
    class Detached(WAEMMD):
        def penalty(self, batch: Batch, streams: Streams) -> Tensor:
            return batch.codes.z.detach().square().mean()

    with pytest.raises(UserError, match=r"the penalty of Detached has no gradient: .* at lambda_ = 2\.5"):
        own(Detached, lambda_=2.5).step(images(8), Streams(0))
    own(Detached, lambda_=0.0).step(images(8), Streams(0))
    method("ae", lambda_=1.0).step(images(8), Streams(0))  # whose lambda weighs nothing


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda z: 1.0, "is float, need a tensor without axes"),
        (lambda z: None, "is NoneType, need a tensor without axes"),
        (lambda z: z.mean(1), r"is float32 of shape \(8,\), need one float: take its mean"),
        (lambda z: z.mean().long(), r"is int64 of shape \(\), need one float"),
    ],
)
def test_a_penalty_that_is_no_number_is_one_line_with_the_methods_name(value: Any, message: str) -> None:
    class Odd(WAEMMD):
        def penalty(self, batch: Batch, streams: Streams) -> Tensor:
            return value(batch.codes.z)  # type: ignore[no-any-return]

    made = own(Odd)
    with pytest.raises(UserError, match=f"the penalty of Odd {message}"):
        made.step(images(8), Streams(0))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"loss": torch.tensor(7.0)}, "'loss', a column of the history that is the suite's own; rename it"),
        ({"step": torch.tensor(3.0)}, "'step', a column"),
        ({"own": 1.0}, "'own' as float, need a tensor without axes"),
        ({"own": torch.ones(2)}, r"'own' as shape \(2,\), need"),
    ],
)
def test_scalars_of_after_step_that_replace_a_column_or_are_none_are_refused(extra: Any, message: str) -> None:
    class Extra(WAEMMD):
        def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
            return extra  # type: ignore[no-any-return]

    with pytest.raises(UserError, match=f"after_step of Extra gives {message}"):
        own(Extra).step(images(8), Streams(0))


def test_a_reconstruction_loss_that_is_no_number_is_one_line() -> None:
    class PerImage(WAEMMD):
        def reconstruction_loss(self, output: Tensor, x: Tensor) -> Tensor:
            return (self.activate(output) - x).square().flatten(1).sum(1)

    made = own(PerImage)
    with pytest.raises(
        UserError, match=r"the reconstruction loss of PerImage is float32 of shape \(8,\), need one float"
    ):
        made.step(images(8), Streams(0))


def test_any_optimiser_follows_the_schedule() -> None:
    class Wasserstein(WAEGAN):
        def further_optimisers(self) -> dict[str, torch.optim.Optimizer]:
            return {"critic": torch.optim.RMSprop(self.critic.parameters(), 5e-5)}

    (group,) = own(Wasserstein).optimisers["critic"].param_groups
    assert group["base_lr"] == group["lr"] == 5e-5


def test_dropout_of_networks_that_replace_the_suites_draws_from_the_runs_stream() -> None:
    method, x = own(OwnEncoder), torch.rand(4, 1, 8, 8)
    first, second = (method.encode(x, Streams(seed)).z for seed in (0, 1))
    assert torch.equal(first, method.encode(x, Streams(0)).z)
    assert not torch.equal(first, second)
