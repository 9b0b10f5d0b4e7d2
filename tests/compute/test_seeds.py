import hashlib
from itertools import combinations

import numpy as np
import pytest
import torch

from wae.compute import seeds
from wae.compute.seeds import PURPOSES, Streams, spawn_key, stream
from wae.core.errors import UserError


def draws(seed: int, purpose: str) -> list[float]:
    return [float(v) for v in torch.rand(4, generator=stream(seed, purpose), dtype=torch.float64)]


def test_neither_further_purposes_nor_their_order_move_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {purpose: draws(3, purpose) for purpose in PURPOSES}
    own = {purpose: torch.rand(3, generator=Streams(3)[purpose]) for purpose in PURPOSES}
    monkeypatch.setattr(seeds, "PURPOSES", ("another", *reversed(PURPOSES), "last"))
    assert {purpose: draws(3, purpose) for purpose in PURPOSES} == before
    assert all(torch.equal(own[p], torch.rand(3, generator=Streams(3)[p])) for p in PURPOSES)
    assert draws(3, "another") != draws(3, "last")


def test_all_streams_of_all_seeds_differ_and_equal_ones_are_equal() -> None:
    found = {(seed, purpose): draws(seed, purpose) for seed in range(20) for purpose in PURPOSES}
    assert all(a != b for a, b in combinations(found.values(), 2))
    assert draws(7, "noise") == found[7, "noise"]


def test_a_stream_is_that_of_the_digest_of_its_name() -> None:
    digest = hashlib.sha256(b"prior").hexdigest()
    words = [int.from_bytes(bytes.fromhex(digest[8 * k : 8 * k + 8]), "little") for k in range(4)]
    assert spawn_key("prior") == tuple(words)
    state = np.random.SeedSequence(5, spawn_key=words).generate_state(2, np.uint32)
    expected = torch.Generator().manual_seed(int(state[0]) * 2**31 + int(state[1]) // 2)
    assert draws(5, "prior") == torch.rand(4, generator=expected, dtype=torch.float64).tolist()


def test_the_first_draws_of_a_stream_stay_what_they_are() -> None:
    assert spawn_key("prior") == (249477861, 3484982423, 1026577262, 1718380974)
    assert draws(0, "prior") == pytest.approx(
        [0.232406454149, 0.765485270668, 0.211555711766, 0.341253277312], abs=1e-12
    )


@pytest.mark.parametrize("ask", [lambda: stream(0, "priro"), lambda: Streams(0)["priro"]])
def test_a_typing_error_is_refused_with_the_nearest_name(ask) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="did you mean 'prior'"):
        ask()


def test_the_purposes_are_these() -> None:
    named = ("init", "order", "prior", "noise", "samples", "features", "pretraining", "evaluation")
    assert named == PURPOSES
    assert {name: Streams(0)[name].initial_seed() for name in named} == {
        name: stream(0, name).initial_seed() for name in named
    }


def test_streams_that_are_restored_go_on_where_they_were() -> None:
    first = Streams(4)
    for number, purpose in enumerate(PURPOSES):
        torch.rand(number + 1, generator=first[purpose])
    second = Streams(9)
    second.load_state_dict(first.state_dict())
    for purpose in PURPOSES:
        assert torch.equal(torch.rand(5, generator=first[purpose]), torch.rand(5, generator=second[purpose])), purpose
