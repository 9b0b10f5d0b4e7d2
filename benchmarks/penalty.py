"""The MMD penalty, forward and backward: ours, the official form, pythae's, and the form expanded to (n, n, d).

Each form has a process of its own at each size, as what it asks of the allocator would otherwise help or hinder the
others: ours is set up as the suite's jobs, the official form is once as torch comes and once with its memory kept, the
others are with memory kept.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil
import torch
from torch import Tensor

from benchmarks.measure import Spent, timed
from benchmarks.served import Served, same_addresses
from wae.compute import devices
from wae.core.scales import IMQ_SCALES
from wae.core.settings import ExecutionSettings
from wae.mmd.estimators import mmd_official, mmd_penalty

Penalty = Callable[[Tensor, Tensor], Tensor]
LARGEST = 2**24  # numbers in one tensor; a form that makes larger ones takes many seconds a call and is left out
LONG = 2**22  # numbers in one tensor; from there on a call may take seconds, and gets one round a turn
OFTEN = 4  # rounds a turn of all others
LABELS = {
    "ours": "ours",
    "official": "official",
    "official_kept": "official",
    "pythae": "pythae",
    "expanded": "expanded",
}
# glibc gives large blocks back at once, and the next use faults every page in again, at a cost that drifts: here it
# keeps them, to the form's advantage.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_TOP_PAD_": str(2**26)}


def expanded(z: Tensor, z_prior: Tensor, base: float) -> Tensor:
    """As several reproductions write it: an (n, n, d) difference for every pair of sets and every scale."""
    n, total = len(z), z.new_zeros(())
    within = 1.0 / (n * (n - 1))
    for x, y, weight in ((z, z, within), (z_prior, z_prior, within), (z, z_prior, -2.0 / n**2)):
        for scale in IMQ_SCALES:
            kernel = base * scale / (base * scale + (x[:, None] - y[None]).square().sum(-1))
            total = total + weight * (kernel.sum() - (kernel.diagonal().sum() if x is y else 0.0))
    return total


def pythae_penalty(latent_dim: int) -> Penalty:
    """The MMD of pythae's WAE_MMD model, called on codes."""
    from pythae.models import WAE_MMD, WAE_MMD_Config

    config = WAE_MMD_Config(input_dim=(1, 2, 2), latent_dim=latent_dim, kernel_choice="imq", scales=list(IMQ_SCALES))
    model = WAE_MMD(config)

    def penalty(z: Tensor, z_prior: Tensor) -> Tensor:
        nothing = z.new_zeros(len(z), 1)
        value: Tensor = model.loss_function(nothing, nothing, z, z_prior)[2]
        return value

    return penalty


def build(form: str, latent_dim: int) -> Penalty:
    """A form of the penalty."""
    base = 2.0 * latent_dim
    if form == "pythae":
        return pythae_penalty(latent_dim)
    function = {"ours": mmd_penalty, "official": mmd_official}.get(form)
    if function is None:
        return lambda z, y: expanded(z, y, base)
    return lambda z, y: function(z, y, base=base)


def work(form: str, n: int, latent_dim: int) -> int:
    """What a form's time grows with: the size of its largest tensors, (n, n) or (n, n, d)."""
    return n * n * (latent_dim if form in ("pythae", "expanded") else 1)


def expected_bytes(form: str, n: int, latent_dim: int) -> float:
    """What a form takes at n, from the (n, n) and (n, n, d) tensors that it keeps."""
    scales = len(IMQ_SCALES)
    squares = {"official": 8 + 8 * scales, "pythae": 6 * latent_dim + 12 * scales, "ours": 0}
    return 4.0 * n * n * squares.get(form, 3 * scales * (latent_dim + 3))


def answer(questions: Connection, theirs: Connection, form: str, latent_dim: int, n: int) -> None:
    """Answer each number of seconds with what a call spends, averaged over as many, and with its value up to n = 1024.

    ``theirs``, the end that asks, is closed here, so that the questions end with the process that asks.
    """
    theirs.close()
    generator = torch.Generator().manual_seed(n)
    z = (0.7 * torch.randn(n, latent_dim, generator=generator) + 0.2).requires_grad_()
    z_prior = torch.randn(n, latent_dim, generator=generator)
    penalty = build(form, latent_dim)
    value = penalty(z.detach(), z_prior).double().item() if n <= 1024 else None
    with contextlib.suppress(EOFError):
        while True:
            spent = timed(lambda: torch.autograd.grad(penalty(z, z_prior), z), questions.recv())()
            questions.send([*spent, value])


def serve(form: str) -> None:
    """Answer each line "latent_dim n seconds" from a fork for that size, which has seen no other.

    What the allocator keeps of one size decides what another costs: in one process for all, the official form at 2,048
    takes four times what it takes alone.
    """
    torch.set_num_threads(1)
    if form == "ours":
        devices.setup(ExecutionSettings(device="cpu"))
    if form == "pythae":
        import pythae.models  # noqa: F401 -- once, before the forks
    answers, sys.stdout = sys.stdout, sys.stderr
    fork = multiprocessing.get_context("fork")  # one thread, and nothing computed yet
    sizes: dict[tuple[int, int], Connection] = {}
    for line in sys.stdin:
        latent_dim, n, least = line.split()
        size = int(latent_dim), int(n)
        if size not in sizes:
            sizes[size], end = fork.Pipe()
            fork.Process(target=answer, args=(end, sizes[size], form, *size), daemon=True).start()
            end.close()
        sizes[size].send(float(least))
        print(json.dumps(sizes[size].recv()), file=answers, flush=True)


def measure(quick: bool) -> dict[str, Any]:
    """By latent dimension, n and form, what a call and one of ours beside it spent, round by round.

    Without what would take too long or too much memory. A turn goes through all sizes, for short calls ``OFTEN`` times:
    so each is spread over minutes, in which the machine drifts.
    """
    sizes = {8: [100, 256], 64: [100]} if quick else {8: [100, 256, 512, 1024, 2048, 4096, 8192], 64: [100, 1024]}
    least, turns, often = (0.02, 2, 1) if quick else (0.1, 6, OFTEN)
    room = psutil.virtual_memory().available / 3  # what is freed may stay with the process of each size
    forms = {
        (latent_dim, n): [
            label
            for label, form in LABELS.items()
            if label != "ours" and work(form, n, latent_dim) <= LARGEST and expected_bytes(form, n, latent_dim) < room
        ]
        for latent_dim, counts in sizes.items()
        for n in counts
    }
    spent: dict[str, dict[str, list[tuple[Spent, Spent]]]] = {f"{latent_dim}/{n}": {} for latent_dim, n in forms}
    values: dict[tuple[int, int], set[float]] = {}
    commands = {label: ["-m", "benchmarks.penalty", form] for label, form in LABELS.items()}

    with Served(commands, dict.fromkeys(("official_kept", "pythae", "expanded"), KEPT)) as served:

        def call(label: str, latent_dim: int, n: int, seconds: float) -> Spent:
            *found, value = served.ask(label, f"{latent_dim} {n} {seconds}")
            values.setdefault((latent_dim, n), set()).update([] if value is None else [value])
            return Spent(*found)

        for turn, repeat in itertools.product(range(turns + 1), range(often)):
            for (latent_dim, n), labels in forms.items():
                case, ours = spent[f"{latent_dim}/{n}"], None
                for label in labels:
                    long = work(LABELS[label], n, latent_dim) > LONG
                    if long and repeat:
                        continue
                    if ours is None or long:
                        ours = call("ours", latent_dim, n, 3 * least if long else least)
                    theirs = call(label, latent_dim, n, least)
                    if turn:  # the first faults the memory in
                        case.setdefault(label, []).append((theirs, ours))
    largest = max(max(each) - min(each) for each in values.values() if each)
    return {"spent": spent, "largest_difference": largest, "same_addresses": bool(same_addresses())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=sorted(set(LABELS.values())))
    serve(parser.parse_args().form)
