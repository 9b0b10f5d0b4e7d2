import os
import pickle
from pathlib import Path

import pytest
import torch

from wae.training import checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pt"


def test_round_trip_of_tensors_numbers_and_generator_states(path: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    state = {"w": torch.arange(4.0), "rng": generator.get_state(), "epoch": 2, "names": ["a"], "none": None}
    checkpoint.save(path, "id", state)
    loaded, lines = checkpoint.load(path, "id")
    assert lines == []
    assert loaded is not None
    assert torch.equal(loaded["w"], state["w"])
    assert torch.equal(loaded["rng"], state["rng"])
    assert (loaded["epoch"], loaded["names"], loaded["none"]) == (2, ["a"], None)


def test_nothing_saved_is_none(path: Path) -> None:
    assert checkpoint.load(path, "id") == (None, [])


def test_other_settings_are_discarded_with_a_line(path: Path) -> None:
    checkpoint.save(path, "id", {"epoch": 1})
    loaded, lines = checkpoint.load(path, "other")
    assert loaded is None
    assert "of other settings, sources or images" in lines[0]


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_torn_file_gives_way_to_the_one_before_it(path: Path, damage: str) -> None:
    checkpoint.save(path, "id", {"epoch": 1})
    checkpoint.save(path, "id", {"epoch": 2})
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray()
    path.write_bytes(bytes(content))
    loaded, lines = checkpoint.load(path, "id")
    assert loaded == {"epoch": 1}
    assert "corrupt" in lines[0]


@pytest.mark.parametrize("newest", ["damaged", "of other settings"])
def test_a_kill_in_the_save_after_a_file_was_passed_over_leaves_the_sound_one(
    path: Path, newest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(path, "id", {"epoch": 1})
    checkpoint.save(path, "other", {"epoch": 2})
    if newest == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    assert checkpoint.load(path, "id")[0] == {"epoch": 1}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, "id", {"epoch": 2})
    assert checkpoint.load(path, "id") == ({"epoch": 1}, [])


def test_a_kill_between_the_renames_leaves_the_one_before(path: Path) -> None:
    checkpoint.save(path, "id", {"epoch": 1})
    os.replace(path, path.with_name(path.name + ".previous"))
    assert checkpoint.load(path, "id") == ({"epoch": 1}, [])


def test_a_hostile_pickle_runs_nothing(path: Path, tmp_path: Path) -> None:
    marker = tmp_path / "owned"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    for body in (pickle.dumps({"identity": "id", "state": Hostile()}), torch_bytes(tmp_path, Hostile())):
        path.write_bytes(checkpoint._sha256(body) + b"\n" + body)
        loaded, lines = checkpoint.load(path, "id")
        assert loaded is None
        assert "cannot be read" in lines[0]
        assert not marker.exists()


def torch_bytes(folder: Path, value: object) -> bytes:
    torch.save({"identity": "id", "state": value}, folder / "x.pt")
    return (folder / "x.pt").read_bytes()


def test_remove_deletes_both(path: Path) -> None:
    checkpoint.save(path, "id", {})
    checkpoint.save(path, "id", {})
    checkpoint.remove(path)
    assert os.listdir(path.parent) == []
