"""A recorded result that anybody may have made: read, checked name by name, and nothing of it run that came with it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from wae.analysis.runs import varied
from wae.core.errors import UserError
from wae.core.files import digest, read_json
from wae.core.layout import Cell
from wae.core.plugins import OWN, ROOT, folders, source_file
from wae.core.settings import MethodName, Name
from wae.core.settings.types import COMMIT, NAME
from wae.planning.jobs import plugins_of
from wae.planning.plan import Plan
from wae.planning.validation import validate

BITS = ("threads", "tf32", "kernel_gradients")  # of the execution settings, what moves the bits of a result


class RecordedCell(BaseModel):
    """A run of the record."""

    model_config = ConfigDict(strict=True)

    dataset: Name
    method: MethodName
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    settings: dict[str, Any]

    def __str__(self) -> str:
        return str(Cell(self.dataset, self.method, self.seed))


class Recorded(BaseModel):
    """What ``verify`` uses of a manifest; further keys are left aside."""

    model_config = ConfigDict(strict=True)

    experiment: Name
    config: dict[str, Any]
    plan: list[RecordedCell]
    commit: Annotated[str, Field(pattern=COMMIT)] | None = None
    clean_tree: bool | None = None
    versions: dict[str, str | None] = {}
    hardware: dict[str, Any] = {}
    runs_differ: dict[str, list[str]] = {}

    @property
    def again(self) -> str:
        """The experiment that makes runs of it again: verify_EXPERIMENT, cut to the length that a name may have."""
        name = f"verify_{self.experiment}"
        return name if re.fullmatch(NAME, name) else f"{name[:55]}-{digest(self.experiment)}"

    @property
    def cells(self) -> dict[str, RecordedCell]:
        """The runs, by DATASET/METHOD/seedN."""
        return {str(cell): cell for cell in self.plan}


def read_recorded(folder: Path) -> Recorded:
    """The manifest in ``folder``; UserError in a line per fault where it is none."""
    path = folder / "manifest.json"
    return validate(Recorded, read_json(path, own=True), str(path))


def config_to_rerun(recorded: Recorded, device: str = "auto") -> dict[str, Any]:
    """The recorded config as this machine runs it again on ``device``, under the experiment verify_EXPERIMENT.

    Where data lie and how jobs run is this machine's own (WAE_DATA_ROOT; no trackers) but for what moves the bits, and
    nothing is reported.
    """
    execution = recorded.config.get("execution")
    execution = execution if isinstance(execution, Mapping) else {}
    config = _in_order(recorded.config, recorded.plan)
    return config | {
        "experiment": recorded.again,
        "data_root": None,
        "execution": {"device": device} | {key: execution[key] for key in BITS if key in execution},
        "report": {},
    }


def _in_order(config: dict[str, Any], cells: list[RecordedCell]) -> dict[str, Any]:
    """``config`` with the keys of each ``run.vary`` in the order of the recorded names: a manifest sorts them."""
    run = config.get("run")
    if not isinstance(run, Mapping) or not isinstance(run.get("vary"), list):
        return config
    orders = {frozenset(keys): keys for cell in cells if (keys := tuple(varied(cell.method)))}
    vary = []
    for entry in run["vary"]:
        values = entry.get("values") if isinstance(entry, Mapping) else None
        if isinstance(values, Mapping):
            keys = orders.get(frozenset(values), tuple(values))
            entry = {**entry, "values": {key: values[key] for key in keys}}
        vary.append(entry)
    return config | {"run": {**run, "vary": vary}}


def refuse_code_of(folder: Path, plan: Plan) -> None:
    """UserError if anything that ``plan`` names by dotted path comes from ``folder``; nothing is imported."""
    home = folder.resolve()
    for dotted in sorted(set(plugins(plan))):
        module = dotted.partition(":")[0]
        places = [base / Path(*module.split(".")) for base in folders()]  # by name too: what lies there may be a link
        if module.partition(".")[0] not in OWN and any(
            place.is_relative_to(home) for place in (*places, source_file(module) or ROOT)
        ):
            raise UserError(f"{dotted!r} is code that came with {folder}; read it, and put it elsewhere to run it")


def plugins(plan: Plan) -> Iterator[str]:
    """What decides numbers of ``plan`` and is named by dotted path, as often as it is named."""
    config = plan.config
    named = [config.datasets[name].source for name in config.run.datasets]
    named += [config.extractors[name].kind for name in config.run.extractors]
    named += config.evaluation.metrics
    for run in plan.runs:
        named += plugins_of(run.training)
    yield from (name for name in named if ":" in name)
