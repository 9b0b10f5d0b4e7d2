import itertools

import pytest
from pydantic import ValidationError

from tests.shared.models import training
from wae.training.schedules import lambda_at, learning_rate_factor


def factors(schedule: str, losses: list[float], epochs: int) -> list[float]:
    settings = training(schedule=schedule, epochs=epochs)
    return [learning_rate_factor(settings, epoch, losses[:epoch]) for epoch in range(epochs)]


def test_constant() -> None:
    assert factors("constant", [1.0] * 200, 200) == [1.0] * 200


def test_the_papers_steps() -> None:
    found = factors("paper", [1.0] * 130, 130)
    expected = [1.0] * 30 + [0.5] * 20 + [0.1] * 50 + [0.01] * 30
    assert found == pytest.approx(expected)


def test_smooth_decay_ends_at_a_hundredth() -> None:
    found = factors("smooth", [1.0] * 50, 50)
    assert found[0] == 1.0
    assert found[25] == pytest.approx(0.1)
    ratios = [b / a for a, b in itertools.pairwise(found)]
    assert ratios == pytest.approx([ratios[0]] * 49)
    assert found[-1] * ratios[0] == pytest.approx(0.01)


def test_stages_take_turns_and_the_last_one_stays() -> None:
    settings = training(schedule="stages", epochs=9, stages=[[1, 1.0], [3, 0.7], [2, 0.1]])
    found = [learning_rate_factor(settings, epoch, []) for epoch in range(9)]
    assert found == [1.0, 0.7, 0.7, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1]
    for wrong in ([0, 1.0], [1.5, 1.0], [1, 0.0], [1]):
        with pytest.raises(ValidationError):
            training(schedule="stages", stages=[wrong])


def authors_plateau(losses: list[float], epochs: int) -> list[float]:
    """The rule of the authors' training loop with one step an epoch, written as they run it."""
    decay, wait, seen, used = 1.0, 0, [], []
    for epoch in range(epochs):
        used.append(decay)
        loss = losses[epoch]
        if epoch >= 30:
            if loss < min(seen[-20:]):
                wait = 0
            else:
                wait += 1
            if wait > 10:
                decay = max(decay / 1.4, 1e-6)
                wait = 0
        seen.append(loss)
    return used


@pytest.mark.parametrize("period", [3, 9, 12, 25])
def test_plateau_is_the_authors_rule(period: int) -> None:
    losses = [100.0 / (1 + i // period) + (i * 7919 % 13) * 0.01 for i in range(200)]
    assert factors("plateau", losses, 200) == pytest.approx(authors_plateau(losses, 200))
    assert factors("plateau", [1.0] * 1000, 1000)[-1] == pytest.approx(1e-6)


def test_plateau_leaves_falling_losses_alone() -> None:
    assert factors("plateau", [1.0 / (i + 1) for i in range(100)], 100) == [1.0] * 100


def test_constant_lambda() -> None:
    assert lambda_at(training(lambda_=7.0), [1.0, 2.0], [0.1, 0.2], 500) == 7.0


def test_adaptive_lambda_moves_halfway_every_thousand_steps() -> None:
    settings = training(lambda_=10.0, lambda_schedule="adaptive")
    reconstructions, penalties = [4.0, 6.0, 3.0], [-0.5, 0.25, 0.1]
    assert lambda_at(settings, [], [], 1000) == 10.0
    assert lambda_at(settings, reconstructions[:1], penalties[:1], 999) == 10.0
    first = 0.5 * 10.0 + 0.5 * 4.0 / 0.5
    assert lambda_at(settings, reconstructions[:1], penalties[:1], 1000) == first
    second = 0.5 * first + 0.5 * 6.0 / 0.25
    assert lambda_at(settings, reconstructions[:2], penalties[:2], 1000) == second
    assert lambda_at(settings, reconstructions[:2], penalties[:2], 600) == 0.5 * 10.0 + 0.5 * 6.0 / 0.25
    twice = 0.5 * (0.5 * 10.0 + 0.5 * 8.0) + 0.5 * 8.0
    assert lambda_at(settings, reconstructions[:1], penalties[:1], 2500) == twice


def test_adaptive_lambda_ignores_an_epoch_without_a_penalty() -> None:
    settings = training(lambda_=10.0, lambda_schedule="adaptive")
    assert lambda_at(settings, [4.0], [0.0], 1000) == 10.0
