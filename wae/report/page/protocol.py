"""Method and protocol in prose, generated from the settings, and the same as a LaTeX paragraph."""

from typing import Any

from wae.analysis.costs.power_laws import LEAST_ROUNDS
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.words import in_words, setting_value
from wae.report.tables.grids import tex_escape
from wae.report.tables.score_tables import HELD_OUT

COSTS = {
    "l2sq": "the squared error summed over pixels",
    "l2": "the Euclidean error of an image",
    "l1": "the absolute error summed over pixels",
}
ENCODERS = {
    "deterministic": "a deterministic encoder",
    "pixel_noise": "a deterministic encoder of noisy pixels",
    "gaussian": "a Gaussian encoder",
    "implicit": "an implicit random encoder",
}
LIKELIHOODS = {
    "bernoulli": "Bernoulli",
    "gaussian": "Gaussian (fixed variance)",
    "learned_gaussian": "Gaussian (learned variance)",
}
PRIORS = {
    "normal": "N(0, σ² I)",
    "uniform": "a uniform distribution on a cube",
    "sphere": "a uniform distribution on a sphere",
}


def paragraphs(results: Results) -> list[str]:
    """The protocol, one paragraph each: data, models, training, evaluation, statistics, timing."""
    made = [_data(results), _objective(results), _methods(results), _training(results), _evaluation(results)]
    return [text for text in [*made, _statistics(results), _timing(results)] if text]


def latex(results: Results) -> str:
    """The paragraphs as LaTeX text for a methods section."""
    return "\n\n".join([r"\paragraph{Protocol.}", *(tex_escape(text) for text in paragraphs(results))]) + "\n"


def setting_said(results: Results, key: str, template: str) -> str:
    """``template`` with the setting's value, or each dataset's and method's where they differ.

    A variant whose name gives the setting is not listed.
    """
    cells = results.cells
    by_value: dict[str, list[tuple[str, str]]] = {}
    for cell, settings in cells.items():
        by_value.setdefault(template.format(settings.get(key)), []).append(cell)
    if len(by_value) == 1:
        return next(iter(by_value))
    datasets: dict[str, set[str]] = {}
    for text, owners in by_value.items():
        for dataset, _ in owners:
            datasets.setdefault(dataset, set()).add(text)
    if all(len(texts) == 1 for texts in datasets.values()):
        return ", ".join(f"{next(iter(texts))} on {dataset}" for dataset, texts in datasets.items())
    unnamed = {
        text: dict.fromkeys(results.title(method) for _, method in owners if key not in varied(method))
        for text, owners in by_value.items()
    }
    listed = {text: methods for text, methods in unnamed.items() if methods}
    if not listed:
        return " or ".join(by_value)
    parts = [f"{text} for {', '.join(methods)}" for text, methods in listed.items()] if len(listed) > 1 else [*listed]
    named = any(key in varied(method) for _, method in cells)
    return "; ".join(parts) + (", or what a variant's name says" if named else "")


def shortened(text: str, limit: int = 200) -> str:
    """``text``, cut at ``limit`` characters."""
    return text if len(text) <= limit else text[:limit] + "..."


def _data(results: Results) -> str:
    parts = []
    for dataset in results.datasets:
        meta = results.manifest.get("data", {}).get(dataset)
        if not meta:
            continue
        counts = meta.get("counts", {})
        shape = "×".join(map(str, meta.get("shape", [])))
        said = " and ".join(f"{count:,} {split}" for split, count in counts.items() if isinstance(count, int))
        names = ", ".join(map(str, meta.get("class_names") or []))
        classes = f", classes {shortened(names)}" if names else ""
        parts.append(f"{dataset}: {said} images of shape {shape} (channels × height × width){classes}")
    return f"Data. {'; '.join(parts)}. Images are stored as 8-bit integers." if parts else ""


def _objective(results: Results) -> str:
    shared = results.common
    cost = COSTS.get(str(shared.get("cost")), setting_said(results, "cost", "the cost {}"))
    weight = setting_said(results, "cost_weight", "{}")
    pixels = {"zero_one": "[0, 1]", "minus_one_one": "[−1, 1]"}.get(str(shared.get("pixel_range")))
    ranged = f"pixels in {pixels}" if pixels else setting_said(results, "pixel_range", "pixels in {}")
    others = dict.fromkeys(results.title(base_method(m)) for m in results.methods if _weighs(results, m) == "nothing")
    every = f"Every method but {' and '.join(', '.join(others).rsplit(', ', 1))}" if others else "Every method"
    return (
        f"Objective. {every} minimises a·c(x, x̂) + λ·penalty, with c {cost}, averaged over the batch, a = "
        f"{weight}, "
        f"and {ranged}; a VAE has the negative log-likelihood of its decoder in the place of a·c, and the "
        "Kullback-Leibler divergence of its encoder from the prior, summed over the code, as its penalty."
    )


def _weighs(results: Results, method: str) -> str:
    """What a method's λ weighs (wae.methods.facts); "" where the plan does not tell."""
    return str(results.facts(method).get("lambda_weighs", ""))


def _methods(results: Results) -> str:
    parts = []
    for method in results.methods:
        found = {d: s for (d, m), s in results.cells.items() if m == method}
        if not found:
            continue
        first = next(iter(found.values()))
        lambdas = {d: s.get("lambda_") for d, s in found.items()}
        if len(set(lambdas.values())) == 1:
            weight = f"λ = {setting_value(str(first.get('lambda_')))}"
        else:
            weight = "λ = " + ", ".join(f"{setting_value(str(v))} on {dataset}" for dataset, v in lambdas.items())
        name, facts = first.get("implementation", "").partition(":")[2], results.facts(method)
        weighs = _weighs(results, method)
        detail = str(ENCODERS.get(first.get("encoder", ""), first.get("encoder")))
        detail += "" if weighs == "nothing" else f", {weight}"
        if weighs == "mmd" or name == "WAEMMD":
            scales = ", ".join(f"{scale:g}" for scale in first.get("kernel_scales", []))
            kernel = {"imq": "inverse multiquadratic", "rbf": "Gaussian"}.get(
                first.get("kernel", ""), first.get("kernel")
            )
            detail += f", {kernel} kernels of scales {scales} times the prior's base width"
        if name == "WAEGAN" or results.has_discriminator(method):
            detail += (
                f", a latent discriminator of {first.get('critic_depth')} layers of {first.get('critic_width')} units"
            )
        if first.get("likelihood") and facts.get("vae_like", name in ("VAE", "BetaVAE")):
            detail += f", a {LIKELIHOODS.get(first['likelihood'], first['likelihood'])} decoder"
        if weighs == "nothing":
            detail += f" ({facts['lambda_meaning']})"
        parts.append(f"{results.title(method)}: {detail}")
    return f"Methods. {'; '.join(parts)}." if parts else ""


def _training(results: Results) -> str:
    if not results.cells:
        return ""
    seeds = sorted(set(results.runs()["seed"]))
    shared = results.common
    prior = PRIORS.get(str(shared.get("prior")), setting_said(results, "prior", "{}"))
    return (
        f"Training. {setting_said(results, 'architecture', '{}')} networks of "
        f"{setting_said(results, 'width', 'width {}')} and code size "
        f"{setting_said(results, 'latent_dim', 'd_z = {}')}, prior {prior}; steps of Adam with learning rate "
        f"{setting_said(results, 'learning_rate', '{}')}, β₁ = {setting_said(results, 'adam_beta1', '{}')}, "
        f"{setting_said(results, 'batch_size', 'batches of {}')}, {setting_said(results, 'epochs', '{} epochs')}, "
        f"{setting_said(results, 'schedule', '{} schedule of the rate')}. Seeds {', '.join(map(str, seeds))}; the last "
        "weights are evaluated, never the best by test score."
    )


def _evaluation(results: Results) -> str:
    settings = results.config.get("evaluation", {})
    if not settings:
        return ""
    samples, draws = settings.get("samples"), settings.get("draws")
    drawn = "one draw" if draws == 1 else f"each of {draws} independent draws"
    subset = settings.get("precision_samples")
    few = f" (precision, recall, density and coverage: {subset:,} images of each side)" if subset else ""
    defined = results.config.get("extractors", {})
    used = results.config.get("run", {}).get("extractors", list(defined))
    extractors = ", ".join(f"{name} ({_extractor(results, name, defined[name])})" for name in used if name in defined)
    held_out = f"{HELD_OUT} " if settings.get("reference") == "train" else ""
    ranked = (
        f" Methods are ranked by the {in_words(results.distance)} of samples from the prior."
        if results.distance
        else ""
    )
    return (
        f"Evaluation. {samples:,} samples in {drawn} from the prior{few}, compared with the "
        f"{settings.get('reference')} split; features: {extractors}. Images are clamped and rounded to 8 bits on both "
        f"sides, none is rescaled. {held_out}Reconstructions, interpolations and the plots of codes use codes without "
        "encoder noise (the mean of a Gaussian encoder). The mixture and the latent match use codes drawn from a "
        "random encoder, its noise included; pixel noise before the encoder is off everywhere. The mixture is a "
        f"{settings.get('mixture_components')}-component Gaussian mixture fitted to codes of training images.{ranked}"
    )


def _extractor(results: Results, name: str, settings: dict[str, Any]) -> str:
    """What an extractor is: by its kind, as the records of those that were made say, else as it was asked for."""
    kind = settings.get("kind")
    made = results.manifest.get("extractors", {})
    records = {d: made[f"{d}/{name}"] for d in results.datasets if f"{d}/{name}" in made}
    if kind == "random":
        return f"a convolutional network of {settings.get('features')} features with random weights, not trained"
    if kind == "classifier":
        datasets: dict[str, list[str]] = {}  # by epochs: a small dataset gets more of them, for its min_steps
        for dataset, record in records.items():
            datasets.setdefault(f"{record['epochs']} epochs", []).append(dataset)
        trained = ", ".join(f"{epochs} on {' and '.join(on)}" for epochs, on in datasets.items())
        if len(datasets) < 2:
            trained = next(iter(datasets), f"at least {settings.get('epochs')} epochs")
        seed = f", seed {settings['seed']}" if "seed" in settings else ""
        return (
            f"a classifier of {settings.get('features')} features trained on the dataset's labels for {trained}{seed}"
        )
    layer = next((record.get("layer") for record in records.values()), settings.get("layer"))
    title = "Inception v3, as torch-fidelity has it" if kind == "inception" else str(kind)
    return title if layer is None else f"{title}, layer {layer}"


def _statistics(results: Results) -> str:
    return (
        "Statistics. A cell is the mean over training seeds of each seed's mean over draws, with its 95% interval by "
        "Student's t; scores that are positive by definition have it on the log scale. Methods are compared in pairs "
        "by Welch's test. A table marks those that no test tells from the best, with Holm's correction over all pairs "
        "of its column; the first sentence and the tests between methods have it over all pairs and datasets. Fewer "
        "than three finished seeds give no test. Runs of equal seed share, across "
        "methods, first weights where the networks are the same, the order of the data and the draws from the prior; "
        "the tests take seeds as independent all the same, as this pairing is weak."
    )


def _timing(results: Results) -> str:
    timing = results.timing()
    if timing.empty:
        return ""
    settings = results.config.get("timing", {})
    rounds = timing.loc[timing["status"] == "ok", "rounds"]
    found = "" if rounds.empty else f"medians of {rounds.min():.0f} to {rounds.max():.0f} rounds. "
    return (
        f"Timing. In one process, on a monotonic clock, after up to {settings.get('warmup')} warm-up calls; what is "
        f"compared is interleaved round by round in random order; {found}"
        f"Points slower than {settings.get('cap_seconds')} s are given as over the cap; no fit and no verdict uses "
        f"fewer than {LEAST_ROUNDS} rounds. No other job of the workflow runs beside the study."
    )
