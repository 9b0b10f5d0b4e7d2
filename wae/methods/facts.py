"""What is known of a method beside how it trains: how it is called and drawn, where it is from, what it takes.

It stands on the method's class; the plan writes it down, so that analysis and report read it without importing torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

Line = str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Option:
    """An option of a method's own: the name of its type (float, bool, ...) and its default."""

    type: str
    default: Any


@dataclass(frozen=True)
class MethodFacts:
    """See the class attributes of ``wae.methods.base.Method`` of the same names.

    ``colour``, ``marker`` and ``line`` are empty where the report may choose. ``lambda_weighs``: "mmd" where lambda
    weighs the paper's MMD or an estimate with it as its mean, so that it converts to other codebases' units; "kl";
    "nothing"; "penalty" for any other. ``vae_like``: the reconstruction is a likelihood, one of ``likelihoods``.
    """

    title: str
    colour: str
    marker: str
    line: Line
    paper: str
    lambda_weighs: str
    lambda_meaning: str
    vae_like: bool
    encoders: tuple[str, ...]
    priors: tuple[str, ...]
    likelihoods: tuple[str, ...]
    options: dict[str, Option]

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """What ``document`` gave, also after JSON has made lists of its tuples."""
        line = document["line"]
        lists = {name: tuple(document[name]) for name in ("encoders", "priors", "likelihoods")}
        options = {name: Option(**option) for name, option in document["options"].items()}
        line = line if isinstance(line, str) else (line[0], tuple(line[1]))
        return cls(**{**document, **lists, "line": line, "options": options})
