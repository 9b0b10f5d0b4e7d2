"""The table of the wall-clock study on a GPU in docs/timing.md.

python -m benchmarks.gpu          # prints the table
python -m benchmarks.gpu --write  # and puts it into that file, between its two markers
"""

from pathlib import Path

import pandas as pd

from benchmarks import marked
from wae.analysis.costs.fits import timing_fits
from wae.analysis.costs.rows import Crossover
from wae.analysis.words import PENALTIES, method_title, number, spread

ROOT = Path(__file__).resolve().parents[1]
TIMING = ROOT / "benchmarks/h200/timing.csv"
BEGIN, END = "<!-- gpu: python -m benchmarks.gpu --write -->", "<!-- end of gpu -->"
TIMED = (("mmd_fused", None), ("mmd_official", None), ("mmd_random_features", None), ("gan", 512), ("gan", 1024))
STEPS = ("vae", "wae_mmd", "wae_gan", "wae_mmd_rff")
PENALTY_N, STEP_N = (128, 1024, 4096, 16384), (32, 128, 512, 1024, 2048)


def cell(rows: pd.DataFrame) -> str:
    """Median of the one row in milliseconds, with its 95% interval."""
    middle, low, high = (1000.0 * float(rows[name].iloc[0]) for name in ("seconds", "low", "high"))
    return number(middle, 3) + spread(low, high, 3)


def size(found: Crossover) -> str:
    """The batch size of a crossover with its interval, "-" where it is not known."""
    return number(found.n) + spread(found.low, found.high)


def table(path: Path = TIMING) -> str:
    """Penalties alone, whole steps, and where two cost the same, in Markdown."""
    timing = pd.read_csv(path)
    totals = timing[timing["part"] == "total"]
    penalties = totals[(totals["study"] == "penalty") & (totals["latent_dim"] == 8)]
    steps = totals[totals["study"] == "step"]
    alone = []
    for subject, width in TIMED:
        rows, title = penalties[penalties["subject"] == subject], PENALTIES[subject]
        if width is not None:
            rows, title = rows[rows["critic_width"] == width], f"latent discriminator 4 × {width}"
        alone.append((title, *(cell(rows[rows["n"] == n]) for n in PENALTY_N)))
    whole = []
    for subject in STEPS:
        rows = steps[steps["subject"] == subject]
        whole.append((method_title(subject), *(cell(rows[rows["n"] == n]) for n in STEP_N)))
    meetings = []
    found = timing_fits(timing).crossovers
    for a, b, width in (("mmd_fused", "gan", 512), ("mmd_official", "gan", 512), ("mmd_fused", "gan", 1024)):
        said = []
        for d in (8, 64, 128):
            here = next(
                c for c in found if (c.study, c.a, c.b, c.critic_width, c.latent_dim) == ("penalty", a, b, width, d)
            )
            said.append(size(here))
        meetings.append((f"{PENALTIES[a]}; latent discriminator 4 × {width}", *said))
    step = next(c for c in found if (c.study, c.a, c.b) == ("step", "wae_mmd", "wae_gan"))
    meetings.append(("whole step of WAE-MMD; of WAE-GAN", size(step), "-", "-"))
    return "\n\n".join(
        (
            marked.table(("penalty alone at d_z = 8, ms", *(f"n = {n:,}" for n in PENALTY_N)), alone),
            marked.table(("whole step on glyphs, ms", *(f"n = {n:,}" for n in STEP_N)), whole),
            marked.table(("up to this n the first is the cheaper one", "d_z = 8", "64", "128"), meetings),
        )
    )


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "docs/timing.md", lambda: [(BEGIN, END, table())])
