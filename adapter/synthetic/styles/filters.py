"""Small image filters from which the styles are put together. Images are float32 [H,W,3] in 0..1."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from adapter.synthetic.styles.view import LUMINANCE, View


@cache
def rgb(code: str) -> np.ndarray:
    """Colour [3] of a code such as "#c08040"."""
    value = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    value.setflags(write=False)
    return value


def smooth(low: float | np.ndarray, high: float | np.ndarray, value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high` (which may be smaller)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Blend two images or colours; `share` [H,W] or a number, 0 gives the first."""
    share = np.asarray(share, np.float32)
    if share.ndim == 2:
        share = share[..., None]
    return first * (1 - share) + second * share


def ramp(value: np.ndarray, codes: str, positions: Sequence[float] | None = None) -> np.ndarray:
    """Map values [H,W] in 0..1 through colours, written "#112233 #445566 ...", evenly spaced by default."""
    colors = np.stack([rgb(code) for code in codes.split()])
    places = np.linspace(0, 1, len(colors)) if positions is None else positions
    table = np.stack([np.interp(np.linspace(0, 1, 512), places, colors[:, k]) for k in range(3)], -1)
    return table.astype(np.float32)[np.clip(value * 511, 0, 511).astype(np.int32)]


def gray(value: np.ndarray) -> np.ndarray:
    """[H,W] as an image."""
    return np.repeat(np.clip(value, 0, 1)[..., None], 3, axis=-1).astype(np.float32)


def luminance(image: np.ndarray) -> np.ndarray:
    """[H,W] luminance."""
    return image @ LUMINANCE


def saturate(image: np.ndarray, amount: float) -> np.ndarray:
    """Move colours away from grey (above 1) or towards it."""
    base = luminance(image)[..., None]
    return np.clip(base + (image - base) * amount, 0, 1)


def contrast(image: np.ndarray, amount: float, middle: float = 0.5) -> np.ndarray:
    """Move values away from the middle."""
    return np.clip(middle + (image - middle) * amount, 0, 1)


def blur(image: np.ndarray, view: View, sigma: float) -> np.ndarray:
    """Gaussian blur; sigma in reference pixels."""
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), max(view.scaled(sigma), 0.2))


def gradient(value: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Change of [H,W] per reference pixel, to the right and down."""
    step = view.scaled(1.0) / 8
    value = value.astype(np.float32)
    return cv2.Sobel(value, cv2.CV_32F, 1, 0) * step, cv2.Sobel(value, cv2.CV_32F, 0, 1) * step


def slope(value: np.ndarray, view: View) -> np.ndarray:
    """[H,W] steepness of a map."""
    return np.hypot(*gradient(value, view))


def lines(view: View, width: float = 0.6, detail: float = 1.0) -> np.ndarray:
    """[H,W] in 0..1 line drawing: silhouettes, creases and borders between parts.

    Args:
        view: the view.
        width: softness in reference pixels.
        detail: weight of lines inside the face.
    """
    depth = np.where(view.inside, view.depth, 3.2)
    outline = np.clip((slope(depth, view) - 0.012) * 25, 0, 1)
    bend = sum(slope(view.facing[..., k] * view.inside, view) for k in range(3))
    creases = np.clip((bend - 0.42) * 1.6, 0, 0.75)
    groups = (
        ("lips",),
        ("mouth",),
        ("eye",),
        ("iris", "lash"),
        ("brow",),
        ("hair",),
        ("beard",),
        ("shirt",),
        ("glasses",),
    )
    weights = (0.32, 0.75, 0.5, 0.8, 0.6, 0.85, 0.2, 0.85, 0.9)
    borders = np.zeros_like(depth)
    for names, weight in zip(groups, weights, strict=True):
        borders = np.maximum(borders, weight * np.clip(slope(view.region(*names, blur=0.4), view) * 2.6, 0, 1))
    face = np.clip(2.5 * blur(view.region("mouth", "lips", "teeth", "eye", "iris", "lash", blur=0.5), view, 1.2), 0, 1)
    drawn = np.maximum(outline, detail * np.maximum(creases * (1 - 0.85 * face), borders))
    return np.clip(blur(drawn, view, width) * 1.35, 0, 1)


def features(view: View) -> np.ndarray:
    """[H,W] in 0..1: how dark brows, eyes, lips, beard and glasses should stand out on a uniform material."""
    weights = {
        "brow": 0.75,
        "lash": 0.8,
        "iris": 0.8,
        "mouth": 0.8,
        "lips": 0.28,
        "beard": 0.4,
        "glasses": 0.7,
    }
    total = sum(weight * view.region(name, blur=0.45) for name, weight in weights.items())
    return np.clip(total, 0, 1)


def over(view: View, head: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Put the head in front of a background (image or colour)."""
    return np.clip(mix(background, head, view.mask), 0, 1).astype(np.float32)


def backdrop(view: View, center: str, rim: str) -> np.ndarray:
    """[H,W,3] soft radial backdrop."""
    x, y = view.pixels
    return ramp(np.clip(np.hypot(x - 64, y - 54) / 88, 0, 1), f"{center} {rim}")


def specular(normals: np.ndarray, direction: Sequence[float], power: float) -> np.ndarray:
    """[H,W] highlight of a light in view space (Blinn-Phong, viewer in front)."""
    half = np.asarray(direction, np.float32) / np.linalg.norm(direction) + np.array([0, 0, 1], np.float32)
    return np.clip(normals @ (half / np.linalg.norm(half)), 0, 1) ** power


def rim(normals: np.ndarray, power: float = 3.0) -> np.ndarray:
    """[H,W] brightness towards the silhouette (Fresnel)."""
    return np.clip(1 - normals[..., 2], 0, 1) ** power
