"""The public view of an experiment's folder: each of its files as a DataFrame, for notebooks, judges and figures."""

from collections import Counter
from dataclasses import asdict, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from wae.analysis import files
from wae.analysis.claims.verdicts import JudgedClaim
from wae.analysis.experiment import Experiment
from wae.analysis.inference_rows import Aggregate, Contrast, Deciding, StreamRow
from wae.analysis.published.rows import PublishedRow
from wae.analysis.rows import BudgetRow, GapRow, Score, TriedWeight
from wae.analysis.runs import base_method
from wae.analysis.statistics import Comparison
from wae.analysis.words import about

NAMED = ("vae", "beta_vae", "wae_mmd", "wae_gan")  # methods whose title says enough

T = TypeVar("T")


def splits_of(reference: str) -> list[str]:
    """The splits that scores are of where samples are compared with the split ``reference``.

    Beside "train" also "test": reconstructions, likelihoods and codes are then of test images.
    """
    return ["train", "test"] if reference == "train" else [reference]


class Results(Experiment):
    """The results of one experiment: ``Results("results/smoke")``.

    Its methods return DataFrames, empty where a config did not ask for what they hold; ``metrics``, ``runs``,
    ``histories``, ``trajectories`` and ``timing`` hold what was measured, the others what ``wae analyse`` makes of it.
    In a recorded folder these are made when asked for, but for ``claims`` and ``published``, which are read.
    UserError for a folder that is missing, or that lacks metrics.csv or runs.csv once they are asked for.
    """

    def rows(
        self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None
    ) -> list[dict[str, Any]]:
        """The rows of metrics.csv behind ``seed_values``; by default of the first of ``splits_of`` that has any."""
        for split in [reference] if reference else splits_of(self.reference):
            if found := super().rows(dataset, method, metric, subject, split):
                return found
        return []

    def title(self, method: str) -> str:
        """How a method is called; with its name in the config behind it where another one has the same title.

        So parts of one's own in an existing method are told from it; the four named methods keep their titles.
        """
        title, base = super().title(method), base_method(method)
        own = super().title(base)
        if base in self.namesakes and title.startswith(own):
            return f"{own} ({base}){title.removeprefix(own)}"
        return title

    @cached_property
    def namesakes(self) -> list[str]:
        """Methods of the config whose title another one has too, but for the four named ones."""
        titles = {name: Experiment.title(self, name) for name in dict.fromkeys(map(base_method, self.methods))}
        counts = Counter(titles.values())
        return [name for name, title in titles.items() if counts[title] > 1 and name not in NAMED]

    def has_discriminator(self, method: str) -> bool:
        """Whether a method is known to train a latent discriminator: WAE-GAN and all that derive from it."""
        return "fresh_codes" in self.facts(method).get("options", {})

    def made(self, file: files.File[T]) -> T:
        """What ``read`` gives; where ``wae analyse`` was not run, as in a recorded folder, what it would write."""
        if not (self.folder / file.name).exists():
            from wae.analysis import derived

            made: T = next(make for known, make in derived() if known.name == file.name)(self)
            return made
        return self.read(file)

    def scores(self) -> pd.DataFrame:
        """Scores summed up over seeds: a row per dataset, method, metric and subject (wae.analysis.rows.Score).

        Columns: dataset, method, metric, subject, mean, low, high (95% interval, in the metric's unit), by_seed (dict),
        samples (images), draws, few_images, rejections (mean counts the seeds that reject), mark ("best", "tie" or ""),
        limit ("at least" or "at most" where the mean is only a limit of the quantity, else "").
        """
        return _frame(self.made(files.SCORES), Score)

    def budget(self) -> pd.DataFrame:
        """Where the error of the ranking distance comes from: a row per dataset and method, in the distance's unit.

        Columns: dataset, method, mean, seeds, draws, sd_seed, sd_draw, sd_half (standard deviations), error_seed,
        error_draw, error_half (standard errors of the mean), dominant, detectable (smallest difference found with 80%
        power; where ``ratio``, the smallest factor), variation (sd_seed as a share of the mean), ratio.
        """
        return _frame(self.made(files.BUDGET), BudgetRow)

    def gap(self) -> pd.DataFrame:
        """What the ranking distance is made of: a row per dataset and method, means over seeds, in its unit.

        Columns: dataset, method, floor (real data), reconstruction, mixture, prior, and the steps between them:
        decoder, density, hole.
        """
        return _frame(self.made(files.GAP), GapRow)

    def agreement(self) -> pd.DataFrame:
        """How methods rank by each measure: a row per dataset, metric, subject, reference and sample count.

        Columns: dataset, metric, subject, reference, samples, ranks (dict; 1 is best), tau (Kendall's tau-b with the
        ranking by the primary measure, -1 to 1).
        """
        rankings = [ranking for found in self.made(files.AGREEMENT) for ranking in found.rankings]
        rows = [{"dataset": r.dataset, **asdict(r.condition), "ranks": r.ranks, "tau": r.tau} for r in rankings]
        columns = ["dataset", "metric", "subject", "reference", "samples", "ranks", "tau"]
        return pd.DataFrame(rows, columns=columns)

    def contrasts(self) -> pd.DataFrame:
        """Every pair of methods in the primary and the secondary measures: a row per dataset, measure and pair.

        Columns: dataset, metric, subject, primary (bool), first, second, seeds, estimate (a ratio of geometric means
        where ``ratio``, else a difference), improvement (NaN where neither way is better), ratio, low, high (95%
        interval), p, p_holm, effect (Hedges' g).
        """
        frame = _flat(self.made(files.CONTRASTS), Contrast)
        frame.loc[frame["metric"].map(lambda name: about(name).better is None).astype(bool), "improvement"] = np.nan
        return frame

    def deciding(self) -> pd.DataFrame:
        """How many seeds would decide each pair of methods in the primary measure: a row per dataset and pair.

        Columns: dataset, comparisons (pairs corrected for), needed (seeds per method for 80% power; None for more than
        wae.analysis.deciding.MOST_SEEDS), and those of ``contrasts`` from first on.
        """
        return _flat(self.made(files.DECIDING), Deciding)

    def aggregates(self) -> pd.DataFrame:
        """Methods over all datasets in the primary measure: a row per method (wae.analysis.inference_rows.Aggregate).

        Columns: method, datasets, runs, mean (interquartile mean of ratios to each dataset's geometric mean), low,
        high, improvement (probability that a run is better than another method's), improvement_low, improvement_high.
        """
        return _frame(self.made(files.AGGREGATES), Aggregate)

    def streams(self) -> pd.DataFrame:
        """How far each random stream alone moves the ranking distance: a row per dataset, method and stream.

        Columns: dataset, method, stream, seeds, log (whether sd is of the natural logarithm), sd, low, high (95%
        interval of sd), share (of the variance when all streams vary), share_low, share_high (its 95% interval). See
        wae.analysis.inference_rows.StreamRow.
        """
        return _frame(self.made(files.LOTTERY), StreamRow)

    def tuning(self) -> pd.DataFrame:
        """Sweeps of the penalty's weight: a row per dataset, method and weight.

        Columns: dataset, method, weight, variant, validation (mean of the ranking distance over seeds), seeds,
        unfinished, chosen, at_edge.
        """
        return _frame(self.made(files.TUNING).tried, TriedWeight)

    def claims(self) -> pd.DataFrame:
        """The judged claims: a row per claim.

        Columns: number, id, statement, source, test, threshold, judge, parameters (dict), verdict, summary, evidence
        (list of dicts: what, value, dataset, low, high, unit, verdict, note), errors (dict).
        """
        return _frame(self.read(files.CLAIMS).claims, JudgedClaim)

    def published(self) -> pd.DataFrame:
        """Published results beside ours: a row per published number and method of ours that answers it.

        Columns: dataset, method, metric, subject, protocol, source, standing, published, tolerance (absolute),
        our_metric, ours, low, high (95% interval), seeds, differs (list of dicts: reason, title, there, here), outcome,
        note, below (how many of our seeds have less than the published number; None for fewer than three).
        """
        return _frame(self.read(files.PUBLISHED).rows, PublishedRow)


def _flat(rows: list[Any], kind: Any) -> pd.DataFrame:
    """Rows with a comparison, its fields last."""
    columns = [field.name for field in (*fields(kind), *fields(Comparison)) if field.name != "comparison"]
    flat = [{**row, **row["comparison"]} for row in map(asdict, rows)]
    return pd.DataFrame(flat, columns=columns)


def _frame(rows: list[Any], kind: Any) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(kind)])
