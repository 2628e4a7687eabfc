import numpy as np
import pytest

from adapter.errors import UserError
from adapter.synthetic.heads.attributes import NAMES, attributes, average_latent, edit, sample_latent
from adapter.synthetic.heads.mesh import build
from adapter.synthetic.heads.paint import SEGMENTS
from adapter.synthetic.heads.render import BOX, FAR, NEAR, RADIUS, orbit_camera, render

SIZE = 96


def person(**values):
    return edit(average_latent(), **({"glasses": -1.0} | values))


@pytest.fixture(scope="module")
def views():
    cameras = np.stack([orbit_camera(y, p) for y, p in ((0.0, 0.05), (0.35, 0.1), (-0.35, -0.1))])
    return cameras, render(person(sex=1.0, beard=1.0, smile=1.0), cameras, SIZE)


def unproject(camera, depth):
    """World points [H,W,3] of Euclidean depths [H,W], written independently of the renderer."""
    pose, k = camera[:16].reshape(4, 4), camera[16:].reshape(3, 3)
    size = depth.shape[0]
    x, y = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size)
    rays = np.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], np.ones_like(x)], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return (rays * depth[..., None]) @ pose[:3, :3].T + pose[:3, 3]


def project(camera, points):
    """Pixel positions [...,2] in 0..1 and Euclidean distance [...] of world points."""
    pose, k = camera[:16].reshape(4, 4), camera[16:].reshape(3, 3)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    uv = local[..., :2] / local[..., 2:] * np.array([k[0, 0], k[1, 1]]) + k[:2, 2]
    return uv, np.linalg.norm(local, axis=-1)


def test_camera_looks_at_the_origin_from_where_the_angles_say():
    for yaw, pitch in ((0.0, 0.0), (0.5, 0.2), (-0.8, -0.3)):
        camera = orbit_camera(yaw, pitch)
        pose = camera[:16].reshape(4, 4)
        np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-6)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1, abs=1e-6)
        assert np.linalg.norm(pose[:3, 3]) == pytest.approx(RADIUS, abs=1e-6)
        np.testing.assert_allclose(pose[:3, 2] * RADIUS, -pose[:3, 3], atol=1e-5)
        assert np.sign(pose[0, 3]) == np.sign(yaw)
        assert np.sign(pose[1, 3]) == np.sign(pitch)
        assert pose[1, 1] < -0.9  # the camera's second axis points down


def test_head_is_upright_and_turns_with_the_camera():
    images = render(person(hair_length=-0.5), np.stack([orbit_camera(y, 0) for y in (-0.6, 0.0, 0.6)]), SIZE)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    front = images.segmentation[1]
    height = {n: rows[front == SEGMENTS.index(n)].mean() for n in ("hair", "brow", "nose", "lips", "shirt")}
    assert list(height.values()) == sorted(height.values())
    nose = [columns[s == SEGMENTS.index("nose")].mean() for s in images.segmentation]
    assert nose[0] > nose[1] > nose[2]  # seen from +x, the nose points to the left of the image


def test_background_is_exactly_white(views):
    images = views[1]
    outside = images.mask == 0
    assert outside.mean() > 0.2
    assert (images.color[outside] == 1).all()
    assert (images.albedo[outside] == 1).all()
    assert (images.depth[outside] == 0).all()
    assert (images.segmentation[outside] == SEGMENTS.index("background")).all()


def test_values_are_in_range(views):
    images = views[1]
    inside = images.mask > 0
    assert images.color.dtype == np.float32
    assert 0 <= images.color.min() <= images.color.max() <= 1
    assert set(np.unique(images.mask)) <= {0, 0.25, 0.5, 0.75, 1}
    np.testing.assert_allclose(np.linalg.norm(images.normals[inside], axis=-1), 1, atol=1e-4)
    assert images.depth[inside].min() >= NEAR
    assert images.depth[inside].max() <= FAR


def test_rendering_is_deterministic_and_independent_of_threads(views):
    cameras, images = views
    again = render(person(sex=1.0, beard=1.0, smile=1.0), cameras[1:2], SIZE, threads=1)
    for name, value in vars(images).items():
        np.testing.assert_array_equal(value[1], getattr(again, name)[0])


def test_views_agree_where_a_surface_is_seen_by_both(views):
    cameras, images = views
    solid = images.mask[0] == 1
    points = unproject(cameras[0].astype(float), images.depth[0].astype(float))[solid]
    color, normals = images.color[0][solid], images.normals[0][solid]
    for other in (1, 2):
        uv, distance = project(cameras[other].astype(float), points)
        pixel = np.floor(uv * SIZE).astype(int)
        kept = ((pixel >= 0) & (pixel < SIZE)).all(-1)
        pixel, distance = pixel[kept], distance[kept]
        seen = images.depth[other][pixel[:, 1], pixel[:, 0]]
        assert (seen > 0).mean() > 0.97  # a point of the head lies inside the other view's mask
        toward = cameras[other][:16].reshape(4, 4)[:3, 3] - points[kept]
        cosine = (normals[kept] * toward).sum(-1) / np.linalg.norm(toward, axis=-1)
        facing = (cosine > 0.5) & (seen > 0)
        error = np.abs(seen - distance)[facing]
        assert np.median(error) < 0.003
        assert np.mean(error < 0.015) > 0.93
        same = facing.copy()
        same[facing] = error < 0.006
        difference = np.abs(images.color[other][pixel[:, 1], pixel[:, 0]] - color[kept])[same]
        assert np.median(difference) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_shows(name):
    setting = {"beard": {"sex": 1.2}, "lipstick": {"sex": -1.2}}.get(name, {"sex": 0.0})
    camera = orbit_camera(0.2, 0.05)[None]
    low, high = (render(person(**(setting | {name: v})), camera, SIZE) for v in (-1.8, 1.8))
    changed = np.abs(low.color[0] - high.color[0]).max(-1) > 0.04
    assert changed.sum() > (0.002 if name == "eye_colour" else 0.01) * SIZE * SIZE


def test_strong_attributes_fill_their_segments():
    camera = orbit_camera(0.0, 0.05)[None]

    def pixels(segment, **values):
        return int((render(person(**values), camera, 128).segmentation == SEGMENTS.index(segment)).sum())

    assert pixels("beard", sex=1.5, beard=-2) == 0
    assert pixels("beard", sex=1.5, beard=2) > 600
    assert pixels("teeth", smile=-1) == 0
    assert pixels("teeth", smile=2) > 40
    assert pixels("glasses", glasses=-1) == 0
    assert pixels("glasses", glasses=1.5) > 400
    assert pixels("hair", hair_length=2.0, sex=-1) > 1.5 * pixels("hair", hair_length=-0.5, sex=-1)
    assert pixels("mouth", mouth_open=2) > pixels("mouth", mouth_open=-1) + 20


def test_small_steps_change_images_a_little():
    rng = np.random.default_rng(5)
    camera = orbit_camera(0.1, 0)[None]
    for _ in range(6):
        z = sample_latent(rng)
        near = z + 0.004 * rng.standard_normal(z.shape)
        difference = np.abs(render(z, camera, 64).color - render(near, camera, 64).color)
        assert difference.mean() < 0.004


def test_heads_stay_inside_the_box():
    rng = np.random.default_rng(11)
    extremes = [
        person(hair_length=2.5, hair_volume=2.5, sex=-2, weight=2.5, fringe=-2.5),
        person(weight=2.5, sex=2, beard=2.5, jaw_width=2.5),
        person(age=-2.5, hair_volume=2.5),
    ]
    for z in [sample_latent(rng) for _ in range(25)] + extremes:
        assert np.abs(build(attributes(z)).vertices).max() <= BOX / 2


def test_wrong_cameras_are_refused():
    with pytest.raises(UserError, match="views, 25"):
        render(average_latent(), np.zeros((1, 16)), 32)
