"""Albedo and segmentation of every surface point (numba).

Skin is painted by its place on the *template*, so that the paint follows any shape and expression. All detail
is broad and faint: what cannot be seen at 128 px only hinders learning.
"""

import math

import numpy as np
from numba import njit

from adapter.synthetic.heads.pack import BODY, EYE, EYE_Y, LASH, TONGUE

HAIR, GLASSES, TEETH = 4, 5, 6  # materials of the added parts, after those of the template
SEGMENTS = (
    "background",
    "skin",
    "lips",
    "mouth",
    "teeth",
    "eye",
    "iris",
    "brow",
    "lash",
    "ear",
    "hair",
    "beard",
    "shirt",
    "glasses",
    "nose",
    "neck",
)
(
    S_BACKGROUND,
    S_SKIN,
    S_LIPS,
    S_MOUTH,
    S_TEETH,
    S_EYE,
    S_IRIS,
    S_BROW,
    S_LASH,
    S_EAR,
    S_HAIR,
    S_BEARD,
    S_SHIRT,
    S_GLASSES,
    S_NOSE,
    S_NECK,
) = range(len(SEGMENTS))

EYE_X, EYE_RADIUS = 0.3085, 0.142
MOUTH_COLOUR = (0.10, 0.022, 0.022)


@njit(fastmath=True)
def smoothstep(low, high, x):
    """Cubic ramp from 0 at `low` to 1 at `high`, which may be the smaller one."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3 - 2 * t)


@njit(fastmath=True)
def blob(x, y, width):
    """Gaussian spot."""
    return math.exp(-(x * x + y * y) / (width * width))


@njit(fastmath=True)
def mix(a, b, amount):
    """Blend of two colours."""
    rest = 1 - amount
    return a[0] * rest + b[0] * amount, a[1] * rest + b[1] * amount, a[2] * rest + b[2] * amount


@njit(fastmath=True)
def tint(color, r, g, b):
    """A colour with its channels scaled."""
    return color[0] * r, color[1] * g, color[2] * b


@njit(fastmath=True)
def _hash(i, j, k):
    n = (i * 73856093) ^ (j * 19349663) ^ (k * 83492791)
    n = (n ^ (n >> 13)) * 1274126177
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@njit(fastmath=True)
def noise(x, y, z):
    """Smooth value noise in 0..1 with unit grid."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = smoothstep(0, 1, x - i), smoothstep(0, 1, y - j), smoothstep(0, 1, z - k)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                total += _hash(i + a, j + b, k + c) * (x if a else 1 - x) * (y if b else 1 - y) * (z if c else 1 - z)
    return total


@njit(fastmath=True)
def beard_at(x, y, z):
    """How much beard grows at a template point (0..1): jaw, cheeks, chin and moustache."""
    if z < 0.35 or y > 7.3:
        return 0.0
    ax = abs(x)
    upper = 6.52 + 0.60 * smoothstep(0.24, 0.80, ax)
    jaw = smoothstep(upper + 0.09, upper - 0.09, y) * smoothstep(5.98, 6.20, y + 0.22 * (z - 1))
    jaw *= smoothstep(0.45, 0.75, z)
    lip_top = 6.83 - 0.12 * ax
    moustache = smoothstep(0.42, 0.29, ax) * smoothstep(lip_top + 0.02, lip_top - 0.06, y) * smoothstep(6.54, 6.64, y)
    corners = smoothstep(0.12, 0.03, abs(ax - 0.335)) * smoothstep(6.78, 6.68, y) * smoothstep(6.2, 6.35, y)
    return max(jaw, max(moustache, corners) if z > 1.15 else 0.0)


@njit
def beard_field(points):
    """`beard_at` for points [V,3]."""
    field = np.zeros(len(points))
    for i in range(len(points)):
        field[i] = beard_at(points[i, 0], points[i, 1], points[i, 2])
    return field


@njit(fastmath=True)
def _brow_at(ax, y, thickness):
    t = (ax - 0.11) / 0.47
    if t < -0.15 or t > 1.15:
        return 0.0
    center = 7.475 + 0.045 * math.sin(min(1.0, max(0.0, t)) * 2.3) - 0.09 * max(0.0, t - 0.55)
    half = thickness * (0.050 - 0.024 * max(0.0, t)) * smoothstep(-0.13, 0.12, t) * smoothstep(1.12, 0.8, t)
    if half < 0.002:
        return 0.0
    return 0.92 * smoothstep(1.3, 0.4, abs(y - center) / half)


@njit(fastmath=True)
def _paint_skin(x, y, z, lips, mouth, ear, scalp, paint):
    ax = abs(x)
    if y < 5.92 + 0.22 * ax - 0.10 * smoothstep(0.5, 0.0, ax) * (z > 0.3):
        return paint.shirt, S_SHIRT
    segment = S_SKIN
    soft = 1 + 0.07 * (noise(x * 4, y * 4, z * 4) - 0.5)
    color = tint(paint.skin, soft, soft, soft)
    red = paint.blush * (0.75 * blob(ax - 0.42, y - 6.93, 0.24) + 0.55 * (z > 1.45) * blob(x, y - 6.93, 0.15))
    red += 0.35 * ear
    color = tint(color, 1 + 0.04 * red, 1 - 0.22 * red, 1 - 0.19 * red)
    if z > 1.1 and y > 6.5:
        lid = 0.30 * blob((ax - 0.31) * 0.75, y - 7.36, 0.085) + 0.16 * blob((ax - 0.30) * 0.8, y - 7.14, 0.10)
        lid += paint.wrinkles * 0.45 * blob((ax - 0.30) * 0.7, y - 7.08, 0.07)
        along = min(1.0, max(0.0, (6.88 - y) / 0.32))
        lid += paint.wrinkles * 0.55 * smoothstep(0.05, 0.0, abs(ax - 0.23 - 0.20 * along)) * (0.0 < along < 1.0)
        if y > 7.62:
            line = max(0.0, math.sin(y * 40.0 + 0.6 * ax)) ** 3 * smoothstep(0.65, 0.3, ax)
            lid += paint.wrinkles * 0.45 * line * smoothstep(7.62, 7.72, y) * smoothstep(8.1, 7.95, y)
        color = tint(color, 1 - 0.36 * lid, 1 - 0.46 * lid, 1 - 0.45 * lid)
    if ear > 0.4:
        segment = S_EAR
    if y < 6.2 and z < 1.2:
        segment = S_NECK
    if ax < 0.2 and 6.82 < y < 7.35 and z > 1.47:
        segment = S_NOSE

    rosy = smoothstep(0.3, 0.7, lips)
    if paint.beard > 0:
        hairs = beard_at(x, y, z) * (1 - rosy)
        edge = 0.25 * (noise(x * 9, y * 9, z * 9) - 0.5)
        cover = smoothstep(0.0, 1.0, hairs + edge * hairs * (1 - hairs) * 4) * min(1.0, 1.7 * paint.beard) ** 0.8
        tuft = 0.85 + 0.3 * noise(x * 14, y * 5, z * 14)
        color = mix(color, tint(paint.beard_hair, tuft, tuft, tuft), cover)
        if cover > 0.5:
            segment = S_BEARD
    if rosy > 0:
        color = mix(color, paint.lips, rosy)
        if rosy > 0.5:
            segment = S_LIPS
        parting = 0.7 * rosy * smoothstep(0.02, 0.25, mouth)
        color = tint(color, 1 - parting, 1 - parting, 1 - parting)
    if z > 1.0 and 7.25 < y < 7.75:
        brow = _brow_at(ax, y, paint.brow_thickness)
        color = mix(color, paint.brow_hair, brow)
        if brow > 0.45:
            segment = S_BROW
    if paint.scalp > 0 and scalp > -0.2:
        cover = paint.scalp * smoothstep(-0.10, 0.07, scalp) * (1 - ear)
        color = mix(color, tint(paint.hair, 0.95, 0.95, 0.95), cover)
        if cover > 0.5:
            segment = S_HAIR
    if mouth > 0.3:
        inner = smoothstep(0.3, 0.8, mouth)
        color = mix(color, MOUTH_COLOUR, inner)
        if inner > 0.5 and rosy < 0.5:
            segment = S_MOUTH
    return color, segment


@njit(fastmath=True)
def _paint_eye(x, y, z, iris):
    q = math.hypot(abs(x) - EYE_X, y - EYE_Y) / EYE_RADIUS if z > 1.2 else 1.0
    shade = smoothstep(0.6, 1.15, q)
    white = (0.72 - 0.12 * shade, 0.70 - 0.22 * shade, 0.68 - 0.24 * shade)
    dark = 1 - 0.65 * smoothstep(0.38, 0.50, q)
    color = mix(tint(iris, dark, dark, dark), white, smoothstep(0.47, 0.54, q))
    color = mix((0.008, 0.008, 0.009), color, smoothstep(0.19, 0.26, q))
    return color, (S_IRIS if q < 0.5 else S_EYE)


@njit(fastmath=True)
def albedo_at(material, x, y, z, lips, mouth, ear, scalp, paint):
    """Linear albedo (r, g, b) and segment of a point with canonical position (x, y, z).

    Regions as in mesh.Mesh; `paint` is an appearance.Paint.
    """
    if material == BODY:
        return _paint_skin(x, y, z, lips, mouth, ear, scalp, paint)
    if material == EYE:
        return _paint_eye(x, y, z, paint.iris)
    if material == HAIR:
        v = 0.84 + 0.30 * noise(7.0 * x, 1.1 * y, 7.0 * z)
        return tint(paint.hair, v, v, v), S_HAIR
    if material == TEETH:
        return (0.78, 0.75, 0.69), S_TEETH
    if material == TONGUE:
        return (0.36, 0.10, 0.10), S_MOUTH
    if material == LASH:
        return paint.lash, S_LASH
    return paint.frame, S_GLASSES
