"""Were the rules fixed before the data were seen: the commit that last changed them against those of the runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wae.analysis.claims.claims_file import own_judges
from wae.analysis.claims.verdicts import Basis, Fixed, Rules
from wae.analysis.experiment import Experiment
from wae.compute.checkout import is_ancestor, last_change
from wae.core.files import read_json, sha256_file
from wae.core.layout import Cell
from wae.core.plugins import ROOT, source_file

CLAIMS = "wae/analysis/claims"  # the judges and the tests, all of it but for this file, which gives no verdict
JUDGING = (  # what else decides verdicts: the tests, and which scores of which runs they are given
    *("wae/analysis/costs", "wae/analysis/statistics.py"),
    *("wae/analysis/experiment.py", "wae/analysis/runs.py", "wae/analysis/sweeps.py"),
)


def rules_of(path: str | Path) -> Rules:
    """The commit that last changed the claims file ``path``, its own judges, or the code that gives verdicts."""
    own = [found for judge in own_judges(path) if (found := source_file(judge.partition(":")[0])) is not None]
    judges = [found for found in sorted((ROOT / CLAIMS).glob("*.py")) if found.name != Path(__file__).name]
    commit, changed = last_change([Path(path).resolve(), *own, *judges, *(ROOT / name for name in JUDGING)])
    return Rules(commit, changed)


def basis_of(member: Experiment, rules: Rules) -> Basis:
    """One experiment that verdicts rest on, and whether its runs came after the rules."""
    commits, exact = run_commits(member)
    known = member.layout.file("runs.csv").exists() or bool(member.manifest)
    runs = len(member.runs()) if known else 0
    digests = [
        sha256_file(table) for name in ("metrics.csv", "timing.csv") if (table := member.layout.file(name)).exists()
    ]
    return Basis(
        experiment=member.experiment,
        datasets=member.datasets if runs else [],
        runs=runs,
        commits=commits,
        digests=digests,
        fixed=fixed(rules, commits, exact),
    )


def run_commits(member: Experiment) -> tuple[list[str], bool]:
    """The commits that runs were trained at, and whether they are the runs' own (run.json, or the manifest's list).

    Of a study of times alone, the commit that it was timed at. Else that of the manifest, which was written after the
    runs.
    """
    timed = member.timing_machine.get("commit")
    if timed and member.metrics().empty:
        return [str(timed)], True
    listed: Any = member.manifest.get("run_commits")
    if listed is None and member.layout.file("runs.csv").exists():
        cells = [Cell(row["dataset"], row["method"], int(row["seed"])) for row in member.runs().to_dict("records")]
        records = [path for cell in cells if (path := member.layout.run(cell).record).exists()]
        listed = [read_json(path).get("commit") for path in records] or None
    if listed is not None:
        return sorted({str(commit) for commit in listed if commit}), all(listed)
    commit = member.manifest.get("commit")
    return [str(commit)] if commit else [], False


def fixed(rules: Rules, commits: Iterable[str], exact: bool) -> Fixed:
    """Whether the rules were fixed before runs of ``commits``; ``exact``: the commits are the runs' own.

    BEFORE: each run's commit holds the commit that last changed the rules, and nothing is changed since. AFTER: for
    one run the rules changed later. UNKNOWN: git does not know the commits, or does not know enough of them.
    """
    commits = list(commits)
    if rules.commit is None or not commits:
        return Fixed.UNKNOWN
    if rules.changed:
        return Fixed.AFTER
    holds = [is_ancestor(rules.commit, commit) for commit in commits]
    if False in holds:
        later = [commit for commit, held in zip(commits, holds, strict=True) if held is False]
        return Fixed.AFTER if any(is_ancestor(commit, rules.commit) for commit in later) else Fixed.UNKNOWN
    return Fixed.BEFORE if exact and None not in holds else Fixed.UNKNOWN
