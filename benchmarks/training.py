"""Training throughput: the suite, the bare loop and the peers, interleaved, one thread each."""

from typing import Any

from benchmarks.contestant import NAMES
from benchmarks.measure import Spent, interleave
from benchmarks.problem import METHODS, images
from benchmarks.served import Served, same_addresses

IMAGES = {"dcgan": 600, "mlp": 3000}  # an epoch's: a few tenths of a second, so that a round's contestants are near
ROUNDS = 10


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of an epoch by network, method and contestant; ``ours_contiguous`` is ours without channels_last.

    A round goes through all networks and methods: each is then spread over minutes, in which the machine drifts.
    """
    counts = {network: 300 if quick else count for network, count in IMAGES.items()}
    sets = 1 if same_addresses() else 2  # of fresh processes, whose memory differs where addresses do
    rounds = 2 if quick else ROUNDS // sets
    seconds: dict[str, dict[str, list[Spent]]] = {}
    labels = {name: [name] for name in NAMES} | {"ours_contiguous": ["ours", "--contiguous"]}
    commands = {label: ["-m", "benchmarks.contestant", *arguments] for label, arguments in labels.items()}
    for _ in range(sets):
        with Served(commands) as served:
            calls = {
                (network, method, label): lambda label=label, task=f"{method} {network} {count}": Spent(
                    *served.ask(label, task)
                )
                for network, count in counts.items()
                for method in METHODS
                for label in labels
                if network == "dcgan" or label != "ours_contiguous"
            }
            for (network, method, label), spent in interleave(calls, rounds).items():
                seconds.setdefault(f"{network}/{method}", {}).setdefault(label, []).extend(spent)
    about = {"images": counts, "origin": images(1)[1], "rounds": sets * rounds}
    return {**about, "same_addresses": bool(same_addresses()), "seconds": seconds}
