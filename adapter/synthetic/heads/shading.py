"""Soft three-quarter light (numba).

Shading does not depend on the view, highlights included: their half vector is that of a camera in front.
So all views of a head agree, and a radiance field without view direction can be exact.
"""

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from adapter.synthetic.heads.pack import BODY, EYE, TONGUE
from adapter.synthetic.heads.paint import GLASSES, HAIR, TEETH, smoothstep
from adapter.synthetic.heads.rasterize import visible

SCENE_WIDTH = 0.95  # world units seen by the shadow maps
SHADOW_RESOLUTION, SHADOW_BIAS = 96, 0.013


def _unit(*v):
    return tuple((np.array(v, float) / np.linalg.norm(v)).tolist())


KEY, FILL = _unit(-0.45, 0.5, 0.85), _unit(0.6, 0.1, 0.7)
HALF = _unit(*(np.array(KEY) + np.array((0.0, 0.05, 1.0))))
KEY_COLOUR, FILL_COLOUR, SKY_COLOUR = (0.80, 0.775, 0.74), (0.17, 0.175, 0.19), (0.35, 0.355, 0.37)


def _sphere_directions(count: int) -> np.ndarray:
    """Evenly spread unit vectors [count,3] (Fibonacci sphere)."""
    i = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * i / count), np.pi * (1 + 5**0.5) * i
    return np.stack([np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], -1)


def _shadow_directions() -> tuple[np.ndarray, int]:
    """Directions of the shadow maps: first those of the sky, then a small disc around the key light."""
    sky = _sphere_directions(34)
    sky = sky[sky[:, 1] > -0.55]
    key = np.array(KEY)
    side = np.cross(key, [0, 1, 0.01])
    side /= np.linalg.norm(side)
    angle = np.arange(6) * np.pi / 3
    disc = key + 0.14 * (np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(key, side))
    disc = np.concatenate([key[None], disc / np.linalg.norm(disc, axis=1, keepdims=True)])
    return np.concatenate([sky, disc]).astype(np.float32), len(sky)


_DIRECTIONS, _SKY_COUNT = _shadow_directions()
_ACROSS = np.cross(np.where(np.abs(_DIRECTIONS[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]]), _DIRECTIONS)
_ACROSS = (_ACROSS / np.linalg.norm(_ACROSS, axis=1, keepdims=True)).astype(np.float32)
_UP = np.cross(_DIRECTIONS, _ACROSS).astype(np.float32)


def light_reaching(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, each: Callable = map
) -> tuple[np.ndarray, np.ndarray]:
    """Per vertex [V], 0..1: openness to the sky (ambient occlusion) and the share of the key light seen.

    `each` is `map` or a thread pool's map: shadow maps are independent of each other.
    """

    def along(k):
        return visible(
            vertices, triangles, _DIRECTIONS[k], _ACROSS[k], _UP[k], SCENE_WIDTH, SHADOW_RESOLUTION, SHADOW_BIAS
        )

    seen = np.stack(list(each(along, range(len(_DIRECTIONS)))))
    facing = np.maximum(0, _DIRECTIONS[:_SKY_COUNT] @ normals.T)
    openness = (seen[:_SKY_COUNT] * facing).sum(0) / np.maximum(facing.sum(0), 1e-6)
    return (0.10 + 0.90 * openness).astype(np.float32), seen[_SKY_COUNT:].mean(0).astype(np.float32)


@njit(fastmath=True)
def shade(material, albedo, normal, openness, key_share, z):
    """Outgoing linear light (r, g, b); `normal` is a unit vector, z the canonical depth (for the teeth)."""
    nx, ny, nz = normal
    if material == EYE:
        openness, key_share = 0.65 + 0.35 * openness, 0.55 + 0.45 * key_share
    elif material in (TEETH, TONGUE):
        inside = smoothstep(0.95, 1.35, z)
        openness, key_share = 0.35 + 0.5 * inside, 0.25 + 0.35 * inside
    facing = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
    wrap = 0.30 if material == BODY else (0.45 if material == HAIR else 0.0)
    diffuse = max(0.0, (facing + wrap) / (1 + wrap))
    red = max(0.0, (facing + 1.5 * wrap) / (1 + 1.5 * wrap)) if material == BODY else diffuse
    fill = max(0.0, 0.35 + 0.65 * (nx * FILL[0] + ny * FILL[1] + nz * FILL[2])) * openness
    sky = (0.62 + 0.38 * (0.5 + 0.5 * ny)) * openness
    gleam = max(0.0, nx * HALF[0] + ny * HALF[1] + nz * HALF[2])
    shine = 0.0
    if material == BODY:
        shine = 0.035 * gleam**14
    elif material == EYE:
        shine = 0.9 * gleam**120
    elif material == HAIR:
        shine = 0.045 * gleam**8
    elif material == TEETH:
        shine = 0.08 * gleam**20
    elif material == GLASSES:
        shine = 0.03 * gleam**16
    shine *= key_share
    return (
        albedo[0] * (red * key_share * KEY_COLOUR[0] + sky * SKY_COLOUR[0] + fill * FILL_COLOUR[0]) + shine,
        albedo[1] * (diffuse * key_share * KEY_COLOUR[1] + sky * SKY_COLOUR[1] + fill * FILL_COLOUR[1]) + shine,
        albedo[2] * (diffuse * key_share * KEY_COLOUR[2] + sky * SKY_COLOUR[2] + fill * FILL_COLOUR[2]) + shine,
    )


@njit(fastmath=True)
def display(value):
    """Linear light -> display value (gamma 2) in 0..1."""
    return math.sqrt(min(1.0, max(0.0, value)))
