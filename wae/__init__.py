"""Wasserstein autoencoders, benchmarked: train, load, evaluate and score from Python what the workflow runs.

    import wae
    plan = wae.load_plan("config/smoke.yaml")
    method = wae.train(plan, "digits/wae_mmd/seed0")
    images = method.sample(64, seed=0)  # uint8 (64, 1, 8, 8)
    scores = wae.evaluate(plan, "digits/wae_mmd/seed0")

Names are imported when they are first used, so that ``import wae`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wae.core.version import __version__ as __version__

if TYPE_CHECKING:
    from wae.analysis.results import Results as Results
    from wae.commands.api import evaluate as evaluate
    from wae.commands.api import load as load
    from wae.commands.api import score as score
    from wae.commands.api import train as train
    from wae.core.errors import StopSignalError as StopSignalError
    from wae.core.errors import UserError as UserError
    from wae.data.source import Dataset as Dataset
    from wae.data.source import Split as Split
    from wae.methods.base import Method as Method
    from wae.mmd.estimators import mmd_penalty as mmd_penalty
    from wae.planning.plan import load_plan as load_plan

_PLACES = {
    "Dataset": "wae.data.source",
    "Method": "wae.methods.base",
    "Results": "wae.analysis.results",
    "Split": "wae.data.source",
    "StopSignalError": "wae.core.errors",
    "UserError": "wae.core.errors",
    "evaluate": "wae.commands.api",
    "load": "wae.commands.api",
    "load_plan": "wae.planning.plan",
    "mmd_penalty": "wae.mmd.estimators",
    "score": "wae.commands.api",
    "train": "wae.commands.api",
}
__all__ = [*_PLACES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'wae' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
