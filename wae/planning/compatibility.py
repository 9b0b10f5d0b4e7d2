"""Which settings go together: refused before any job starts, with the reason and the remedy.

Nothing here imports torch, as the plan reads this module at each start.
"""

from typing import Any

from wae.core.errors import UserError
from wae.core.settings import AUTHORS, TrainingSettings
from wae.core.widths import decoder_widths, encoder_widths

MAX_CHANNELS = 65_536


def check(settings: TrainingSettings, shape: tuple[int, ...], attributes: dict[str, Any]) -> None:
    """UserError if a run on images of ``shape`` (C, H, W) cannot be, one line with the reason.

    ``attributes``: literal class attributes of the implementation; ``encoders``, ``priors`` and
    ``likelihoods`` list what it can be combined with (absent: anything), ``only_lambda`` is the one weight it takes.
    """
    _check_implementation(settings, attributes)
    _check_latent(settings)
    if "likelihoods" in attributes:
        _check_likelihood(settings)
    if settings.dropout and settings.compile:
        raise UserError(
            f"dropout {settings.dropout:g} with compile: it draws from the run's own stream, which the compiler does "
            "not take; set one of them off"
        )
    if settings.architecture == "dcgan":
        _check_strides(settings, shape)
        _check_widths(settings)
    elif settings.architecture == "mlp" and (settings.extra_dense or settings.decoder_dense):
        raise UserError(
            f"extra_dense {settings.extra_dense}, decoder_dense {settings.decoder_dense} with architecture 'mlp': "
            "all its layers are dense; add them to hidden and decoder_hidden"
        )


def _check_implementation(settings: TrainingSettings, attributes: dict[str, Any]) -> None:
    for key, found in (
        ("encoders", settings.encoder),
        ("priors", settings.prior),
        ("likelihoods", settings.likelihood),
    ):
        allowed = attributes.get(key)
        if allowed is not None and ("own" if ":" in found else found) not in allowed:
            name = settings.implementation.partition(":")[2]
            raise UserError(f"{key[:-1]} {found!r}: {name} takes {' or '.join(map(repr, allowed))}; set one of them")
    check_weight(settings, attributes.get("only_lambda"))


def check_weight(settings: TrainingSettings, only: float | None) -> None:
    """UserError for a weight that is not, or does not stay, the only one that a method takes (None: any)."""
    if only is None:
        return
    means = f"with the VAE, whose name means beta = {only:g} in every table and claim"
    other = "take the method beta_vae (baselines.beta_vae:BetaVAE)"
    if settings.lambda_ != only:
        raise UserError(f"lambda_ {settings.lambda_:g} {means}: set lambda_ to {only:g}, or {other} for another weight")
    if settings.lambda_schedule != "constant":
        raise UserError(
            f"lambda_schedule {settings.lambda_schedule!r} {means}: set lambda_schedule to 'constant', or {other} for "
            "a weight that moves"
        )


def _check_latent(settings: TrainingSettings) -> None:
    if settings.encoder == "gaussian" and settings.prior != "normal":
        raise UserError(
            f"encoder 'gaussian' with prior {settings.prior!r}: it goes with a normal prior alone, as Gaussian codes "
            "can leave the support of others; set prior to 'normal', or encoder to 'deterministic', 'pixel_noise' or "
            "'implicit'"
        )
    if settings.encoder_noise != 1.0 and settings.encoder != "gaussian":
        raise UserError(
            f"encoder_noise {settings.encoder_noise:g} with encoder {settings.encoder!r}: only a Gaussian encoder has "
            "that noise; set encoder to 'gaussian' or leave encoder_noise at 1"
        )
    for key, plain in (("noise_draws", "fresh"), ("encoder_head", "log_variance")):
        if (found := getattr(settings, key)) != plain and settings.encoder != "gaussian":
            raise UserError(
                f"{key} {found!r} with encoder {settings.encoder!r}: only a Gaussian encoder has it; set encoder to "
                f"'gaussian' or leave {key} at {plain!r}"
            )
    if settings.held_seed and settings.seed_stream == "all":
        raise UserError(
            f"held_seed {settings.held_seed} with seed_stream 'all': no stream is held there; leave held_seed out, or "
            "set seed_stream to the one that varies"
        )
    if (settings.schedule == "stages") != bool(settings.stages):
        raise UserError(
            f"schedule {settings.schedule!r} with {len(settings.stages)} stages: list stages with schedule 'stages', "
            "and with no other"
        )
    if settings.output_bias == "mean_image" and (settings.architecture != "mlp" or settings.pixel_range != "zero_one"):
        raise UserError(
            f"output_bias 'mean_image' with architecture {settings.architecture!r} and pixel_range "
            f"{settings.pixel_range!r}: only an mlp for pixels in [0, 1] has a bias for each pixel's logit; set it to "
            "'initialisation'"
        )
    if settings.binarise != "off" and settings.pixel_range != "zero_one":
        raise UserError(
            f"binarise {settings.binarise!r} with pixel_range {settings.pixel_range!r}: grey levels are probabilities "
            "in [0, 1] alone; set pixel_range to 'zero_one'"
        )
    if settings.cost == "bce" and settings.pixel_range != "zero_one":
        raise UserError(
            f"cost 'bce' with pixel_range {settings.pixel_range!r}: it needs pixels in [0, 1]; set pixel_range to "
            "'zero_one' or another cost"
        )
    if settings.critic_prior_trick and settings.prior in ("uniform", "sphere"):
        raise UserError(
            f"critic_prior_trick with prior {settings.prior!r}: its log p(z) is constant where codes lie, so that "
            "there is nothing to add; set prior to 'normal' or critic_prior_trick to false"
        )
    if settings.prior == "sphere" and settings.latent_dim < 2:
        raise UserError(
            f"latent_dim {settings.latent_dim} with prior 'sphere': a sphere in one dimension is two points; "
            "set latent_dim to at least 2"
        )
    scales = len(settings.kernel_scales)
    if settings.random_features < scales:
        raise UserError(
            f"random_features {settings.random_features}: each of the {scales} kernel scales needs one; "
            f"set random_features to at least {scales}"
        )


def _check_likelihood(settings: TrainingSettings) -> None:
    if settings.encoder_noise != 1.0:
        raise UserError(
            f"encoder_noise {settings.encoder_noise:g}: {settings.implementation.partition(':')[2]}'s KL divergence is "
            "that of a Gaussian encoder whose noise has factor 1; leave it at 1"
        )
    if settings.gaussian_floor > AUTHORS["gaussian_floor"]:
        raise UserError(
            f"gaussian_floor {settings.gaussian_floor:g}: {settings.implementation.partition(':')[2]}'s KL divergence "
            f"is without the floor, as in the authors' code; set it to {AUTHORS['gaussian_floor']:g}, theirs, at most"
        )
    if settings.likelihood == "bernoulli" and settings.pixel_range != "zero_one":
        raise UserError(
            f"likelihood 'bernoulli' with pixel_range {settings.pixel_range!r}: it needs pixels in [0, 1]; "
            "set pixel_range to 'zero_one' or likelihood to 'gaussian'"
        )
    if settings.cost != "l2sq":
        raise UserError(
            f"cost {settings.cost!r}: {settings.implementation.partition(':')[2]} measures reconstruction by its "
            "likelihood; leave cost at 'l2sq' and set likelihood"
        )


def _check_strides(settings: TrainingSettings, shape: tuple[int, ...]) -> None:
    factor = 2**settings.decoder_depth
    for side in shape[1:]:
        if side % factor:
            fitting = max(depth for depth in range(settings.decoder_depth) if side % 2**depth == 0)
            remedy = f"set decoder_depth to {fitting}" if fitting else "pad or resize the images, or set mlp"
            raise UserError(
                f"image side {side} with decoder_depth {settings.decoder_depth}: {settings.decoder_depth} strides of 2 "
                f"do not divide it; {remedy}"
            )
    if settings.hidden or settings.decoder_hidden:
        return
    top = settings.width * 2 ** (settings.depth - 1)
    if top > MAX_CHANNELS:
        raise UserError(
            f"width {settings.width} with depth {settings.depth}: {top:,} channels at the top, at most "
            f"{MAX_CHANNELS:,}; lower one of them"
        )
    if top % factor:
        raise UserError(
            f"decoder_depth {settings.decoder_depth}: it starts from width * 2**(depth - 1) = {top} channels, which "
            f"cannot be halved so often; set width to a multiple of {max(factor // 2 ** (settings.depth - 1), 1)}"
        )


def _check_widths(settings: TrainingSettings) -> None:
    found, need = decoder_widths(settings), settings.decoder_depth + 1
    if len(found) != need:
        which = "decoder_hidden" if settings.decoder_hidden else "hidden, mirrored,"
        raise UserError(
            f"{which} gives the decoder {len(found)} widths with decoder_depth {settings.decoder_depth}: it needs "
            f"{need}, for the grid and each transposed convolution; write {need} in decoder_hidden, or set "
            f"decoder_depth to {len(found) - 1}"
        )
    widest = max(*encoder_widths(settings), *found)
    if widest > MAX_CHANNELS:
        raise UserError(f"hidden: {widest:,} channels, at most {MAX_CHANNELS:,}; lower it")
