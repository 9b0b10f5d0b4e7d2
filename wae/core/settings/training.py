"""What is trained: datasets, networks, prior, objective and optimisation of a run."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from wae.core.scales import IMQ_SCALES
from wae.core.seed_streams import seed_for
from wae.core.settings.types import (
    Architecture,
    Batch,
    CellName,
    CostName,
    Count,
    Dotted,
    MethodName,
    Name,
    Positive,
    PriorName,
    Rate,
    SeedStream,
    Side,
    Strict,
    Weight,
    Width,
    Widths,
)


class DatasetSettings(Strict):
    """Where images come from. ``source`` is a function (see wae/data/source.py) named by dotted path."""

    source: Dotted
    shape: Annotated[list[Side], Field(min_length=3, max_length=3)]  # (channels, height, width)
    options: dict[str, Any] = {}


AUTHORS: dict[str, Any] = {  # of TrainingSettings: the forms of the authors' code
    "prior_trick": "authors",
    "adam": "tensorflow",
    "running_variance": "biased",
    "critic_loss_weight": "lambda",
    "gaussian_floor": 1e-8,
    "batches": "independent",
    "smooth_from": "first",
}


def _stage(value: list[float]) -> list[float]:
    if value[0] < 1 or value[0] != int(value[0]) or value[1] <= 0:
        raise ValueError(f"stages has {value}, need [epochs, factor]: a whole number of at least 1, and one above 0")
    return value


Stage = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_stage)]


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
    binarise: Literal["off", "each_draw"] = "off"  # a pixel is 1 with its grey level's probability, drawn at each step
    output_bias: Literal["initialisation", "mean_image"] = "initialisation"  # the decoder's last; mlp: the mean's logit

    # Encoder and prior (wae/models/priors.py)
    encoder: Literal["deterministic", "pixel_noise", "gaussian", "implicit"] = "deterministic"
    pixel_noise: Annotated[float, Field(ge=0, le=10)] = 0.01  # truncated normal's sigma, in the net's range
    encoder_noise: Annotated[float, Field(gt=0, le=1e3)] = 1.0  # factor of a Gaussian encoder's noise
    noise_draws: Literal["fresh", "repeated"] = "fresh"  # repeated: the same at each training step
    encoder_head: Literal["log_variance", "log_sd", "softplus_sd"] = "log_variance"  # of a Gaussian encoder
    prior: PriorName = "normal"  # or uniform, sphere, or package.module:Class of your own
    sigma_z: Annotated[float, Field(gt=0, le=1e3)] = 1.0  # scale of the prior

    # Objective: cost_weight * cost + lambda_ * penalty, summed over pixels, averaged over the batch
    cost: CostName = "l2sq"  # or l2, l1, bce, or package.module:function of your own
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
    critic_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # probability, after each hidden layer's activation
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
    adam_second_moment: Annotated[float, Field(ge=0, le=1)] = 0.0  # what the second moments start from
    amsgrad: bool = False
    schedule: Literal["constant", "paper", "smooth", "plateau", "stages"] = "constant"
    stages: Annotated[list[Stage], Field(max_length=64)] = []  # (epochs, factor of the learning rates), in turn
    pretrain_steps: Count = 0  # encoder-only steps that match the prior's mean and covariance
    pretrain_samples: Annotated[int, Field(ge=2, le=10**9)] = 1000  # a covariance of one is undefined
    snapshots: Annotated[int, Field(ge=0, le=64)] = 0  # weights kept at so many epochs, evenly spread in log
    validation_fraction: Annotated[float, Field(ge=0, lt=0.9)] = 0.0  # of the train split, held back for tuning
    mixed_precision: Literal["off", "bfloat16"] = "off"
    compile: bool = False
    channels_last: bool = False

    # The seed lottery (run.seed_streams): the random stream with another seed than the others (RunSettings.seed_for)
    seed_stream: Literal["all"] | SeedStream = "all"
    held_seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None  # of the others; null: the run's own

    # Forms in which the authors' code differs, each with its own setting; docs/faithfulness.md says what each does
    authors: bool = False  # whether those not set are the authors' (AUTHORS)
    prior_trick: Literal["intended", "authors"] = "intended"  # log p(z) of the code itself, or of every code in turn
    adam: Literal["torch", "tensorflow"] = "torch"  # epsilon beside sqrt(v) after its bias is corrected, or before
    running_variance: Literal["unbiased", "biased"] = "unbiased"  # of batch normalisation: over n - 1, or over n
    critic_loss_weight: Literal["one", "lambda"] = "one"  # what multiplies the latent discriminator's loss
    gaussian_floor: Annotated[float, Field(ge=0, le=1)] = 0.0  # f in a Gaussian encoder's sqrt(f + variance)
    # each image once per epoch, at random or in the data's order, or each batch of all images
    batches: Literal["permutation", "fixed", "independent"] = "permutation"
    smooth_from: Literal["first", "second"] = "second"  # epoch from which the smooth schedule lowers the rate

    @model_validator(mode="before")
    @classmethod
    def _authors(cls, values: Any) -> Any:
        return {**AUTHORS, **values} if isinstance(values, dict) and values.get("authors") is True else values

    @model_validator(mode="before")
    @classmethod
    def _nothing_held(cls, values: Any) -> Any:
        """A run that varies no stream alone holds none. Its record says 0, as records did when that was the default:
        so that digests of settings stay as they were, and `wae verify` can still repeat what was recorded.
        """
        if isinstance(values, dict) and values.get("seed_stream", "all") == "all" and values.get("held_seed") is None:
            return {**values, "held_seed": 0}
        return values


class RunSettings(Strict):
    """One run: what is trained on which dataset with which seed."""

    dataset: Name
    method: MethodName
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    shape: list[int]  # (channels, height, width) of the images
    training: TrainingSettings

    def seed_for(self, purpose: str) -> int:
        """The seed of a purpose's random stream: the run's own, but in the two designs of the seed lottery."""
        return seed_for(purpose, self.seed, self.training.seed_stream, self.training.held_seed)


class TrainingOverrides(Strict):
    """Layers of training settings; the later wins: common, datasets, methods, cells ("dataset/method").

    The defaults have layers of their own for vae, beta_vae, wae_mmd and wae_gan (encoder, likelihood, lambda_): such a
    key in ``common`` does not reach them; set it in ``methods``.
    """

    common: dict[str, Any] = {}
    datasets: dict[Name, dict[str, Any]] = {}
    methods: dict[Name, dict[str, Any]] = {}
    cells: dict[CellName, dict[str, Any]] = {}
