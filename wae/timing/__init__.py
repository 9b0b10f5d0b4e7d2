"""What a penalty and a training step cost in seconds and bytes."""

from wae.timing.study import run_study, run_study_of_plan

__all__ = ["run_study", "run_study_of_plan"]
