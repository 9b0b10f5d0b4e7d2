"""Cramer-Wold autoencoder: the penalty is the log of a distance to the normal prior in closed form."""

from typing import ClassVar

from torch import Tensor

from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import TrainingSettings
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.mmd.cramer_wold import has_closed_form, log_cramer_wold


class CWAE(Method):
    """Autoencoder with the Cramer-Wold penalty (Knop et al. 2020): no draws of the prior are needed."""

    title: ClassVar[str] = "CWAE"
    colour: ClassVar[str] = "#7d4fc4"
    marker: ClassVar[str] = "h"
    line: ClassVar[Line] = (0, (6, 1, 1, 1))
    paper: ClassVar[str] = "Knop et al. 2020, Cramer-Wold Auto-Encoder"
    lambda_weighs: ClassVar[str] = "penalty"
    lambda_meaning: ClassVar[str] = "weight of the log of the squared Cramer-Wold distance"
    priors: ClassVar[tuple[str, ...]] = ("normal",)

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError for numbers of dimensions at which the closed form does not hold."""
        if not has_closed_form(settings.latent_dim):
            raise UserError(
                f"latent_dim {settings.latent_dim}: CWAE's closed form holds at 2 and from 8 on; "
                "set latent_dim to 2 or to at least 8"
            )

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """log of the squared Cramer-Wold distance of the codes (n, d_z), in units of the prior's sd, to N(0, I)."""
        return log_cramer_wold(batch.codes.z / self.prior.sigma)
