"""What is run, how and where, and what is concluded from it."""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from wae.core import reserved
from wae.core.settings.types import DEVICE, Dotted, Name, SecondaryMeasure, Seconds, SeedStream, Strict


class ExecutionSettings(Strict):
    """How and where to run.

    Device, threads, tf32 and kernel_gradients move the last bits of each step, and so in the end the networks; each is
    recorded.
    """

    device: Annotated[str, Field(pattern=DEVICE)] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    tf32: bool = False  # on GPUs: products of convolutions and matrices with 10 bits of mantissa, faster
    # On GPUs, of convolutions with few channels: as matrix products, for many small runs beside each other on a device.
    kernel_gradients: Literal["cudnn", "products"] = "cudnn"
    checkpoint_seconds: Seconds = 60.0
    trackers: list[Dotted] = []  # called with each row of the history as training goes on (wae/training/trackers.py)


class Vary(Strict):
    """Variants of methods: every combination of the values, named METHOD@KEY=VALUE+KEY=VALUE."""

    methods: Annotated[list[Name], Field(min_length=1)]
    values: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]


class What(Strict):
    """What to run: lists."""

    datasets: Annotated[list[Name], Field(min_length=1)]
    methods: Annotated[list[Name], Field(min_length=0)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
    vary: list[Vary] = []
    # For each of the methods a variant METHOD@seed_stream=NAME: its run of a seed is the method's run of that seed with
    # this one random stream drawn from another seed.
    seed_streams: list[SeedStream] = []
    extractors: Annotated[list[Name], Field(min_length=1)] = ["classifier"]
    # Report on the runs that are finished, train no others; what is missing is marked. Text is taken too, as all that
    # Snakemake's --config 'run={partial: true}' gives.
    partial: Annotated[bool, Field(strict=False)] = False

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for key in ("datasets", "methods", "seeds", "seed_streams", "extractors"):
            for value, count in Counter(getattr(self, key)).items():
                if count > 1:
                    raise ValueError(f"{key} lists {value!r} twice; list it once")
        for name in (*self.methods, *(name for vary in self.vary for name in vary.methods)):
            if name in reserved.METHODS:
                raise ValueError(f"methods: {name!r} is the name of the rows of real images; rename the method")
        for name in self.extractors:
            if name.endswith(reserved.ENDINGS):
                raise ValueError(
                    f"extractors: {name!r} ends like a score's name ({', '.join(reserved.ENDINGS)}); rename it"
                )
        if not self.methods and not self.vary:
            raise ValueError("methods is empty and nothing is varied; list at least one method")
        return self


class ReportSettings(Strict):
    """What is concluded and shown: claims, figures of one's own, and the measures that rank the methods."""

    claims: str = "config/claims.yaml"  # a claims file; its judges may be of your own (docs/extending.md)
    figures: list[Dotted] = []  # further figures of your own (docs/extending.md)
    # The measure of prior samples that ranks; without one the first Frechet distance. One way must be better.
    primary: str | None = None
    # Further measures by which methods are compared, METRIC or METRIC/SUBJECT, shown second and corrected among them.
    secondary: list[SecondaryMeasure] = []
