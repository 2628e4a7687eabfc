import torch

from adapter.eg3d import RenderingConfig, look_at
from adapter.eg3d.rays import box_range, camera_rays, ray_range, rays_through


def test_central_ray_looks_at_the_pivot():
    origins, directions = camera_rays(look_at(0.4, 0.2, radius=2.7), 3)
    assert origins.shape == directions.shape == (1, 9, 3)
    torch.testing.assert_close(origins[0, 4] + 2.7 * directions[0, 4], torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(1, 9))


def test_rays_run_row_by_row_from_the_top_left():
    _, directions = camera_rays(look_at(0.0), 2)
    # Seen from the front, image right is +x and image down is -y.
    signs = directions[0, :, :2].sign()
    assert signs.tolist() == [[-1, 1], [1, 1], [-1, -1], [1, -1]]


def test_pixel_centres_are_image_points():
    camera = look_at(0.3)
    centres = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]])
    for one, other in zip(camera_rays(camera, 2), rays_through(camera, centres), strict=True):
        torch.testing.assert_close(one, other)


def test_skew_shifts_rays_sideways():
    camera = look_at(0.0)
    camera[:, 17] = 1.0
    straight = rays_through(look_at(0.0), torch.tensor([[[0.5, 0.7]]]))[1]
    skewed = rays_through(camera, torch.tensor([[[0.5, 0.7]]]))[1]
    assert skewed[0, 0, 0] < straight[0, 0, 0] - 1e-3


def box_rays():
    origins = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 0.0, 3.0], [5.0, 0.0, 2.0]]])
    return origins, torch.tensor([[[0.0, 0.0, -1.0], [0.0, 0.0, -1.0], [0.0, 0.0, -1.0]]]) + 1e-9


def test_box_range_and_the_two_miss_rules():
    origins, directions = box_rays()
    enter, leave = box_range(origins, directions, 1.0, "official")
    torch.testing.assert_close(enter[0, :, 0], torch.tensor([1.5, 2.5, 1.5]))
    torch.testing.assert_close(leave[0, :, 0], torch.tensor([2.5, 3.5, 2.5]))
    assert box_range(origins, directions, 1.0, "span")[1][0, 2, 0] == 3.5


def test_rays_that_all_miss():
    origins, directions = box_rays()
    enter, leave = box_range(origins[:, 2:], directions[:, 2:], 1.0, "official")
    assert (float(enter), float(leave)) == (-1, -2)


def test_range_is_fixed_unless_automatic():
    origins, directions = box_rays()
    start, end = ray_range(origins, directions, RenderingConfig(2.25, 3.3))
    assert start.unique().tolist() == [2.25]
    torch.testing.assert_close(end.unique(), torch.tensor([3.3]))
    start, _ = ray_range(origins, directions, RenderingConfig("auto", "auto", box_warp=1.0))
    torch.testing.assert_close(start[0, 1, 0], torch.tensor(2.5))
