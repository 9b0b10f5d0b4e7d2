"""What every method is: encoder, decoder, prior, and one training step that only its penalty changes."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from wae.compute.adam import LeanAdam
from wae.compute.seeds import Streams
from wae.core.settings import RunSettings
from wae.models import networks, priors


@dataclass
class Codes:
    """Codes of n images. ``z``: (n, d_z). A Gaussian encoder also gives ``mean`` and ``log_variance``."""

    z: Tensor
    mean: Tensor | None = None
    log_variance: Tensor | None = None

    def leaves(self) -> "Codes":
        """The same values as leaves of a new graph, to take the penalty's own gradient."""
        copy = self.detached()
        for tensor in copy.tensors():
            tensor.requires_grad_()
        return copy

    def detached(self) -> "Codes":
        """The same values without their graph."""
        mean = None if self.mean is None else self.mean.detach()
        log_variance = None if self.log_variance is None else self.log_variance.detach()
        return Codes(self.z.detach(), mean, log_variance)

    def tensors(self) -> list[Tensor]:
        """z, and mean and log_variance where there are any."""
        return [tensor for tensor in (self.z, self.mean, self.log_variance) if tensor is not None]


def no_mark(part: str) -> None:
    """The default of ``step``'s ``mark``: does nothing."""


class Method(nn.Module):
    """Base of all methods: loss = cost_weight * cost + lambda * penalty (WAE paper, equation 4).

    A method of your own derives from this class and defines ``penalty``; ``after_step`` trains what
    else it has (a critic). Class attributes say what it can be combined with; they are literals, as the
    plan reads them from the source text without importing torch.
    """

    encoders: ClassVar[tuple[str, ...]] = ("deterministic", "pixel_noise", "gaussian", "implicit")
    priors: ClassVar[tuple[str, ...]] = ("normal", "uniform", "sphere")
    options: ClassVar[dict[str, Any]] = {}  # defaults of the method's own options
    training_only: ClassVar[tuple[str, ...]] = ()  # modules that no code or image depends on; snapshots leave them out
    keeps_penalty_graph: ClassVar[bool] = False  # whether ``after_step`` goes on from the graph that ``penalty`` built

    def __init__(self, run: RunSettings) -> None:
        super().__init__()
        self.settings = run.training
        self.shape = tuple(run.shape)
        self.own = {**type(self).options, **run.training.options}
        self.encoder = networks.build_encoder(self.settings, self.shape)
        self.decoder = networks.build_decoder(self.settings, self.shape)
        self.prior = priors.build_prior(self.settings)
        self.lambda_ = self.settings.lambda_  # the loop changes it under an adaptive schedule
        self.optimisers: dict[str, torch.optim.Optimizer] = {}

    # What a method defines -------------------------------------------------------------------------

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """The penalty of a batch of codes: a scalar, differentiable in the codes' tensors."""
        raise TypeError(f"{type(self).__name__} defines no penalty")

    def after_step(self, x: Tensor, codes: Codes, streams: Streams) -> dict[str, Tensor]:
        """Train what the method has besides encoder and decoder; returns scalars for the history.

        ``x`` (n, C, H, W, in the network's range) is the batch, ``codes`` its codes before the step, detached.
        """
        return {}

    def reconstruction_loss(self, output: Tensor, x: Tensor) -> Tensor:
        """Weighted cost of the decoder's ``output`` against ``x`` (both in the network's range): a scalar."""
        return self.settings.cost_weight * networks.cost(self.settings.cost, self.activate(output), x)

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimisers by name; "autoencoder" steps encoder and decoder."""
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        return {"autoencoder": self.adam(parameters, self.settings.learning_rate)}

    # What all share --------------------------------------------------------------------------------

    def prepare_training(self) -> None:
        """Memory layout, optimisers and compiler as the settings ask, for steps on the device the method is on.

        The compiler makes code for each batch size of its own. Left to itself it makes code for any size at the
        second one, and takes minutes to simplify the sizes of convolutions with "SAME" padding; and all networks
        of a process share its limit of eight, beyond which they run uncompiled.
        """
        if self.settings.channels_last:
            self.to(memory_format=torch.channels_last)
        self.optimisers = self.build_optimisers()
        if self.settings.compile:
            torch.use_deterministic_algorithms(True)  # the compiler's own switch; left to here, as it costs an import
            for network in (self.encoder, self.decoder):
                network.compile(dynamic=False, isolate_recompiles=True)

    def adam(self, parameters: Iterable[Any], learning_rate: float) -> torch.optim.Adam:
        """Adam with the run's betas; ``base_lr`` in each group is what the schedule scales."""
        s = self.settings
        optimiser = LeanAdam(parameters, lr=learning_rate, betas=(s.adam_beta1, s.adam_beta2), fused=True)
        for group in optimiser.param_groups:
            group["base_lr"] = group["lr"]
        return optimiser

    def step(self, images: Tensor, streams: Streams, mark: Callable[[str], None] = no_mark) -> dict[str, Tensor]:
        """One training step on ``images``, uint8 (n, C, H, W); returns detached scalars for the history.

        They are loss = reconstruction + lambda * penalty, its two terms (the penalty without lambda), the strength
        of lambda * penalty's gradient at the codes, and what ``after_step`` adds.

        ``mark(part)`` is called as each part ends, so that the timing study sees where time goes. The
        penalty's gradient is taken on its own and handed to the backward pass of the reconstruction:
        the same gradient as of the sum, without gradients for the critic's weights.
        """
        x = self.to_range(images)
        mark("data")
        codes = self.encode(x, streams)
        reconstruction = self.reconstruction_loss(self.decoder(codes.z).float(), x)
        mark("forward")
        leaves = codes.leaves()
        with torch.autocast(x.device.type, enabled=False):  # mixed precision is for encoder and decoder alone
            penalty = self.penalty(leaves, streams)
            gradients = self._penalty_gradients(leaves, penalty)
            carriers = [(t * g).sum() for t, g in zip(codes.tensors(), gradients, strict=True) if g is not None]
            strength = self._strength(gradients, penalty)
        mark("penalty")
        self.optimisers["autoencoder"].zero_grad(set_to_none=True)
        torch.autograd.backward([reconstruction, *carriers])
        mark("backward")
        self.optimisers["autoencoder"].step()
        mark("optimiser")
        with torch.autocast(x.device.type, enabled=False):
            extra = self.after_step(x, codes.detached(), streams)
        mark("critic")
        value = penalty.detach()
        reconstruction = reconstruction.detach()
        loss = reconstruction + self.lambda_ * value
        own = {"loss": loss, "reconstruction": reconstruction, "penalty": value, "penalty_gradient": strength}
        return {**own, **extra}

    def _penalty_gradients(self, leaves: Codes, penalty: Tensor) -> list[Tensor | None]:
        """Gradients of lambda * penalty with respect to the codes' tensors, None where there is none.

        ``step`` hands them on as sums of products with the codes. Gradients given to ``backward`` itself would do
        the same, but it imports sympy to compare their shapes.
        """
        if not penalty.requires_grad:  # no penalty on the codes, as in a plain autoencoder
            return [None] * len(leaves.tensors())
        weighted, keep = self.lambda_ * penalty, self.keeps_penalty_graph
        return list(torch.autograd.grad(weighted, leaves.tensors(), retain_graph=keep, allow_unused=True))

    @staticmethod
    def _strength(gradients: list[Tensor | None], penalty: Tensor) -> Tensor:
        """sqrt(n) times the norm of the penalty's gradients, n the batch: what the typical code feels of it.

        The penalty is a mean over n codes, so the gradient at one of them shrinks as 1 / n; n times its root mean
        square over the codes does not depend on n.
        """
        present = [g for g in gradients if g is not None]
        if not present:
            return torch.zeros_like(penalty)
        norms = torch.stack([torch.linalg.vector_norm(g) for g in present])
        return math.sqrt(len(present[0])) * torch.linalg.vector_norm(norms)

    def to_range(self, images: Tensor) -> Tensor:
        """uint8 images to floats in the network's pixel range, [0, 1] or [-1, 1]."""
        x = images.float().div_(255.0)
        return x if self.settings.pixel_range == "zero_one" else x.mul_(2.0).sub_(1.0)

    def activate(self, output: Tensor) -> Tensor:
        """The decoder's output (pre-activation) as pixels in the network's range."""
        return torch.sigmoid(output) if self.settings.pixel_range == "zero_one" else torch.tanh(output)

    def encode(self, x: Tensor, streams: Streams | None) -> Codes:
        """Codes of ``x`` (n, C, H, W, in the network's range); without streams all encoder noise is off."""
        noise = None if streams is None else streams["noise"]
        if noise is not None and self.settings.encoder == "pixel_noise":
            x = x + networks.truncated_normal(x.shape, self.settings.pixel_noise, noise, x.device)
        hidden = self.encoder(x).float()
        if self.settings.encoder == "gaussian":
            mean, log_variance = hidden.chunk(2, dim=1)
            log_variance = log_variance.clamp(-50.0, 50.0)  # as in the authors' code
            if noise is None:
                return Codes(self.prior.project(mean), mean, log_variance)
            epsilon = torch.randn(mean.shape, generator=noise, device=mean.device)
            return Codes(self.prior.project(mean + torch.exp(0.5 * log_variance) * epsilon), mean, log_variance)
        if isinstance(self.encoder, networks.ImplicitEncoder):
            hidden = self.encoder.perturb(hidden, noise)
        return Codes(self.prior.project(hidden))

    @torch.no_grad()
    def encode_images(self, images: Tensor, streams: Streams | None = None) -> Codes:
        """Codes of uint8 images (n, C, H, W), for evaluation (call ``eval()`` first)."""
        return self.encode(self.to_range(images), streams)

    @torch.no_grad()
    def decode_images(self, z: Tensor) -> Tensor:
        """Codes (n, d_z) to uint8 images (n, C, H, W): clamped to the range and rounded, not rescaled."""
        pixels = self.activate(self.decoder(z)).float()
        if self.settings.pixel_range == "minus_one_one":
            pixels = (pixels + 1.0) / 2.0
        return pixels.mul(255.0).round_().clamp_(0, 255).to(torch.uint8)


def build(run: RunSettings) -> Method:
    """The method that ``run`` names, with weights drawn from the run's own "init" stream.

    torch's layers draw from the global generator; it is seeded inside a fork, so nothing outside moves.
    """
    from wae.compute.seeds import stream
    from wae.core.files import load_object

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(run.seed, "init").initial_seed())
        method: Method = load_object(run.training.implementation)(run)
    return method
