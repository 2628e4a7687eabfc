"""Noise, cells and edge-keeping smoothing: the filters that need loops (numba)."""

import math

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True, nogil=True)
def _hash(i, j, k):
    n = np.uint32(i * 73856093) ^ np.uint32(j * 19349663) ^ np.uint32(k * 83492791)
    n = (n ^ (n >> np.uint32(13))) * np.uint32(1274126177)
    return (n ^ (n >> np.uint32(16))) & np.uint32(0xFFFF)


@njit(cache=True, fastmath=True, nogil=True)
def _value(x, y, z, seed):
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = x - i, y - j, z - k
    x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (x if a else 1 - x) * (y if b else 1 - y) * (z if c else 1 - z)
                total += weight * _hash(int(i) + a + 101 * seed, int(j) + b, int(k) + c)
    return total / 65535.0


@njit(cache=True, fastmath=True, nogil=True)
def _fbm(points, octaves, seed, out):
    for n in range(points.shape[0]):
        total, amplitude, scale, reach = 0.0, 1.0, 1.0, 0.0
        for octave in range(octaves):
            total += amplitude * _value(points[n, 0] * scale, points[n, 1] * scale, points[n, 2] * scale, seed + octave)
            reach += amplitude
            amplitude *= 0.5
            scale *= 2.03
        out[n] = total / reach


@njit(cache=True, fastmath=True, nogil=True)
def _cells(points, seed, nearest, second, identity):
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        first, next_, name = 1e9, 1e9, np.uint32(0)
        for a in range(i - 1, i + 2):
            for b in range(j - 1, j + 2):
                for c in range(k - 1, k + 2):
                    h = _hash(a + 101 * seed, b, c)
                    dx = a + 0.1 + 0.8 * (_hash(a, b + 57, c + seed) / 65535.0) - x
                    dy = b + 0.1 + 0.8 * (_hash(a + 31, b, c + 7 + seed) / 65535.0) - y
                    dz = c + 0.1 + 0.8 * (_hash(a, b + 13 + seed, c) / 65535.0) - z
                    d = dx * dx + dy * dy + dz * dz
                    if d < first:
                        next_, first, name = first, d, h
                    elif d < next_:
                        next_ = d
        nearest[n], second[n], identity[n] = math.sqrt(first), math.sqrt(next_), name / 65535.0


@njit(cache=True, fastmath=True, nogil=True)
def _kuwahara(image, radius, out):
    height, width = image.shape[0], image.shape[1]
    reach = max(1, int(radius * 0.6 + 0.5))
    for y in range(height):
        for x in range(width):
            best = 1e9
            for q in range(8):
                angle = q * math.pi / 4
                cx = math.floor(x + math.cos(angle) * radius * 0.55 + 0.5)
                cy = math.floor(y + math.sin(angle) * radius * 0.55 + 0.5)
                r, g, b, squares, count = 0.0, 0.0, 0.0, 0.0, 0
                for j in range(-reach, reach + 1):
                    for i in range(-reach, reach + 1):
                        if i * i + j * j > reach * reach:
                            continue
                        px, py = min(width - 1, max(0, cx + i)), min(height - 1, max(0, cy + j))
                        p0, p1, p2 = image[py, px, 0], image[py, px, 1], image[py, px, 2]
                        r, g, b = r + p0, g + p1, b + p2
                        squares += p0 * p0 + p1 * p1 + p2 * p2
                        count += 1
                spread = squares / count - (r * r + g * g + b * b) / (count * count)
                if spread < best:
                    best = spread
                    out[y, x, 0], out[y, x, 1], out[y, x, 2] = r / count, g / count, b / count


def fbm(points: np.ndarray, frequency: float, octaves: int = 4, seed: int = 0) -> np.ndarray:
    """Fractal value noise in 0..1.

    Args:
        points: [..., 3] positions; world positions make the texture stick to the head.
        frequency: of the first octave, per unit of length.
        octaves: how many, each at double frequency and half strength.
        seed: another pattern.
    """
    flat = np.ascontiguousarray(points.reshape(-1, 3) * np.float32(frequency))
    out = np.empty(len(flat), np.float32)
    _fbm(flat, octaves, seed, out)
    return out.reshape(points.shape[:-1])


def cells(points: np.ndarray, frequency: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Worley cells: distance to the nearest and second nearest centre (in cell sizes), and a value per cell."""
    flat = np.ascontiguousarray(points.reshape(-1, 3) * np.float32(frequency))
    nearest, second, identity = (np.empty(len(flat), np.float32) for _ in range(3))
    _cells(flat, seed, nearest, second, identity)
    shape = points.shape[:-1]
    return nearest.reshape(shape), second.reshape(shape), identity.reshape(shape)


def kuwahara(image: np.ndarray, radius: float) -> np.ndarray:
    """Flatten an image [H,W,3] into brush-like patches of `radius` pixels; edges stay sharp."""
    source = np.ascontiguousarray(image, np.float32)
    out = np.empty_like(source)
    _kuwahara(source, radius, out)
    return out


def screen(view) -> np.ndarray:
    """[H,W,3] points locked to the screen, in reference pixels, for `fbm` and `cells`."""
    x, y = view.pixels
    return np.stack([x, y, np.full_like(x, 0.5)], -1)
