"""Hair as one closed shell: over the scalp down to the hairline, then hanging freely.

Everything is continuous in the person's attributes: a shaved head grows through cropped and short hair into a
curtain that falls past ears, jaw and shoulders. Angles are in template space around the skull's centre:
azimuth 0 in front, polar 0 at the crown.
"""

import numpy as np

from adapter.synthetic.heads.attributes import Attributes
from adapter.synthetic.heads.pack import WIG_AZIMUTHS, WIG_CENTRE, WIG_LOWEST, WIG_POLARS

AZIMUTH = np.linspace(-np.pi, np.pi, WIG_AZIMUTHS, endpoint=False)
POLAR = np.linspace(0.02, WIG_LOWEST, WIG_POLARS)
SCALP_ROWS, HANGING_ROWS = 30, 22
ROWS = SCALP_ROWS + HANGING_ROWS
SHORTEST = 0.08  # hair length below which hair is only painted on the scalp
EQUATOR = 31  # row of POLAR at 90 degrees

_HAIRLINE_AZIMUTH = np.radians([0, 20, 38, 50, 62, 74, 84, 100, 115, 130, 150, 180])
_HAIRLINE_POLAR = np.radians([46, 46, 48, 56, 70, 82, 79, 79, 88, 106, 124, 130])
_EDGE = np.radians(14)  # width over which hair thins out towards the hairline


def _smoothstep(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def receding(person: Attributes) -> float:
    """How far the hairline has gone back (0..1)."""
    return float(person.male * _smoothstep(0.5, 1.0, person.age)) * 0.8


def hairline(azimuth: np.ndarray, person: Attributes) -> np.ndarray:
    """Polar angle of the hairline on the scalp, without fringe."""
    a = np.abs(azimuth)
    back = receding(person) * (
        np.radians(12) * np.exp(-(((a - 0.55) / 0.35) ** 2)) + np.radians(7) * np.exp(-((a / 0.9) ** 2))
    )
    return np.interp(a, _HAIRLINE_AZIMUTH, _HAIRLINE_POLAR) - back


def scalp_distance(points: np.ndarray, person: Attributes) -> np.ndarray:
    """How far inside the hairline template points [V,3] lie, in radians (negative outside)."""
    offset = points - np.array(WIG_CENTRE)
    polar = np.arccos(offset[:, 1] / np.linalg.norm(offset, axis=1))
    azimuth = np.arctan2(offset[:, 0], offset[:, 2])
    return np.where(points[:, 1] > 6.3, hairline(azimuth, person) - polar, -1.0)


def _rows(values: np.ndarray, polar: np.ndarray) -> np.ndarray:
    """Linear interpolation of a grid [A,P,...] at polar angles [A,R]."""
    x = np.clip((polar - POLAR[0]) / (POLAR[1] - POLAR[0]), 0, WIG_POLARS - 1.001)
    i = x.astype(int)
    f = (x - i).reshape(x.shape + (1,) * (values.ndim - 2))
    column = np.arange(WIG_AZIMUTHS)[:, None]
    return values[column, i] * (1 - f) + values[column, i + 1] * f


def _around(values: np.ndarray, times: int) -> np.ndarray:
    """Smooths a grid along azimuth."""
    for _ in range(times):
        values = (np.roll(values, 1, 0) + 2 * values + np.roll(values, -1, 0)) / 4
    return values


def wig(scalp: np.ndarray, person: Attributes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hair of a person.

    Args:
        scalp: [A,P,3] points of the deformed head on the wig grid.

    Returns:
        vertices [A*ROWS,3], triangles [F,3], texture coordinates [A*ROWS,3] (sin a, length, cos a).
    """
    center = scalp[:, EQUATOR].mean(0) * np.array([0, 1, 1])
    offset = scalp - center
    radius = np.linalg.norm(offset, axis=-1)
    rays = offset / radius[..., None]
    unit = radius[:, : EQUATOR - 7].mean()
    radius = _around(radius, 3)

    length, volume, azimuth = person.hair_length, person.hair_volume, np.abs(AZIMUTH)
    cropped = _smoothstep(0.06, 0.42, length)
    hang = np.clip((length - 0.40) / 0.60, 0, 1)
    lowered, swept = max(0.0, person.fringe), max(0.0, -person.fringe)

    fringe_room = np.exp(-((azimuth / np.radians(46)) ** 4))
    line = hairline(AZIMUTH, person) + np.radians(21) * lowered * cropped * fringe_room

    # The curtain: each azimuth hangs down to a common height; temples are layered towards the face.
    start = _rows(offset, line[:, None])[:, 0]
    lowest = center[1] + unit * (0.22 - 1.86 * hang * (1 + 0.03 * np.sin(3 * AZIMUTH + 0.7)))
    share = _smoothstep(np.radians(42), np.radians(80), azimuth)
    drop = np.maximum(0, start[:, 1] + center[1] - lowest) * share * _smoothstep(0, 0.15, hang)
    hanging = _smoothstep(0, 0.9 * unit, drop)[:, None]

    polar = line[:, None] * np.linspace(0, 1, SCALP_ROWS)
    inside = np.clip((line[:, None] - polar) / _EDGE, 0, 1)
    taper = np.sqrt(inside) * (1 - hanging) + hanging
    lumps = 0.014 * (
        np.sin(3 * AZIMUTH + 1.0)[:, None] * np.sin(3 * polar)
        + np.sin(5 * AZIMUTH + 4.0)[:, None] * np.sin(4 * polar + 1)
    )
    lumps = lumps + 0.009 * np.sin(13 * AZIMUTH[:, None] + 1.2 * np.sin(3 * polar + 1)) * np.sin(polar)
    crown = (0.03 + 0.08 * volume) * np.exp(-((polar / 0.9) ** 2))
    thick = 0.04 * _smoothstep(0.08, 0.17, length) - 0.025
    thick = thick + cropped * (0.05 + 0.15 * volume + crown + lumps)
    quiff = np.exp(-(((polar - 0.6) / 0.42) ** 2)) * np.exp(-((azimuth / 0.85) ** 2))[:, None]
    thick = thick + cropped * (0.18 * swept + 0.06 * lowered) * quiff
    thick = unit * (thick * taper - 0.03 * (1 - taper))
    shell = (_rows(radius, polar) + thick)[..., None] * _rows(rays, polar)

    # Where hair hangs it clears whatever part of the head or the ears lies below.
    axis = np.hypot(offset[..., 0], offset[..., 2])
    below = POLAR[None] >= line[:, None]
    outer = np.maximum.accumulate(np.where(below, axis, 0), axis=1)
    height = np.minimum.accumulate(np.where(below, offset[..., 1], 9.0), axis=1)
    t = np.linspace(0, 1, HANGING_ROWS + 1)[1:]
    edge = shell[:, -1]
    curtain_y = edge[:, 1:2] - drop[:, None] * t
    clear = np.stack([np.interp(-y, -h, o) for y, h, o in zip(curtain_y, height, outer, strict=True)])
    clear = _around(clear, 6)
    edge_axis = np.hypot(edge[:, 0], edge[:, 2])[:, None]
    full = unit * (0.06 + 0.10 * volume)
    bulge = full * (0.9 * np.sin(np.pi * 0.85 * t) - 0.5 * t**2 * hang)
    curtain_axis = np.maximum(edge_axis, clear + 0.6 * full) * hanging + edge_axis * (1 - hanging)
    curtain_axis = curtain_axis + hanging * (bulge - 0.2 * unit * np.clip((t - 0.8) / 0.2, 0, 1) ** 2)
    blend = _smoothstep(0, 0.3, t) * np.ones_like(curtain_axis)
    curtain_axis = edge_axis * (1 - blend) + curtain_axis * blend
    curtain = np.stack(
        [curtain_axis * np.sin(AZIMUTH)[:, None], curtain_y, curtain_axis * np.cos(AZIMUTH)[:, None]], -1
    )

    vertices = np.concatenate([shell, curtain], axis=1) + center
    along = np.concatenate([polar, line[:, None] + drop[:, None] * t], axis=1)
    texture = np.stack([np.sin(AZIMUTH)[:, None] + 0 * along, along, np.cos(AZIMUTH)[:, None] + 0 * along], -1)
    return vertices.reshape(-1, 3), grid_triangles(WIG_AZIMUTHS, ROWS), texture.reshape(-1, 3)


def grid_triangles(columns: int, rows: int) -> np.ndarray:
    """Triangles [F,3] of a grid of columns x rows vertices, closed along the columns."""
    i = np.arange(columns)[:, None] * rows + np.arange(rows - 1)
    j = (np.arange(columns)[:, None] + 1) % columns * rows + np.arange(rows - 1)
    halves = [np.stack([i, i + 1, j], -1), np.stack([j, i + 1, j + 1], -1)]
    return np.concatenate([h.reshape(-1, 3) for h in halves])
