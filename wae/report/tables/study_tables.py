"""Tables of the wall-clock study, of published numbers, and of the evidence for each claim."""

from typing import Any

import pandas as pd

from wae.analysis.results import Results
from wae.report.figures.style import seconds_label
from wae.report.names import slug
from wae.report.tables.grids import Cell, Grid, Head
from wae.report.wording import PENALTIES, SUBJECTS, method_title

PARTS = ("total", "data", "forward", "backward", "penalty", "critic", "optimiser")
STATUS = {"over_cap": "over the cap", "trimmed": "too large for memory"}


def build(results: Results) -> list[Grid]:
    """The study's tables."""
    made = [_steps(results), _penalties(results), _fits(results), _crossovers(results), _anchors(results)]
    return [grid for grid in made if grid is not None] + [_claim(results, claim) for claim in results.claims]


def quietness(results: Results) -> str:
    """How quiet the machine was during the study, a sentence or two; "" when that is not recorded."""
    machine = results.timing_machine
    load = machine.get("load_during", {})
    busy = load.get("mean_cores_busy_with_others")
    if busy is None:
        return ""
    noisy, rounds = machine.get("noisy_rounds", 0), machine.get("rounds", 0)
    threads = machine.get("threads", {}).get("asked")
    said = (
        f"While the study ran, other processes kept {busy:.2f} cores busy on average; {noisy:,} of {rounds:,} "
        "rounds were "
        f"beside other load and are kept. Threads: {threads}; device: "
        f"{machine.get('device_name') or machine.get('device')}."
    )
    left_out = machine.get("left_out") or []
    return said + (f" Left out: {'; '.join(map(str, left_out))}." if left_out else "")


def _file(results: Results, name: str) -> str:
    return f"file {results.shown_path(results.folder / name)}"


def _time(results: Results, row: dict[str, Any], title: str) -> Cell:
    if row["status"] != "ok":
        return Cell(STATUS.get(row["status"], row["status"]))
    noisy = f", {row['noisy_rounds']:.0f} of them beside other load" if row["noisy_rounds"] else ""
    trace = (
        title,
        (
            f"median {seconds_label(row['seconds'])}, its 95% interval {seconds_label(row['low'])} to "
            f"{seconds_label(row['high'])}"
        ),
        f"quartiles {seconds_label(row['q1'])} to {seconds_label(row['q3'])}",
        f"{row['rounds']:.0f} rounds{noisy}",
        _file(results, "timing.csv"),
    )
    return Cell(seconds_label(row["seconds"]), float(row["seconds"]), trace)


def _steps(results: Results) -> Grid | None:
    timing = results.timing
    steps = timing[timing["study"] == "step"]
    if steps.empty:
        return None
    parts = [part for part in PARTS if (steps["part"] == part).any()]
    rows = []
    key: Any
    for key, group in steps.groupby(["dataset", "subject", "n"], sort=False):
        dataset, method, n = key
        by_part: dict[str, Any] = {row["part"]: row for row in group.to_dict("records")}
        title = method_title(str(method))
        cells = [
            _time(results, by_part[part], f"{title} on {dataset}, n = {n:.0f}: {part}")
            if part in by_part
            else Cell("-")
            for part in parts
        ]
        total = by_part.get("total")
        rate = n / total["seconds"] if total and total["status"] == "ok" else None
        memory = total["peak_bytes"] / 2**20 if total and pd.notna(total["peak_bytes"]) else None
        cells.append(Cell("-") if rate is None else Cell(f"{rate:,.0f}", float(rate)))
        cells.append(Cell("-") if memory is None else Cell(f"{memory:,.1f}", float(memory)))
        rows.append((Cell(str(dataset), head=True), Cell(title), Cell(f"{n:,.0f}", float(n)), *cells))
    return Grid(
        name="timing_steps",
        title="A training step and its parts",
        caption="Median times; the parts are marked inside the same step.",
        section="timing",
        heads=(
            Head("Dataset"),
            Head("Method"),
            Head("Batch size n"),
            *(Head("whole step" if part == "total" else part) for part in parts),
            Head("images/s ↑"),
            Head("peak memory [MiB]", "beyond what is there before the step"),
        ),
        rows=tuple(rows),
        source="timing.csv",
    )


def _penalties(results: Results) -> Grid | None:
    timing = results.timing
    penalties = timing[(timing["study"] == "penalty") & (timing["part"] == "total")]
    if penalties.empty:
        return None
    counts = sorted(set(penalties["n"]))
    rows = []
    key: Any
    for key, group in penalties.groupby(["subject", "latent_dim", penalties["critic_width"].fillna(0)], sort=False):
        subject, dimension, width = key
        by_n: dict[float, Any] = {row["n"]: row for row in group.to_dict("records")}
        title = PENALTIES.get(str(subject), str(subject)) + (f", 4 × {width:.0f}" if width and subject == "gan" else "")
        cells = [
            _time(results, by_n[n], f"{title}, d_z = {dimension:.0f}, n = {n:,.0f}") if n in by_n else Cell("-")
            for n in counts
        ]
        rows.append((Cell(title, head=True), Cell(f"{dimension:.0f}", float(dimension)), *cells))
    return Grid(
        name="timing_penalties",
        title="The penalty alone, forward and backward",
        caption="Median times by batch size n; for the GAN with the critic's update.",
        section="timing",
        heads=(Head("Penalty"), Head("d_z"), *(Head(f"n = {n:,.0f}") for n in counts)),
        rows=tuple(rows),
        source="timing.csv",
    )


def _fits(results: Results) -> Grid | None:
    rows = []
    for fit in results.exponents:
        trace = (
            fit["title"],
            f"fitted from n = {fit['n_low']:,.0f} to {fit['n_high']:,.0f}",
            _file(results, "timing_fits.json"),
        )
        text = f"{fit['exponent']:.2f} ({fit['low']:.2f} to {fit['high']:.2f})".replace("-", "−")
        rows.append(
            (
                Cell(fit["title"], head=True),
                Cell(f"{fit['latent_dim']}", fit["latent_dim"]),
                Cell(text, fit["exponent"], trace),
            )
        )
    if not rows:
        return None
    return Grid(
        name="timing_exponents",
        title="Growth of the cost: c·n^p",
        caption="Exponent p with its 95% interval, fitted to the large half of the batch sizes.",
        section="timing",
        heads=(Head("Penalty"), Head("d_z"), Head("exponent p")),
        rows=tuple(rows),
        source="timing_fits.json",
    )


def _crossovers(results: Results) -> Grid | None:
    rows = []
    for crossing in results.crossovers:
        n = crossing["n"]
        interval = ""
        if crossing["low"] is not None and crossing["high"] is not None:
            interval = f" ({crossing['low']:,.0f} to {crossing['high']:,.0f})"
        text = "-" if n is None else f"{n:,.0f}{interval}"
        rows.append(
            (
                Cell(crossing["title"], head=True),
                Cell(f"{crossing['latent_dim'] or ''}", crossing["latent_dim"]),
                Cell(text, n, () if n is None else (crossing["title"], text, _file(results, "timing_fits.json"))),
                Cell(crossing["note"]),
            )
        )
    if not rows:
        return None
    return Grid(
        name="timing_crossovers",
        title="Batch sizes at which two cost the same",
        caption="With 95% interval; below the crossover the first is the cheaper one.",
        section="timing",
        heads=(Head("Pair"), Head("d_z"), Head("n*"), Head("Where")),
        rows=tuple(rows),
        source="timing_fits.json",
    )


def _anchors(results: Results) -> Grid | None:
    entries = results.anchors
    if not entries:
        return None
    rows = []
    for entry in entries:
        ours = "not measured"
        if entry["ours"] is not None:
            half = "" if entry["low"] is None else f" ± {(entry['high'] - entry['low']) / 2:.3g}"
            ours = f"{entry['ours']:.4g}{half}"
        standing = {"read": "", "secondary": ", second hand", "recalled": ", recalled"}[entry["standing"]]
        trace = (
            f"{method_title(entry['method'])} on {entry['dataset']}: {entry['our_metric'] or entry['metric']}",
            f"{entry['seeds']} seeds",
            _file(results, "anchors.json"),
        )
        rows.append(
            (
                Cell(entry["dataset"], head=True),
                Cell(method_title(entry["method"])),
                Cell(f"{entry['metric']}, {SUBJECTS.get(entry['subject'], entry['subject'])}"),
                Cell(f"{entry['published']:g}{standing}", float(entry["published"])),
                Cell(ours, entry["ours"], trace),
                Cell(entry["verdict"] or "no verdict"),
                Cell("; ".join(entry["differs"]) or "nothing that matters"),
                Cell(f"{entry['source']} ({entry['protocol']}){'. ' + entry['note'] if entry['note'] else ''}"),
            )
        )
    heads = ("Dataset", "Method", "Metric", "Published", "Ours", "Verdict", "What differs", "Source")
    return Grid(
        name="anchors",
        title="Published numbers beside ours",
        caption="Ours: mean over seeds ± half of the 95% interval. Differing fields make a pair not comparable.",
        section="anchors",
        heads=tuple(map(Head, heads)),
        rows=tuple(rows),
        source="anchors.json",
    )


def _claim(results: Results, claim: dict[str, Any]) -> Grid:
    rows = []
    for evidence in claim["evidence"]:
        value = evidence["value"]
        unit = f" {evidence['unit']}" if evidence["unit"] and evidence["unit"] != "s" else ""
        number = seconds_label if evidence["unit"] == "s" else _number
        text = "-" if value is None else f"{number(value)}{unit}"
        if value is not None and evidence["low"] is not None and evidence["high"] is not None:
            text += f" ({number(evidence['low'])} to {number(evidence['high'])})"
        trace = (evidence["what"], text, _file(results, "claims.json"))
        rows.append(
            (
                Cell(evidence["dataset"] or "-"),
                Cell(evidence["what"], head=True),
                Cell(text, value, trace if value is not None else ()),
                Cell(evidence["note"] or "-"),
                Cell(evidence["verdict"] or "-"),
            )
        )
    heads = (Head("Dataset"), Head("What"), Head("Value"), Head("Note"), Head("Says"))
    used = [i for i in range(len(heads)) if i == 1 or any(row[i].text != "-" for row in rows)]
    return Grid(
        name=f"claim_{slug(claim['id'])}",
        title=f"Evidence on claim {claim['number']}",
        caption="Value with 95% interval, where there is one.",
        section="claim",
        heads=tuple(heads[i] for i in used),
        rows=tuple(tuple(row[i] for i in used) for row in rows),
        source="claims.json",
    )


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
