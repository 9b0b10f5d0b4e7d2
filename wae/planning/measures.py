"""The scores that a plan leads to, by name, and whether those that its report asks for are among them."""

from wae.core import reserved
from wae.core.errors import UserError, unknown_name
from wae.core.settings import Config


def check_measures(config: Config) -> None:
    """UserError where ``report.primary`` or ``report.secondary`` names a score that no run of ``config`` will have."""
    samples = _of_samples(config)
    primary = config.report.primary
    if primary is not None and primary not in samples:
        raise UserError(f"config: report.primary: {unknown_name('measure of prior samples', primary, samples)}")
    known = {*samples, *reserved.METRICS}
    for name in config.report.secondary:
        metric = name.partition("/")[0]
        if metric not in known:
            raise UserError(f"config: report.secondary: {unknown_name('measure', metric, known)}")


def _of_samples(config: Config) -> set[str]:
    """The names of the scores of samples from the prior, but for those of the bias curve and the error budget."""
    families = {f"{family}_{name}" for name in config.run.extractors for family in reserved.FAMILIES}
    limits = {f"fid_{name}_infinity" for name in config.run.extractors}
    own = {dotted.rpartition(":")[2] for dotted in config.evaluation.metrics}
    return {*families, *limits, *own, *reserved.OF_SAMPLES}
