"""Pictures without color give targets without any."""

import dataclasses

import pytest
import torch

from adapter.adaptation import loop
from adapter.adaptation.colorless import share_colors
from adapter.adaptation.parts import copy_parts, extent_of
from adapter.eg3d.camera import cameras_around_front
from tests.adaptation.conftest import METHOD, run

GRAY = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)).mul(1.6).sub(0.8).expand(-1, 3, -1, -1)
COLORS = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def variation_of_chroma(generator, parts) -> float:
    """Standard deviation of the target's chroma from pixel to pixel."""
    ws = generator.sample_ws(torch.zeros(1, generator.config.z_dim))
    camera = cameras_around_front(generator.config, torch.zeros(1))
    with torch.no_grad():
        _, target = generator.pair(generator.planes(ws), ws, camera, parts)
    chroma = target.image - target.image.mean(dim=1, keepdim=True)
    return float((chroma - chroma.mean(dim=(0, 2, 3), keepdim=True)).square().mean().sqrt())


def test_shared_weights_give_one_brightness_to_all_channels(generator):
    parts = copy_parts(generator, extent_of(METHOD))
    assert variation_of_chroma(generator, parts) > 1e-3
    share_colors(parts.requires_grad_(False))
    assert variation_of_chroma(generator, parts) > 1e-3, "what is not trained stays"
    share_colors(parts.requires_grad_(True), tint=True)
    assert variation_of_chroma(generator, parts) < 1e-5
    shared = {name: p.detach().clone() for name, p in parts.named_parameters()}
    share_colors(parts, tint=True)
    for name, parameter in parts.named_parameters():
        torch.testing.assert_close(parameter.detach(), shared[name])


@pytest.mark.parametrize(("reference", "varies"), [(GRAY, False), (COLORS, True)])
def test_a_run_on_people_keeps_to_it(generator, encoder, monkeypatch, reference, varies):
    monkeypatch.setattr(loop, "shows_people", lambda sources: True)
    monkeypatch.setattr(loop, "read_faces", lambda sources, references: (None, ""))
    method = dataclasses.replace(METHOD, people=METHOD)
    *_, last = run(generator, encoder, reference, method)
    variation = variation_of_chroma(generator, last.domain.apply(generator))
    assert (variation > 1e-3) == varies
