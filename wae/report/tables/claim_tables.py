"""Tables of published results beside ours, and of the evidence for each claim."""

from typing import Any

from wae.analysis.claims.verdicts import Basis, ClaimsDocument, Evidence, Fixed, JudgedClaim, Verdict
from wae.analysis.files import CLAIMS, PUBLISHED
from wae.analysis.published.rows import Difference, Outcome, PublishedRow, Reason, Standing
from wae.analysis.results import Results
from wae.analysis.words import SUBJECTS, number, seconds, spread
from wae.report.names import slug
from wae.report.tables.grids import Cell, Grid, Head, inert


def build(results: Results) -> list[Grid]:
    """Published results, where there are any, and one table per claim."""
    published = _published(results)
    claims = [_claim(results, claim) for claim in results.read(CLAIMS).claims]
    return [published, *claims] if published else claims


STANDINGS = {Standing.READ: "", Standing.SECONDARY: ", second hand", Standing.RECALLED: ", recalled"}
OUTCOMES = {outcome: str(outcome) for outcome in Outcome} | {Outcome.NONE: "none: recalled"}


def _published(results: Results) -> Grid | None:
    rows = []
    for entry in results.read(PUBLISHED).rows:
        ours = "not measured" if entry.ours is None else number(entry.ours) + spread(entry.low, entry.high, 3)
        trace = (
            f"{results.title(entry.method)} on {entry.dataset}: {entry.our_metric or entry.metric}",
            f"{entry.seeds} seeds",
            results.source(PUBLISHED.name),
        )
        rows.append(
            (
                Cell(entry.dataset, head=True),
                Cell(results.title(entry.method)),
                Cell(f"{entry.metric}, {SUBJECTS.get(entry.subject, entry.subject)}"),
                Cell(f"{entry.published:g}{STANDINGS[entry.standing]}", entry.published),
                Cell(ours, entry.ours, trace, low=entry.low, high=entry.high),
                Cell("-" if entry.below is None else f"{entry.below} of {entry.seeds}", entry.below),
                Cell(OUTCOMES[entry.outcome]),
                _differences(entry),
                Cell(f"{entry.source} ({entry.protocol}){'. ' + entry.note if entry.note else ''}"),
            )
        )
    if not rows:
        return None
    heads = (
        *("Dataset", "Method", "Metric", "Published", "Ours", "Our seeds below it"),
        *("Verdict", "What differs", "Source"),
    )
    return Grid(
        name="published",
        title="Published results beside ours",
        caption=(
            "Ours: mean over seeds [95% interval; of fewer than three seeds by the spread between the source's own "
            "runs, where it shows several]. Fields that differ make a pair not comparable. A published number of one "
            "run can lie among our seeds and yet outside the interval of their mean."
        ),
        section="published",
        heads=tuple(map(Head, heads)),
        rows=tuple(rows),
    )


def _differences(entry: PublishedRow) -> Cell:
    said = "; ".join(map(difference_said, entry.differs)) or "nothing that matters"
    return Cell(said, short=f"{len(entry.differs)} fields" if len(entry.differs) > 2 else "")


def difference_said(found: Difference) -> str:
    """One difference between two protocols as a phrase."""
    there, here = _value(found.there), _value(found.here)
    return {
        Reason.DIFFERS: f"{found.title}: {there} there, {here} here",
        Reason.NOT_STATED: f"{found.title}: not stated there, {here} here",
        Reason.RECALLED: f"{found.title}: {there} there is recalled, not read",
        Reason.FEW_SEEDS: f"{found.title}: {here} finished here, {there} needed",
        Reason.NOT_MEASURED: "not measured here",
    }[found.reason]


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


VERDICTS = {
    Verdict.SUPPORTED: "supported",
    Verdict.REFUTED: "refuted",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.CALCULATED: "true by calculation",
    Verdict.NOT_TESTED: "not tested by this config",
}


FIXED = {
    Fixed.BEFORE: "the rules were fixed before these runs",
    Fixed.AFTER: "the rules were changed after these runs",
    Fixed.UNKNOWN: "whether the rules were fixed before these runs is not known",
}


def fixed_said(document: ClaimsDocument) -> str:
    """When the rules last changed, and whether the runs of each experiment came before or after that."""
    rules = document.rules
    if rules.commit is None:
        when = "The commit that last changed the rules is not known"
    else:
        dirty = ", and they have changes that are not committed" if rules.changed else ""
        when = f"The rules (claims file and judges) last changed at commit {rules.commit[:12]}{dirty}"
    said = [f"{basis.experiment}: {FIXED[basis.fixed]}{_commits(basis)}" for basis in document.basis]
    return ". ".join([when, *(["; ".join(said)] if said else [])]) + "."


def _commits(basis: Basis) -> str:
    return f" (commit {', '.join(commit[:12] for commit in basis.commits)})" if basis.commits else ""


def markdown(document: ClaimsDocument) -> str:
    """All claims of a document with verdict, rule, error rates and evidence, one experiment after another."""
    lines = [f"# Claims, judged over {document.experiment}", "", fixed_said(document), "", *summary(document)]
    for claim in document.claims:
        lines += ["", f"## {claim.number}. {claim.statement}", "", f"**{VERDICTS[claim.verdict]}.** {claim.summary}"]
        lines += [
            "",
            f"Test: {claim.test}",
            "",
            f"Threshold: {claim.threshold}",
            "",
            f"Error rates: {errors_said(claim)}",
            "",
        ]
        if claim.evidence:
            lines += ["| dataset | what | value | note | says |", "|---|---|---|---|---|"]
            lines += [_row([cell.text for cell in _evidence("", found)]) for found in claim.evidence]
    return "\n".join(lines) + "\n"


def summary(document: ClaimsDocument) -> list[str]:
    """The verdicts as a table in Markdown: a line per claim, with the datasets whose own verdict is the whole's.

    Where a claim is inconclusive these are the ones that leave it open.
    """
    lines = ["| | claim | verdict | decided by |", "|---|---|---|---|"]
    for claim in document.claims:
        places = dict.fromkeys(found.dataset for found in claim.evidence if found.verdict is claim.verdict)
        decided = ", ".join(place for place in places if place) or "-"
        verdict = "not tested" if claim.verdict is Verdict.NOT_TESTED else VERDICTS[claim.verdict]
        lines.append(_row([str(claim.number), claim.statement, verdict, decided]))
    return lines


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(inert(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def errors_said(claim: JudgedClaim) -> str:
    """How often a claim's rule errs at most, as simulated."""
    if claim.errors is None:
        return "this rule was not simulated."
    e = claim.errors
    return (
        f"simulated: with {e.none}, it says supported in at most {100 * e.supported:.0f}% and refuted in "
        f"at most {100 * e.refuted:.0f}% of experiments; it misses this effect in at most {100 * e.missed:.0f}%: "
        f"{e.effect}."
    )


def _claim(results: Results, claim: JudgedClaim) -> Grid:
    rows = [_evidence(results.source(CLAIMS.name), evidence) for evidence in claim.evidence]
    heads = (Head("Dataset"), Head("What"), Head("Value"), Head("Note"), Head("Says"))
    used = [i for i in range(len(heads)) if i == 1 or any(row[i].text != "-" for row in rows)]
    return Grid(
        name=f"claim_{slug(claim.id)}",
        title=f"Evidence on claim {claim.number}",
        caption="Value [95% interval], where there is one.",
        section="claim",
        heads=tuple(heads[i] for i in used),
        rows=tuple(tuple(row[i] for i in used) for row in rows),
    )


def _evidence(source: str, found: Evidence) -> tuple[Cell, ...]:
    unit = f" {found.unit}" if found.unit and found.unit != "s" else ""
    said = seconds if found.unit == "s" else number
    text = "-"
    if found.value is not None:
        text = f"{said(found.value)}{unit}"
        if found.low is not None and found.high is not None:
            text += f" [{said(found.low)}, {said(found.high)}]"
    trace = (found.what, text, source) if found.value is not None else ()
    return (
        Cell(found.dataset or "-"),
        Cell(found.what, head=True),
        Cell(text, found.value, trace, low=found.low, high=found.high),
        Cell(found.note or "-"),
        Cell("-" if found.verdict is None else VERDICTS[found.verdict]),
    )
