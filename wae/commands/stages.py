"""The stages of one dataset or run: the same for the rules of the workflow, for the command line and from Python.

Each takes a plan and finds its files by the layout of results/. A second process of the same stage waits for the first,
and does not make again what that one has made meanwhile of the same.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from wae.core.errors import UserError
from wae.core.files import remove_leftovers
from wae.core.layout import EXTRACTOR, PREPARED, REFERENCE, Cell, Layout
from wae.core.locks import alone
from wae.core.settings import BUILT_HERE
from wae.planning import made_from, own_files
from wae.planning.config import data_root, refuse_missing_files
from wae.planning.jobs import training_code
from wae.planning.plan import Plan


def prepare(plan: Plan, dataset: str, layout: Layout) -> Path:
    """Prepare a dataset into uint8 arrays; returns its folder. UserError where its files are not there.

    What is prepared already, from the same and whole, is left as it is: newer files would have Snakemake train again.
    """
    from wae.data.source import is_whole
    from wae.data.source import prepare as run

    refuse_missing_files(plan.config, [dataset])
    out = layout.data(plan.data_id(dataset))
    with _alone(out, "prepare") as since:
        wanted = made_from.of_data(plan, dataset)
        if made_from.difference(out / PREPARED[-1], wanted) is None and is_whole(out):
            if since is None:
                print(f"{out}: prepared already, of the same settings, code and files; nothing to do", file=sys.stderr)
        else:
            run(plan.config.datasets[dataset], data_root(plan.config), out, wanted)
    return out


def extractor(plan: Plan, dataset: str, extractor: str, layout: Layout) -> Path:
    """Make a feature extractor: a classifier is trained, other weights are recorded; returns its folder."""
    from wae.evaluation.features import build_extractor

    out = layout.extractor(plan.data_id(dataset), plan.extractor_id(extractor))
    data, settings = _prepared(plan, dataset, layout), plan.config.extractors[extractor]
    outputs = EXTRACTOR if settings.kind in BUILT_HERE else EXTRACTOR[-1:]
    with _alone(out, "extractor") as since:
        wanted = made_from.of_extractor(plan, extractor) | made_from.of_arrays(data)
        if not _made_meanwhile(since, wanted, out, outputs, [data / PREPARED[-1]]):
            trained = settings.kind in BUILT_HERE
            build_extractor(data, settings, out, device(plan) if trained else "cpu", wanted)
    return out


def reference(plan: Plan, dataset: str, extractor: str, layout: Layout) -> Path:
    """Features, statistics and scores of the real data in an extractor; returns their folder."""
    from wae.evaluation.reference import build_reference

    data_id = plan.data_id(dataset)
    out = layout.reference(data_id, plan.reference_id(extractor))
    made_by = layout.extractor(data_id, plan.extractor_id(extractor))
    fractions, data = plan.reference_settings()["validation_fractions"], _prepared(plan, dataset, layout)
    inputs = [data / PREPARED[-1], made_by / EXTRACTOR[-1]]
    with _alone(out, "reference") as since:
        wanted = made_from.of_reference(plan, extractor) | made_from.of_arrays(data)
        if not _made_meanwhile(since, wanted, out, REFERENCE, inputs):
            made_from.refuse_other_extractor(plan, layout, dataset, extractor)
            build_reference(data, made_by, plan.config.evaluation, fractions, out, device(plan), wanted)
    return out


def train(plan: Plan, cell: Cell, layout: Layout) -> Path:
    """Train one run to its end; returns its folder. UserError for what its method does not take."""
    from wae.commands.check import check_method
    from wae.training.loop import train as run

    settings = plan.run(cell)
    check_method(settings.training, tuple(settings.shape))
    out = plan.folder(layout).run(cell).path
    run(settings, _prepared(plan, cell.dataset, layout), out, plan.config.execution, training_code(settings))
    return out


def evaluate(plan: Plan, cell: Cell, layout: Layout) -> Path:
    """Score one trained run; returns its folder. UserError for one of other settings or images."""
    from wae.evaluation.run import evaluate as run

    out, data_id = plan.folder(layout).run(cell).path, plan.data_id(cell.dataset)
    references = [layout.reference(data_id, plan.reference_id(name)) for name in plan.config.run.extractors]
    with alone(out, "train"), _alone(out, "evaluate"):  # of a run that nobody trains meanwhile
        made_from.refuse_other_run(plan, layout, cell)
        data = _prepared(plan, cell.dataset, layout)
        for name in plan.config.run.extractors:
            made_from.refuse_other_reference(plan, layout, cell.dataset, name)
        known = made_from.of_scores(plan) | made_from.of_arrays(data)
        run(out, data, references, plan.config.evaluation, device(plan), known)
    return out


def _prepared(plan: Plan, dataset: str, layout: Layout) -> Path:
    """The folder of a prepared dataset; UserError where the files that it was read from have changed since.

    They need not be on this machine: then they are not looked at.
    """
    folder, settings = layout.data(plan.data_id(dataset)), plan.config.datasets[dataset]
    source = settings.source, settings.options, data_root(plan.config)
    if own_files.place(*source) and own_files.at_hand(*source):
        changed = made_from.difference(folder / "meta.json", {"files": own_files.listing(*source)})
        if changed:
            raise UserError(f"{folder}: {changed}; prepare it again: wae prepare --plan FILE --dataset {dataset}")
    return folder


@contextmanager
def _alone(folder: Path, stage: str) -> Iterator[float | None]:
    """One process of a stage in its folder, cleared of the half-written files of a killed one; yields as ``alone``."""
    with alone(folder, stage) as since:
        remove_leftovers(folder)
        yield since


def _made_meanwhile(
    since: float | None, wanted: Mapping[str, str], out: Path, names: Sequence[str], inputs: Sequence[Path] = ()
) -> bool:
    """Whether the process that this one waited for, at work ``since`` then, has made what this one would make.

    ``names``: the files in ``out``, the record last. Its inputs must be older than its work, as it may have read others
    before; a stop or Snakemake may have removed some of the outputs.
    """
    outputs = [out / name for name in names]
    if since is None or not all(path.exists() for path in (*outputs, *inputs)):
        return False
    record = outputs[-1]
    fresh = record.stat().st_mtime >= since and all(path.stat().st_mtime < since for path in inputs)
    return fresh and made_from.difference(record, wanted) is None


def device(plan: Plan) -> torch.device:
    """The device that the plan's execution settings give this process."""
    from wae.compute.devices import setup

    return setup(plan.config.execution)
