"""Training throughput: the suite, the bare loop and the peers, interleaved, one thread each."""

import os
import shutil
from typing import Any

from benchmarks.measure import Spent, interleave
from benchmarks.problem import METHODS, images
from benchmarks.served import Served, same_addresses

# What each contestant's process is told. The peers' networks are of torch's own layers, as anybody would write them.
CONTESTANTS = {
    "ours": ["ours"],
    "bare": ["bare"],
    "pythae": ["pythae", "--torchs-layers"],
    "lightning": ["lightning", "--torchs-layers"],
    "lightning_tensors": ["lightning_tensors", "--torchs-layers"],
    "ours_torchs_layers": ["ours", "--torchs-layers"],
    "ours_contiguous": ["ours", "--changes", '{"channels_last": false}'],
    "ours_compiled": ["ours", "--changes", '{"compile": true}'],
    "ours_bfloat16": ["ours", "--changes", '{"mixed_precision": "bfloat16"}'],
}
CONVOLUTIONS_ONLY = ("ours_torchs_layers", "ours_contiguous")  # the same as ours where there are none
IMAGES = {"dcgan": 600, "mlp": 3000}  # an epoch's: a few tenths of a second, so that a round's contestants are near
ROUNDS = 10


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of an epoch by network, method and contestant.

    A round goes through all networks and methods: each is then spread over minutes, in which the machine drifts.
    """
    counts = {network: 300 if quick else count for network, count in IMAGES.items()}
    sets = 1 if same_addresses() else 2  # of fresh processes, whose memory differs where addresses do
    rounds = 2 if quick else ROUNDS // sets
    seconds: dict[str, dict[str, list[Spent]]] = {}
    commands = {label: ["-m", "benchmarks.contestant", *arguments] for label, arguments in CONTESTANTS.items()}
    if shutil.which(os.environ.get("CXX", "g++")) is None:  # what torch.compile needs
        del commands["ours_compiled"]
    for _ in range(sets):
        with Served(commands) as served:
            calls = {
                (network, method, label): lambda label=label, task=f"{method} {network} {count}": Spent(
                    *served.ask(label, task)
                )
                for network, count in counts.items()
                for method in METHODS
                for label in commands
                if network == "dcgan" or label not in CONVOLUTIONS_ONLY
            }
            for (network, method, label), spent in interleave(calls, rounds).items():
                seconds.setdefault(f"{network}/{method}", {}).setdefault(label, []).extend(spent)
    about = {"images": counts, "origin": images(1)[1], "rounds": sets * rounds}
    return {**about, "same_addresses": bool(same_addresses()), "seconds": seconds}
