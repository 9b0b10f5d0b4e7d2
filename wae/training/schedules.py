"""Learning-rate and lambda schedules: pure functions of the settings and of the epochs gone by.

A resumed run finds the same values again, as nothing but the history decides them.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from wae.core.settings import TrainingSettings

PAPER_STEPS = ((30, 2.0), (50, 5.0), (100, 10.0))  # (from epoch, divide by), epochs counted from 0
SMOOTH_END = 0.01  # factor that the smooth decay reaches at the end of the last epoch
PLATEAU_START, PLATEAU_WINDOW, PLATEAU_PATIENCE = 30, 20, 10  # epochs
PLATEAU_DIVISOR, PLATEAU_FLOOR = 1.4, 1e-6
LAMBDA_STEPS = 1000  # steps between two updates of an adaptive lambda


def learning_rate_factor(settings: TrainingSettings, epoch: int, losses: Sequence[float]) -> float:
    """What the base learning rates are multiplied by in ``epoch``, counted from 0.

    ``losses``: mean loss of each earlier epoch. constant: 1. paper: divided by 2 from epoch 30, by 5 more
    from 50, by 10 more from 100 ("manual" in the authors' code). smooth: 0.01 ** (epoch / epochs), or with epoch + 1
    in epoch's place, as in the authors' code, if ``smooth_from`` is the first epoch.
    plateau: from epoch 30 on, divided by 1.4 whenever more than 10 epochs passed without a loss below the
    least of the 20 epochs before it (the authors' code applies the same rule to single steps). stages: the factor of
    each of ``stages`` for its count of epochs; the last one's to the end.
    """
    if settings.schedule == "stages":
        ends = list(accumulate(int(count) for count, _ in settings.stages))
        return settings.stages[min(bisect_right(ends, epoch), len(ends) - 1)][1]
    if settings.schedule == "paper":
        factor = 1.0
        for start, divisor in PAPER_STEPS:
            factor /= divisor if epoch >= start else 1.0
        return factor
    if settings.schedule == "smooth":
        return SMOOTH_END ** ((epoch + (settings.smooth_from == "first")) / settings.epochs)
    if settings.schedule == "plateau":
        return _plateau(losses[:epoch])
    return 1.0


def _plateau(losses: Sequence[float]) -> float:
    factor, waited = 1.0, 0
    for epoch in range(PLATEAU_START, len(losses)):
        waited = 0 if losses[epoch] < min(losses[epoch - PLATEAU_WINDOW : epoch]) else waited + 1
        if waited > PLATEAU_PATIENCE:
            factor, waited = max(factor / PLATEAU_DIVISOR, PLATEAU_FLOOR), 0
    return factor


def lambda_at(
    settings: TrainingSettings,
    reconstructions: Sequence[float],
    penalties: Sequence[float],
    steps_per_epoch: int = LAMBDA_STEPS,
) -> float:
    """lambda in the epoch that follows those whose mean reconstruction losses and penalties are given.

    constant: the setting. adaptive: every 1,000 steps, at the end of the epoch in which they are full,
    lambda becomes the mean of itself and of reconstruction / |penalty|. The authors' code takes the last
    step's values, this the epoch's means; an epoch with penalty 0 changes nothing.
    """
    value = settings.lambda_
    if settings.lambda_schedule == "constant":
        return value
    due = [epoch * steps_per_epoch // LAMBDA_STEPS for epoch in range(len(penalties) + 1)]
    for (before, after), reconstruction, penalty in zip(pairwise(due), reconstructions, penalties, strict=True):
        for _ in range(after - before):
            value = value if penalty == 0 else 0.5 * value + 0.5 * reconstruction / abs(penalty)
    return value
