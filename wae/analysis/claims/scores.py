"""Judges of the claims on scores of the three methods: quality and blur."""

from collections.abc import Iterable, Mapping, Sequence

from wae.analysis.claims.alike import Alike, alike
from wae.analysis.claims.lost import lost_said, lost_seeds
from wae.analysis.claims.rules import Part, Scores, lower_everywhere
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.files import GAP
from wae.analysis.results import Results
from wae.analysis.statistics import SIGNIFICANCE
from wae.analysis.words import in_words, method_title, number, sentence, spread

ORDER = ("wae_gan", "wae_mmd", "vae")  # as claimed, from the best
PAIRS = (("wae_gan", "wae_mmd"), ("wae_mmd", "vae"), ("wae_gan", "vae"))


def quality(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: WAE-GAN before WAE-MMD before VAE (beta = 1), in the primary measure."""
    measures = {dataset: results.distance_on(dataset) for dataset in results.datasets}
    if not any(measures.values()):
        return not_tested("No Frechet distance was measured.")
    judged = [cell for cell in alike(results, ORDER) if measures[cell.dataset] is not None]
    cells = _complete(results, judged, measures, parameters["seeds"])
    lacking = _lacking(results, judged, parameters["seeds"])
    if not cells and not lacking:
        return not_tested(f"No dataset has {parameters['seeds']:.0f} finished seeds of all three methods.")
    parts = lower_everywhere({cell.where: scores for cell, scores in cells}, PAIRS, parameters["margin"])
    found = [(cell, part) for cell, _ in cells for part in parts if part.where == cell.where]
    verdicts = [part.verdict for part in parts if part.verdict is Verdict.REFUTED or _next(part)]
    verdicts += [Verdict.INCONCLUSIVE for _ in lacking]
    evidence = [_evidence(results, cell, part, in_words(measures[cell.dataset])) for cell, part in found]
    evidence += lacking + _beside(results, [cell for cell, _ in cells]) + _hole(results)
    by = dict.fromkeys(in_words(measures[cell.dataset]) for cell, _ in cells)
    by |= dict.fromkeys(in_words(measures[lost.dataset]) for lost in lacking)
    said = [*_by_cell(found), *lost_said(lacking)]
    return Judgement(overall(verdicts), f"In {' or '.join(by)}, smaller is better: {'; '.join(said)}.", evidence)


def _next(part: Part) -> bool:
    """Whether the pair are neighbours in the claimed order, on which support rests."""
    return (part.comparison.first, part.comparison.second) in PAIRS[:2]


def _complete(
    results: Results, cells: Sequence[Alike], measures: Mapping[str, str | None], seeds: float
) -> list[tuple[Alike, Scores]]:
    """Scores of prior samples in each dataset's measure, of the cells in which every method has so many seeds."""
    found: list[tuple[Alike, Scores]] = []
    for cell in cells:
        metric = measures[cell.dataset]
        scores = {
            name: results.seed_values(cell.dataset, method, str(metric), "prior")
            for name, method in cell.methods.items()
        }
        if metric is not None and min(map(len, scores.values())) >= seeds:
            found.append((cell, scores))
    return found


def _lacking(results: Results, cells: Iterable[Alike], seeds: float) -> list[Evidence]:
    """Methods of which not all seeds finished, in the cells that are judged or would be: they leave the claim open."""
    found: list[Evidence] = []
    for cell in cells:
        methods = cell.methods.values()
        if min(results.started(cell.dataset, method) for method in methods) >= seeds:
            found += lost_seeds(results, cell.dataset, methods, seeds)
    return found


def _by_cell(found: Sequence[tuple[Alike, Part]], prefix: str = "") -> list[str]:
    """What the comparisons of each cell say, a text for each cell."""
    said: dict[str, list[str]] = {}
    for cell, part in found:
        said.setdefault(f"{prefix}on {cell.where}", []).append(_said(part))
    return [f"{where} {', '.join(texts)}" for where, texts in said.items()]


def _said(part: Part) -> str:
    c = part.comparison
    first, second = _titles(part)
    numbers = f"{number(c.estimate, 3)} times{spread(c.low, c.high, 3)}"
    if part.verdict is Verdict.SUPPORTED:
        return f"{first} has less than {second} ({numbers})"
    if part.p_equal is not None and part.p_equal <= SIGNIFICANCE:
        return f"{first} and {second} are equal within the margin ({numbers})"
    if not c.significant:
        return f"{first} and {second} are not told apart ({numbers})"
    within = "" if c.higher else ", perhaps by no more than the margin"
    return f"{first} has {'more' if c.higher else 'less'} than {second}{within} ({numbers})"


def _titles(part: Part) -> tuple[str, str]:
    c = part.comparison
    return method_title(c.first), method_title(c.second) if c.second else "real images"


def _evidence(results: Results, cell: Alike, part: Part, metric: str) -> Evidence:
    c = part.comparison
    first, second = _titles(part)
    equal = "" if part.p_equal is None else f", p = {number(part.p_equal, 2)} for equality within the margin"
    lost = ""
    for name in filter(None, (c.first, c.second)):
        method = cell.methods[name]
        finished, planned = results.finished(cell.dataset, method), results.started(cell.dataset, method)
        lost += f", {finished} of {planned} seeds of {method_title(name)}" if finished < planned else ""
    return Evidence(
        what=f"{metric}: {first} over {second}{_at(cell)}",
        dataset=cell.dataset,
        value=c.estimate,
        low=c.low,
        high=c.high,
        verdict=part.verdict,
        note=f"effect size g = {number(c.effect, 2)}, p = {number(c.p_holm, 2)} for a difference{equal}{lost}",
    )


def _at(cell: Alike) -> str:
    return f", {cell.settings}" if cell.settings else ""


def _beside(results: Results, cells: Sequence[Alike]) -> list[Evidence]:
    """Precision and coverage of prior samples, which the primary measure mixes: shown, not judged."""
    found = []
    metrics = sorted({m for m in results.metrics()["metric"] if m.startswith(("precision_", "coverage_"))})
    for cell in cells:
        for name, method in cell.methods.items():
            for metric in metrics:
                values = results.seed_values(cell.dataset, method, metric, "prior")
                if len(values):
                    shown = results.interval(values, metric)
                    what = f"{in_words(metric)}: {method_title(name)}{_at(cell)}"
                    found.append(Evidence(what, shown.mean, cell.dataset, shown.low, shown.high))
    return found


def _hole(results: Results) -> list[Evidence]:
    """What share of the VAE's deficit against each WAE is the prior's hole (prior less mixture)."""
    rows = {(row.dataset, row.method): row for row in results.read(GAP)}
    found = []
    for dataset in results.datasets:
        vae = rows.get((dataset, "vae"))
        for method in ("wae_mmd", "wae_gan"):
            wae = rows.get((dataset, method))
            if vae is None or wae is None or None in (vae.hole, wae.hole, vae.prior, wae.prior):
                continue
            deficit = (vae.prior or 0.0) - (wae.prior or 0.0)
            if deficit > 0:
                share = ((vae.hole or 0.0) - (wae.hole or 0.0)) / deficit
                what = f"share of the VAE's deficit against {results.title(method)} that is the hole in the prior"
                found.append(Evidence(what, share, dataset))
    return found


def blur(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the samples of the VAE (beta = 1) are less sharp than real images and than the WAEs' samples."""
    real = {d: value for d in results.datasets if (value := results.real_value(d, "sharpness")) is not None}
    judged = [cell for cell in alike(results, ORDER) if cell.dataset in real]
    cells = _complete(results, judged, dict.fromkeys(real, "sharpness"), parameters["seeds"])
    lacking = _lacking(results, judged, parameters["seeds"])
    if not cells and not lacking:
        seeds = f"{parameters['seeds']:.0f}"
        return not_tested(
            f"No dataset has the sharpness of real images and {seeds} finished seeds of all three methods."
        )
    targets = {cell.where: real[cell.dataset] for cell, _ in cells}
    pairs = [("vae", "wae_mmd"), ("vae", "wae_gan")]
    parts = lower_everywhere({cell.where: scores for cell, scores in cells}, pairs, parameters["margin"], targets)
    found = [(cell, part) for cell, _ in cells for part in parts if part.where == cell.where]
    shown = dict.fromkeys(cell.dataset for cell, _ in cells)
    evidence = [Evidence("sharpness of real images", real[dataset], dataset) for dataset in shown]
    evidence += [*(_evidence(results, cell, part, "sharpness") for cell, part in found), *lacking]
    verdicts = [part.verdict for part in parts] + [Verdict.INCONCLUSIVE for _ in lacking]
    return Judgement(overall(verdicts), sentence([*_by_cell(found, "in sharpness "), *lost_said(lacking)]), evidence)
