"""The disk that the runs of a plan need, from the widths of their networks."""

from wae.core.plugins import OWN, load_class
from wae.core.widths import critic_weights, network_weights
from wae.planning.plan import Plan

BYTES_PER_WEIGHT = 4
RUN_BYTES = 1_000_000  # pictures, tables and logs of a run, generously
IN_CHECKPOINTS = 9  # numbers per weight: itself and Adam's two moments, in two files and one that is being written


def bytes_needed(plan: Plan, jobs: int) -> int:
    """What all runs of ``plan`` leave on disk, and the checkpoints of the ``jobs`` that train at the same time."""
    left, training = 0, 0
    for run in plan.runs:
        settings = run.training
        networks = network_weights(settings, tuple(run.shape))
        critic = critic_weights(settings) if _has_critic(settings.implementation) else 0
        kept = networks * (1 + min(settings.snapshots, settings.epochs)) + critic  # which snapshots leave out
        left += RUN_BYTES + BYTES_PER_WEIGHT * kept
        training = max(training, BYTES_PER_WEIGHT * IN_CHECKPOINTS * (networks + critic))
    return left + training * min(max(jobs, 1), len(plan.runs))


def _has_critic(implementation: str) -> bool:
    """Whether the method has a latent discriminator; of one of the user's own, whose code is not run here, it may."""
    if implementation.partition(".")[0] not in OWN:
        return True
    from wae.methods.base import Method

    return "critic" in load_class(implementation, Method).training_only
