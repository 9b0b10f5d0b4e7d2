"""Broken configs by the hundred: each is refused with the key's path and a remedy, none by another exception."""

import copy
import json
import math
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.shared.workflow import copy_project, snakemake
from wae.commands.check import check_plugins
from wae.commands.recorded import Recorded
from wae.core.errors import UserError
from wae.core.files import YAML_BYTES
from wae.core.settings import Config, DatasetSettings, ExtractorSettings, TrainingSettings
from wae.planning.config import merge, read_config
from wae.planning.plan import load_plan
from wae.planning.validation import PATTERNS, training_layer

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = merge(
    read_config(ROOT / "config/config.yaml"),
    {"training": {"datasets": {"letters": {"architecture": "dcgan", "depth": 3, "decoder_depth": 2}}}},
)
MANY = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
LAYERS = [("training", "common"), ("training", "datasets", "digits"), ("training", "cells", "glyphs/wae_mmd")]
REMEDIES = re.compile(
    "need|known are|write|should|must|at most|missing|set |list |lower|rename|break it|name one|put |remove|nest"
)

Path_ = tuple[str, ...]


def fields(model: type[BaseModel], prefix: Path_) -> dict[Path_, Any]:
    """Every field of a model and of the models inside it, by its path."""
    found: dict[Path_, Any] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= fields(field.annotation, (*prefix, name))
        else:
            found[*prefix, name] = field
    return found


def all_fields() -> dict[Path_, Any]:
    found = {path: field for path, field in fields(Config, ()).items() if path[0] != "training"}
    found |= fields(DatasetSettings, ("datasets", "digits")) | fields(ExtractorSettings, ("extractors", "classifier"))
    for layer in LAYERS:
        found |= fields(TrainingSettings, layer)
    return found


FIELDS = all_fields()
NUMBERS = {path: field for path, field in FIELDS.items() if field.annotation in (int, float)}
WHOLE = {path: field for path, field in NUMBERS.items() if field.annotation is int}
LISTS = {path: field for path, field in FIELDS.items() if get_origin(field.annotation) is list}
CHOICES = {
    path: field
    for path, field in FIELDS.items()
    if field.annotation is not None and all(isinstance(a, str) for a in get_args(field.annotation) or [0])
}
TEXTS = {path: field for path, field in FIELDS.items() if field.annotation is str}


def changed(path: Path_, value: Any) -> dict[str, Any]:
    """The default config with one value replaced."""
    config: dict[str, Any] = copy.deepcopy(DEFAULT)
    place = config
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return config


def refused(config: dict[str, Any], *parts: str) -> str:
    """The message of the refusal, which names ``parts`` and a remedy; any other exception fails the test."""
    with pytest.raises(UserError) as caught:
        check_plugins(load_plan(config))
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert REMEDIES.search(message), message[:500]
    for line in message.splitlines():
        assert line.startswith("config: ")
        assert len(line) < 2000
    message.encode()
    return message


def paths(of: dict[Path_, Any]) -> st.SearchStrategy[Path_]:
    return st.sampled_from(sorted(of))


@MANY
@given(path=paths(FIELDS), data=st.data())
def test_typos(path: Path_, data: st.DataObject) -> None:
    name, at = path[-1], data.draw(st.integers(0, len(path[-1]) - 1))
    edit = data.draw(st.sampled_from(["drop", "double", "swap", "case"]))
    wrong = {
        "drop": name[:at] + name[at + 1 :],
        "double": name[: at + 1] + name[at:],
        "swap": name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
        "case": name[:at] + name[at].swapcase() + name[at + 1 :],
    }[edit]
    assume(wrong and wrong != name and (*path[:-1], wrong) not in FIELDS)
    message = refused(changed((*path[:-1], wrong), 1), f"unknown key '{wrong}'", ".".join(path[:-1]))
    if edit in ("double", "case") and len(name) > 4:
        assert "did you mean" in message


@MANY
@given(path=paths(FIELDS), value=st.sampled_from([None, True, "12", "text", 7, 2.5, [], ["a"], [[1]], {}, {"a": 1}]))
def test_wrong_types(path: Path_, value: Any) -> None:
    kind = FIELDS[path].annotation
    fits = {
        int: lambda: isinstance(value, int) and not isinstance(value, bool),
        float: lambda: isinstance(value, int | float) and not isinstance(value, bool),
        bool: lambda: isinstance(value, bool),
        str: lambda: isinstance(value, str),
        list: lambda: isinstance(value, list),
        dict: lambda: isinstance(value, dict),
    }
    options = get_args(kind) if type(None) in get_args(kind) else (get_origin(kind) or kind,)
    plain = [option for option in options if option in fits]
    assume(plain or path in CHOICES)
    assume(not any(fits[option]() for option in plain))
    assume(not (value is None and type(None) in options))
    refused(changed(path, value), f"config: {'.'.join(path)}: found {value!a}")


@MANY
@given(path=paths(NUMBERS), data=st.data())
def test_numbers_out_of_range(path: Path_, data: st.DataObject) -> None:
    limits: dict[str, Any] = {}
    for item in FIELDS[path].metadata:
        limits |= {name: getattr(item, name) for name in ("ge", "gt", "le", "lt") if hasattr(item, name)}
    assert {"ge", "gt"} & set(limits), f"{path} has no lower limit"
    assert {"le", "lt"} & set(limits), f"{path} has no upper limit"
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    whole = FIELDS[path].annotation is int
    by = data.draw(st.integers(1, 10**6) if whole else st.floats(1e-3, 1e6))
    value = data.draw(st.sampled_from([low - by, high + by, *([low] if "gt" in limits else [])]))
    refused(changed(path, value), f"config: {'.'.join(path)}: found {value!r}")


@MANY
@given(path=paths(NUMBERS), exponent=st.integers(19, 3000), sign=st.sampled_from([1, -1]))
def test_enormous_numbers(path: Path_, exponent: int, sign: int) -> None:
    refused(changed(path, sign * 10**exponent), f"config: {'.'.join(path)}: found a number of", "bits")


@MANY
@given(path=paths(NUMBERS), value=st.sampled_from([math.inf, -math.inf, math.nan]))
def test_infinite_numbers(path: Path_, value: float) -> None:
    refused(changed(path, value), f"config: {'.'.join(path)}: found {value!r}: need a finite number")


@MANY
@given(path=paths(WHOLE), value=st.floats(1.1, 30).filter(lambda value: value % 1))
def test_fractions_where_whole_numbers_are_needed(path: Path_, value: float) -> None:
    refused(changed(path, value), f"config: {'.'.join(path)}: found {value!r}: need a whole number")


@MANY
@given(path=paths(CHOICES | TEXTS), value=st.text(max_size=200).filter(lambda text: not text.strip().isalnum()))
def test_text_that_is_no_choice_and_no_name(path: Path_, value: str) -> None:
    assume(path not in {("description",), ("data_root",), ("report", "claims")})
    refused(changed(path, value), f"config: {'.'.join(path)}: found ")


@MANY
@given(path=paths(NUMBERS), number=st.sampled_from(["1e-3", "1E5", "2e6", ".5e3", "1_000e2", " 7", "1,5", "０"]))
def test_numbers_that_are_text(path: Path_, number: str) -> None:
    message = refused(changed(path, number), f"config: {'.'.join(path)}: found {number!a}: need a ")
    assert ("it is text here, write " in message) or ("without quotes" in message)


@MANY
@given(
    path=paths(FIELDS | {("datasets", "digits", "options", "x"): None, ("run",): None, ("training",): None}),
    value=st.sampled_from(
        [{1: 2}, {None: 1}, {True: {}}, [{2.5: 1}], {"a": b"bytes"}, {"a": {"b": {1, 2}}}, "a\0b", "\ud800", [[b""]]]
    ),
)
def test_values_that_only_yaml_has(path: Path_, value: Any) -> None:
    refused(changed(path, value), ".".join(path))


@MANY
@given(path=paths(TEXTS | NUMBERS), depth=st.integers(45, 200), kind=st.sampled_from(["list", "map"]))
def test_deep_nesting(path: Path_, depth: int, kind: str) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    refused(changed(path, value), f"config: {'.'.join(path)}: found ")


def test_many_faults_are_cut_short() -> None:
    message = refused(changed(("evaluation",), {f"x{n}": 1 for n in range(30)}))
    assert message.splitlines()[10] == "config: and 20 more faults; correct these first"
    assert len(message.splitlines()) == 11


def test_names_reach_the_terminal_quoted() -> None:
    hostile = "a\n\x1b[31mb"
    for path in (("evaluation", hostile), ("training", "methods", hostile), ("training", "cells", hostile)):
        message = refused(changed(path, {"x": 1}), "'a\\n\\x1b[31mb'")
        assert "\x1b" not in message
    assert "\x1b" not in refused(changed(("run", "methods"), [hostile]))
    assert "\x1b" not in refused(changed(("training", "methods", "vae", "like"), hostile))


@pytest.mark.parametrize("path", [("experiment",), ("run",), ("run", "datasets"), ("run", "methods"), ("run", "seeds")])
def test_required_keys(path: Path_) -> None:
    config = copy.deepcopy(DEFAULT)
    place = config
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    refused(config, f"config: {'.'.join(path)}: missing; add it")


MISFITS: list[tuple[Path_, Any, str]] = [
    (("experiment",), "data", "experiment: 'data' is a folder that experiments share"),
    (("experiment",), "summary.html", "experiment: 'summary.html' is named like a file of reports/; rename it"),
    (("run", "datasets"), ["timing.lock"], "run.datasets: 'timing.lock' is named like a file of results/; rename it"),
    (("run", "datasets"), ["digits", "digits"], "run: "),
    (("run", "seeds"), list(range(20_000)), "runs planned, at most 100,000"),
    (("training", "methods", "vae", "encoder"), "deterministic", "encoder 'deterministic'"),
    (("training", "methods", "vae", "prior"), "sphere", "prior 'sphere'"),
    (("training", "methods", "wae_mmd", "like"), "wae_mmd", "is a circle"),
    (("training", "methods", "wae_mmd", "like"), "wea_gan", "did you mean 'wae_gan'"),
    (("training", "methods", "wae_mmd", "implementation"), "wae.planning.plan:load_plan", "is no subclass of"),
    (("datasets", "letters", "source"), "wae.core.settings:Config", "is no function"),
    (("datasets", "letters", "source"), "wae.data.embedded:lettrs", "did you mean 'letters'"),
    (("datasets", "letters", "shape"), [1, 7, 8], "strides of 2"),
    (("training", "datasets", "letters", "width"), 65_536, "channels at the top"),
    (("extractors", "classifier", "weights"), "no/such/file.pt", "no such file"),
    (("data_root",), "~nobody-of-that-name/data", "data_root"),
    (("evaluation", "metrics"), ["wae.planning.plan:Plan"], "is no function"),
    (("evaluation", "precision_neighbours"), 100, "precision_neighbours is 100, it must be below precision_samples"),
    (("evaluation", "training_epochs"), [1, 9], "9 is beyond the 8 epochs of glyphs/vae; lower it"),
    (("evaluation", "training_epochs"), [1, 1], "training_epochs lists 1 2 times; list it once"),
    (("training", "common", "like"), "vae", "training.common.like: only a method inherits from another"),
    (("training", "methods", "wae_mdm"), {"lambda_": 1.0}, "did you mean 'wae_mmd'?; a new one needs `like`"),
    (("training", "datasets", "glyphs", "like"), "vae", "training.datasets.glyphs.like: only a method inherits"),
    (("training", "cells"), {"glyphs/vae": {"like": "vae"}}, "training.cells.glyphs/vae.like: only a method inherits"),
    (("extractors", "classifier", "layer"), "2048", "kind 'classifier' is built here and would ignore layer"),
    (("extractors", "random", "weights_sha256"), "0" * 64, "is built here and would ignore weights_sha256; remove"),
    (
        ("extractors", "inception", "weights_sha256"),
        "ABC",
        "need the 64 hexadecimal digits that `sha256sum FILE` prints",
    ),
    (("report", "secondary"), ["fid classifier"], "need a metric's name; write METRIC, or METRIC/SUBJECT"),
    (("extractors", "inception", "epochs"), 50, "kind 'inception' is not trained here and would ignore epochs; remove"),
    (
        ("extractors", "random", "learning_rate"),
        1e-4,
        "kind 'random' is not trained here and would ignore learning_rate",
    ),
    (("extractors", "inception"), {"kind": "vgg16", "seed": 3, "width": 8}, "would ignore width, seed; remove that or"),
    (("extractors", "random"), {"kind": "random", "weights": "w.pt"}, "is built here and would ignore weights; remove"),
    (("timing", "max_rounds"), 3, "must be at least timing.rounds"),
    (("timing", "random_features"), 3, "each of the 7 kernel scales needs one; set it to at least 7"),
    (("training", "common", "pretrain_samples"), 1, "greater than or equal to 2"),
    (("run", "vary"), [{"methods": ["vae"], "values": {"lambda_": ["a b"]}}], "cannot be part of a folder name"),
    (("run", "vary"), [{"methods": ["vae"], "values": {"width": [0]}}], "width: found 0"),
    (("run", "vary"), [{"methods": ["vae"] * 9, "values": dict.fromkeys("abcde", [1] * 99)}], "runs planned, at most"),
]


@pytest.mark.parametrize("model", [Config, training_layer(), Recorded])
def test_every_pattern_has_a_remedy_in_words(model: type[BaseModel]) -> None:
    assert set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(model.model_json_schema()))) <= {
        json.dumps(pattern) for pattern in PATTERNS
    }


@pytest.mark.parametrize(("path", "value", "part"), MISFITS)
def test_impossible_combinations(path: Path_, value: Any, part: str) -> None:
    config = changed(path, value)
    if path[-1] == "precision_neighbours":
        config["evaluation"]["precision_samples"] = 50
    if value == ["timing.lock"]:
        config["datasets"]["timing.lock"] = config["datasets"]["letters"]
    if path[-1] == "weights":
        config["extractors"]["classifier"]["kind"] = "inception"
    refused(config, part)


# Files: what is wrong before there is a config at all -------------------------------------------------------

TEXT = (ROOT / "config/config.yaml").read_bytes()
LINES = TEXT.splitlines(keepends=True)
KEYS = [i for i, line in enumerate(LINES) if line[:1].isalpha()]

FILES: dict[str, Callable[[int], bytes]] = {
    "not UTF-8": lambda n: TEXT[:n] + b"\xff\xfe" + TEXT[n:],
    "given twice": lambda n: TEXT + LINES[KEYS[n % len(KEYS)]].split(b":")[0] + b": 1\n",
    "could not determine a constructor": lambda n: b"experiment: !!python/object/apply:os.system [echo %d]\n" % n,
    "not valid YAML": lambda n: TEXT + b"x: [" + b"(" * (n % 50),
    "need a map of settings": lambda n: [b"", b"- a\n", b"text", b"3.5", b"~", b"!!set {a}", b"--- # \n"][n % 7],
    "a YTE template runs code": lambda n: TEXT + b"__use_yte__: true\n",
    "is it a config at all": lambda n: TEXT + b"#" * (YAML_BYTES + n),
    "maximum recursion depth": lambda n: b"x: " + b"[" * (1000 + n % 500),
    "for integer string conversion": lambda n: b"x: " + b"9" * (4301 + n),
}


@pytest.mark.parametrize("reason", FILES)
def test_broken_files(tmp_path: Path, reason: str) -> None:
    for n in range(0, 1000, 250 if reason.startswith("maximum") else 50):
        path = tmp_path / "broken.yaml"
        path.write_bytes(FILES[reason](n))
        with pytest.raises(UserError, match=reason) as caught:
            read_config(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value).splitlines()) == 1


def test_yaml_that_is_merely_odd_is_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("run: {seeds: [0x1, 0o7]}")
    assert read_config(path)["run"]["seeds"][0] == 1
    path.write_text("x: 2026-01-01")
    refused(read_config(path), "config: x: found datetime.date(2026, 1, 1): date is no text")


RUN = "experiment: a\nrun: {datasets: [digits], methods: [vae], seeds: [0]}\n"
COMMANDS = {  # what the real command says; None: Snakemake itself cannot read the file, and says so in its own words
    "experiment: a\nexperiment: b\n": "key 'experiment' is given twice",
    f"{RUN}training: {{common: {{learning_rate: 1e-3}}}}\n": "write 0.001",
    "experiment: !!python/object/apply:os.system ['touch owned']\n": None,
    "- a\n": None,
    "evaluation: {sampels: 3}\n": "did you mean 'samples'",
    "run: 3\n": "config: run: found 3: need a map of settings",
}


@pytest.mark.parametrize("text", COMMANDS)
def test_the_command_refuses_before_any_job(tmp_path: Path, text: str) -> None:
    folder = copy_project(tmp_path / "project")
    (folder / "broken.yaml").write_text(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = snakemake(folder, "--", "all", config="broken.yaml")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime  # of computing: the wall's seconds are the other tests' as well
    print(f"{seconds:.2f} s")
    said = result.stdout
    assert result.returncode != 0
    assert "Traceback" not in said
    assert (COMMANDS[text] or "Config file") in said
    assert not (folder / "results").exists()
    assert not (folder / "owned").exists()
    assert seconds < 10  # 3 s by the wall on a quiet machine


@pytest.mark.parametrize("content", [b"a: \xff\n", b"x: " + b"9" * 5000, b"x: " + b"[" * 2000, b"__use_yte__: true\n"])
def test_what_snakemake_cannot_read_is_refused_by_check(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.yaml").write_bytes(content)
    command = [sys.executable, "-m", "wae", "check", "--config", str(tmp_path / "broken.yaml")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"error: {tmp_path / 'broken.yaml'}: ")


def test_make_report_checks_first() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    report = lines.index(next(line for line in lines if line.startswith("report:")))
    assert lines[report + 1].strip() == 'python -m wae check --config "$(CONFIG)"'
