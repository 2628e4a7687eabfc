import pytest
import torch
from torch.nn import functional as F

from adapter.eg3d import Planes
from adapter.eg3d.cpu import plain_kernels
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import AXES, fold


def random_planes(axes="xy-xz-zx", count=2, size=8):
    values = torch.randn(count, 3, 4, size, size, generator=torch.Generator().manual_seed(0))
    return Planes(values, AXES[axes])


def random_points(count=2, number=500, reach=0.8):
    return (torch.rand(count, number, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1) * reach


def definition(planes, points, box_warp):
    features = 0
    for index, (u, v) in enumerate(planes.axes):
        grid = (points * (2 / box_warp))[..., [u, v]][:, :, None]
        features = features + F.grid_sample(planes.values[:, index], grid, align_corners=False)[..., 0]
    return features.transpose(1, 2) / planes.divisor


@pytest.mark.parametrize("axes", list(AXES))
def test_fast_lookup_equals_its_definition_inside_and_outside_the_box(axes):
    planes, points = random_planes(axes), random_points()
    assert (points.abs() > 0.5).any()
    torch.testing.assert_close(lookup(planes, points, 1.0), definition(planes, points, 1.0), rtol=1e-4, atol=2e-6)


def test_plain_lookup_equals_its_definition():
    planes, points = random_planes(), random_points()
    with plain_kernels():
        torch.testing.assert_close(lookup(planes, points, 0.7), definition(planes, points, 0.7))


def test_points_far_outside_read_zero():
    points = torch.tensor([[[50.0, 0.0, 0.0], [0.0, -9e9, 0.0], [3.0, 3.0, 3.0]]]).repeat(2, 1, 1)
    features = lookup(random_planes(), points, 1.0)
    assert torch.equal(features[:, 2], torch.zeros(2, 4))
    # Only the XZ and ZX planes see a point that is far up.
    assert features[:, 1].abs().max() > 0
    assert features.isfinite().all()


def test_pixel_centres_read_the_texels_themselves():
    planes = random_planes()
    column, row = 5, 2
    centre = torch.tensor([[(column + 0.5) / 8 - 0.5, (row + 0.5) / 8 - 0.5, 9.0]]).repeat(2, 1, 1)
    torch.testing.assert_close(lookup(planes, centre, 1.0)[:, 0], planes.values[:, 0, :, row, column] / 3)


def test_folding_is_exact():
    planes, points = random_planes(), random_points()
    folded = fold(planes)
    assert folded.values.shape[1] == 2
    torch.testing.assert_close(lookup(folded, points, 1.0), lookup(planes, points, 1.0), rtol=1e-5, atol=1e-6)


def test_planes_with_three_different_axes_do_not_fold():
    planes = random_planes("xy-xz-zy")
    assert fold(planes) is planes


def test_planes_that_read_the_same_axes_add_up():
    planes = Planes(random_planes().values, ((0, 1), (0, 1), (1, 0)))
    folded = fold(planes)
    assert folded.values.shape[1] == 1
    points = random_points()
    torch.testing.assert_close(lookup(folded, points, 1.0), lookup(planes, points, 1.0), rtol=1e-5, atol=1e-6)


def test_gradients_reach_planes_and_points():
    planes, points = random_planes(), random_points(number=20, reach=0.4).requires_grad_()
    planes.values.requires_grad_()
    lookup(planes, points, 1.0).square().sum().backward()
    assert planes.values.grad.abs().sum() > 0
    assert points.grad.abs().min() > 0


def test_repeat_keeps_the_views_of_a_latent_together():
    planes = random_planes()
    repeated = planes.repeat(3)
    assert len(repeated) == 6
    assert torch.equal(repeated.values[2], planes.values[0])
    assert torch.equal(repeated[3:].values, planes.values[[1, 1, 1]])
