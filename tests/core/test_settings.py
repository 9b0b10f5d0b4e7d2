from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from wae.core.settings import Config, TrainingSettings
from wae.planning.config import read_config


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((root / "wae/core/schemas/config.schema.yaml").read_text())
    return loaded


def test_the_schema_file_is_that_of_the_settings(schema: dict[str, object]) -> None:
    assert schema == Config.model_json_schema(), "run `python -m wae schema --out wae/core/schemas/config.schema.yaml`"


def test_every_shipped_config_meets_the_schema(root: Path, schema: dict[str, object]) -> None:
    for path in sorted((root / "config").glob("*.yaml")):
        if path.name not in ("anchors.yaml", "claims.yaml"):
            jsonschema.validate(read_config(path), schema)


def test_no_level_of_the_schema_lets_a_typo_pass(schema: dict[str, object]) -> None:
    objects = [schema, *schema["$defs"].values()]  # type: ignore[attr-defined]
    for found in objects:
        if "properties" in found:
            assert found["additionalProperties"] is False, found["title"]


def test_every_training_setting_says_what_it_may_be() -> None:
    for name, field in TrainingSettings.model_fields.items():
        constrained = bool(field.metadata) or "Literal" in repr(field.annotation) or field.annotation is bool
        assert constrained or name == "options", f"{name} has no range and no list of values"


@pytest.mark.parametrize("key", ["architecture", "prior", "cost"])
def test_what_is_named_or_brought_by_a_dotted_path_is_checked(key: str) -> None:
    good, bad = {"architecture": ("mlp", "mpl"), "prior": ("sphere", "sphre"), "cost": ("l2sq", "l2sqr")}[key]
    for value in (good, "mine.module:Thing"):
        TrainingSettings.model_validate({"implementation": "a:b", key: value})
    with pytest.raises(ValidationError, match=f"did you mean '{good}'"):
        TrainingSettings.model_validate({"implementation": "a:b", key: bad})
