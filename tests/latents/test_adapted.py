"""Walks, edits and inverted people also exist in an adapted domain: the same codes, other parts."""

import torch

from adapter.eg3d import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.latents.directions import Direction, Directions, edit, edit_codes, in_w
from adapter.latents.interpolation import walk
from adapter.latents.inversion import InversionSettings, invert


def adapted(generator):
    parts = generator.parts()
    with torch.no_grad():
        for parameter in parts.decoder.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    return parts


def pair(generator, latents, ws):
    cameras = cameras_around_front(generator.config, torch.zeros(len(ws)), torch.zeros(len(ws)))
    return [side.image for side in PairRenderer(generator, adapted(generator), latents, ws).render(cameras)]


def test_a_walk_goes_through_both_worlds(tiny) -> None:
    keys = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    latents = walk(keys, 3)
    source, target = pair(tiny, latents, tiny.mapping(latents))
    ends = pair(tiny, keys, tiny.mapping(keys))
    torch.testing.assert_close(source[::3], ends[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(target[::3], ends[1], atol=1e-4, rtol=1e-4)
    assert (source - target).abs().mean() > 1e-3


def test_edits_change_both_worlds(tiny) -> None:
    directions = Directions("z", (Direction("age", "younger", "older"),), torch.eye(8)[:1])
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(1))
    ws = tiny.mapping(z)
    before = pair(tiny, z, ws)
    by_z = edit(z, {"age": 1.0}, directions)
    codes = edit_codes(ws, {"age": 1.0}, in_w(tiny, directions, people=8))
    for after in (pair(tiny, by_z, tiny.mapping(by_z)), pair(tiny, None, codes)):
        for one, other in zip(before, after, strict=True):
            assert (one - other).abs().mean() > 1e-4


def test_an_inverted_person_is_rendered_by_adapted_parts(tiny, lpips) -> None:
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(3))
    source, target = pair(tiny, z, tiny.mapping(z))
    settings = InversionSettings(steps=60, camera_rate=0.0)
    *_, found = invert(tiny, source, lpips, settings, angles=(0.0, 0.0))
    mean = tiny.backbone.mapping.w_avg.expand_as(found.ws)
    people = torch.cat([found.ws, mean])
    for side, truth in zip(pair(tiny, None, people), (source, target), strict=True):
        again, average = (side.clamp(-1, 1) - truth.clamp(-1, 1)).abs().mean((1, 2, 3))
        assert again < 0.6 * average
