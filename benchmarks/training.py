"""Training throughput: the suite, the bare loop and the peers, interleaved, one thread each."""

from typing import Any

from benchmarks.contestant import NAMES
from benchmarks.measure import Spent, interleave
from benchmarks.problem import METHODS, images
from benchmarks.served import Served

IMAGES = {"dcgan": 600, "mlp": 2000}  # an epoch's: a few tenths of a second, so that a round's contestants are near


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of an epoch by network, method and contestant; ``ours_contiguous`` is ours without channels_last."""
    counts = {network: 300 if quick else count for network, count in IMAGES.items()}
    rounds = 2 if quick else 8
    found: dict[str, Any] = {"images": counts, "origin": images(1)[1], "rounds": rounds, "seconds": {}}
    labels = {name: [name] for name in NAMES} | {"ours_contiguous": ["ours", "--contiguous"]}
    with Served({label: ["-m", "benchmarks.contestant", *arguments] for label, arguments in labels.items()}) as served:
        for network, count in counts.items():
            for method in METHODS:
                task = f"{method} {network} {count}"
                calls = {
                    label: lambda label=label, task=task: Spent(*served.ask(label, task))
                    for label in labels
                    if network == "dcgan" or label != "ours_contiguous"
                }
                found["seconds"][f"{network}/{method}"] = interleave(calls, rounds)
    return found
