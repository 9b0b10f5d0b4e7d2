"""The report of what is complete so far, beside the whole one and never in its place."""

from pathlib import Path

from wae.analysis import analyse
from wae.analysis.runs import TIMING_COLUMNS, collect_plan, write_table
from wae.commands.manifest import write_manifest
from wae.core.files import read_json
from wae.report.figures.draw import figures
from wae.report.page.render import page
from wae.report.tables.write import tables

LINKED = ("timing.csv", "timing_machine.json")


def report_partial(plan: Path, results: Path, claims: Path, anchors: Path, out: Path) -> None:
    """Write the page ``out`` (with tables/ and figures/ beside it) from the finished runs of ``plan``; mark the rest.

    The tables it is made from lie in ``results``/EXPERIMENT/partial/, with links to the runs, so that what the
    workflow itself collects stays untouched.
    """
    experiment = read_json(plan)["config"]["experiment"]
    folder = results / experiment / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (plan.name, *LINKED, *read_json(plan)["config"]["run"]["datasets"]):
        link, source = folder / name, results / experiment / name
        link.unlink(missing_ok=True)
        if source.exists():
            link.symlink_to(Path("..") / name)
    if not (folder / "timing.csv").exists():
        write_table(folder / "timing.csv", [], TIMING_COLUMNS)
    collect_plan(plan, results, folder, partial=True)
    write_manifest(plan, results, folder / "manifest.json", partial=True)
    analyse(folder, claims, anchors)
    tables(folder, out.parent / "tables")
    figures(folder, out.parent / "figures")
    page(folder, out.parent, out, partial=True)
