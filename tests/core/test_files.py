import json
import os
from pathlib import Path

import pytest

from wae.core.errors import UserError
from wae.core.files import canonical_json, digest, load_object, read_json, sha256_file, write_atomic, write_json


def test_write_atomic_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_write_atomic_keeps_the_suffix_and_makes_folders(tmp_path: Path) -> None:
    seen = []
    write_atomic(tmp_path / "b/c/d.npy", lambda t: (seen.append(t.suffix), t.write_text("x")))
    assert seen == [".npy"]
    assert (tmp_path / "b/c/d.npy").read_text() == "x"


def test_json_round_trip_and_refusals(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5], "a": None})
    assert read_json(tmp_path / "a.json") == {"a": None, "b": [1, 2.5]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "n.json", {"x": float("nan")})
    assert not (tmp_path / "n.json").exists()
    (tmp_path / "torn.json").write_text('{"a": ')
    with pytest.raises(UserError, match=r"torn\.json: not valid JSON"):
        read_json(tmp_path / "torn.json")
    with pytest.raises(UserError, match="no such file"):
        read_json(tmp_path / "absent.json")


def test_digest_depends_on_values_not_on_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1, "b": 2}) != digest({"a": 2, "b": 1})
    assert json.loads(canonical_json({"a": [1]})) == {"a": [1]}


def test_sha256_of_known_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("dotted", "message"),
    [("json", "not a dotted path"), ("no_such_module_x:f", "no module"), ("json:nothing", "has no 'nothing'")],
)
def test_load_object_says_what_is_missing(dotted: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_object(dotted)


def test_load_object_finds() -> None:
    assert load_object("json:loads") is json.loads
