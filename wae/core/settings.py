"""Typed settings: the only list of what a config can say, with its types, ranges and defaults.

Nothing here imports torch, as the Snakefile reads this module at each start.
"""

import difflib
import re
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from wae.core import reserved
from wae.core.scales import IMQ_SCALES, PARZEN_SIGMAS

Positive = Annotated[int, Field(ge=1, le=10**9)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Widths = Annotated[list[Width], Field(max_length=8)]
Batch = Annotated[int, Field(ge=2, le=10**6)]
Side = Annotated[int, Field(ge=1, le=4096)]
Seconds = Annotated[float, Field(gt=0, le=10**7)]
Rate = Annotated[float, Field(gt=0, le=10)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
METHOD_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}(@[A-Za-z0-9_.,+=-]{1,100})?$"  # variants too: METHOD@KEY=VALUE
MethodName = Annotated[str, Field(pattern=METHOD_NAME)]
CellName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}/[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
DOTTED = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
Dotted = Annotated[str, Field(pattern=DOTTED)]


class Strict(BaseModel):
    """Unknown keys, wrong types, NaN and infinity are refused; values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class OneOf:
    """A check of text: one of ``known``, or a dotted path to something of the user's own (ValueError)."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def __call__(self, value: str) -> str:
        if re.fullmatch(DOTTED, value) is None and value not in self.known:
            near = difflib.get_close_matches(value, self.known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"need {', '.join(self.known)} or package.module:name{hint}")
        return value


Text = Field(max_length=200)
Architecture = Annotated[str, Text, AfterValidator(OneOf("dcgan", "mlp"))]
PriorName = Annotated[str, Text, AfterValidator(OneOf("normal", "uniform", "sphere"))]
CostName = Annotated[str, Text, AfterValidator(OneOf("l2sq", "l2", "l1"))]


AUTHORS: dict[str, Any] = {  # of TrainingSettings: the forms of the authors' code
    "prior_trick": "authors",
    "adam": "tensorflow",
    "running_variance": "biased",
    "critic_loss_weight": "lambda",
    "gaussian_floor": 1e-8,
    "batches": "independent",
    "smooth_from": "first",
}


class DatasetSettings(Strict):
    """Where images come from. ``source`` is a function (see wae/data/source.py) named by dotted path."""

    source: Dotted
    shape: Annotated[list[Side], Field(min_length=3, max_length=3)]  # (channels, height, width)
    options: dict[str, Any] = {}


class TrainingSettings(Strict):
    """Everything that decides the trained weights of one run, besides the dataset and the seed."""

    implementation: Dotted  # the Method class, as package.module:Class
    options: dict[str, Any] = {}  # further options of a method of your own

    # Networks (wae/models/networks.py)
    architecture: Architecture = "dcgan"  # or mlp, or package.module:function of networks of your own
    width: Width = 16  # channels of the first convolution; units of a hidden layer for mlp
    depth: Annotated[int, Field(ge=1, le=8)] = 3  # strided convolutions in the encoder; hidden layers
    decoder_depth: Annotated[int, Field(ge=1, le=8)] = 2  # strided transposed convolutions
    kernel_size: Annotated[int, Field(ge=2, le=9)] = 4
    hidden: Widths = []  # the encoder's layers: channels of each convolution, units of each mlp layer; [] is as above
    decoder_hidden: Widths = []  # the decoder's; [] mirrors the encoder's
    extra_dense: Annotated[int, Field(ge=0, le=65_536)] = 0  # units of a dense layer between convolutions and codes
    decoder_dense: Annotated[int | None, Field(ge=0, le=65_536)] = None  # the decoder's; null is as the encoder's
    batch_norm: bool = True
    activation: Literal["relu", "leaky_relu", "elu", "tanh", "softplus"] = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # probability, after each hidden layer's activation
    initialisation: Literal["torch", "truncated_normal", "glorot"] = "torch"  # or the authors', or Glorot's uniform
    latent_dim: Annotated[int, Field(ge=1, le=4096)] = 8
    pixel_range: Literal["zero_one", "minus_one_one"] = "zero_one"  # sigmoid or tanh output

    # Encoder and prior (wae/models/priors.py)
    encoder: Literal["deterministic", "pixel_noise", "gaussian", "implicit"] = "deterministic"
    pixel_noise: Annotated[float, Field(ge=0, le=10)] = 0.01  # truncated normal's sigma, in the net's range
    prior: PriorName = "normal"  # or uniform, sphere, or package.module:Class of your own
    sigma_z: Annotated[float, Field(gt=0, le=1e3)] = 1.0  # scale of the prior

    # Objective: cost_weight * cost + lambda_ * penalty, summed over pixels, averaged over the batch
    cost: CostName = "l2sq"  # or l2, l1, or package.module:function of your own
    cost_weight: Annotated[float, Field(gt=0, le=1e6)] = 0.05
    likelihood: Literal["bernoulli", "gaussian", "learned_gaussian"] = "bernoulli"  # VAE-like methods only
    lambda_: Weight = 1.0  # weight of the penalty; beta for a VAE
    lambda_schedule: Literal["constant", "adaptive"] = "constant"

    # MMD (wae/mmd/estimators.py)
    kernel: Literal["imq", "rbf"] = "imq"
    kernel_scales: Annotated[list[Rate], Field(min_length=1, max_length=64)] = list(IMQ_SCALES)
    random_features: Width = 1024  # for the Fourier-feature MMD
    projections: Width = 128  # for the sliced-Wasserstein penalty

    # Latent critic of the GAN penalty
    critic_width: Width = 512
    critic_depth: Annotated[int, Field(ge=1, le=16)] = 4
    critic_learning_rate: Rate = 5e-4
    critic_prior_trick: bool = False  # add the known log p(z) to the critic's output

    # Optimisation
    epochs: Positive = 10
    batch_size: Batch = 100
    keep_last_batch: bool = False  # an epoch ends with the images that fill no batch, as a smaller one
    learning_rate: Rate = 1e-3
    adam_beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    adam_epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-8
    schedule: Literal["constant", "paper", "smooth", "plateau"] = "constant"
    pretrain_steps: Count = 0  # encoder-only steps that match the prior's mean and covariance
    pretrain_samples: Positive = 1000
    snapshots: Annotated[int, Field(ge=0, le=64)] = 0  # weights kept at so many epochs, evenly spread in log
    validation_fraction: Annotated[float, Field(ge=0, lt=0.9)] = 0.0  # of the train split, held back for tuning
    mixed_precision: Literal["off", "bfloat16"] = "off"
    compile: bool = False
    channels_last: bool = False

    # Forms in which the authors' code differs, each with its own setting; docs/faithfulness.md says what each does
    authors: bool = False  # whether those not set are the authors' (AUTHORS)
    prior_trick: Literal["intended", "authors"] = "intended"  # log p(z) of the code itself, or of every code in turn
    adam: Literal["torch", "tensorflow"] = "torch"  # epsilon beside sqrt(v) after its bias is corrected, or before
    running_variance: Literal["unbiased", "biased"] = "unbiased"  # of batch normalisation: over n - 1, or over n
    critic_loss_weight: Literal["one", "lambda"] = "one"  # what multiplies the latent discriminator's loss
    gaussian_floor: Annotated[float, Field(ge=0, le=1)] = 0.0  # f in a Gaussian encoder's sqrt(f + variance)
    batches: Literal["permutation", "independent"] = "permutation"  # each image once an epoch, or each batch of all
    smooth_from: Literal["first", "second"] = "second"  # epoch from which the smooth schedule lowers the rate

    @model_validator(mode="before")
    @classmethod
    def _authors(cls, values: Any) -> Any:
        return {**AUTHORS, **values} if isinstance(values, dict) and values.get("authors") is True else values


class RunSettings(Strict):
    """One run: what is trained on which dataset with which seed."""

    dataset: Name
    method: MethodName
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    shape: list[int]  # (channels, height, width) of the images
    training: TrainingSettings


EXTRACTORS = (  # by name: the first trained here, the second from a package, the others of torch-fidelity
    *("classifier", "efficientnet_lite0", "inception", "inception-v3-compat", "vgg16"),
    *("clip-rn50", "clip-rn101", "clip-rn50x4", "clip-rn50x16", "clip-rn50x64"),
    *("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14", "clip-vit-l-14-336px"),
    *("dinov2-vit-s-14", "dinov2-vit-b-14", "dinov2-vit-l-14", "dinov2-vit-g-14"),
)


class ExtractorSettings(Strict):
    """A feature extractor: the small classifier trained here, one by its name (see EXTRACTORS), or one's own class."""

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
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if re.fullmatch(DOTTED, kind) is None and kind not in EXTRACTORS:
            near = difflib.get_close_matches(kind, EXTRACTORS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(EXTRACTORS)}; or write module:Class"
            raise ValueError(f"need an extractor; {hint}")
        return kind


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
    parzen_validation: Positive = 1000  # images of the train split that choose its sigma
    parzen_sigmas: Annotated[list[Rate], Field(min_length=1, max_length=100)] = list(PARZEN_SIGMAS)
    training_epochs: Annotated[list[Positive], Field(max_length=64)] = []  # whose mean losses of training are scores
    metrics: list[Dotted] = []  # further metrics of your own (see docs/extending.md)

    @model_validator(mode="after")
    def _own_names(self) -> Self:
        if self.density_neighbours >= self.precision_samples:
            raise ValueError(
                f"density_neighbours is {self.density_neighbours}, it must be below precision_samples = "
                f"{self.precision_samples}; lower it"
            )
        for name, count in Counter(dotted.rpartition(":")[2] for dotted in self.metrics).items():
            if count > 1:
                raise ValueError(f"metrics has {count} functions called {name!r}; rename all but one")
            if name in reserved.METRICS or name.startswith(reserved.PREFIXES):
                raise ValueError(f"metrics: {name!r} is the name of a score of the suite's own; rename the function")
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
    penalties: list[Literal["mmd_fused", "mmd_official", "mmd_random_features", "gan"]] = [
        "mmd_fused",
        "mmd_official",
        "mmd_random_features",
        "gan",
    ]
    random_features: Width = 1024
    cap_seconds: Seconds = 2.5  # a point slower than this is reported as over the cap
    total_seconds: Seconds = 90.0  # budget of the whole study
    step_batch_sizes: list[Batch] = [100]


class ExecutionSettings(Strict):
    """How and where to run; nothing here changes a result beyond the stated tolerance."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    tf32: bool = False  # on GPUs: products of convolutions and matrices with 10 bits of mantissa, faster
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
    extractors: Annotated[list[Name], Field(min_length=1)] = ["classifier"]
    # Report on the runs that are finished, train no others; what is missing is marked. Text is taken too, as all that
    # Snakemake's --config 'run={partial: true}' gives.
    partial: Annotated[bool, Field(strict=False)] = False

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for key in ("datasets", "methods", "seeds", "extractors"):
            for value, count in Counter(getattr(self, key)).items():
                if count > 1:
                    raise ValueError(f"{key} lists {value!r} twice; list it once")
        for name in (*self.methods, *(name for vary in self.vary for name in vary.methods)):
            if name in reserved.METHODS:
                raise ValueError(f"methods: {name!r} is the name of the rows of real images; rename the method")
        for name in self.extractors:
            if name.endswith(reserved.SUFFIXES):
                raise ValueError(
                    f"extractors: {name!r} ends like a score's name ({', '.join(reserved.SUFFIXES)}); rename it"
                )
        if not self.methods and not self.vary:
            raise ValueError("methods is empty and nothing is varied; list at least one method")
        return self


class TrainingOverrides(Strict):
    """Layers of training settings; the later wins: common, datasets, methods, cells ("dataset/method")."""

    common: dict[str, Any] = {}
    datasets: dict[Name, dict[str, Any]] = {}
    methods: dict[Name, dict[str, Any]] = {}
    cells: dict[CellName, dict[str, Any]] = {}


class ReportSettings(Strict):
    """What is concluded and shown: claims, figures of one's own, and the measures that rank the methods."""

    claims: str = "config/claims.yaml"  # a claims file; its judges may be of your own (docs/extending.md)
    figures: list[Dotted] = []  # further figures of your own (docs/extending.md)
    primary: str | None = None  # the measure of prior samples that ranks; without one the first Frechet distance
    secondary: list[str] = []  # further measures that the headline names; without any all are compared


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
