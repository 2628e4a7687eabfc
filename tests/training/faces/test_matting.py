import cv2
import numpy as np

from adapter.training.faces.matting import guided, largest, own_colors, refine


def test_guided_filter_follows_the_picture_and_keeps_a_constant():
    picture = np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    np.testing.assert_allclose(guided(np.full((40, 40), 0.3, np.float32), picture, 4, 1e-3), 0.3, atol=1e-3)


def test_a_coarse_mask_becomes_as_sharp_as_the_picture():
    true = np.zeros((128, 128), np.float32)
    cv2.circle(true, (64, 64), 40, 1, -1)
    noise = np.random.default_rng(0).normal(0, 3, (128, 128, 3))
    picture = np.clip(np.where(true[..., None] > 0, (200, 150, 120), (40, 60, 90)) + noise, 0, 255).astype(np.uint8)
    coarse = cv2.GaussianBlur(true, (0, 0), 4)
    refined = refine(coarse, picture)
    assert np.abs(refined - true).mean() < 0.4 * np.abs(coarse - true).mean()
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_only_the_largest_part_stays_and_its_holes_are_filled():
    mask = np.zeros((60, 60), bool)
    mask[10:40, 10:40] = True
    mask[20:22, 20:22] = False
    mask[50:55, 50:55] = True
    kept = largest(mask)
    assert kept[20, 20]
    assert not kept[52, 52]


def test_own_colors_carry_nothing_of_the_old_background():
    share = np.clip((np.arange(64) - 24) / 16, 0, 1).astype(np.float32)[None].repeat(64, axis=0)
    front, back = np.array([200.0, 120.0, 80.0]), np.array([0.0, 255.0, 0.0])
    picture = (front * share[..., None] + back * (1 - share[..., None])).round().astype(np.uint8)
    own = own_colors(picture, share)
    assert np.abs(own[share > 0.2].astype(float) - front).max() < 25
    assert np.abs(own[share > 0.9].astype(float) - front).max() < 6
