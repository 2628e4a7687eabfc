"""The generator: MobileStyleGAN's mapping before planes and super-resolution of our own.

While it trains, the backbone reads whitened identity latents. `fold` then writes everything between z and these into
the affine layers, so that the finished generator is an ordinary EG3D whose w is MobileStyleGAN's.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapter.eg3d.backbone import Mapping
from adapter.eg3d.config import Eg3dConfig, RenderingConfig, SuperresolutionConfig
from adapter.eg3d.front import Front, FrontConfig, FrontReader, add_to_xy
from adapter.eg3d.generator import Generator
from adapter.eg3d.layers import FullyConnected
from adapter.eg3d.planes import AXES, Planes
from adapter.eg3d.pretrained import Eg3d
from adapter.training.faces.backgrounds import DEFAULT_LEVEL
from adapter.training.faces.latents import TRUNCATION, PoseSpace

FACES = Eg3dConfig(
    superresolution=SuperresolutionConfig(
        64, (64, 32), (True, True), noise_mode="none", clamp=None, inplace_rgb=False, padding="replicate"
    ),
    rendering=RenderingConfig(
        2.35,
        3.1,
        0.9,
        16,
        16,
        white_background=True,
        background_level=DEFAULT_LEVEL,
        plane_axes="xy-xz-zy",
        fine_rule="centred",
        empty_below=1e-4,
    ),
    z_dim=512,
    w_dim=512,
    conditioning=0,
    mapping_layers=8,
    mapping_lr_multiplier=0.01,
    first_resolution=16,
    plane_resolution=128,
    plane_channels=16,
    channel_base=6144,
    channel_max=224,
    decoder_hidden=32,
    feature_channels=16,
    density_gain=20.0,
    raw_resolution=64,
    label_std=False,
    camera_pivot=(0.0, 0.0, 0.0),
    front=FrontConfig(),
)
"""Sizes of the base: 64 px features, 256 px images."""
TYPICAL_PSI = 0.75
"""Truncation that the finished generator's psi of 1 stands for."""
LATENT_RMS = 0.7
"""Root mean square of the whitened latents."""
START_DENSITY = 2.5
"""Raw density of a fresh generator: enough for every sample to gather gradients."""
MOST_DAMPED = 0.5
"""0 leaves the latents as they are, 1 makes all directions equally strong; between, strong directions lead."""


@dataclass(frozen=True)
class Whitening:
    """x = (w - center) @ matrix for neutral identity latents w [N, 512]: center [512], matrix [512, 512]."""

    center: Tensor
    matrix: Tensor

    def __call__(self, w: Tensor) -> Tensor:
        """Whiten [N, 512]."""
        return (w - self.center) @ self.matrix


@torch.no_grad()
def find_whitening(space: PoseSpace, mapping: dict[str, Tensor], count: int = 20_000) -> Whitening:
    """Whitening of identity latents, damped towards weak directions, measured on random people."""
    network = Mapping(FACES)
    network.load_state_dict({**mapping, "w_avg": torch.zeros(FACES.w_dim)})
    rng = np.random.default_rng(0)
    z = torch.from_numpy(rng.standard_normal((count, FACES.z_dim)).astype(np.float32))
    psi = rng.uniform(*TRUNCATION, (count, 1))
    w = space.neutral(space.mean + psi * (network(z)[:, 0].double().numpy() - space.mean))
    center = w.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(w.T))
    variances, directions = variances[::-1], directions[:, ::-1]
    kept = variances > 1e-7 * variances[0]
    # Standard deviations that remain are the true ones to the power of 1 - MOST_DAMPED.
    gains = np.where(kept, np.maximum(variances, 1e-12) ** (-MOST_DAMPED / 2), 0)
    matrix = directions * gains
    matrix *= LATENT_RMS / np.sqrt(np.square((w - center) @ matrix).mean())
    return Whitening(torch.from_numpy(center).float(), torch.from_numpy(matrix).float())


def for_training(config: Eg3dConfig) -> Eg3dConfig:
    """The same network for patches of any size, and without the front, whose features are stored."""
    return replace(config, superresolution=replace(config.superresolution, resize="never"), front=None)


def start_reader(config: Eg3dConfig, grid: Tensor, inputs: tuple[int, int]) -> FrontReader:
    """A reader of stored front features of ``inputs`` channels that begins by adding nothing."""
    assert config.front is not None
    reader = FrontReader(inputs, config.front, config.plane_channels)
    nn.init.zeros_(reader.write.weight)
    nn.init.zeros_(reader.write.bias)
    reader.grid.copy_(grid)
    return reader


@torch.no_grad()
def start(config: Eg3dConfig) -> Eg3d:
    """A fresh generator: little density, and super-resolution that begins by enlarging the raw colors."""
    generator = Eg3d(for_training(config))
    last = generator.decoder.net[2]
    last.weight[0] *= 0.3
    last.bias[0] = START_DENSITY / generator.config.density_gain
    finest = generator.backbone.synthesis.get_submodule(f"b{config.plane_resolution}")
    for block in (finest, generator.superresolution.block0, generator.superresolution.block1):
        block.torgb.weight.mul_(0.1)
    return generator


def front_planes(generator: Generator, ws: Tensor, added: Tensor) -> Planes:
    """The planes of ws [N, num_ws, w] with what a `FrontReader` gave [N, C, R, R]."""
    image = add_to_xy(generator.backbone.synthesis(ws, "none"), added)
    return Planes(image.unflatten(1, (3, generator.config.plane_channels)), AXES[generator.config.rendering.plane_axes])


def trained_parameters(generator: Generator) -> dict[str, nn.Parameter]:
    """What training changes: all but the mapping, which is MobileStyleGAN's, and the unused noise."""
    return {
        name: value
        for name, value in generator.named_parameters()
        if not name.startswith("backbone.mapping.") and not name.endswith("noise_strength")
    }


def affine_layers(generator: Generator) -> list[FullyConnected]:
    """The layers of planes and super-resolution that read w."""
    modules = generator.named_modules()
    return [module for name, module in modules if name.endswith(".affine") and isinstance(module, FullyConnected)]


@torch.no_grad()
def fold(generator: Eg3d, front: Front, whitening: Whitening, space: PoseSpace, mapping: dict[str, Tensor]) -> Eg3d:
    """The finished generator, on the CPU, with MobileStyleGAN's mapping and all linear maps after it folded.

    What the backbone sees of a w of the mapping is ``whitening(neutral(mean + TYPICAL_PSI * (w - mean)))``.

    Args:
        generator: trained on whitened latents.
        front: reads neutral w of MobileStyleGAN.
        mapping: tensors of MobileStyleGAN's mapping under the names of `adapter.eg3d.backbone.Mapping`.
    """
    finished = Eg3d(FACES)
    tensors = {f"backbone.synthesis.front.{name}": value for name, value in front.state_dict().items()}
    finished.load_state_dict({**generator.state_dict(), **tensors})
    mean = torch.from_numpy(space.mean)
    # neutral() is affine: its matrix and shift come from what it does to a basis and to zero.
    shift = torch.from_numpy(space.neutral(np.zeros((1, 512))))[0]
    matrix = torch.from_numpy(space.neutral(np.eye(512))) - shift
    center, white = whitening.center.double(), whitening.matrix.double()
    total = TYPICAL_PSI * matrix @ white
    neutral = (1 - TYPICAL_PSI) * mean @ matrix + shift
    offset = (neutral - center) @ white
    for layer in affine_layers(finished):
        weight = layer.weight.double()
        layer.bias.copy_(layer.bias.double() + (weight @ offset) * layer.weight_gain / layer.bias_gain)
        layer.weight.copy_(weight @ total.T)
    for linear in finished.backbone.synthesis.front.synthesis.modules():
        if isinstance(linear, nn.Linear):
            weight = linear.weight.double()
            linear.bias.copy_(linear.bias.double() + weight @ neutral)
            linear.weight.copy_(weight @ (TYPICAL_PSI * matrix).T)
    finished.backbone.mapping.load_state_dict({**mapping, "w_avg": mean.float()})
    return finished.eval().requires_grad_(False)


def mapping_tensors(weights: NDArray, biases: NDArray) -> dict[str, Tensor]:
    """MobileStyleGAN's mapping, weights [8, 512, 512] and biases [8, 512], as tensors of our mapping network."""
    like = FullyConnected(512, 512, lr_multiplier=FACES.mapping_lr_multiplier)
    tensors = {}
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        tensors[f"fc{number}.weight"] = torch.from_numpy(weight).float() / like.weight_gain
        tensors[f"fc{number}.bias"] = torch.from_numpy(bias).float() / like.bias_gain
    return tensors
