"""The judges of this suite's own claims, by the name that a claims file gives them.

A judge is a function of an experiment's results and the claim's parameters. It returns a verdict, a sentence with
numbers and the evidence; one that lacks data says what it lacks. A judge of your own is named ``module:function``.
"""

from collections.abc import Callable, Mapping

from wae.analysis.claims.gradients import divergences
from wae.analysis.claims.information import information
from wae.analysis.claims.scores import blur, quality
from wae.analysis.claims.study import cost, faster
from wae.analysis.claims.sweep import latent, match
from wae.analysis.claims.verdicts import Judgement
from wae.analysis.results import Results
from wae.core.errors import unknown_name
from wae.core.plugins import load_function

Judge = Callable[[Results, Mapping[str, float]], Judgement]

JUDGES: dict[str, Judge] = {
    "cost": cost,
    "faster": faster,
    "quality": quality,
    "match": match,
    "divergences": divergences,
    "information": information,
    "latent": latent,
    "blur": blur,
}


def find_judge(name: str) -> Judge:
    """The judge of that name, or the function ``module:function`` annotated ``-> Judgement``; UserError for neither."""
    if ":" in name:
        return load_function(name, Judgement)
    if name not in JUDGES:
        raise unknown_name("judge", name, JUDGES)
    return JUDGES[name]
