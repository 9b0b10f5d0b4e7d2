"""The beta-VAE, under a name of its own so that no table calls a weighted ELBO a VAE."""

from typing import ClassVar

from baselines.vae import VAE
from wae.methods.facts import Line


class BetaVAE(VAE):
    """VAE whose KL term is weighed by beta = ``lambda_`` (Higgins et al. 2017).

    beta above 1 presses the codes towards the prior; below 1 it sharpens reconstructions, as in Ghosh et al. 2020:
    0.312 on MNIST, 0.024 on CIFAR-10, 0.090 on CelebA, beside squared errors that are means over channels and sums
    over the rest; beside a plain sum these are 0.312, 0.072 and 0.27.
    """

    title: ClassVar[str] = "β-VAE"
    colour: ClassVar[str] = "#b65a94"
    marker: ClassVar[str] = "D"
    line: ClassVar[Line] = (0, (5, 1))
    paper: ClassVar[str] = "Higgins et al. 2017, beta-VAE"
    lambda_weighs: ClassVar[str] = "kl"
    lambda_meaning: ClassVar[str] = "beta, the weight of the KL divergence in nats"
    only_lambda: ClassVar[float | None] = None
