"""What every method is: encoder, decoder, prior, and one training step that only its penalty changes."""

import math
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from wae.compute.adam import LeanAdam, TensorFlowAdam
from wae.compute.global_draws import check_no_draws, global_states
from wae.compute.seeds import Streams
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.autoencoder import BATCH, Autoencoder, binarised
from wae.methods.batch import Batch
from wae.methods.facts import Line, MethodFacts, Option
from wae.methods.optimisers import (
    check_extra,
    check_owned,
    check_penalty,
    check_reached,
    check_scalar,
    parameters_of,
    unowned,
)


def no_mark(part: str) -> None:
    """The default of ``step``'s ``mark``: does nothing."""


class Method(Autoencoder):
    """Base of all methods: loss = cost_weight * cost + lambda * penalty (WAE paper, equation 4).

    A method of your own derives from this class and defines ``penalty``; ``after_step`` trains what else it has (a
    critic). Class attributes say what it can be combined with.
    """

    title: ClassVar[str] = ""  # in tables and figures; by default the class's name
    colour: ClassVar[str] = ""  # "#rrggbb"; colour, marker and line are the report's choice where empty
    marker: ClassVar[str] = ""  # of matplotlib
    line: ClassVar[Line] = ""  # of matplotlib: "--", or an offset and the lengths of dashes and gaps
    paper: ClassVar[str] = ""  # citation
    lambda_weighs: ClassVar[str] = "penalty"  # "mmd" (the paper's MMD), "kl", "nothing", or another "penalty"
    lambda_meaning: ClassVar[str] = "weight of the penalty"
    encoders: ClassVar[tuple[str, ...]] = ("deterministic", "pixel_noise", "gaussian", "implicit")
    priors: ClassVar[tuple[str, ...]] = ("normal", "uniform", "sphere", "own")
    options: ClassVar[dict[str, Any]] = {}  # defaults of the method's own options, added to those of its parents
    training_only: ClassVar[tuple[str, ...]] = ()  # modules that no code or image depends on; snapshots leave them out
    shared: ClassVar[tuple[str, ...]] = ()  # modules that more than one optimiser steps, on purpose

    def __init__(self, run: RunSettings) -> None:
        self.check_settings(run.training, tuple(run.shape))
        super().__init__(run)
        self.lambda_ = self.settings.lambda_  # the loop changes it under an adaptive schedule
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self._checked = False  # whether a backward pass has been seen to reach every parameter

    @classmethod
    def facts(cls) -> MethodFacts:
        """What is known of the method, for whoever shows it. Title, look and paper are not inherited."""
        own = {name: vars(cls).get(name, "") for name in ("title", "colour", "marker", "line", "paper")}
        return MethodFacts(
            **own | {"title": own["title"] or cls.__name__},
            lambda_weighs=cls.lambda_weighs,
            lambda_meaning=cls.lambda_meaning,
            vae_like=hasattr(cls, "likelihoods"),
            encoders=cls.encoders,
            priors=cls.priors,
            likelihoods=getattr(cls, "likelihoods", ()),
            options={name: Option(type(value).__name__, value) for name, value in cls.options.items()},
        )

    # What a method defines -------------------------------------------------------------------------

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError, one line, for settings of runs on images of ``shape`` (C, H, W) that the method cannot take.

        For what no class attribute can say. The plan's job asks it before any other starts, and so does a run.
        """

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """The penalty of a batch: a scalar, differentiable in the codes and in whatever else it trains.

        It has a gradient from the first step on. What it puts in ``batch.kept`` reaches ``after_step`` with its graph.
        """
        raise TypeError(f"{type(self).__name__} defines no penalty")

    def fit(self, images: Tensor) -> None:
        """Set what is found in closed form from all training images, uint8 (N, C, H, W), before the first step.

        Here the decoder's last bias, where ``output_bias`` asks for it: the logit of the mean image, which is clipped
        to [0.001, 0.999] as in the code of Burda et al. 2016.
        """
        if self.settings.output_bias == "mean_image":
            total = torch.zeros(images.shape[1:], dtype=torch.int64, device=images.device)
            for part in images.split(BATCH):  # exact; all at once, a sum makes a copy of eight bytes a pixel
                total += part.sum(0, dtype=torch.int64)
            mean = (total.double() / len(images)).flatten() / 255.0
            last = [module for module in self.decoder.modules() if isinstance(module, nn.Linear)][-1]
            with torch.no_grad():
                last.bias.copy_(torch.logit(mean.clamp(0.001, 0.999)))

    def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
        """Train what the method has besides the autoencoder; returns scalars for the history, the same at every step.

        They are tensors without axes, by names that are no column of every history (``wae.core.reserved.HISTORY``).
        ``batch`` is the step's, as it was before the step, without its graph but for what ``penalty`` kept.
        """
        return {}

    def reconstruction_loss(self, output: Tensor, x: Tensor) -> Tensor:
        """Weighted cost of the decoder's ``output`` against ``x`` (both in the network's range): a scalar."""
        return self.settings.cost_weight * self.cost(self.activate(output), x)

    def log_likelihood(self, output: Tensor, x: Tensor) -> Tensor | None:
        """log p(x | z) in nats of each image, (n,), from the decoder's ``output`` and ``x`` as the loss takes them.

        None where the decoder's output is no distribution of images.
        """
        return None

    def further_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimisers by name besides "autoencoder"; ``after_step`` steps them."""
        return {}

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimisers by name; "autoencoder", stepped on the loss, has every parameter that no other one has."""
        others = self.further_optimisers()
        parameters = unowned(self, others.values(), self._shared())
        return {"autoencoder": self.adam(parameters, self.settings.learning_rate), **others}

    def mixed(self) -> torch.autocast:
        """The precision of encoder and decoder in training, for ``after_step``, which else computes in float32.

        Without autocast's cache, which holds weights from before the step.
        """
        wanted = self.settings.mixed_precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted, cache_enabled=False)

    # What all share --------------------------------------------------------------------------------

    def prepare_training(self) -> None:
        """Memory layout, optimisers and compiler as the settings ask, for steps on the device the method is on.

        UserError for a parameter that no optimiser steps, or two.

        The compiler makes code for each batch size of its own. Left to itself it makes code for any size at the
        second one, and takes minutes to simplify the sizes of convolutions with "SAME" padding; and all networks
        of a process share its limit of eight, beyond which they run uncompiled.
        """
        if self.settings.channels_last:
            self.to(memory_format=torch.channels_last)
        self.optimisers = self.build_optimisers()
        check_owned(self, self.optimisers, self._shared())
        for group in (group for optimiser in self.optimisers.values() for group in optimiser.param_groups):
            group.setdefault("base_lr", group["lr"])  # which schedules multiply
        if self.settings.compile:
            torch.use_deterministic_algorithms(True)  # the compiler's own switch; left to here, as it costs an import
            # A compiled backward pass reuses the graph's memory, unless told that ``kept`` may need the graph again.
            import_module("torch._functorch.config").donated_buffer = False  # type: ignore[attr-defined]
            for network in (self.encoder, self.decoder):
                network.compile(dynamic=False, isolate_recompiles=True)

    def _shared(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self.shared]

    def adam(self, parameters: Iterable[Any], learning_rate: float) -> torch.optim.Adam:
        """Adam in the form, and with the betas and epsilon, of the run."""
        s = self.settings
        form = TensorFlowAdam if s.adam == "tensorflow" else LeanAdam
        betas = (s.adam_beta1, s.adam_beta2)
        optimiser = form(parameters, lr=learning_rate, betas=betas, eps=s.adam_epsilon, amsgrad=s.amsgrad, fused=True)
        if s.adam_second_moment:
            optimiser.start_second_moments(s.adam_second_moment)
        return optimiser

    def step(self, images: Tensor, streams: Streams, mark: Callable[[str], None] = no_mark) -> dict[str, Tensor]:
        """One training step on ``images``, uint8 (n, C, H, W); returns detached scalars for the history.

        They are loss = reconstruction + lambda * penalty, its two terms (the penalty without lambda), the strength
        of lambda * penalty's gradient at the codes (``_strength``), and what ``after_step`` adds. UserError at the
        first step if a parameter gets no gradient, the penalty has none, or a global generator was drawn from.

        ``mark(part)`` is called as each part ends, so that the timing study sees where time goes. The backward pass
        is one, of the whole loss, for the parameters that the autoencoder's optimiser steps and no others.
        """
        optimiser = self.optimisers["autoencoder"]
        first, states = not self._checked, None
        if first and not self.settings.compile:  # the compiler may draw for itself
            states = global_states(images.device)
        x = self.to_range(images)
        if self.settings.binarise == "each_draw":
            x = binarised(x, streams["noise"])
        mark("data")
        codes = self.encode(x, streams)
        output = self.decoder(codes.z).to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):  # mixed precision is for encoder and decoder alone
            reconstruction = self.reconstruction_loss(output, x)
        mark("forward")
        norms: list[Tensor] = []
        batch = Batch(x, codes.map(lambda tensor: _noted(tensor, norms)), output, codes.z)
        with torch.autocast(x.device.type, enabled=False):
            penalty = self.penalty(batch, streams)
        if first:
            check_scalar(f"the reconstruction loss of {type(self).__name__}", reconstruction)
            weighs = self.settings.lambda_ if self.lambda_weighs != "nothing" else 0.0
            check_penalty(type(self).__name__, penalty, weighs)
        loss = reconstruction + self.lambda_ * penalty
        mark("penalty")
        optimiser.zero_grad(set_to_none=True)
        # Without others the inputs are all parameters, and to name them takes 1.5% of a small network's step.
        inputs = list(parameters_of(optimiser)) if len(self.optimisers) > 1 else None
        loss.backward(inputs=inputs, retain_graph=bool(batch.kept))
        if first:
            check_reached(self, optimiser)
        mark("backward")
        optimiser.step()
        mark("optimiser")
        with torch.autocast(x.device.type, enabled=False):
            extra = self.after_step(batch.detached(), streams)
        if states is not None:
            check_no_draws(type(self).__name__, states, images.device)
        check_extra(type(self).__name__, extra)
        self._checked = True
        mark("critic")
        own = {"loss": loss, "reconstruction": reconstruction, "penalty": penalty}
        scalars = {name: value.detach() for name, value in own.items()}
        return {**scalars, "penalty_gradient": self._strength(norms, penalty, len(x)), **extra}

    @staticmethod
    def _strength(norms: list[Tensor], penalty: Tensor, n: int) -> Tensor:
        """sqrt(n) times the norm of lambda * penalty's gradient at the n codes: what the typical code feels of it.

        The penalty is a mean over n codes, so the gradient at one of them shrinks as 1 / n; n times its root mean
        square over the codes does not depend on n. ``norms``: of the gradients at z, mean and log_variance. What a
        penalty does to the codes by way of the decoder's output is not in it.
        """
        if not norms:
            return torch.zeros_like(penalty, requires_grad=False)
        return math.sqrt(n) * torch.linalg.vector_norm(torch.stack(norms))


def _noted(tensor: Tensor, norms: list[Tensor]) -> Tensor:
    """The same tensor under another name, whose gradient in a backward pass adds its norm to ``norms``."""
    alias = tensor.view_as(tensor)
    if alias.requires_grad:
        alias.register_hook(lambda gradient: norms.append(torch.linalg.vector_norm(gradient)))
    return alias


def build(run: RunSettings) -> Method:
    """The method that ``run`` names, with weights drawn from the run's own "init" stream.

    torch's layers draw from the global generator; it is seeded inside a fork, so nothing outside moves.
    """
    from wae.compute.seeds import stream
    from wae.core.plugins import load_class

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(run.seed_for("init"), "init").initial_seed())
        method: Method = load_class(run.training.implementation, Method)(run)
    return method
