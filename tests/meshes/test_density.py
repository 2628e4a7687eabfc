"""Densities by blocks are those of the generator."""

import torch

from adapter.eg3d import Eg3d
from adapter.meshes import density
from adapter.meshes.density import DensityGrid, density_grid
from tests.helpers.tiny_base import CONFIG


def test_blocks_do_not_matter_and_points_are_where_they_should_be(monkeypatch):
    torch.manual_seed(0)
    generator = Eg3d(CONFIG).eval()
    planes = generator.planes(generator.sample_ws(torch.randn(1, CONFIG.z_dim)))
    side = CONFIG.rendering.box_warp
    whole = density_grid(planes, generator.decoder, side, 21)
    monkeypatch.setitem(density.POINTS, "cpu", 100)
    torch.testing.assert_close(density_grid(planes, generator.decoder, side, 21).values, whole.values)
    places = torch.tensor([[3, 7, 20], [0, 0, 0], [20, 1, 4]])
    points = (places.float() + 0.5) / 21 * side - side / 2
    with torch.no_grad():
        expected = generator.field(planes, points[None])[0][0]
    torch.testing.assert_close(whole.values[tuple(places.T)], expected, atol=1e-4, rtol=1e-4)


def test_progress_rises_to_the_whole(monkeypatch):
    torch.manual_seed(0)
    generator = Eg3d(CONFIG).eval()
    planes = generator.planes(generator.sample_ws(torch.randn(1, CONFIG.z_dim)))
    monkeypatch.setitem(density.POINTS, "cpu", 500)
    shares = list(DensityGrid(planes, generator.decoder, CONFIG.rendering.box_warp, 24).fill())
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert shares[-1] == 1
