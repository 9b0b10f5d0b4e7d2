"""The image sets that are scored: samples from the prior and from a mixture, reconstructions, interpolations."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.files import check_files, read_json
from wae.core.layout import RunFolder
from wae.core.settings import RunSettings
from wae.methods.base import Method, build
from wae.methods.batch import Codes

MIXTURE_CODES = 10_000  # train codes, at most, that the mixture is fitted to
MIXTURE_ITERATIONS = 100


def read_run(folder: RunFolder) -> tuple[RunSettings, dict[str, Any]]:
    """The settings and run.json of a trained run, whose files are compared with their recorded sha256.

    UserError for what is missing, corrupt or of another form.
    """
    record = read_json(folder.record, "status", "diverged_step")
    check_files(folder.path, record.get("sha256", {}), "delete run.json beside it and train again")
    try:
        return RunSettings.model_validate(read_json(folder.settings)), record
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{folder.settings}: {where}: {first['msg']}; delete it and train again") from error


def load_method(run: RunSettings, weights: Path, device: torch.device) -> Method:
    """The trained method, in evaluation mode on ``device``; UserError for weights that are missing, damaged or unfit.

    A snapshot comes without the modules that only training needs; these keep their first weights then.
    """
    method = build(run)
    try:
        state = load_file(weights)
        spare = {
            name: own for name, own in method.state_dict().items() if name.partition(".")[0] in method.training_only
        }
        method.load_state_dict({**spare, **state})
    except FileNotFoundError as error:
        raise UserError(f"{weights}: no such file; train the run first") from error
    except (SafetensorError, RuntimeError, OSError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise UserError(f"{weights}: not the weights of this run ({first}); delete it and train again") from error
    method.to(device).eval().requires_grad_(False)
    method.decoder.to(memory_format=torch.channels_last)  # transposed convolutions run twice as fast in it
    return method


def decode(method: Method, z: Tensor, batch_size: int) -> Tensor:
    """Codes (n, d_z) to uint8 images (n, C, H, W) on the CPU, in batches."""
    return torch.cat([method.decode_images(part, batch_size).cpu() for part in z.split(batch_size)])


def reconstruct(method: Method, z: Tensor, images: np.ndarray, batch_size: int) -> tuple[Tensor, float]:
    """Reconstructions of uint8 ``images`` (n, C, H, W) from their codes (n, d_z), and their squared error.

    The images are uint8 on the CPU; the error is summed over the pixels in [0, 1] of each image, before clamping and
    rounding, and averaged over images.
    """
    back, total = [], 0.0
    for part, real in zip(z.split(batch_size), torch.from_numpy(images).split(batch_size), strict=True):
        pixels = method.decode_pixels(part, batch_size)
        total += float((pixels - real.to(pixels.device) / 255.0).square().sum(dtype=torch.float64))
        back.append(method.quantise(pixels).cpu())
    return torch.cat(back), total / len(z)


def encode(method: Method, images: np.ndarray, batch_size: int, generator: torch.Generator | None = None) -> Codes:
    """Codes of uint8 images (n, C, H, W); a random encoder draws its noise from ``generator``, or none without one.

    Input noise of a ``pixel_noise`` encoder stays off in either case: it belongs to training.
    """
    streams = None
    if generator is not None and method.settings.encoder in ("gaussian", "implicit"):
        streams = cast(Streams, {"noise": generator})
    return method.encode_images(images, streams, batch_size)


def prior_draws(method: Method, samples: int, draws: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``draws`` sets of ``samples`` codes (samples, d_z) from the prior, one after another from one stream."""
    for _ in range(draws):
        yield method.prior.sample(samples, generator)


class Mixture:
    """A Gaussian mixture on codes: the ex-post density of Ghosh et al. 2020 (RAE).

    Covariances are full, as there, where each component has more codes than dimensions on average. With fewer they
    would be singular, and in thousands of dimensions take hours: then they are diagonal, which is said on stderr.
    """

    def __init__(self, codes: np.ndarray, components: int, seed: int) -> None:
        """Fit scikit-learn's GaussianMixture to ``codes`` (n, d); fewer components than asked for if n is small."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        self.components = min(components, max(1, len(codes) // 2))
        self.full = len(codes) > self.components * codes.shape[1]
        if not self.full:
            print(
                f"the mixture has diagonal covariances: {len(codes):,} codes are too few for {self.components} full "
                f"ones in {codes.shape[1]:,} dimensions",
                file=sys.stderr,
            )
        kind = "full" if self.full else "diag"
        model = GaussianMixture(
            self.components, covariance_type=kind, random_state=seed, max_iter=MIXTURE_ITERATIONS, reg_covar=1e-6
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture of a hundred iterations serves as well
            try:
                model.fit(np.asarray(codes, dtype=np.float64))
            except ValueError as error:
                raise UserError(f"the mixture cannot be fitted to the codes ({error}); see history.csv") from error
        self.weights = model.weights_ / model.weights_.sum()
        self.means = model.means_
        self.roots = np.linalg.cholesky(model.covariances_) if self.full else np.sqrt(model.covariances_)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` draws (n, d), components mixed at random."""
        component = rng.choice(self.components, n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        draws = np.empty_like(noise)
        for number, root in enumerate(self.roots):  # one at a time: a root per draw would fill any memory
            chosen = component == number
            part = noise[chosen]
            draws[chosen] = self.means[number] + (part @ root.T if self.full else part * root)
        return draws


def interpolate(a: Tensor, b: Tensor, t: float | Tensor, *, spherical: bool) -> Tensor:
    """Codes between ``a`` and ``b`` (n, d) at ``t`` in [0, 1], a number or (n, 1).

    Spherical (Shoemake 1985) as in RAE's table for a normal or spherical prior, in which a straight line's
    middle is too near the origin; straight lines where two codes are parallel and for a uniform prior.
    The formula is of unit vectors: between codes of unequal length and nearly opposite directions it has no bound. At
    d_z = 2 the half-way code of one random pair in some thousands lies a thousand times as far out, at 8 none does.
    """
    straight = torch.lerp(a, b, t) if isinstance(t, Tensor) else torch.lerp(a, b, float(t))
    if not spherical:
        return straight
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1, eps=1e-12)[:, None].clamp(-1.0, 1.0)
    angle = torch.arccos(cosine)
    sine = torch.sin(angle)
    curved = (torch.sin((1.0 - t) * angle) * a + torch.sin(t * angle) * b) / sine.clamp_min(1e-12)
    return torch.where(sine > 1e-4, curved, straight)


def middles(method: Method, z: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Codes (count, d_z) half-way between random pairs of the codes ``z`` (n, d_z), no code with itself."""
    n = len(z)
    first = torch.from_numpy(rng.integers(0, n, count)).to(z.device)
    second = (first + torch.from_numpy(rng.integers(1, n, count)).to(z.device)) % n
    between = interpolate(z[first], z[second], 0.5, spherical=method.prior.spherical)
    return method.prior.project(between) if method.prior.projects else between


def as_tensor(z: np.ndarray, device: torch.device) -> Tensor:
    """float32 codes on a device."""
    return torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32)).to(device)


def path(method: Method, a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Codes from ``a`` to ``b`` (n, d_z), both ends included: (n, steps, d_z)."""
    spherical = method.prior.spherical
    points = [interpolate(a, b, float(t), spherical=spherical) for t in np.linspace(0.0, 1.0, steps)]
    return torch.stack(points, dim=1)
