"""A tiny random base, the embedded base, and the embedded image tower."""

import pytest
import torch

from adapter.eg3d import Eg3d, Eg3dConfig, Generator, RenderingConfig, SuperresolutionConfig
from adapter.perception import ImageEncoder, load_encoder

CONFIG = Eg3dConfig(
    superresolution=SuperresolutionConfig(
        16, (8, 6), (False, True), clamp=None, inplace_rgb=False, noise_mode="const", padding="replicate"
    ),
    rendering=RenderingConfig(2.3, 3.15, 0.8, 4, 4, white_background=True, plane_axes="xy-xz-zy"),
    z_dim=8,
    w_dim=12,
    conditioning=0,
    mapping_lr_multiplier=1.0,
    first_resolution=16,
    plane_resolution=16,
    plane_channels=4,
    channel_base=128,
    channel_max=8,
    decoder_hidden=8,
    feature_channels=6,
    raw_resolution=16,
    label_std=False,
    camera_pivot=(0.0, 0.0, 0.0),
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny() -> Generator:
    torch.manual_seed(0)
    return Generator(CONFIG).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def heads() -> Eg3d:
    return Eg3d.from_pretrained("heads")


@pytest.fixture(scope="session")
def clip() -> ImageEncoder:
    return load_encoder("clip-heads")
