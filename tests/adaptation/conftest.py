"""A tiny random generator and encoder, and a method that runs in a second."""

import pytest
import torch

from adapter.eg3d import Generator
from adapter.methods.schema import LossTerm, Method, Stage
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder

METHOD = Method(
    name="3d-adapter",
    preset="test",
    stages=(Stage("Tri-D", ("decoder", "background"), 5), Stage("G2", ("superresolution",), 7)),
    losses=(
        LossTerm("directional", 1.0),
        LossTerm("token_distribution", 1.0, (0,)),
        LossTerm("image_structure", 1.0, (1,)),
        LossTerm("feature_structure", 1.0, side=8),
        LossTerm("colour_distribution", 1.0, side=16),
        LossTerm("shallow_distribution", 1.0, (0,)),
        LossTerm("background_colour", 1.0, side=8),
        LossTerm("moments", 0.1, (0,)),
        LossTerm("view_consistency", 1.0),
    ),
    pool=4,
    views=2,
    background=4,
    preview_every=4,
    warmup=2,
)


def make_generator(seed=0, config=CONFIG):
    torch.manual_seed(seed)
    return Generator(config).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def generator():
    return make_generator()


@pytest.fixture(scope="session")
def encoder():
    return make_encoder(layers=3)


@pytest.fixture(scope="session")
def references():
    ramp = torch.linspace(-1, 1, 32)
    return torch.stack([ramp.expand(32, 32), -ramp[:, None].expand(32, 32), torch.zeros(32, 32)])[None]


@pytest.fixture
def method():
    return METHOD
