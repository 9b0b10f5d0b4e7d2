"""What is measured: feature extractors, the evaluation of a run, the wall-clock study."""

import difflib
import re
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from wae.core import reserved
from wae.core.scales import PARZEN_SIGMAS
from wae.core.settings.types import DOTTED, SHA256, Batch, Count, Dotted, Positive, Rate, Seconds, Side, Strict, Width

BUILT_HERE = ("classifier", "random")  # extractors whose weights this suite makes
OF_TRAINING = ("epochs", "min_steps", "batch_size", "learning_rate")  # keys that a classifier alone has a use for
OF_BUILT_HERE = (*OF_TRAINING, "width", "features", "seed", "validation_fraction")
EXTRACTORS = (  # by name: those built here, one from a package, the others of torch-fidelity
    *(*BUILT_HERE, "efficientnet_lite0", "inception", "inception-v3-compat", "vgg16"),
    *("clip-rn50", "clip-rn101", "clip-rn50x4", "clip-rn50x16", "clip-rn50x64"),
    *("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14", "clip-vit-l-14-336px"),
    *("dinov2-vit-s-14", "dinov2-vit-b-14", "dinov2-vit-l-14", "dinov2-vit-g-14"),
)


class ExtractorSettings(Strict):
    """A feature extractor: a small network built here, one by its name (see EXTRACTORS), or one's own class."""

    kind: str = "classifier"  # or one of EXTRACTORS, or package.module:Class
    layer: str | None = None  # of its features; by default the one that torch-fidelity takes for a Frechet distance
    width: Width = 16
    features: Annotated[int, Field(ge=2, le=4096)] = 64
    epochs: Positive = 5
    min_steps: Count = 1000  # a small dataset gets more epochs, until it has had so many steps
    batch_size: Annotated[int, Field(ge=2, le=10**5)] = 100
    learning_rate: Rate = 2e-3
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    validation_fraction: Annotated[float, Field(ge=0, lt=0.9)] = (
        0.2  # of the train split, which a classifier never sees
    )
    weights: str | None = None  # a local weights file, for machines without network
    weights_sha256: Annotated[str, Field(pattern=SHA256)] | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if re.fullmatch(DOTTED, kind) is None and kind not in EXTRACTORS:
            near = difflib.get_close_matches(kind, EXTRACTORS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(EXTRACTORS)}; or write module:Class"
            raise ValueError(f"need an extractor; {hint}")
        return kind

    @model_validator(mode="after")
    def _nothing_ignored(self) -> Self:
        given = [key for key in ("weights", "weights_sha256", "layer") if getattr(self, key) is not None]
        if self.kind in BUILT_HERE and given:
            raise ValueError(
                f"kind {self.kind!r} is built here and would ignore {', '.join(given)}; remove that or set another kind"
            )
        if self.kind.startswith("dinov2-") and self.weights is not None:
            raise ValueError(f"torch-fidelity reads no weights file for kind {self.kind!r}; leave weights out")
        ignored = () if self.kind == "classifier" else OF_TRAINING if self.kind == "random" else OF_BUILT_HERE
        # By value and not by what was given, as plan.json gives every key.
        given = [key for key in ignored if getattr(self, key) != type(self).model_fields[key].default]
        if given:
            raise ValueError(
                f"kind {self.kind!r} is not trained here and would ignore {', '.join(given)}; remove that or "
                "set kind to classifier"
            )
        return self


class EvaluationSettings(Strict):
    """What is measured of a trained run."""

    samples: Annotated[int, Field(ge=16, le=10**7)] = 10_000
    draws: Annotated[int, Field(ge=1, le=100)] = 5  # independent sample sets from the prior
    reference: Literal["test", "train", "validation"] = "test"
    mixture_components: Positive = 10  # ex-post density on the codes
    interpolations: bool = True
    interpolation_samples: Positive = 10_000  # at most
    curve_points: Annotated[int, Field(ge=0, le=50)] = 6  # sample counts of the bias curve; 0 or 1 for none
    halves: Annotated[int, Field(ge=0, le=100)] = 6  # random halves of the reference, for the error budget
    kid_subsets: Positive = 10
    kid_subset_size: Annotated[int, Field(ge=2, le=10**5)] = 1000  # at most
    precision_samples: Annotated[int, Field(ge=6, le=10**5)] = 2000  # at most, of each side
    precision_neighbours: Annotated[int, Field(ge=1, le=100)] = 3
    density_neighbours: Annotated[int, Field(ge=1, le=100)] = 5  # of density and coverage
    codes: Annotated[int, Field(ge=4, le=10**5)] = 1000  # held-out codes, at most, in the kernel test
    information_codes: Annotated[int, Field(ge=2, le=10**6)] = 2000  # at most; I(X; Z) is bounded by its logarithm
    permutations: Annotated[int, Field(ge=19, le=10**6)] = 200
    importance_samples: Annotated[int, Field(ge=0, le=10**6)] = 32  # of each image's posterior, for the NLL; 0 for none
    likelihood_images: Annotated[int, Field(ge=2, le=10**7)] = 128  # held-out images, at most, that they are drawn for
    batch_size: Positive = 250
    parzen_samples: Count = 0  # generated images of the Parzen log-likelihood, which ranks nothing; 0 for none
    parzen_validation: Positive = 1000  # images of the train split, held back where some are, that choose its sigma
    parzen_sigmas: Annotated[list[Rate], Field(min_length=1, max_length=100)] = list(PARZEN_SIGMAS)
    training_epochs: Annotated[list[Positive], Field(max_length=64)] = []  # whose mean losses of training are scores
    metrics: list[Dotted] = []  # further metrics of your own (see docs/extending.md)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for key in ("precision_neighbours", "density_neighbours"):
            if (count := getattr(self, key)) >= self.precision_samples:
                raise ValueError(
                    f"{key} is {count}, it must be below precision_samples = {self.precision_samples}; lower it"
                )
        for epoch, count in Counter(self.training_epochs).items():
            if count > 1:
                raise ValueError(f"training_epochs lists {epoch} {count} times; list it once")
        for name, count in Counter(dotted.rpartition(":")[2] for dotted in self.metrics).items():
            if count > 1:
                raise ValueError(f"metrics has {count} functions called {name!r}; rename all but one")
            if name in reserved.METRICS:
                raise ValueError(f"metrics: {name!r} is the name of a score of the suite's own; rename the function")
            if name.startswith(reserved.PREFIXES):
                raise ValueError(
                    f"metrics: {name!r} begins like scores of the suite's own ({', '.join(reserved.PREFIXES)}); rename "
                    "the function"
                )
            if name.startswith("latent_") or name.endswith(reserved.ENDINGS):
                raise ValueError(
                    f"metrics: {name!r} begins or ends like a score of the suite's own that tables read otherwise "
                    f"(latent_..., ...{', ...'.join(reserved.ENDINGS)}); rename the function"
                )
        return self


class TimingSettings(Strict):
    """The wall-clock study: what is timed, how often, for how long at most."""

    rounds: Annotated[int, Field(ge=3, le=10**4)] = 20
    warmup: Annotated[int, Field(ge=1, le=10**3)] = 3  # calls at most; one for a call of a second or more
    max_rounds: Annotated[int, Field(ge=3, le=10**5)] = 40  # while the median's interval is wider than 5%
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    penalty_n: Annotated[list[Batch], Field(min_length=2)] = [
        *(32, 64, 128, 256, 512, 1024, 2048, 4096),
    ]
    penalty_latent_dim: Annotated[list[Side], Field(min_length=1)] = [8]
    critics: list[Width] = [512]  # widths of the 4-layer critics
    penalties: list[
        # mmd_official_kept: the official form with the memory of its (n, n) tensors kept between calls (CPU, glibc)
        Literal["mmd_fused", "mmd_official", "mmd_official_kept", "mmd_random_features", "gan"]
    ] = [
        "mmd_fused",
        "mmd_official",
        "mmd_random_features",
        "gan",
    ]
    random_features: Width = 1024
    cap_seconds: Seconds = 2.5  # a point slower than this is reported as over the cap
    total_seconds: Seconds = 90.0  # budget of the whole study
    step_batch_sizes: list[Batch] = [100]
