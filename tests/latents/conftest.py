"""A tiny random base, the embedded base, and the embedded image tower."""

import dataclasses

import pytest
import torch

from adapter.eg3d import Eg3d, Generator
from adapter.encoders import ImageEncoder, load_encoder
from adapter.encoders.lpips import Lpips, load_lpips
from tests.helpers.tiny_base import CONFIG


@pytest.fixture(scope="session")
def tiny() -> Generator:
    torch.manual_seed(0)
    return Generator(dataclasses.replace(CONFIG, mapping_lr_multiplier=1.0)).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def heads() -> Eg3d:
    return Eg3d.from_pretrained("heads")


@pytest.fixture(scope="session")
def clip() -> ImageEncoder:
    return load_encoder("clip-heads")


@pytest.fixture(scope="session")
def lpips() -> Lpips:
    return load_lpips()
