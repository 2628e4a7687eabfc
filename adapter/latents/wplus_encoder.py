"""From an image to its extended latent in one pass: the W+ encoder of a base.

The idea is pSp's and e4e's (Richardson et al. 2021, Tov et al. 2021: a residual to the mean latent for every row);
the network is ours: a small head on features of a frozen CLIP image tower, so that the file stays small.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapter.eg3d import Eg3dConfig
from adapter.encoders.encoder import ImageEncoder, load_encoder
from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_json, read_tensors, write_json, write_tensors

WEIGHTS, CONFIG = "model.safetensors", "config.json"
MIDDLE, LAST = 8, 4
"""Sides of the two grids on which the head reads features."""


@dataclass(frozen=True)
class InverterConfig:
    """Shape of an inverter.

    Attributes:
        base: name of the generator whose latents it predicts.
        base_fingerprint: of that generator's weights.
        num_ws, w_dim: shape of an extended latent.
        encoder: CLIP whose image tower gives the features.
        middle: its layers that are pooled to `MIDDLE` x `MIDDLE`.
        last: its layer that is pooled to `LAST` x `LAST`.
        channels: of those layers, in that order.
        width: of the head's last hidden layer.
    """

    base: str
    base_fingerprint: str
    num_ws: int
    w_dim: int
    encoder: str = "clip-heads"
    middle: tuple[str | int, ...] = ("stage2", "stage4")
    last: str | int = "stage6"
    channels: tuple[int, ...] = (40, 112, 320)
    width: int = 384


class Head(nn.Module):
    """Features to latents: the only part that trains."""

    near_mean: Tensor
    near_spread: Tensor
    far_mean: Tensor
    far_spread: Tensor
    w_avg: Tensor
    w_spread: Tensor

    def __init__(self, config: InverterConfig) -> None:
        super().__init__()
        self.config = config
        near, far = sum(config.channels[:-1]), config.channels[-1]
        self.register_buffer("near_mean", torch.zeros(near))
        self.register_buffer("near_spread", torch.ones(near))
        self.register_buffer("far_mean", torch.zeros(far))
        self.register_buffer("far_spread", torch.ones(far))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))
        self.register_buffer("w_spread", torch.ones(config.w_dim))
        self.mix = nn.Conv2d(near, 96, 1)
        self.down = nn.Conv2d(96, 128, 3, stride=2, padding=1)
        self.join = nn.Conv2d(128 + far, 128, 1)
        self.hidden = nn.Linear(128 * LAST * LAST, config.width)
        self.drop = nn.Dropout(0.1)
        self.ws = nn.Linear(config.width, config.num_ws * config.w_dim)
        self.angles = nn.Linear(config.width, 2)

    def forward(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, C, MIDDLE, MIDDLE] and [N, C, LAST, LAST] to ws [N, num_ws, w] and angles [N, 2]."""
        near = (near - self.near_mean[:, None, None]) / self.near_spread[:, None, None]
        far = (far - self.far_mean[:, None, None]) / self.far_spread[:, None, None]
        x = F.gelu(self.down(F.gelu(self.mix(near))))
        x = F.gelu(self.join(torch.cat([x, far], dim=1)))
        x = self.drop(F.gelu(self.hidden(x.flatten(1))))
        residual = self.ws(x).unflatten(1, (self.config.num_ws, self.config.w_dim))
        return self.w_avg + self.w_spread * residual, self.angles(x)


class Inverter(nn.Module):
    """Images to extended latents of a base; differentiable with respect to the images (first derivatives)."""

    def __init__(self, encoder: ImageEncoder, head: Head) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.eval().requires_grad_(False)

    @property
    def config(self) -> InverterConfig:
        """Its shape and base."""
        return self.head.config

    def forward(self, images: Tensor) -> Tensor:
        """Predict ws [N, num_ws, w] of images [N, 3, S, S] in [-1, 1], framed as the base frames them."""
        return self.predict(images)[0]

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Predict ws [N, num_ws, w], and yaw and pitch [N, 2] of the camera in radians from the front."""
        return self.head(*read_features(self.encoder, self.config, images))

    def check(self, fingerprint: str) -> None:
        """Check that this was trained for the weights of a base.

        Raises:
            UserError: another base.
        """
        if fingerprint != self.config.base_fingerprint:
            raise UserError(
                f"The encoder was trained for other weights of the base '{self.config.base}'. "
                "Train it anew: python -m adapter.training.inverter train."
            )

    def save(self, folder: str | Path, notes: dict[str, str] | None = None) -> None:
        """Write the head, in half precision, and the config; the tower is the CLIP's own file."""
        tensors = {name: value.half() for name, value in self.head.state_dict().items()}
        write_tensors(Path(folder) / WEIGHTS, tensors, {"format": "3d-adapter-inverter", **(notes or {})})
        write_json(Path(folder) / CONFIG, dataclasses.asdict(self.config))


def read_features(encoder: ImageEncoder, config: InverterConfig, images: Tensor) -> tuple[Tensor, Tensor]:
    """The features that the head reads of images [N, 3, S, S]: [N, C, MIDDLE, MIDDLE] and [N, C, LAST, LAST]."""
    layers = (*config.middle, config.last)
    tokens = encoder.encode(images, layers, embedding=False).tokens
    maps = [tokens[k].transpose(1, 2).unflatten(2, (encoder.grid(k), encoder.grid(k))) for k in layers]
    near = torch.cat([F.adaptive_avg_pool2d(one, MIDDLE) for one in maps[:-1]], dim=1)
    return near, F.adaptive_avg_pool2d(maps[-1], LAST)


def new_inverter(base: str, fingerprint: str, config: Eg3dConfig, encoder: ImageEncoder, seed: int = 0) -> Inverter:
    """An untrained inverter of the embedded kind, which predicts w_avg = 0 until it learns better."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = Head(InverterConfig(base, fingerprint, config.num_ws, config.w_dim))
        nn.init.zeros_(head.ws.weight)
        nn.init.zeros_(head.ws.bias)
    return Inverter(encoder, head)


def load_embedded(folder: str | Path, tower: Callable[[str], ImageEncoder] = load_encoder) -> Inverter:
    """Load an inverter from its folder.

    Args:
        folder: with `model.safetensors` and `config.json`.
        tower: loads the image tower that its config names.

    Raises:
        UserError: files that are missing, damaged, or do not fit together.
    """
    folder = Path(folder)
    values = read_json(folder / CONFIG)
    try:
        values |= {key: tuple(values[key]) for key in ("middle", "channels")}
        config = InverterConfig(**values)
        with torch.device("meta"):
            head = Head(config)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{folder.name}/{CONFIG} cannot be used ({error}). Get a fresh copy.") from error
    expected = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    tensors = read_tensors(folder / WEIGHTS, expected)
    head.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    return Inverter(tower(config.encoder), head)


def load_inverter(base: str, tower: Callable[[str], ImageEncoder] = load_encoder) -> Inverter | None:
    """The embedded W+ encoder of a base, or None if there is none.

    Args:
        base: name of the base.
        tower: loads a CLIP's image tower by name.

    Raises:
        UserError: a file that is there but damaged.
    """
    folder = CHECKPOINTS / f"inverter-{base}"
    return load_embedded(folder, tower) if (folder / CONFIG).is_file() else None
