"""Tables of the wall-clock study."""

from typing import Any

import pandas as pd

from wae.analysis.costs.power_laws import LEAST_ROUNDS
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.words import MEETINGS, PENALTIES, number, parts_timed, seconds, spread, timed_title
from wae.report.tables.grids import Cell, Grid, Head

PARTS = ("total", "data", "forward", "backward", "penalty", "critic", "optimiser")
PART_TITLES = {"total": "whole step", "critic": "latent discriminator"}
FEW_LINES = 3  # of the study's log that a sentence repeats
STATUS = {
    "over_cap": "over the cap",
    "trimmed": "too large for memory or data",
    "no_time": "no time left",
    "apart": "cores apart",
}


def build(results: Results) -> list[Grid]:
    """The study's tables."""
    made = [_steps(results), _penalties(results), _fits(results), _crossovers(results)]
    return [grid for grid in made if grid is not None]


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
        f"rounds were beside other load and are kept.{_cores_apart(machine.get('cores_apart') or {})} "
        f"Threads: {threads}; device: {machine.get('device_name') or machine.get('device')}."
    )
    left_out = machine.get("left_out") or []
    if len(left_out) > FEW_LINES:
        return f"{said} Sizes over the cap or too large for the memory were left out; the tables say which."
    return said + (f" Left out: {'; '.join(map(str, left_out))}." if left_out else "")


def _cores_apart(found: dict[str, Any]) -> str:
    """What is said of the rounds while a virtual machine's cores shared no cache or were one; "" without any."""
    taken_out, kept = found.get("rounds_taken_out", 0), found.get("rounds_kept", 0)
    if not taken_out + kept:
        return ""
    return (
        " Rounds while the machine's host kept its cores apart or ran two on one, which can take several times as "
        "long: "
        f"{taken_out:,} left out; {kept:,} are all that there is at some points, which show no time."
    )


def _time(results: Results, row: dict[str, Any], title: str) -> Cell:
    if row["status"] != "ok":
        return Cell(STATUS.get(row["status"], row["status"]))
    noisy = f", {row['noisy_rounds']:.0f} of them beside other load" if row["noisy_rounds"] else ""
    low, high = (float(row[name]) if row["rounds"] >= LEAST_ROUNDS else None for name in ("low", "high"))
    within = "" if low is None or high is None else f", its 95% interval {seconds(low)} to {seconds(high)}"
    trace = (
        title,
        f"median {seconds(row['seconds'])}{within}",
        f"quartiles {seconds(row['q1'])} to {seconds(row['q3'])}",
        f"{row['rounds']:.0f} rounds{noisy}",
        results.source("timing.csv"),
    )
    return Cell(seconds(row["seconds"]), float(row["seconds"]), trace, low=low, high=high)


def _steps(results: Results) -> Grid | None:
    timing = results.timing()
    steps = timing[timing["study"] == "step"]
    if steps.empty:
        return None
    parts = [part for part in PARTS if (steps["part"] == part).any()]
    rows = []
    key: Any
    for key, group in steps.groupby(["dataset", "subject", "n"], sort=False):
        dataset, method, n = key
        by_part: dict[str, Any] = {row["part"]: row for row in group.to_dict("records")}
        title = results.title(str(method))
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
        caption=f"Median times; {parts_timed(str(results.timing_machine.get('device')))}.",
        section="timing",
        heads=(
            Head("Dataset"),
            Head("Method"),
            Head("Batch size n"),
            *(Head(PART_TITLES.get(part, part)) for part in parts),
            Head("images/s ↑"),
            Head("peak memory [MiB]", "beyond what was in use before the step"),
        ),
        rows=tuple(rows),
    )


def _penalties(results: Results) -> Grid | None:
    timing = results.timing()
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
        caption="Median times by batch size n; for the GAN with the update of the latent discriminator.",
        section="timing",
        heads=(Head("Penalty"), Head("d_z"), *(Head(f"n = {n:,.0f}") for n in counts)),
        rows=tuple(rows),
    )


def _fits(results: Results) -> Grid | None:
    rows = []
    for fit in results.read(TIMING_FITS).fits:
        if fit.study != "penalty":
            continue
        title = timed_title(fit.subject, fit.critic_width)
        trace = (title, f"fitted from n = {fit.n_min:,.0f} to {fit.n_max:,.0f}", results.source(TIMING_FITS.name))
        text = number(fit.p, 3) + spread(fit.p_low, fit.p_high, 3)
        dimension = Cell(f"{fit.latent_dim}", fit.latent_dim)
        rows.append((Cell(title, head=True), dimension, Cell(text, fit.p, trace, low=fit.p_low, high=fit.p_high)))
    if not rows:
        return None
    return Grid(
        name="timing_exponents",
        title="Growth of the cost: c·n^p",
        caption="Exponent p [95% interval], fitted to the larger half of the batch sizes.",
        section="timing",
        heads=(Head("Penalty"), Head("d_z"), Head("exponent p")),
        rows=tuple(rows),
    )


def _crossovers(results: Results) -> Grid | None:
    rows = []
    for c in results.read(TIMING_FITS).crossovers:
        if c.study != "penalty":
            continue
        title = f"{timed_title(c.a, None)} and {timed_title(c.b, c.critic_width)}"
        interval = "" if c.low is None or c.high is None else f" [{c.low:,.0f}, {c.high:,.0f}]"
        text = "-" if c.n is None else f"{c.n:,.0f}{interval}"
        trace = () if c.n is None else (title, text, results.source(TIMING_FITS.name))
        rows.append(
            (
                Cell(title, head=True),
                Cell(f"{c.latent_dim or ''}", c.latent_dim),
                Cell(text, c.n, trace, low=c.low, high=c.high),
                Cell(MEETINGS[c.status]),
            )
        )
    if not rows:
        return None
    return Grid(
        name="timing_crossovers",
        title="Batch sizes at which two cost the same",
        caption="With the 95% interval; below the crossover the first costs less.",
        section="timing",
        heads=(Head("Pair"), Head("d_z"), Head("n*"), Head("Where")),
        rows=tuple(rows),
    )
