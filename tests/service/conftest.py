"""A tiny random base on disk, and a preset that runs in a few seconds."""

from pathlib import Path

import numpy as np
import pytest
import torch

from adapter import result
from adapter.eg3d import Eg3d
from adapter.methods import Method, Stage, loss
from adapter.methods.offers import OFFERS, Preset
from adapter.service import result_files
from adapter.service.requests import AdaptRequest
from adapter.service.worker import outputs
from tests.helpers.tiny_base import CONFIG

METHOD = Method(
    name="3d-adapter",
    preset="tiny",
    stages=(Stage("Tri-D", ("decoder",), 4), Stage("G2", ("superresolution",), 4)),
    losses=(loss("directional", 1.0, ("pooled",)), loss("colour_distribution", 3.0, side=16)),
    pool=4,
    preview_every=2,
    warmup=1,
)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-base")
    torch.manual_seed(0)
    Eg3d(CONFIG).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _small_and_tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OFFERS["embedded"]["3d-adapter"], "tiny", Preset("Tiny", 1, METHOD))
        patch.setattr(result_files, "VIDEO_TILE", 48)
        patch.setattr(outputs, "PREVIEW_TILE", 48)
        patch.setattr(result, "GRID_TILE", 48)
        yield


@pytest.fixture(scope="session")
def make_request(base: Path):
    """Makes requests for the tiny base."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :, 0] = 200
    picture[20:44, 20:44, 1] = 180

    def make(folder: Path, **values) -> AdaptRequest:
        folder.mkdir(exist_ok=True)
        return AdaptRequest((picture,), str(folder), **{"preset": "tiny", "base": str(base), **values})

    return make


@pytest.fixture
def request_for(make_request, tmp_path: Path):
    """Makes requests for the tiny base, into an own folder."""
    return lambda **values: make_request(values.pop("folder", tmp_path / "out"), **values)
