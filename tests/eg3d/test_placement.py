"""What decoder and super-resolution compute in bf16, as on a GPU, is what they compute in fp32, to 2 % of the range."""

import dataclasses

import pytest
import torch

from adapter.adaptation.parts import copy_parts
from adapter.eg3d import Eg3d, Generator, cameras_around_front, place, placement
from tests.helpers.tiny_base import CONFIG

LARGEST, MEAN = 2e-2, 2e-3


def pictures(generator: Generator, dtype: torch.dtype) -> torch.Tensor:
    """Two people from one side, in [0, 1]."""
    generator.compute_in(dtype)
    latents = torch.randn(2, generator.config.z_dim, generator=torch.Generator().manual_seed(1))
    ws = generator.sample_ws(latents, 0.7)
    cameras = cameras_around_front(generator.config, torch.full((2,), 0.3), 0.1)
    return generator.synthesis(ws, cameras).image / 2 + 0.5


@torch.no_grad()
@pytest.mark.parametrize("base", ["heads", "faces", "tiny", "tiny, as EG3D's"])
def test_pictures_in_bf16_are_fp32s(base: str):
    torch.manual_seed(0)
    official = dataclasses.replace(
        CONFIG,
        conditioning=25,
        superresolution=dataclasses.replace(CONFIG.superresolution, clamp=256.0, inplace_rgb=True, padding="zeros"),
    )
    tiny = {"tiny": CONFIG, "tiny, as EG3D's": official}
    generator = Generator(tiny[base]).eval() if base in tiny else Eg3d.from_pretrained(base)
    expected, found = (pictures(generator, dtype) for dtype in (torch.float32, torch.bfloat16))
    assert found.dtype == torch.float32
    # Untrained pictures are not bounded.
    difference = (found - expected).abs() / max(1.0, float(expected.max() - expected.min()))
    assert 0 < difference.max() <= LARGEST
    assert difference.mean() <= MEAN


def test_weights_stay_in_fp32_and_get_fp32_gradients():
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False).compute_in(torch.bfloat16)
    parts = copy_parts(generator).requires_grad_(True)
    assert parts.decoder.dtype == parts.superresolution.dtype == torch.bfloat16
    ws = generator.sample_ws(torch.randn(2, CONFIG.z_dim))
    cameras = cameras_around_front(CONFIG, torch.zeros(2))
    features = generator.render(generator.planes(ws), cameras, parts=parts).features
    assert features.dtype == torch.float32
    generator.superresolve(features, ws, parts).square().mean().backward()
    gradients = [parameter.grad for parameter in parts.parameters() if parameter.grad is not None]
    assert len(gradients) >= 10
    assert all(one.dtype == torch.float32 and one.isfinite().all() for one in gradients)
    assert all(parameter.dtype == torch.float32 for parameter in parts.parameters())


def test_a_cpu_computes_in_fp32():
    torch.manual_seed(0)
    generator = place(Generator(CONFIG).compute_in(torch.bfloat16), "cpu")
    assert generator.decoder.dtype == generator.superresolution.dtype == torch.float32


def test_a_cpu_trains_large_pictures_in_the_precision_it_has_instructions_for(monkeypatch):
    small = Generator(CONFIG)
    sizes = dataclasses.replace(CONFIG.superresolution, input_resolution=64, upsample=(True, True))
    with torch.device("meta"):
        large = Generator(dataclasses.replace(CONFIG, superresolution=sizes))
    large.backbone.mapping.w_avg = torch.zeros(1)
    assert large.config.image_resolution == 256
    for can, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(placement, "cpu_has_bf16", lambda can=can: can)
        assert placement.training_dtype(small) == torch.float32
        assert placement.training_dtype(large) == expected
