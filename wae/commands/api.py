"""What ``import wae`` offers beyond classes: the functions that the command line calls too."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wae.core.errors import UserError, one_line
from wae.core.files import read_json
from wae.core.layout import Cell, Layout, RunFolder
from wae.planning import made_from
from wae.planning.plan import Plan, load_plan

if TYPE_CHECKING:
    from torch import Tensor

    from wae.methods.base import Method

SCORES = ("metric", "subject", "reference", "samples", "draw", "label", "value")


def train(plan: Plan | str | Path | Mapping[str, Any], cell: Cell | str, results: str | Path = "results") -> "Method":
    """Train one run of a plan, preparing its dataset first where that is not done yet; returns the trained method.

    The same bits as ``wae train --plan FILE --cell CELL`` and as the workflow gives, on the same machine and versions.
    A run that was stopped goes on from its checkpoint; a finished one of the same settings and code is loaded.

    Args:
        plan: a Plan, or what ``load_plan`` takes.
        cell: DATASET/METHOD/seedN, such as ``"digits/wae_mmd/seed0"``.
        results: folder of results; the run lies in ``results``/EXPERIMENT/CELL.

    Raises:
        UserError: for a cell that is not planned, data that do not fit, or a run that diverged.
        StopSignalError: after Ctrl-C or SIGTERM in the main thread, with the checkpoint saved once steps are taken.
    """
    from wae.commands import stages
    from wae.commands.check import check_method

    plan, cell, layout = _plan(plan), _cell(cell), Layout(Path(results))
    run = plan.run(cell)
    check_method(run.training, tuple(run.shape))
    prepared(plan, cell.dataset, layout)
    return load(stages.train(plan, cell, layout))


def load(run: str | Path, device: str = "cpu") -> "Method":
    """The trained method of a run's folder, in evaluation mode, its gradients off.

    It has ``encode_images`` (uint8 (n, C, H, W) to ``Codes``, whose ``z`` is (n, d_z)), ``decode_images`` (z to uint8
    images), ``sample(n, seed)`` and ``reconstruct(images)``.

    Args:
        run: folder of the run, such as ``results/smoke/digits/wae_mmd/seed0``.
        device: where to put it, ``"cpu"`` or ``"cuda"``.

    Raises:
        UserError: where the folder holds no finished run, and for a device that torch cannot use.
    """
    import torch

    from wae.evaluation.subjects import load_method, read_run

    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch that was built without CUDA
        raise UserError(
            f"device is {device!r} ({one_line(error)}); set it to cpu, or to a device that is here"
        ) from error
    folder = RunFolder(Path(run))
    settings, record = read_run(folder)
    if record["status"] != "finished":
        raise UserError(f"{folder.path}: the run diverged at step {record['diverged_step']}; it has no usable weights")
    return load_method(settings, folder.weights, place)


def evaluate(
    plan: Plan | str | Path | Mapping[str, Any], cell: Cell | str, results: str | Path = "results"
) -> pd.DataFrame:
    """Score a trained run; the feature extractors and the real data's features are made where they are not there yet.

    Args:
        plan: a Plan, or what ``load_plan`` takes.
        cell: DATASET/METHOD/seedN of a run that is trained.
        results: folder of results.

    Returns:
        One row per score: metric, subject (prior, mixture, reconstruction, interpolation, codes), reference (the split
        compared with), samples, draw, label, value. Units and directions: ``wae.analysis.metrics.describe``.

    Raises:
        UserError: where the run is not trained or data and run do not fit.
    """
    from wae.commands import stages

    plan, cell, layout = _plan(plan), _cell(cell), Layout(Path(results))
    plan.run(cell)
    run = plan.folder(layout).run(cell)  # looked at before the long work
    if not run.record.exists():
        raise UserError(f"{run.record}: no such file; train the run first: wae train --plan FILE --cell {cell}")
    made_from.refuse_other_run(plan, layout, cell)
    prepared(plan, cell.dataset, layout)
    made_from.refuse_other_run(plan, layout, cell)  # of images that are prepared only now
    _references(plan, cell.dataset, layout)
    document = read_json(RunFolder(stages.evaluate(plan, cell, layout)).metrics)
    return pd.DataFrame(document["rows"], columns=list(SCORES))


def score(
    images: "str | Path | np.ndarray | Tensor",
    dataset: str,
    plan: Plan | str | Path | Mapping[str, Any],
    results: str | Path = "results",
) -> pd.DataFrame:
    """Score images that any other model made, as if they were samples of a method here.

    Args:
        images: a folder of PNG or JPEG files, a .npy file, or an array or tensor: uint8 (n, C, H, W), (n, H, W, C) or
            (n, H, W).
        dataset: the dataset to compare with, one that the plan runs on.
        plan: a Plan, or what ``load_plan`` takes: it says which extractors and how many samples.
        results: folder of results, where data, extractors and references are made if they are not there yet.

    Returns:
        One row per score, as ``evaluate`` returns.

    Raises:
        UserError: for an unknown dataset, and where shapes or types do not fit.
    """
    from wae.commands import stages
    from wae.evaluation.score import images_of
    from wae.evaluation.score import score as run

    plan, layout = _plan(plan), Layout(Path(results))
    data = layout.data(plan.data_id(dataset))
    found = images_of(images, tuple(plan.config.datasets[dataset].shape))  # before anything is made for them
    prepared(plan, dataset, layout)
    references = _references(plan, dataset, layout)
    rows = run(found, data, references, plan.config.evaluation, stages.device(plan))
    return pd.DataFrame(rows, columns=list(SCORES))


def _plan(plan: Plan | str | Path | Mapping[str, Any]) -> Plan:
    return plan if isinstance(plan, Plan) else load_plan(plan)


def _cell(cell: Cell | str) -> Cell:
    return cell if isinstance(cell, Cell) else Cell.parse(cell)


def _outdated(record: Path, wanted: Mapping[str, str]) -> bool:
    return not record.exists() or made_from.difference(record, wanted) is not None


def prepared(plan: Plan, dataset: str, layout: Layout) -> None:
    """Prepare a dataset unless that is done already."""
    from wae.commands import stages

    data = layout.data(plan.data_id(dataset))
    if _outdated(data / "meta.json", made_from.of_prepared(plan, dataset, data)):
        stages.prepare(plan, dataset, layout)


def _references(plan: Plan, dataset: str, layout: Layout) -> list[Path]:
    """Folders of the real data's features in each extractor of the plan, made where they lack."""
    from wae.commands import stages

    data_id, found = plan.data_id(dataset), []
    arrays = made_from.of_arrays(layout.data(data_id))
    for name in plan.config.run.extractors:
        folder = layout.reference(data_id, plan.reference_id(name))
        extractor = layout.extractor(data_id, plan.extractor_id(name)) / "extractor.json"
        remade = _outdated(extractor, made_from.of_extractor(plan, name) | arrays)
        if remade:
            stages.extractor(plan, dataset, name, layout)
        if remade or _outdated(folder / "reference.json", made_from.of_reference(plan, name) | arrays):
            stages.reference(plan, dataset, name, layout)
        found.append(folder)
    return found
