import dataclasses

import pytest
import torch

from adapter.eg3d import PRESETS, Eg3d, Eg3dConfig, look_at

TINY = dataclasses.replace(
    PRESETS["heads"],
    z_dim=8,
    w_dim=16,
    plane_resolution=64,
    plane_channels=8,
    channel_base=512,
    channel_max=16,
    feature_channels=8,
    decoder_hidden=16,
    density_gain=4.0,
    raw_resolution=16,
    superresolution=dataclasses.replace(PRESETS["heads"].superresolution, input_resolution=16, channels=(16, 16)),
)


def build(config: Eg3dConfig) -> Eg3d:
    """A generator with fixed random weights."""
    torch.manual_seed(0)
    return Eg3d(config).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def tiny():
    """A very small generator of the kind of `heads`; do not change it."""
    return build(TINY)


@pytest.fixture(scope="session")
def ws(tiny):
    return tiny.mapping(torch.randn(2, 8, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="session")
def planes(tiny, ws):
    return tiny.planes(ws)


@pytest.fixture(scope="session")
def cameras():
    return look_at([0.3, -0.2], [0.1, 0.0])
