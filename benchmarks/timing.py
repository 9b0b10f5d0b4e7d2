"""The tables of the wall-clock study in docs/timing.md, from the recorded folders of one thread and of two.

python -m benchmarks.timing          # prints the tables
python -m benchmarks.timing --write  # and puts them into that file, each between its two markers
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks import marked
from wae.analysis.costs.fits import PENALTY_PAIRS, timing_fits
from wae.analysis.costs.power_laws import measured
from wae.analysis.costs.rows import Crossover, Meeting, TimingFits
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.words import PENALTIES, counted, number, setting_value, spread, timed_title

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded"
STUDIES = ("timing_threads1", "timing_threads2")
END = "<!-- end of the table -->"
PENALTY_N = (128, 1024, 4096, 16384)
METHODS = ("vae", "wae_mmd", "wae_gan")


def studies() -> list[Results]:
    """The wall-clock studies that are recorded, one for each number of threads."""
    return [Results(RECORDED / name) for name in STUDIES if (RECORDED / name).exists()]


def threads(results: Results) -> str:
    """``1 thread``, ``2 threads``: what the study was timed with."""
    return counted(int(results.timing_machine["threads"]["intra_op"]), "thread")


def milliseconds(rows: pd.DataFrame) -> str:
    """Median of the one row with its 95% interval, where it has one; "-" for what was not measured."""
    rows = rows[rows["seconds"].notna() & (rows["status"] != "apart")]
    if rows.empty:
        return "-"
    middle, low, high = (1000.0 * float(rows[name].iloc[0]) for name in ("seconds", "low", "high"))
    if bool(measured(rows).iloc[0]):
        return number(middle, 3) + spread(low, high, 3)
    return f"{number(middle, 3)}, {counted(int(rows['rounds'].iloc[0]), 'round')}"


def subjects(frame: pd.DataFrame) -> list[tuple[str, int | None]]:
    """The penalties that were timed, as (subject, width of the critic), in the order of the study."""
    pairs = frame[["subject", "critic_width"]].drop_duplicates().itertuples(index=False)
    return [(str(subject), None if pd.isna(width) else int(width)) for subject, width in pairs]


def title(subject: str, width: int | None) -> str:
    """``MMD, fused``; ``latent discriminator 4 × 512``."""
    return PENALTIES[subject] if width is None else timed_title(subject, width)


def of(frame: pd.DataFrame, subject: str, width: int | None) -> pd.DataFrame:
    """The rows of one penalty."""
    rows = frame[frame["subject"] == subject]
    return rows if width is None else rows[rows["critic_width"] == width]


def alone(results: Iterable[Results], latent_dim: int = 8) -> str:
    """Milliseconds of each penalty alone, forward and backward, by batch size, for each number of threads."""
    rows = []
    for study in results:
        timing = study.timing()
        frame = timing[(timing["study"] == "penalty") & (timing["part"] == "total")]
        frame = frame[frame["latent_dim"] == latent_dim]
        for subject, width in subjects(frame):
            found = of(frame, subject, width)
            rows.append(
                (title(subject, width), threads(study), *(milliseconds(found[found["n"] == n]) for n in PENALTY_N))
            )
    heads = (f"penalty alone at d_z = {latent_dim}, ms", "threads", *(f"n = {n:,}" for n in PENALTY_N))
    return marked.table(heads, rows)


def growing(results: Iterable[Results], power: int) -> str:
    """The share of the term in n (1) or n² (2) at the largest size, and the exponent over the larger half of sizes."""
    rows, sizes = [], []
    for study in results:
        found = timing_fits(study.timing())
        grown = [g for g in found.growth if (1 if g.subject in ("gan", "mmd_random_features") else 2) == power]
        sizes = sizes or sorted({g.latent_dim for g in grown})
        for subject, width in dict.fromkeys((g.subject, g.critic_width) for g in grown):
            cells = {g.latent_dim: g for g in grown if (g.subject, g.critic_width) == (subject, width)}
            rows.append(
                (
                    title(subject, width),
                    threads(study),
                    *(_growth(found, cells[d].shares[power], subject, width, d) if d in cells else "-" for d in sizes),
                )
            )
    term = {1: "n", 2: "n²"}[power]
    return marked.table((f"share of the term in {term}; exponent", "threads", *(f"d_z = {d}" for d in sizes)), rows)


def _growth(found: TimingFits, share: float, subject: str, width: int | None, latent_dim: int) -> str:
    wanted = ("penalty", subject, width, latent_dim)
    laws = [f for f in found.fits if (f.study, f.subject, f.critic_width, f.latent_dim) == wanted]
    exponent = "".join(f"; {f.p:.2f}{spread(f.p_low, f.p_high, 3)}" for f in laws)
    return f"{share:.0%}{exponent}"


def meeting(found: Crossover) -> str:
    """The batch size up to which the first costs less; a star where it lies beyond the measured sizes."""
    if found.n is None:
        return {Meeting.BELOW_GRID: "none", Meeting.ABOVE_GRID: "all"}.get(found.status, "-")
    star = "*" if found.status is Meeting.EXTRAPOLATED else ""
    return f"{number(found.n)}{star}{spread(found.low, found.high)}"


def meetings(results: Iterable[Results]) -> str:
    """Up to which batch size the first of two penalties costs less, by code size, for each number of threads."""
    rows: list[Sequence[str]] = []
    sizes: list[int] = []
    for study in results:
        found = [c for c in timing_fits(study.timing()).crossovers if c.study == "penalty"]
        sizes = sizes or sorted({c.latent_dim for c in found})
        for a, b in PENALTY_PAIRS:
            for width in dict.fromkeys(c.critic_width for c in found if (c.a, c.b) == (a, b)):
                cells = {c.latent_dim: c for c in found if (c.a, c.b, c.critic_width) == (a, b, width)}
                said = [meeting(cells[d]) if d in cells else "-" for d in sizes]
                rows.append((f"{PENALTIES[a]}; {title(b, width)}", threads(study), *said))
    return marked.table(("the first is the cheaper one up to", "threads", *(f"d_z = {d}" for d in sizes)), rows)


def steps(results: Iterable[Results]) -> str:
    """Whole training steps of each network, and how long WAE-GAN's is beside WAE-MMD's."""
    rows = []
    for study in results:
        timing = study.timing()
        frame = timing[(timing["study"] == "step") & (timing["part"] == "total")]
        ratios = [r for r in timing_fits(timing).ratios if r.study == "step" and base_method(r.a) == "wae_mmd"]
        for dataset in dict.fromkeys(frame["dataset"]):
            for settings in _networks(frame["subject"]):
                names = [f"{method}{settings}" for method in METHODS]
                of_dataset = frame[frame["dataset"] == dataset]
                ratio = [r for r in ratios if (r.dataset, r.a, r.b) == (dataset, names[1], names[2])]
                times = [milliseconds(of_dataset[of_dataset["subject"] == name]) for name in names]
                said = "".join(number(r.ratio, 3) + spread(r.low, r.high, 3) for r in ratio) or "-"
                rows.append((f"{dataset}, {_network(settings)}", threads(study), *times, said))
    heads = ("whole step, ms", "threads", "VAE", "WAE-MMD", "WAE-GAN", "WAE-GAN over WAE-MMD")
    return marked.table(heads, rows)


def _networks(names: Iterable[str]) -> list[str]:
    """What the variants set, as in their names: "" for the plain methods, "@width=64", ..."""
    return list(dict.fromkeys(f"@{name.partition('@')[2]}" if "@" in name else "" for name in names))


def _network(settings: str) -> str:
    """``dcgan, width 64``; the plain methods have width 16."""
    found = varied(settings)
    return f"{found.get('architecture', 'dcgan')}, width {setting_value(found.get('width', '16'))}"


def shares(results: Iterable[Results]) -> str:
    """What share of a training step each part has, of the plain methods."""
    rows, parts = [], []
    for study in results:
        timing = study.timing()
        frame = timing[(timing["study"] == "step") & (timing["status"] == "ok")]
        parts = parts or [part for part in dict.fromkeys(frame["part"]) if part != "total"]
        for dataset in dict.fromkeys(frame["dataset"]):
            for method, name in zip(METHODS, ("VAE", "WAE-MMD", "WAE-GAN"), strict=True):
                found = frame[(frame["dataset"] == dataset) & (frame["subject"] == method)].set_index("part")["seconds"]
                whole = float(found.drop("total", errors="ignore").sum())
                said = [f"{float(found[part]) / whole:.1%}" if part in found else "-" for part in parts]
                rows.append((f"{dataset}, {name}", threads(study), *said))
    return marked.table(("share of a step", "threads", *parts), rows)


def conditions(results: Iterable[Results]) -> str:
    """When and where each study was timed, how many rounds its points have, and what lay beside it."""
    said = []
    for study in results:
        machine, timing = study.timing_machine, study.timing()
        totals = timing[timing["part"] == "total"]
        timed = totals[measured(totals)]
        commit = str(machine.get("commit") or study.manifest.get("commit"))[:7]
        rounds = f"{int(timed['rounds'].min())} to {int(timed['rounds'].max())} rounds at {len(timed)} points"
        rest = len(totals) - len(timed)
        lacking = f", {counted(rest, 'point')} without an interval" if rest else ""
        noisy = f"{int(totals['noisy_rounds'].sum())} of {int(totals['rounds'].sum()):,} samples"
        cores = machine.get("cores_apart") or {}
        out, kept = cores.get("rounds_taken_out", 0), cores.get("rounds_kept", 0)
        apart = f" {out:,} more, taken while the cores lay apart or were one, are left out; {kept:,} such are kept."
        said.append(
            f"- {threads(study)}, at commit {commit}: {rounds}{lacking}; {noisy} were taken while another process was "
            f"at work.{apart if out + kept else ''}"
        )
    return "\n".join(said)


TEXTS = (
    ("conditions", conditions),
    ("penalties alone", alone),
    ("quadratic growth", partial(growing, power=2)),
    ("linear growth", partial(growing, power=1)),
    ("meetings", meetings),
    ("steps", steps),
    ("shares of a step", shares),
)


def blocks() -> list[tuple[str, str, str]]:
    """Markers and text of each table."""
    found = studies()
    return [(marked.begin(what, "timing"), END, text(found)) for what, text in TEXTS]


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "docs/timing.md", blocks)
