"""Typed settings: the only list of what a config can say, with its types, ranges and defaults.

One file per part of a config: training.py, measuring.py, running.py. Nothing here imports torch, as the Snakefile reads
these modules at each start.
"""

from typing import Annotated

from pydantic import Field

from wae.core.settings.measuring import BUILT_HERE as BUILT_HERE
from wae.core.settings.measuring import EXTRACTORS as EXTRACTORS
from wae.core.settings.measuring import EvaluationSettings as EvaluationSettings
from wae.core.settings.measuring import ExtractorSettings as ExtractorSettings
from wae.core.settings.measuring import TimingSettings as TimingSettings
from wae.core.settings.running import ExecutionSettings as ExecutionSettings
from wae.core.settings.running import ReportSettings as ReportSettings
from wae.core.settings.running import What as What
from wae.core.settings.training import AUTHORS as AUTHORS
from wae.core.settings.training import DatasetSettings as DatasetSettings
from wae.core.settings.training import RunSettings as RunSettings
from wae.core.settings.training import TrainingOverrides as TrainingOverrides
from wae.core.settings.training import TrainingSettings as TrainingSettings
from wae.core.settings.types import MethodName as MethodName
from wae.core.settings.types import Name as Name
from wae.core.settings.types import Strict as Strict


class Config(Strict):
    """A whole config file, merged over wae/core/defaults.yaml."""

    experiment: Name
    description: str = ""
    data_root: str | None = None
    execution: ExecutionSettings = ExecutionSettings()
    run: What
    datasets: dict[Name, DatasetSettings]
    training: TrainingOverrides
    extractors: Annotated[dict[Name, ExtractorSettings], Field(min_length=1)]
    evaluation: EvaluationSettings = EvaluationSettings()
    timing: TimingSettings = TimingSettings()
    report: ReportSettings = ReportSettings()
