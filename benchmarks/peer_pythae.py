"""The same networks and objectives in pythae, trained by its own trainers as its documentation shows."""

import tempfile
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, WAE_MMD, Adversarial_AE, Adversarial_AE_Config, VAEConfig, WAE_MMD_Config
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig, BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from benchmarks.measure import Spent, Stopwatch
from wae.core.settings import RunSettings
from wae.methods.base import build
from wae.models import networks


class Encoder(BaseEncoder):
    """An encoder of this suite as pythae's."""

    def __init__(self, network: nn.Module, gaussian: bool) -> None:
        BaseEncoder.__init__(self)
        self.network, self.gaussian = network, gaussian

    def forward(self, x: Tensor) -> ModelOutput:
        hidden = self.network(x)
        if not self.gaussian:
            return ModelOutput(embedding=hidden)
        mean, log_variance = hidden.chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """A decoder of this suite as pythae's."""

    def __init__(self, network: nn.Module) -> None:
        BaseDecoder.__init__(self)
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=torch.sigmoid(self.network(z)))


class Critic(BaseDiscriminator):
    """The latent critic as pythae's discriminator, which gives probabilities."""

    def __init__(self, network: nn.Module) -> None:
        BaseDiscriminator.__init__(self)
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(embedding=torch.sigmoid(self.network(z)))


class Clock(TrainingCallback):
    """What an epoch spends from its begin to its end."""

    def on_epoch_begin(self, training_config: Any, **kwargs: Any) -> None:
        self.watch = Stopwatch()

    def on_epoch_end(self, training_config: Any, **kwargs: Any) -> None:
        self.spent = self.watch.stop()


def model(run: RunSettings) -> nn.Module:
    """pythae's model of the same objective; its adversarial autoencoder is the nearest to WAE-GAN."""
    s, shape = run.training, tuple(run.shape)
    gaussian = run.method != "wae_mmd"
    ours = build(run)
    if gaussian and run.method == "wae_gan":  # its encoder must give a variance, here unused
        ours.encoder = networks.build_encoder(s.model_copy(update={"encoder": "gaussian"}), shape)
    parts = {"encoder": Encoder(ours.encoder, gaussian), "decoder": Decoder(ours.decoder)}
    common = {"input_dim": shape, "latent_dim": s.latent_dim}
    if run.method == "vae":
        return VAE(VAEConfig(**common, reconstruction_loss="bce"), **parts)
    if run.method == "wae_mmd":
        settings = {"reg_weight": s.lambda_, "kernel_choice": s.kernel, "scales": list(s.kernel_scales)}
        return WAE_MMD(WAE_MMD_Config(**common, **settings, reconstruction_loss_scale=s.cost_weight), **parts)
    config = Adversarial_AE_Config(**common, reconstruction_loss="mse", deterministic_posterior=True)
    return Adversarial_AE(config, **parts, discriminator=Critic(ours.critic))


class Pythae:
    """One epoch a call, in its own trainer's loop."""

    def __init__(self, run: RunSettings, images: Tensor) -> None:
        self.run, self.model = run, model(run)
        self.data = BaseDataset(images.float() / 255.0, torch.zeros(len(images)))

    def epoch(self) -> Spent:
        """What an epoch spends, as its callbacks mark it; the trainer's set-up and final saving do not count."""
        clock, s = Clock(), self.run.training
        adversarial = self.run.method == "wae_gan"
        rates = (
            {"autoencoder_learning_rate": s.learning_rate, "discriminator_learning_rate": s.critic_learning_rate}
            if adversarial
            else {"learning_rate": s.learning_rate}
        )
        trainer, config = (
            (AdversarialTrainer, AdversarialTrainerConfig) if adversarial else (BaseTrainer, BaseTrainerConfig)
        )
        with tempfile.TemporaryDirectory() as folder:
            settings = config(
                output_dir=folder, per_device_train_batch_size=s.batch_size, num_epochs=1, no_cuda=True, **rates
            )
            trainer(self.model, self.data, training_config=settings, callbacks=[clock]).train()
        return clock.spent
