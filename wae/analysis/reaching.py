"""Training time until a given quality: what a method costs is what it takes to get there."""

import math

from wae.analysis.results import Results
from wae.analysis.rows import Reaching
from wae.analysis.statistics import interval

Course = list[tuple[float, float]]  # seconds of training and distance at the epochs whose weights were kept


def reaching(results: Results) -> list[Reaching]:
    """Per dataset and method, the training time until the distance at which the worst method ends (geometric mean).

    Methods without a penalty on the codes do not set it, as nothing lets their samples from the prior come near. The
    method that sets it is there by the end with about half of its seeds only, as it is the mean of their own ends.
    A seed that diverged never gets there. Empty without weights kept at two epochs or more.
    """
    found = []
    for dataset in results.datasets:
        courses = {method: _courses(results, dataset, method) for method in results.main_methods}
        courses = {method: by_seed for method, by_seed in courses.items() if by_seed}
        ends = [
            _geometric_mean([course[-1][1] for course in by_seed.values()])
            for method, by_seed in courses.items()
            if _penalised(results, dataset, method)
        ]
        kept = max((len(course) for by_seed in courses.values() for course in by_seed.values()), default=0)
        if ends and len(courses) >= 2 and kept >= 2:
            found += [
                _row(dataset, method, by_seed, _diverged(results, dataset, method), max(ends))
                for method, by_seed in courses.items()
            ]
    return found


def _penalised(results: Results, dataset: str, method: str) -> bool:
    """Whether a method has a penalty on its codes: a lambda above 0 that weighs one, or a discriminator."""
    if results.facts(method).get("lambda_weighs") == "nothing":
        return results.has_discriminator(method)
    return bool(results.settings(dataset, method).get("lambda_", 1.0) > 0)


def time_to(course: Course, target: float) -> float | None:
    """Seconds of training until the distance is first at ``target`` or below; None where it never is.

    Between two kept epochs distance is taken to be a power of time, a straight line on two logarithmic axes. Where the
    first kept epoch is there already, its time: the time is at most that.
    """
    earlier: tuple[float, float] | None = None
    for seconds, distance in course:
        if distance <= target:
            if earlier is None:
                return seconds
            share = math.log(earlier[1] / target) / math.log(earlier[1] / distance)
            return earlier[0] * (seconds / earlier[0]) ** share
        earlier = seconds, distance
    return None


def at_once(results: Results, row: Reaching) -> list[int]:
    """Seeds of ``row`` that are there at the first kept epoch: when they got there is not known, at most when."""
    courses = _courses(results, row.dataset, row.method)
    return [
        seed for seed, course in courses.items() if row.by_seed.get(seed) is not None and course[0][1] <= row.target
    ]


def _courses(results: Results, dataset: str, method: str) -> dict[int, Course]:
    frame = results.trajectories()
    frame = frame[(frame["metric"] == results.distance) & (frame["subject"] == "prior")]
    rows = frame[(frame["dataset"] == dataset) & (frame["method"] == method)].sort_values("epoch")
    found: dict[int, Course] = {}
    for row in rows.to_dict("records"):
        if row["seconds"] > 0 and row["value"] > 0:
            found.setdefault(int(row["seed"]), []).append((float(row["seconds"]), float(row["value"])))
    return found


def _geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _diverged(results: Results, dataset: str, method: str) -> list[int]:
    runs = results.runs()
    lost = runs[(runs["dataset"] == dataset) & (runs["method"] == method) & (runs["status"] == "diverged")]
    return [int(seed) for seed in lost["seed"]]


def _row(dataset: str, method: str, by_seed: dict[int, Course], diverged: list[int], target: float) -> Reaching:
    """The mean over seeds and its interval where every seed gets there; else only how many do."""
    found_at = {seed: time_to(course, target) for seed, course in by_seed.items()}
    times = dict(sorted({**found_at, **dict.fromkeys(diverged)}.items()))
    reached = [time for time in times.values() if time is not None]
    if len(reached) < len(times):
        return Reaching(dataset, method, target, None, None, None, times)
    found = interval(reached, positive=True)
    return Reaching(dataset, method, target, found.mean, found.low, found.high, times)
