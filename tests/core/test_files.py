import ast
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from wae.core.errors import UserError
from wae.core.files import (
    canonical_json,
    csv_text,
    digest,
    load_yaml,
    read_json,
    remove_leftovers,
    sha256_file,
    write_atomic,
    write_json,
)


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
    (tmp_path / "cut.json").write_text('{"a": ')
    with pytest.raises(UserError, match=r"cut\.json: not valid JSON"):
        read_json(tmp_path / "cut.json")
    with pytest.raises(UserError, match="no such file"):
        read_json(tmp_path / "absent.json")


def test_csv_has_full_precision_and_empty_fields() -> None:
    third = 1.0 / 3.0
    rows = [["b", third, None, np.float64(third)], ["a", 1e-300, True, 12]]  # in the order given
    assert csv_text(["w", "x", "y,z", "n"], rows) == (
        'w,x,"y,z",n\nb,0.3333333333333333,,0.3333333333333333\na,1e-300,True,12\n'
    )
    assert csv_text(["x"], []) == "x\n"


def test_digest_depends_on_values_not_on_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1, "b": 2}) != digest({"a": 2, "b": 1})
    assert json.loads(canonical_json({"a": [1]})) == {"a": [1]}


def test_sha256_of_known_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    def full(temporary: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary))

    with pytest.raises(OSError, match="No space left on device") as caught:
        write_atomic(tmp_path / "a.npy", full)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a.npy"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file") as caught:
        write_atomic("/proc/none/a.npy", full)
    assert caught.value.filename == "/proc/none/a.npy"


KILLED = """
import os, signal, sys
from wae.core.files import write_atomic
write_atomic(sys.argv[1], lambda temporary: (temporary.write_text("half"), os.kill(os.getpid(), signal.SIGKILL)))
"""


def test_what_a_killed_write_leaves_is_found_and_nothing_else_is(tmp_path: Path, root: Path) -> None:
    for path in (tmp_path / "run.json", tmp_path / "snapshots/epoch1.safetensors"):
        subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=root, check=False)
    for name in ("run.json", ".hidden.txt", "train.lock"):
        (tmp_path / name).write_text("kept")
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 5
    remove_leftovers(tmp_path)
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".hidden.txt", "run.json", "train.lock"]


ODD = {  # a config that could be written by accident, and what is said of it
    "a: 1\nb: 2\na: 3\n": "key 'a' is given twice",
    "a:\n\tb: 1\n": "'\\t' that cannot start any token",
    "a: &x {b: 1}\nc: *x\n": "alias *x: write the value out",
    "a: &x {b: *x}\n": "alias *x: write the value out",
    "a: {<<: {b: 1}}\n": "merge key <<: write the settings out",
    '"a\\nb": 1\n"a\\nb": 2\n': r"key 'a\nb' is given twice",
    'a: "\x1b[31m"\n': "special characters are not allowed",
}


@pytest.mark.parametrize("text", ODD)
def test_odd_yaml_is_refused_in_one_plain_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_yaml(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert ODD[text] in message
    assert message.isprintable()


def test_merge_keys_cannot_take_long(tmp_path: Path) -> None:
    lines = ["a0: &a0 {k: 1}"] + [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12)]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    begun = time.process_time()
    with pytest.raises(UserError, match=r"alias \*a0: write the value out"):
        load_yaml(tmp_path / "a.yaml")
    assert time.process_time() - begun < 1


def test_what_is_no_plain_small_file_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UserError, match="fifo: not a regular file"):
        load_yaml(tmp_path / "fifo")
    with pytest.raises(UserError, match="not a regular file"):
        load_yaml(tmp_path)
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(6 * 10**9)  # no block of it is written
    with pytest.raises(UserError, match="6,000,000,000 bytes, at most 200,000; is it a config at all"):
        load_yaml(tmp_path / "big.yaml")


def test_texts_are_utf_8_whatever_the_locale(tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.yaml").write_text("description: λ ≥ 0, Fréchet\n", encoding="utf-8")
    code = (
        "import sys; from wae.core.files import load_yaml, read_json, write_json; value = load_yaml(sys.argv[1]);"
        "write_json(sys.argv[2], value); assert read_json(sys.argv[2]) == value"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code, str(tmp_path / "a.yaml"), str(tmp_path / "a.json")]
    subprocess.run(command, cwd=root, env=environment, check=True)
    assert read_json(tmp_path / "a.json") == {"description": "λ ≥ 0, Fréchet"}


def test_every_text_is_opened_as_utf_8(root: Path) -> None:
    for file in (*root.glob("wae/**/*.py"), *root.glob("baselines/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            mode = ast.literal_eval(node.args[0]) if node.args and isinstance(node.args[0], ast.Constant) else "r"
            named = {keyword.arg for keyword in node.keywords}
            text = node.func.attr == "read_text" or (node.func.attr == "open" and "b" not in str(mode))
            image = ast.unparse(node.func).startswith(("Image.", "gzip.", "tarfile.", "zipfile."))
            assert image or not text or "encoding" in named, f"{file}:{node.lineno}"
