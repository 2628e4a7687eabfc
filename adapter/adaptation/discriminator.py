"""A discriminator with adaptive augmentation, for plain adversarial fine-tuning (in the manner of StyleGAN2-ADA)."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS, MOST_CHANNELS = 24, 96
SMALLEST_SIDE = 4
WANTED_SIGN = 0.6
"""Mean sign of the reals' scores above which augmentation grows (Karras et al. 2020, r_t)."""
AUGMENTATION_STEP = 0.02
R1_WEIGHT, R1_EVERY = 1.0, 8
RATE = 2e-3


class Discriminator(nn.Module):
    """Residual convolutions down to 4 x 4, the batch's deviation as one more channel, one score an image."""

    def __init__(self, resolution: int) -> None:
        super().__init__()
        levels = max(1, int(math.log2(resolution // SMALLEST_SIDE)))
        widths = [min(CHANNELS * 2**level, MOST_CHANNELS) for level in range(levels + 1)]
        self.first = nn.Conv2d(3, widths[0], 1)
        self.blocks = nn.ModuleList(_Halving(a, b) for a, b in itertools.pairwise(widths))
        self.last = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        self.score = nn.Linear(widths[-1] * SMALLEST_SIDE**2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores [N] of images [N, 3, H, W]; larger is more real."""
        x = F.leaky_relu(self.first(images), 0.2)
        for block in self.blocks:
            x = block(x)
        x = F.adaptive_avg_pool2d(x, SMALLEST_SIDE)
        spread = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, SMALLEST_SIDE, SMALLEST_SIDE)
        x = F.leaky_relu(self.last(torch.cat([x, spread], dim=1)), 0.2)
        return self.score(x.flatten(1))[:, 0]


class _Halving(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        half = F.avg_pool2d(x, 2)
        return (F.avg_pool2d(F.leaky_relu(self.main(x), 0.2), 2) + self.skip(half)) * math.sqrt(0.5)


def augment(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Flip, move, scale, turn and recolour images [N, 3, H, W], each with this probability; differentiable."""
    count, device = len(images), images.device

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random)

    def chosen() -> Tensor:
        return (draw() < probability).float()

    flip = 1 - 2 * (draw() < probability / 2).float()
    scale = torch.exp2((draw() * 2 - 1) * 0.4 * chosen())
    turn = (draw() * 2 - 1) * 0.5 * chosen()
    move = (draw(2) * 2 - 1) * 0.25 * chosen()[:, None]
    rows = [
        torch.stack([turn.cos() * flip * scale, -turn.sin() * scale, move[:, 0]], dim=1),
        torch.stack([turn.sin() * flip * scale, turn.cos() * scale, move[:, 1]], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1).to(device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.exp2((draw() * 2 - 1) * chosen() * 0.5).to(device)[:, None, None, None]
    brightness = ((draw() * 2 - 1) * chosen() * 0.3).to(device)[:, None, None, None]
    return moved * contrast + brightness


class AdversarialLoss:
    """The discriminator's side of a run.

    Args:
        references: real images [K, 3, H, W] in [-1, 1].
        resolution: side of the generated images.
        seed: of its first weights.
    """

    def __init__(self, references: Tensor, resolution: int, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = Discriminator(resolution).to(references.device)
        self.references = F.interpolate(references, size=(resolution, resolution), mode="area")
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE, betas=(0.0, 0.99))
        self.probability = 0.0
        self.steps = 0

    def loss(self, images: Tensor, random: torch.Generator) -> Tensor:
        """What the generator minimises: softplus(-score), non-saturating (Goodfellow et al. 2014)."""
        self.network.requires_grad_(False)
        return F.softplus(-self.network(augment(images, self.probability, random))).mean()

    def learn(self, images: Tensor, random: torch.Generator) -> None:
        """One step of the discriminator against generated images, with R1 every few steps."""
        self.network.requires_grad_(True)
        index = torch.randint(len(self.references), (len(images),), generator=random)
        real = augment(self.references[index.to(self.references.device)], self.probability, random)
        penalised = self.steps % R1_EVERY == 0
        real.requires_grad_(penalised)
        scores = self.network(real)
        made = self.network(augment(images.detach(), self.probability, random))
        loss = F.softplus(-scores).mean() + F.softplus(made).mean()
        if penalised:
            (slope,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
            loss = loss + R1_WEIGHT / 2 * R1_EVERY * slope.square().sum(dim=(1, 2, 3)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        grow = math.copysign(AUGMENTATION_STEP, float(scores.detach().sign().mean()) - WANTED_SIGN)
        self.probability = min(0.9, max(0.0, self.probability + grow))

    def memory(self) -> dict[str, Tensor]:
        """Everything that a resumed run needs."""
        kept = {f"weight/{name}": value.detach().clone() for name, value in self.network.named_parameters()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                kept[f"{key}/{name}"] = value.detach().clone()
        return kept | {"progress": torch.tensor([self.probability, float(self.steps)], dtype=torch.float64)}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Take up what `memory` gave."""
        for name, parameter in self.network.named_parameters():
            parameter.data.copy_(memory[f"weight/{name}"])
            kept = {key: memory.get(f"{key}/{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            if kept["step"] is not None:
                moments = {key: kept[key].to(parameter, copy=True) for key in ("exp_avg", "exp_avg_sq")}
                self.optimizer.state[parameter] = {"step": kept["step"].clone(), **moments}
        self.probability, self.steps = float(memory["progress"][0]), int(memory["progress"][1])
