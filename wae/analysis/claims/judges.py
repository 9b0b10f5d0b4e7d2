"""How each claim is judged: functions of an experiment's results and the claim's parameters.

Every judge returns a verdict, a sentence with numbers and the evidence; one that lacks data says what it lacks.
"""

from collections.abc import Callable, Mapping

from wae.analysis.claims.scores import blur, information, quality
from wae.analysis.claims.study import cost, divergences, faster
from wae.analysis.claims.sweep import latent, match
from wae.analysis.claims.verdicts import Judgement
from wae.analysis.results import Results

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
