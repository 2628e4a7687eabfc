import cv2
import numpy as np
import pytest

from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.render import HeadRender, orbit_camera, render
from adapter.synthetic.styles import HELD_OUT, STYLES, View
from adapter.synthetic.styles.noise import cells, fbm


@pytest.fixture(scope="module")
def shot() -> tuple[HeadRender, np.ndarray]:
    cameras = np.stack([orbit_camera(-0.25, 0.05), orbit_camera(0.3, -0.1)])
    return render(sample_latent(np.random.default_rng(4)), cameras, 96), cameras


@pytest.fixture(scope="module")
def other(shot: tuple[HeadRender, np.ndarray]) -> HeadRender:
    return render(sample_latent(np.random.default_rng(9)), shot[1], 96)


@pytest.fixture(scope="module")
def drawn(shot: tuple[HeadRender, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: style.render(*shot) for name, style in STYLES.items()}


def test_there_are_enough_and_four_are_held_out() -> None:
    assert len(STYLES) >= 46
    assert HELD_OUT == ("porcelain", "charcoal", "orc", "thermal camera")
    assert len({style.family for style in STYLES.values()}) == 5


@pytest.mark.parametrize("name", STYLES)
def test_finite_in_range_and_not_flat(drawn: dict[str, np.ndarray], name: str) -> None:
    images = drawn[name]
    assert images.shape == (2, 96, 96, 3)
    assert images.dtype == np.float32
    assert np.isfinite(images).all()
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.std() > 0.05


def test_deterministic(shot: tuple[HeadRender, np.ndarray], drawn: dict[str, np.ndarray]) -> None:
    for name in ("oil painting", "marble", "mosaic", "zombie", "glitch", "low poly"):
        assert np.array_equal(STYLES[name].render(*shot), drawn[name])


def test_no_two_styles_look_alike(drawn: dict[str, np.ndarray]) -> None:
    names = list(drawn)
    small = np.stack([cv2.resize(drawn[name][0], (24, 24), interpolation=cv2.INTER_AREA) for name in names])
    distance = np.abs(small[:, None] - small[None]).mean((2, 3, 4)) + np.eye(len(names))
    closest = np.unravel_index(distance.argmin(), distance.shape)
    assert distance.min() > 0.025, [names[k] for k in closest]


@pytest.mark.parametrize("name", STYLES)
def test_the_person_shows(
    shot: tuple[HeadRender, np.ndarray], other: HeadRender, drawn: dict[str, np.ndarray], name: str
) -> None:
    """Another head gives a clearly different picture in every style."""
    assert np.abs(STYLES[name].render(other, shot[1]) - drawn[name]).mean() > 0.02


def test_material_texture_sticks_to_the_head(shot: tuple[HeadRender, np.ndarray]) -> None:
    head, cameras = shot
    views = [View.of(head, cameras, index) for index in range(2)]
    points = [view.position[view.inside] for view in views]
    noise = [fbm(position, 8, 3, seed=1) for position in points]
    from scipy.spatial import cKDTree

    distance, index = cKDTree(points[0]).query(points[1])
    near = distance < 0.002
    assert near.sum() > 200
    assert np.abs(noise[1][near] - noise[0][index[near]]).mean() < 0.02


def test_view_space_normals_face_the_camera(shot: tuple[HeadRender, np.ndarray]) -> None:
    view = View.of(*shot)
    assert (view.facing[view.inside][:, 2] > -0.2).mean() > 0.97
    left = view.facing[view.inside & (view.pixels[0] < 45)][:, 0].mean()
    right = view.facing[view.inside & (view.pixels[0] > 80)][:, 0].mean()
    assert left < 0 < right


def test_edge_pixels_carry_no_white(shot: tuple[HeadRender, np.ndarray]) -> None:
    head, cameras = shot
    view = View.of(head, cameras)
    blended = view.color * view.mask[..., None] + 1 - view.mask[..., None]
    solid = view.mask > 0.3
    assert np.abs(blended - head.color[0])[solid].max() < 0.02


def test_sizes_scale(shot: tuple[HeadRender, np.ndarray]) -> None:
    """Twice the resolution gives about the same picture."""
    cameras = shot[1][:1]
    latent = sample_latent(np.random.default_rng(4))
    for name in ("bronze", "toon", "pencil sketch", "neon"):
        small, large = (STYLES[name].render(render(latent, cameras, size), cameras)[0] for size in (96, 192))
        halved = cv2.resize(large, (24, 24), interpolation=cv2.INTER_AREA)
        assert np.abs(cv2.resize(small, (24, 24), interpolation=cv2.INTER_AREA) - halved).mean() < 0.06, name


def test_noise_is_smooth_and_covers_its_range() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 3)).astype(np.float32)
    values = fbm(points, 5, 1)
    assert 0 <= values.min() < 0.15
    assert 0.85 < values.max() <= 1
    assert np.abs(fbm(points + 1e-4, 5, 1) - values).max() < 0.01
    assert not np.allclose(fbm(points, 5, 1, seed=1), values, atol=0.1)


def test_cells_are_the_nearest_centres() -> None:
    points = np.random.default_rng(0).uniform(0, 4, (3000, 3)).astype(np.float32)
    near, second, name = cells(points, 1)
    assert (near <= second).all()
    assert near.max() < 1.5
    same = np.argsort(name)
    joined = points[same], name[same]
    neighbours = np.abs(np.diff(joined[1])) == 0
    steps = np.linalg.norm(np.diff(joined[0], axis=0), axis=1)[neighbours]
    assert np.median(steps) < 1.0


@pytest.mark.slow
def test_contact_sheet(tmp_path) -> None:
    from PIL import Image

    from adapter.synthetic.styles.sheet import write

    write(tmp_path / "sheet.png", size=48, people=1, columns=10)
    assert Image.open(tmp_path / "sheet.png").size == (480, 48 * 8)
