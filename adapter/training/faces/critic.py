"""The adversarial finish: a small network that tells true pictures from rendered ones, patch by patch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (32, 64, 128, 128)
RATE = 3e-4


class Critic(nn.Module):
    """Images [N, 3, S, S] in [-1, 1] to a score for each of their patches [N, 1, S / 16, S / 16].

    Spectral normalization bounds its gradients (Miyato et al. 2018), so no second derivatives are needed.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in WIDTHS:
            layers += [spectral_norm(nn.Conv2d(inputs, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            inputs = width
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(inputs, 1, 3, padding=1)))

    def forward(self, images: Tensor) -> Tensor:
        """Score patches; more is truer."""
        return self.layers(images)


def critic_loss(critic: Critic, made: Tensor, true: Tensor) -> Tensor:
    """The hinge loss (Lim and Ye 2017) of both kinds of images; gradients reach only the critic."""
    scores = critic(torch.cat([made.detach(), true]))
    return F.relu(1 + scores[: len(made)]).mean() + F.relu(1 - scores[len(made) :]).mean()


def generator_loss(critic: Critic, made: Tensor) -> Tensor:
    """How false the critic finds rendered images."""
    return -critic(made).mean()
