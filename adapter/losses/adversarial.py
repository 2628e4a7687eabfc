"""Plain adversarial fine-tuning: a discriminator with adaptive augmentation (in the manner of StyleGAN2-ADA)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.base import Batch, Loss, LossContext, register
from adapter.losses.discriminator import Discriminator, augment
from adapter.methods import loss_terms

TARGET_SIGN = 0.6
"""Mean sign of the real images' scores above which augmentation grows (Karras et al. 2020, r_t)."""
AUGMENTATION_STEP = 0.02
MAXIMUM_PROBABILITY = 0.9
R1_WEIGHT, R1_EVERY = 1.0, 8
LEARNING_RATE = 2e-3
_MOMENTS = ("exp_avg", "exp_avg_sq")


@register("adversarial")
class Adversarial(Loss):
    """A discriminator cannot tell the target images from the references."""

    def __init__(self, term: loss_terms.Adversarial, context: LossContext) -> None:
        super().__init__(term, context)
        assert context.references is not None
        resolution = context.sources.images.shape[-1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            self.network = Discriminator(resolution).to(context.references.device)
        self.references = F.interpolate(context.references, size=(resolution, resolution), mode="area")
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE, betas=(0.0, 0.99))
        self.probability = 0.0
        self.steps = 0

    def __call__(self, batch: Batch) -> Tensor:
        """What the generator minimizes: softplus(-score), non-saturating (Goodfellow et al. 2014)."""
        self.network.requires_grad_(False)
        return F.softplus(-self.network(augment(batch.images, self.probability, batch.random))).mean()

    def after_step(self, images: Tensor, random: torch.Generator) -> None:
        """One step of the discriminator against generated images, with R1 every few steps."""
        self.network.requires_grad_(True)
        # 1. Score real and generated images, augmented alike.
        index = torch.randint(len(self.references), (len(images),), generator=random)
        real = augment(self.references[index.to(self.references.device, non_blocking=True)], self.probability, random)
        penalized = self.steps % R1_EVERY == 0
        real.requires_grad_(penalized)
        scores = self.network(real)
        fake_scores = self.network(augment(images.detach(), self.probability, random))
        loss = F.softplus(-scores).mean() + F.softplus(fake_scores).mean()
        # 2. Penalize the gradient at real images (Mescheder et al. 2018), lazily.
        if penalized:
            (slope,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
            loss = loss + R1_WEIGHT / 2 * R1_EVERY * slope.square().sum(dim=(1, 2, 3)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        # 3. Augment more while the discriminator is too sure of the real images.
        grow = math.copysign(AUGMENTATION_STEP, float(scores.detach().sign().mean()) - TARGET_SIGN)
        self.probability = min(MAXIMUM_PROBABILITY, max(0.0, self.probability + grow))

    def state_dict(self) -> dict[str, Tensor]:
        """Weights, Adam's moments, and how far the augmentation is."""
        kept = {f"weight/{name}": value.detach().clone() for name, value in self.network.named_parameters()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                kept[f"{key}/{name}"] = value.detach().clone()
        return kept | {"progress": torch.tensor([self.probability, float(self.steps)], dtype=torch.float64)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        for name, parameter in self.network.named_parameters():
            parameter.data.copy_(state[f"weight/{name}"])
            if f"step/{name}" in state:
                moments = {key: state[f"{key}/{name}"].to(parameter, copy=True) for key in _MOMENTS}
                self.optimizer.state[parameter] = {"step": state[f"step/{name}"].clone(), **moments}
        self.probability, self.steps = float(state["progress"][0]), int(state["progress"][1])
