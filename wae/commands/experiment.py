"""The stages of a whole experiment, each on the folder that its plan names."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wae.core.errors import UserError
from wae.core.layout import Cell, Layout
from wae.core.locks import alone
from wae.planning import made_from
from wae.planning.jobs import claims_file
from wae.planning.plan import Plan


def timing(plan: Plan, layout: Layout) -> None:
    """Run the wall-clock study: timing.csv, timing_rounds.csv and timing_machine.json."""
    from wae.timing.study import run_study

    folder = plan.folder(layout)
    images = {name: layout.data(plan.data_id(name)) for name in plan.config.run.datasets}
    files = folder.file("timing.csv"), folder.file("timing_rounds.csv"), folder.file("timing_machine.json")
    with alone(folder.path, "timing"):
        run_study(plan.runs, images, plan.config.timing, plan.config.execution, *files, made_from.of_timing(plan))


def collect(plan: Plan, layout: Layout) -> None:
    """Write metrics.csv, runs.csv and trajectories.csv."""
    from wae.analysis.collecting import collect_plan

    _check_runs(plan, layout)
    with _noted(plan, layout, "collect"):
        collect_plan(plan, layout)


def manifest(plan: Plan, layout: Layout) -> None:
    """Write manifest.json."""
    from wae.analysis.claims.claims_file import own_judges
    from wae.commands.manifest import write_manifest

    _check_runs(plan, layout)
    claims = claims_file(plan)
    judges = own_judges(claims) if Path(claims).exists() else []
    with _noted(plan, layout, "manifest", judges=judges):
        write_manifest(plan, layout)


def analyse(plan: Plan, layout: Layout, claims: Path, anchors: Path) -> None:
    """Write the fits, the comparison with published numbers and the verdicts."""
    from wae.analysis import analyse as run
    from wae.analysis.claims.claims_file import own_judges

    folder = plan.folder(layout)
    file = folder.file("plan.json")
    if not file.exists():
        raise UserError(f"{file}: not there; write it first: wae plan --plan FILE --out {file}")
    with _noted(plan, layout, "analyse", judges=own_judges(claims)):
        run(folder.path, claims, anchors)


def tables(plan: Plan, layout: Layout, out: Path) -> None:
    """Write every table into ``out``."""
    from wae.report.tables.write import tables as run

    with _noted(plan, layout, "tables", out):
        run(plan.folder(layout).path, out)


def figures(plan: Plan, layout: Layout, out: Path, processes: int) -> None:
    """Write every figure into ``out``, ``processes`` of them side by side."""
    from wae.report.figures.draw import figures as run

    with _noted(plan, layout, "figures", out):
        run(plan.folder(layout).path, out, processes)


def page(plan: Plan, layout: Layout, out: Path) -> None:
    """Write the page ``out``, beside its tables/ and figures/; UserError where these are not there."""
    from wae.report.page.render import page as run

    for stage in ("tables", "figures"):
        if not (out.parent / stage).is_dir():
            raise UserError(
                f"{out.parent / stage}: not there, a page shows what lies beside it; first run: wae {stage} "
                f"--plan FILE --out {out.parent / stage}"
            )
    with _noted(plan, layout, "page", out):
        run(plan.folder(layout).path, out.parent, out, partial=plan.config.run.partial)


def _check_runs(plan: Plan, layout: Layout) -> None:
    """UserError for a run, or scores of one, that are there but of other settings or images than the plan's."""
    for run in plan.runs:
        cell = Cell(run.dataset, run.method, run.seed)
        made_from.refuse_other_run(plan, layout, cell)
        made_from.refuse_other_scores(plan, layout, cell)


@contextmanager
def _noted(
    plan: Plan, layout: Layout, stage: str, out: Path | None = None, judges: Iterable[str] = ()
) -> Iterator[None]:
    """Note what the result of a stage was made from once it is made; ``out``: where, if not where it belongs."""
    folder, found = plan.folder(layout), made_from.of_stage(plan, stage, judges)
    yield
    made_from.note(folder, out or made_from.results_of_stages(folder)[stage], found)
