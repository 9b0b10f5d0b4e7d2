"""What the figures along training, sample count and settings show, and what training took: means over seeds."""

from wae.analysis.results import Results
from wae.analysis.rows import BiasCurve, Courses, Ending, SweepPoint, TrainingCost
from wae.analysis.runs import base_method, varied
from wae.analysis.sweeps import WEIGHT, one_per_value

SWEPT = ("latent_dim", "lambda_", "batch_size")


def courses(results: Results) -> Courses:
    """All of it; parts that were not measured are empty."""
    cells = [(dataset, method) for dataset in results.datasets for method in results.methods]
    return Courses(
        bias=[curve for cell in cells if (curve := _bias(results, *cell))],
        sweeps=sweeps(results),
        endings=[ending for cell in cells for ending in _endings(results, *cell)],
        costs=[cost for cell in cells if (cost := _cost(results, *cell))],
    )


def _bias(results: Results, dataset: str, method: str) -> BiasCurve | None:
    frame = results.metrics()
    rows = frame[(frame["dataset"] == dataset) & (frame["method"] == method)]
    rows = rows[rows["metric"] == f"{results.distance}_curve"]
    means = rows.groupby("samples")["value"].mean().sort_index()
    if len(means) < 2:
        return None
    limit = results.seed_values(dataset, method, f"{results.distance}_infinity", "prior")
    end = float(limit.mean()) if len(limit) else None
    return BiasCurve(dataset, method, [int(str(n)) for n in means.index.astype(int)], [float(v) for v in means], end)


def sweeps(results: Results) -> list[SweepPoint]:
    """The distance at each value of each numeric setting that was varied, the plain method's value included.

    It was varied alone, or with the weight tuned for each value beside it.
    """
    points = []
    if results.distance is None:
        return []
    for dataset in results.datasets:
        for key in SWEPT:
            for base, methods in _swept(results, dataset, key).items():
                for method in methods:
                    value = results.settings(dataset, method).get(key)
                    scores = results.seed_values(dataset, method, results.distance, "prior")
                    if value is not None and len(scores):
                        by_seed = {int(str(seed)): float(score) for seed, score in scores.items()}
                        points.append(SweepPoint(dataset, base, key, float(value), float(scores.mean()), by_seed))
    return points


def _swept(results: Results, dataset: str, key: str) -> dict[str, list[str]]:
    """By method the variants of a sweep of ``key``, one at each value; without methods of which it was not varied."""
    groups: dict[str, list[str]] = {}
    for method in results.methods:
        if set(varied(method)) <= {key, WEIGHT}:
            groups.setdefault(base_method(method), []).append(method)
    found = {}
    for base, methods in groups.items():
        if any(key in varied(method) for method in methods):
            kept = one_per_value(results, dataset, key, methods)
            found[base] = [method for method in methods if method in kept.values()]
    return found


def _endings(results: Results, dataset: str, method: str) -> list[Ending]:
    """The last reconstruction cost, the last kept distance with its training time, the last kept information."""
    found = []
    history, kept = results.histories(), results.trajectories()
    seeds = results.finished_seeds(dataset, method)
    history = history[(history["dataset"] == dataset) & (history["method"] == method) & history["seed"].isin(seeds)]
    if "reconstruction" in history.columns and len(history):
        last = history.sort_values("epoch").groupby("seed")["reconstruction"].last()
        if last.notna().any():  # not where every run diverged in its first epoch
            found.append(Ending(dataset, method, "reconstruction", float(last.mean()), None))
    kept = kept[(kept["dataset"] == dataset) & (kept["method"] == method)]
    for quantity in (str(results.distance), "mutual_information"):
        rows = kept[(kept["metric"] == quantity) & kept["value"].notna()]
        ends = rows.sort_values("epoch").groupby("seed").last()
        if len(ends):
            found.append(Ending(dataset, method, quantity, float(ends["value"].mean()), float(ends["seconds"].mean())))
    return found


def _cost(results: Results, dataset: str, method: str) -> TrainingCost | None:
    runs = results.runs()
    runs = runs[(runs["dataset"] == dataset) & (runs["method"] == method) & (runs["status"] == "finished")]
    runs = runs.dropna(subset=["parameters", "epochs", "seconds"])
    if runs.empty:
        return None
    rates = {int(r["seed"]): _finite(r["images_per_second"]) for r in runs.to_dict("records")}
    known = [rate for rate in rates.values() if rate is not None]
    return TrainingCost(
        dataset,
        method,
        int(runs["parameters"].iloc[0]),
        int(runs["epochs"].iloc[0]),
        float(runs["seconds"].mean()),
        sum(known) / len(known) if known else None,
        {int(r["seed"]): (float(r["seconds"]), rates[int(r["seed"])]) for r in runs.to_dict("records")},
    )


def _finite(value: float) -> float | None:
    return float(value) if value == value else None
