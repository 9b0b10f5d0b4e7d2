"""The bar for citing a number: three finished seeds, enough images, a committed source."""

from wae.analysis.results import Results
from wae.analysis.rows import Bar, Shortfall
from wae.analysis.statistics import MIN_SEEDS


def shortfalls(results: Results) -> list[Shortfall]:
    """Why the numbers of each dataset are not for citation; no row for one that meets the bar."""
    found = []
    frame = results.metrics()
    timed = frame.empty and not results.timing().empty  # a study of times alone, which needs no seeds
    distances = frame[(frame["metric"] == results.distance) & (frame["subject"] == "prior")]
    for dataset in results.datasets:
        fewest = min((results.finished(dataset, method) for method in results.methods), default=0)
        if fewest < MIN_SEEDS and not timed:
            found.append(Shortfall(dataset, Bar.FEW_SEEDS, fewest))
        if (distances[distances["dataset"] == dataset]["label"] == "smoke").any():
            found.append(Shortfall(dataset, Bar.FEW_IMAGES))
        clean = results.manifest.get("clean_tree")
        if not clean:
            found.append(Shortfall(dataset, Bar.UNKNOWN_COMMIT if clean is None else Bar.UNCOMMITTED))
    return found
