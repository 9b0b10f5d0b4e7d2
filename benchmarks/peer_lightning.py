"""The same networks and objectives in Lightning, as most reproductions write them."""

import warnings
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import transforms

from benchmarks.measure import Spent, Stopwatch
from wae.core.settings import RunSettings
from wae.methods.base import build
from wae.mmd.estimators import mmd_official


class Module(lightning.LightningModule):
    """VAE, WAE-MMD (in the official form) and WAE-GAN (manual optimisation, as two optimisers need)."""

    def __init__(self, run: RunSettings) -> None:
        super().__init__()
        self.s, self.kind = run.training, run.method
        ours = build(run)
        self.encoder, self.decoder, self.critic = ours.encoder, ours.decoder, getattr(ours, "critic", None)
        self.automatic_optimization = self.critic is None

    def training_step(self, batch: list[Tensor], index: int) -> Tensor | None:
        x, _ = batch
        if self.kind == "vae":
            mean, log_variance = self.encoder(x).chunk(2, dim=1)
            output = self.decoder(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean))
            nll = functional.binary_cross_entropy_with_logits(output, x, reduction="sum") / len(x)
            kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
            self.log("loss", nll + kl)
            return nll + kl
        z = self.encoder(x)
        error = self.s.cost_weight * (torch.sigmoid(self.decoder(z)) - x).flatten(1).square().sum(1).mean()
        if self.critic is None:
            penalty = mmd_official(z, torch.randn_like(z), scales=self.s.kernel_scales, base=2.0 * self.s.latent_dim)
            self.log("loss", error + self.s.lambda_ * penalty)
            return error + self.s.lambda_ * penalty
        first, second = self.optimizers()
        loss = error + self.s.lambda_ * functional.softplus(-self.critic(z)).mean()
        first.zero_grad()
        self.manual_backward(loss)
        first.step()
        real, fake = self.critic(torch.randn_like(z)), self.critic(z.detach())
        critic_loss = functional.softplus(-real).mean() + functional.softplus(fake).mean()
        second.zero_grad()
        self.manual_backward(critic_loss)
        second.step()
        self.log_dict({"loss": loss, "critic": critic_loss})
        return None

    def configure_optimizers(self) -> Any:
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        first = torch.optim.Adam(parameters, lr=self.s.learning_rate)
        if self.critic is None:
            return first
        return [first, torch.optim.Adam(self.critic.parameters(), lr=self.s.critic_learning_rate)]


class Pictures(Dataset[tuple[Tensor, int]]):
    """What torchvision's MNIST does for each image: a PIL image from the array, then the transforms."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.transform = transforms.Compose([transforms.Pad((32 - images.shape[-1]) // 2), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


class Clock(Callback):
    """What the training epoch spends from its start to its end."""

    def on_train_epoch_start(self, *_: Any) -> None:
        self.watch = Stopwatch()

    def on_train_epoch_end(self, *_: Any) -> None:
        self.spent = self.watch.stop()


class Lightning:
    """One epoch a call. ``pictures``: through torchvision's transforms; else float tensors, its best case."""

    def __init__(self, run: RunSettings, images: Tensor, *, pictures: bool) -> None:
        self.module = Module(run)
        inner = images[:, 0, 2:-2, 2:-2].contiguous().numpy()
        tensors = TensorDataset(images.float() / 255.0, torch.zeros(len(images)))
        data: Dataset[Any] = Pictures(inner) if pictures else tensors
        self.loader = DataLoader(data, batch_size=run.training.batch_size, shuffle=True, drop_last=True)

    def epoch(self) -> Spent:
        """What an epoch spends; the trainer's set-up does not count. Loggers and checkpoints are off."""
        clock = Clock()
        quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = lightning.Trainer(accelerator="cpu", max_epochs=1, callbacks=[clock], **quiet)
            trainer.fit(self.module, self.loader)
        return clock.spent
