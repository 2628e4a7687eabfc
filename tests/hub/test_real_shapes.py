"""An official file of FFHQ512's real shapes: all tensors arrive, in little time and memory, and render the same."""

import sys
from pathlib import Path

import pytest
import torch

from adapter.eg3d import PRESETS, Eg3d, Generator
from adapter.eg3d.camera import cameras_around_front
from tests.hub.memory import peak_of_converting

from .conftest import INIT, RENDERING

SHAPES = Path(__file__).parents[1] / "data" / "eg3d_ffhq512_state_dict.tsv"
SECONDS = 30
"""Of the processor, to convert on a slow one; a fast one needs a fifth of it."""
OFFICIAL_INIT = {**INIT, "img_resolution": 512, "channel_base": 32768, "channel_max": 512}
OFFICIAL_RENDERING = {
    **RENDERING,
    "image_resolution": 512,
    "superresolution_module": "training.superresolution.SuperresolutionHybrid8XDC",
    "c_gen_conditioning_zero": False,
    "gpc_reg_prob": 0.8,
    "depth_resolution": 48,
    "depth_resolution_importance": 48,
    "ray_start": 2.25,
    "ray_end": 3.3,
    "box_warp": 1,
    "white_back": False,
    "avg_camera_radius": 2.7,
    "avg_camera_pivot": [0, 0, 0.2],
}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")]


def test_it_converts_whole_and_renders_the_same(tmp_path: Path, write_official):
    torch.manual_seed(0)
    ours = Generator(PRESETS["ffhq512"]).eval().requires_grad_(False)
    source = write_official(
        tmp_path / "ffhq.pkl",
        ours,
        init=OFFICIAL_INIT,
        rendering=OFFICIAL_RENDERING,
        only_average=True,
        edit=lambda network: network.__dict__.update(neural_rendering_resolution=128),
    )
    size = source.stat().st_size
    assert size > 120e6
    peak, seconds = peak_of_converting(source, tmp_path / "out")
    assert peak < 1.5 * size
    assert seconds < SECONDS

    loaded = Eg3d.from_pretrained(tmp_path / "out").eval()
    assert loaded.config == ours.config
    expected = ours.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    listed = {line.split("\t")[0] for line in SHAPES.read_text().splitlines() if "." in line.split("\t")[0]}
    assert listed <= expected.keys(), "the official network's own list"
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    assert torch.equal(picture(loaded), picture(ours))


@torch.no_grad()
def picture(generator: Generator) -> torch.Tensor:
    """At the real size, of few rays: [1, 3, 512, 512]."""
    ws = generator.sample_ws(torch.randn(1, 512, generator=torch.Generator().manual_seed(1)), 0.7)
    cameras = cameras_around_front(generator.config, torch.tensor([0.2]), 0.1)
    rendered = generator.render(generator.planes(ws), cameras, resolution=16)
    return generator.superresolve(rendered.features, ws)
