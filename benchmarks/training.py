"""Training throughput: the suite, the bare loop and the peers, interleaved, one thread each."""

from typing import Any

from benchmarks.contestant import NAMES
from benchmarks.measure import Spent, interleave
from benchmarks.problem import METHODS, images
from benchmarks.served import Served

IMAGES = {"dcgan": 1500, "mlp": 6000}  # an epoch's, so that it takes about a second with either network


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of an epoch by network, method and contestant; ``ours_contiguous`` is ours without channels_last."""
    counts = {network: 300 if quick else count for network, count in IMAGES.items()}
    rounds = 2 if quick else 7
    found: dict[str, Any] = {"images": counts, "origin": images(1)[1], "rounds": rounds, "seconds": {}}
    labels = {name: [name] for name in NAMES} | {"ours_contiguous": ["ours", "--contiguous"]}
    for network, count in counts.items():
        for method in METHODS:
            commands = {
                label: ["-m", "benchmarks.contestant", name, method, network, str(count), *more]
                for label, (name, *more) in labels.items()
                if network == "dcgan" or not more
            }
            with Served(commands) as served:
                calls = {label: lambda label=label: Spent(*served.ask(label, "go")) for label in commands}
                found["seconds"][f"{network}/{method}"] = interleave(calls, rounds)
    return found
