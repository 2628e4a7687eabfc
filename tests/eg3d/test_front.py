import dataclasses

import pytest
import torch

from adapter.eg3d import Eg3d
from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.front import Front, FrontConfig, FrontReader, add_to_xy, inverse_haar

SMALL = FrontConfig(channels=(16, 16, 8), read=4, plane=32)


def test_a_constant_low_band_is_halved_and_details_sum_to_nothing():
    bands = torch.randn(2, 8, 3, 3)
    image = inverse_haar(bands)
    assert image.shape == (2, 2, 6, 6)
    blocks = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(blocks, bands[:, :2] / 2)


def test_the_haar_transform_is_orthonormal():
    bands = torch.randn(1, 12, 4, 4)
    torch.testing.assert_close(inverse_haar(bands).square().sum(), bands.square().sum())


def test_each_detail_band_has_its_own_direction():
    for band, (row, column) in enumerate(((-1, 1), (1, -1), (-1, -1))):
        bands = torch.zeros(1, 4, 1, 1)
        bands[0, 1 + band] = 2
        image = inverse_haar(bands)[0, 0]
        torch.testing.assert_close(image, torch.tensor([[1.0, column], [row, row * column]]))


def test_only_the_first_plane_is_changed():
    image, front = torch.randn(1, 6, 8, 8), torch.randn(1, 2, 16, 16)
    changed = add_to_xy(image, front) - add_to_xy(image, torch.zeros_like(front))
    torch.testing.assert_close(changed[:, :2], front)
    assert not changed[:, 2:].any()


def test_a_reader_looks_where_its_grid_points():
    reader = FrontReader((8, 8), SMALL, 2).requires_grad_(False)
    axis = (torch.arange(32) + 0.5) / 16 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    reader.grid.copy_(torch.stack([x, y], dim=-1))
    before, last = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 16, 16)
    straight = reader(before, last)
    reader.grid[..., 0] *= -1
    mirrored = reader(before, last)
    assert (straight - mirrored).abs().max() > 1e-3


@pytest.fixture(scope="module")
def with_front(tiny: Eg3d) -> Eg3d:
    torch.manual_seed(0)
    config = dataclasses.replace(tiny.config, front=dataclasses.replace(SMALL, plane=2 * tiny.config.plane_resolution))
    generator = Eg3d(config).eval().requires_grad_(False)
    generator.load_state_dict(tiny.state_dict(), strict=False)
    return generator


def test_planes_take_the_fronts_side(with_front):
    ws = with_front.mapping(torch.randn(2, with_front.config.z_dim))
    planes = with_front.planes(ws, folded=False)
    side = with_front.config.plane_resolution * 2
    assert planes.values.shape == (2, 3, with_front.config.plane_channels, side, side)


def test_a_front_reads_only_its_own_w():
    front = Front(SMALL, 12, 2).requires_grad_(False)
    ws = torch.randn(1, 6, 12)
    torch.testing.assert_close(front(torch.cat([ws, torch.randn(1, 6, 12)], dim=-1)), front(ws))


def test_later_rows_feed_later_levels():
    front = Front(SMALL, 12, 2).requires_grad_(False)
    ws = torch.randn(1, 8, 12)
    for row, matters in ((6, True), (4, True), (2, True), (7, False), (5, False), (1, False)):
        changed = ws.clone()
        changed[:, row] += 1
        assert bool((front(changed) - front(ws)).abs().max() > 0) is matters, row


@pytest.mark.parametrize("int8", [False, True])
def test_a_base_with_a_front_is_saved_in_two_files_and_loaded(with_front, tmp_path, int8):
    with_front.save_pretrained(tmp_path, int8=int8)
    assert (tmp_path / "front.safetensors").is_file()
    loaded = Eg3d.from_pretrained(tmp_path)
    assert loaded.config == with_front.config
    for name, value in with_front.state_dict().items():
        spread = value.abs().max() / 100 if int8 else 0
        assert (loaded.state_dict()[name] - value).abs().max() <= spread, name


def test_configurations_without_a_front_are_written_as_before(tiny):
    values = tiny.config.to_dict()
    assert "front" not in values
    assert Eg3dConfig.from_dict(values) == tiny.config
