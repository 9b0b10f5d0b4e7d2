"""REPORT.md from the parts' numbers: ratios first, each beside its goal, then machine and versions."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import texts
from benchmarks.marked import table
from benchmarks.measure import Ratio, Spent, line, power, typical
from benchmarks.penalty import LARGEST
from wae.commands import manifest as provenance
from wae.core.files import write_text

PEERS = {
    "bare": "bare loop",
    "pythae": "pythae",
    "lightning": "Lightning, torchvision transforms",
    "lightning_tensors": "Lightning, tensors",
}
SETTINGS = {
    "ours_torchs_layers": "torch's own layers",
    "ours_contiguous": "channels_last: false",
    "ours_compiled": "compile: true",
    "ours_bfloat16": "mixed_precision: bfloat16",
}
TITLES = {
    "default": "default config, short study",
    "mnist": "config/mnist.yaml, one epoch, seed and draw, short study",
}


def write(parts: dict[str, dict[str, Any]], out: Path) -> None:
    """Write the report of ``parts``, by name what their ``measure`` found."""
    sections = {
        "training": training,
        "penalty": penalty,
        "frechet": frechet,
        "dag": dag,
        "memory": memory,
        "growth": growth,
    }
    found = {name: part["found"] for name, part in parts.items()}
    if "dag" in found and "growth" in found:
        found["growth"] = {**found["growth"], "runs": found["dag"]["dry_run"]}
    written = [section(found[name]) for name, section in sections.items() if name in found]
    write_text(out, "\n".join([texts.INTRODUCTION, *written, machine(parts)]))


def ratio(other: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> Ratio:
    """The ratio of two contestants as they were kept."""
    return Ratio.of([Spent(*found) for found in other], [Spent(*found) for found in ours])


def shown(found: Ratio | None, goal: float | None = None) -> str:
    """A ratio with its quartiles, and whether it reaches its goal."""
    if found is None:
        return "-"
    text = f"{found.median:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return text if goal is None else f"{text} {'met' if found.median >= goal else 'missed'}"


def training(found: dict[str, Any]) -> str:
    """Training throughput."""
    goals = {"bare": 0.95, "pythae": 1.4, "lightning": 1.3}
    rows = []
    for case, spent in found["seconds"].items():
        cells = [shown(ratio(spent[n], spent["ours"]), goals.get(n)) if n in spent else "-" for n in PEERS]
        rows.append([case, *cells])
    head = ["network/method", *(f"{title}{f' (goal {goals[n]})' if n in goals else ''}" for n, title in PEERS.items())]
    images = " and ".join(f"{count:,} ({network})" for network, count in found["images"].items())
    limits = ", ".join(
        f"{ratio(spent['pythae'], spent['bare']).median:.2f} ({case})" for case, spent in found["seconds"].items()
    )
    text = texts.TRAINING.format(images=images, origin=found["origin"], rounds=found["rounds"], limits=limits)
    return f"## Training: the other's time over ours\n\n{table(head, rows)}\n{text}\n{settings(found['seconds'])}"


def settings(seconds: dict[str, dict[str, Any]]) -> str:
    """What the networks' layers and the settings of training change."""
    rows = []
    for case, spent in seconds.items():
        cells = [shown(ratio(spent[n], spent["ours"])) if n in spent else "-" for n in SETTINGS]
        rows.append([case, *cells, shown(ratio(spent["pythae"], spent["ours_bfloat16"]))])
    head = ["network/method", *SETTINGS.values(), "pythae over ours with bfloat16"]
    return f"## Layers and settings: time with each over ours without\n\n{table(head, rows)}\n{texts.SETTINGS}"


def penalty(found: dict[str, Any]) -> str:
    """The MMD penalty."""
    goals = {"8/100": 2.0, "8/1024": 4.0, "8/4096": 20.0}
    forms = ("official", "official_kept", "pythae", "expanded")
    rows = []
    for dim, n in sorted(tuple(map(int, case.split("/"))) for case in found["spent"]):
        spent = found["spent"][f"{dim}/{n}"]
        others = {f: ratio(*zip(*rounds, strict=True)) for f, rounds in spent.items()}
        cells = [
            shown(others.get(f), goals.get(f"{dim}/{n}")) if f == "official" else shown(others.get(f)) for f in forms
        ]
        rows.append([f"{dim}", f"{n:,}", *cells])
    head = [
        "d_z",
        "n",
        "official form (goals 2, 4, 20 at 100, 1,024, 4,096)",
        "official form, memory kept",
        "pythae, memory kept",
        "(n, n, d) for every scale, memory kept",
    ]
    counts = [len(rounds) for spent in found["spent"].values() for rounds in spent.values()]
    rounds = f"{min(counts)} to {max(counts)}"
    note = texts.PENALTY.format(rounds=rounds, largest=LARGEST, difference=found["largest_difference"])
    return f"## MMD penalty: the other's time over ours\n\n{table(head, rows)}\n{note}"


def frechet(found: dict[str, Any]) -> str:
    """The Frechet distance."""
    spent, values = found["spent"], found["values"]
    goals = {"torch_fidelity": 3.0, "scipy": None}
    rows = [
        [
            {"torch_fidelity": "torch-fidelity", "scipy": "scipy's sqrtm"}[name],
            shown(ratio(spent[name], spent["ours"]), goal),
            f"{abs(values[name] / values['ours'] - 1.0):.1e}",
        ]
        for name, goal in goals.items()
    ]
    once = found["reference"][1] / typical(spent["ours"])
    both = [
        [sum(seconds) for seconds in zip(*steps, strict=True)]
        for steps in zip(spent["product"], spent["eigenvalues"], strict=True)
    ]
    shares = {step: ratio(spent[step], spent["ours"]).median for step in ("product", "eigenvalues")}
    note = texts.FRECHET.format(
        count=found["count"],
        dimensions=found["dimensions"],
        once=once,
        limit=ratio(spent["torch_fidelity"], both).median,
        **shares,
    )
    head = ["", "time over ours (goal 3 for torch-fidelity)", "relative difference of the value (goal 1e-6)"]
    return f"## Frechet distance from ready features\n\n{table(head, rows)}\n{note}"


def dag(found: dict[str, Any]) -> str:
    """The workflow's overhead."""
    rows = []
    for name in ("default", "mnist"):
        if name in found:
            f = found[name]
            verdict = "met" if f["outside_study"] >= 0.85 else "missed"
            rows.append(
                [
                    TITLES[name],
                    f"{f['outside_study']:.2f} {verdict}",
                    f"{f['starting']:.2f}",
                    f"{f['whole']:.2f}",
                    f"{f['computing']:.2f}",
                    str(f["jobs"]),
                ]
            )
    head = [
        "at two cores",
        "computing / (cores x wall) outside the study (goal 0.85)",
        "of that, starting Python and importing",
        "whole run, the study counted with the cores it holds",
        "whole run, the study counted with what it computes",
        "jobs",
    ]
    idle = typical([[0.0, usage[0]] for usage in found["nothing_to_do"]])
    many = {int(count): seconds for count, seconds in found["dry_run"].items()}
    largest = max(many)
    limits = [
        ["run with nothing to do", f"{idle / 3.0:.2f} of the 3 s allowed", "met" if idle <= 3.0 else "missed"],
        [
            f"dry run of {largest:,} runs",
            f"{many[largest] / 5.0:.2f} of the 5 s allowed",
            "met" if many[largest] <= 5.0 else "missed",
        ],
        [
            f"dry run of the plainest {2 * largest:,} jobs, one file each",
            f"{found['plainest'] / many[largest]:.2f} of that",
            "",
        ],
    ]
    note = (
        "\nThe wall-clock study (rule timing) holds every core so that nothing runs beside what it times; it computes\n"
        "on one. So the share is given outside it and with it.\n\n"
    )
    return f"## The workflow\n\n{table(head, rows)}\n{note}{table(['', 'took', ''], limits)}\n"


def memory(found: dict[str, Any]) -> str:
    """Peak memory of a training job."""
    rows = [
        [method, f"{peak['ours'] / peak['bare']:.2f} {'met' if peak['ours'] <= 1.2 * peak['bare'] else 'missed'}"]
        for method, peak in found.items()
    ]
    note = "\nPeak resident memory of a `train` job of one epoch over that of the bare loop as a script, same files.\n"
    return f"## Memory\n\n{table(['method', 'ours over bare (goal at most 1.2)'], rows)}\n{note}"


def growth(found: dict[str, dict[str, float]]) -> str:
    """Growth, fitted."""
    titles = {
        "images": "an epoch, by images",
        "side": "a training step, by the images' side",
        "step_latent_dim": "a training step, by latent_dim",
        "n": "the MMD penalty, by n",
        "latent_dim": "the MMD penalty at n = 1,024, by latent_dim",
        "runs": "a dry run, by runs",
    }
    rows = []
    for study, title in titles.items():
        if study in found:
            sizes, seconds = [float(size) for size in found[study]], list(found[study].values())
            exponent, quality = power(sizes, seconds)
            base, slope, straight = line(sizes, seconds)
            half = f"{base / slope:,.0f}" if slope > 0 and base > 0 else "-"
            grows = ", ".join(f"{value / seconds[0]:.2f}" for value in seconds)
            rows.append(
                [title, ", ".join(found[study]), grows, f"{exponent:.2f} ({quality:.3f})", f"{half} ({straight:.3f})"]
            )
    head = [
        "time of",
        "at",
        "relative to the first",
        "exponent of a power law (R^2)",
        "a line doubles at (R^2)",
    ]
    note = (
        "\nA line a + b x doubles its start at a / b. An exponent below that of the theory (1 for images and runs, 2\n"
        "for side and n) is the fixed cost of small sizes.\n"
    )
    return f"## Growth\n\n{table(head, rows)}\n{note}"


def addresses(parts: dict[str, dict[str, Any]]) -> str:
    """Whether the contestants' memory lay at the same addresses as in any other run."""
    same = {part["found"]["same_addresses"] for part in parts.values() if "same_addresses" in part["found"]}
    if not same:
        return ""
    if same == {True}:
        return (
            "The processes of training and penalty lie at the same addresses in every run (setarch -R): where a heap\n"
            "starts decides how often memory is given back and faulted in again, which moves some peers by a half.\n"
        )
    return (
        "The system lets no process choose its addresses (setarch -R): what often asks for memory differs between\n"
        "runs by up to a half. Two sets of fresh processes share the rounds of training.\n"
    )


def machine(parts: dict[str, dict[str, Any]]) -> str:
    """Machine, versions and the load under which each part was measured."""
    hardware = provenance.hardware()
    versions = {name: version for name, version in provenance.versions().items() if version}
    installed = {found.name: found.version for found in importlib.metadata.distributions()}
    versions |= {peer: installed[peer] for peer in ("pythae", "lightning") if peer in installed}
    loads = ", ".join(f"{name} {part['load_before']:.1f}" for name, part in parts.items())
    minutes = sum(part["minutes"] for part in parts.values())
    return (
        "## Machine and versions\n\n"
        f"{hardware['processor']} ({hardware['architecture']}, {hardware['cpu_capability']}), "
        f"{hardware['cores']} cores, "
        f"{hardware['memory_bytes'] / 2**30:.0f} GiB, {hardware['system']}.\n"
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}.\n"
        f"{addresses(parts)}"
        f"Load average before each part: {loads}. All parts together took {minutes:.0f} minutes.\n\n"
        "GPU: not measured; none was at hand.\n"
    )
