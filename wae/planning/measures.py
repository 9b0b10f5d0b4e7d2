"""The scores that a plan leads to, by name, and whether those that its report asks for are among them."""

from collections.abc import Sequence

from wae.core import reserved
from wae.core.errors import UserError, unknown_name
from wae.core.settings import Config, RunSettings

IMAGES = ("prior", "mixture", "reconstruction")


def check_measures(config: Config, runs: Sequence[RunSettings]) -> None:
    """UserError where ``report.primary`` or ``report.secondary`` names a score that none of ``runs`` will have.

    Also for a primary measure of which neither way is better. Whether one of the user's own has a direction is seen
    when it is imported (wae.commands.check).
    """
    measured, lacking = _measured(config), _lacking(config, runs)
    samples = [name for name, subjects in measured.items() if "prior" in subjects]
    primary = config.report.primary
    if primary in reserved.WITHOUT_DIRECTION:
        raise UserError(
            f"config: report.primary: {primary!r} has no better direction, so that it ranks nothing; name another "
            f"measure, such as 'fid_{config.run.extractors[0]}', and this one in report.secondary"
        )
    if primary is not None and primary not in samples:
        raise UserError(f"config: report.primary: {unknown_name('measure of prior samples', primary, samples)}")
    if primary in lacking:
        raise UserError(f"config: report.primary: no run will have {primary!r}: {lacking[primary]}")
    for name in config.report.secondary:
        metric, _, subject = name.partition("/")
        if metric == "latent_mmd_p":
            raise UserError(
                "config: report.secondary: 'latent_mmd_p' is a p-value, of which means are not compared; name "
                "'latent_sw2_debiased' or 'latent_mmd2'"
            )
        if metric not in measured:
            raise UserError(f"config: report.secondary: {unknown_name('measure', metric, measured)}")
        if subject and subject not in measured[metric]:
            known = " or ".join(f"{metric}/{one}" for one in measured[metric])
            raise UserError(f"config: report.secondary: no run will have {name!r}; write {known}")
        if metric in lacking:
            raise UserError(f"config: report.secondary: no run will have {name!r}: {lacking[metric]}")


def _measured(config: Config) -> dict[str, tuple[str, ...]]:
    """The scores of a run, but for those of the bias curve and the error budget, each with what it is measured of."""
    extractors = config.run.extractors
    found = {f"{family}_{name}": IMAGES for name in extractors for family in reserved.FAMILIES}
    own = [dotted.rpartition(":")[2] for dotted in config.evaluation.metrics]
    return {
        **found,
        **dict.fromkeys([f"fid_{name}_infinity" for name in extractors], ("prior",)),
        **dict.fromkeys([*own, *reserved.OF_IMAGES], IMAGES),
        **dict.fromkeys(reserved.OF_PRIOR, ("prior",)),
        **dict.fromkeys(reserved.OF_RECONSTRUCTIONS, ("reconstruction",)),
        **dict.fromkeys(reserved.OF_CODES, ("codes",)),
    }


def _lacking(config: Config, runs: Sequence[RunSettings]) -> dict[str, str]:
    """Those of ``_measured`` that no run will have by its settings, each with the reason and the remedy.

    Whether a method's class has a likelihood is not looked at.
    """
    evaluation, found = config.evaluation, dict[str, str]()
    normal = [run.training for run in runs if run.training.prior == "normal"]
    if not normal:
        found |= dict.fromkeys(reserved.OF_NORMAL_CODES, "it needs prior 'normal'; add such a method, or remove it")
    if not any(training.encoder == "gaussian" for training in normal):
        needs = "it needs encoder 'gaussian' and prior 'normal'; add such a method, or remove it"
        found |= dict.fromkeys((*reserved.LIKELIHOODS, *reserved.INFORMATION), needs)
    if evaluation.reference == "train":
        found["sse_of_pca"] = "it needs evaluation.reference 'test' or 'validation'; set that, or remove it"
    if evaluation.importance_samples == 0:
        found |= dict.fromkeys(reserved.LIKELIHOODS, "evaluation.importance_samples is 0; set it above 0")
    if evaluation.parzen_samples == 0:
        found |= dict.fromkeys(reserved.OF_PRIOR, "evaluation.parzen_samples is 0; set it above 0")
    for name in config.run.extractors:
        if evaluation.curve_points < 2:
            points = f"evaluation.curve_points is {evaluation.curve_points}; set it to 2 or more"
            found[f"fid_{name}_infinity"] = points
        if config.extractors[name].kind != "classifier":
            found[f"classes_{name}"] = f"extractor {name!r} is no classifier; take one of kind 'classifier'"
    return found
