"""Which optimiser steps which parameter: each exactly one, or a refusal that names it."""

from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from wae.core import reserved
from wae.core.errors import UserError


def parameters_of(optimiser: Optimizer) -> Iterator[nn.Parameter]:
    """The parameters that ``optimiser`` steps."""
    for group in optimiser.param_groups:
        yield from group["params"]


def unowned(module: nn.Module, others: Iterable[Optimizer], shared: Iterable[nn.Module] = ()) -> list[nn.Parameter]:
    """Parameters of ``module`` that none of ``others`` steps, and those of ``shared`` modules all the same."""
    owned = {id(parameter) for optimiser in others for parameter in parameters_of(optimiser)}
    owned -= {id(parameter) for part in shared for parameter in part.parameters()}
    return [parameter for parameter in module.parameters() if id(parameter) not in owned]


def check_owned(module: nn.Module, optimisers: dict[str, Optimizer], shared: Iterable[nn.Module]) -> None:
    """UserError that names a parameter of ``module`` in no optimiser, or in two; ``shared`` modules may be in two."""
    owners: dict[int, list[str]] = {}
    for name, optimiser in optimisers.items():
        for parameter in parameters_of(optimiser):
            owners.setdefault(id(parameter), []).append(name)
    allowed = {id(parameter) for part in shared for parameter in part.parameters()}
    for path, parameter in module.named_parameters():
        found = owners.get(id(parameter), [])
        if not found:
            raise UserError(
                f"parameter {path!r} of {type(module).__name__} is in no optimiser: it would never be trained; add it "
                "to one in further_optimisers, or make it a buffer"
            )
        if len(found) > 1 and id(parameter) not in allowed:
            raise UserError(
                f"parameter {path!r} of {type(module).__name__} is in {len(found)} optimisers "
                f"({', '.join(found)}): each would step it; leave it in one, or name its module in `shared`"
            )


def check_reached(module: nn.Module, optimiser: Optimizer) -> None:
    """UserError that names a parameter of ``optimiser`` that the backward pass gave no gradient."""
    reached = {id(parameter) for parameter in parameters_of(optimiser) if parameter.grad is not None}
    owned = {id(parameter) for parameter in parameters_of(optimiser)}
    for path, parameter in module.named_parameters():
        if id(parameter) in owned - reached:
            raise UserError(
                f"parameter {path!r} of {type(module).__name__} gets no gradient from the loss: it would never be "
                "trained; let the penalty or the reconstruction depend on it, make it a buffer, or give it an "
                "optimiser of its own in further_optimisers and step it in after_step"
            )


def check_penalty(name: str, penalty: object, weight: float) -> None:
    """UserError unless the penalty of the method ``name`` is a scalar that something trained has a gradient of.

    With ``weight`` 0 it may be a constant.
    """
    check_scalar(f"the penalty of {name}", penalty)
    if weight and isinstance(penalty, Tensor) and not penalty.requires_grad:
        raise UserError(
            f"the penalty of {name} has no gradient: it would change nothing, at lambda_ = {weight:g}; compute it from "
            "batch.codes.z without detach, numpy or no_grad, or set lambda_ to 0"
        )


def check_scalar(name: str, value: object) -> None:
    """UserError unless ``value`` is a tensor of one number without axes, of floats: what a loss can be made of."""
    if not isinstance(value, Tensor):
        raise UserError(f"{name} is {type(value).__name__}, need a tensor without axes, such as values.mean()")
    if value.dim() or not value.is_floating_point():
        kind = str(value.dtype).removeprefix("torch.")
        raise UserError(f"{name} is {kind} of shape {tuple(value.shape)}, need one float: take its mean")


def check_extra(name: str, extra: Mapping[str, object]) -> None:
    """UserError unless what ``after_step`` of the method ``name`` gives is tensors of one number, by names of its own.

    A column of the suite's would lose its values to it, and with them whatever reads it: schedules, scores, pages.
    """
    for column, value in extra.items():
        if column in reserved.HISTORY:
            raise UserError(
                f"after_step of {name} gives {column!r}, a column of the history that is the suite's own; rename it"
            )
        if not isinstance(value, Tensor) or value.dim():
            found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise UserError(f"after_step of {name} gives {column!r} as {found}, need a tensor without axes: its mean")
