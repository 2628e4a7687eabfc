"""A tiny random generator and encoder, and a method that runs in a second."""

import pytest
import torch

from adapter.adaptation import RunOptions, adapt
from adapter.adaptation.source_cache import SourceEncoder, draw_pairs, join_caches
from adapter.eg3d import Generator
from adapter.methods import Method, Stage, loss
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder

METHOD = Method(
    name="3d-adapter",
    preset="test",
    stages=(Stage("Tri-D", ("decoder", "background"), 5), Stage("G2", ("superresolution",), 7)),
    losses=(
        loss("directional", 1.0),
        loss("token_distribution", 1.0, (0,)),
        loss("image_structure", 1.0, (1,)),
        loss("feature_structure", 1.0, side=8),
        loss("colour_distribution", 1.0, side=16),
        loss("shallow_distribution", 1.0, (0,)),
        loss("background_colour", 1.0, side=8),
        loss("moments", 0.1, (0,)),
        loss("view_consistency", 1.0),
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


def run(generator, encoder, guidance, method, seed=0, resume=None, **options):
    """All events of a run."""
    options = RunOptions(base="tiny", **options)
    return list(adapt(generator, encoder, guidance, method, seed=seed, resume=resume, options=options))


def make_sources(generator, method=METHOD, encoders=(), layers=(), embedding=False):
    """The sources of a run with seed 0."""
    encode = SourceEncoder(generator, encoders, layers, embedding)
    return join_caches(list(encode.stream(*draw_pairs(generator.config, method, 0))))


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
