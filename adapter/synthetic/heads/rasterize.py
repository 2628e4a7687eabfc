"""Z-buffer rasteriser and vertex visibility (numba)."""

import math

import numpy as np
from numba import njit


@njit(fastmath=True)
def rasterize(screen, triangles, inverse_depth, triangle_id, second, third):
    """Fills buffers [H,W] with the nearest triangle of each pixel centre.

    `screen` [V,3] holds pixel x, pixel y and 1/z (larger is nearer). `triangle_id` is -1 where nothing is
    hit; `second` and `third` get the perspective-correct barycentric weights of corners 1 and 2.
    """
    height, width = inverse_depth.shape
    inverse_depth[:] = 0
    triangle_id[:] = -1
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1])
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px, py = x + 0.5, y + 0.5
                w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) / area
                w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) / area
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                near = w0 * screen[a, 2] + w1 * screen[b, 2] + w2 * screen[c, 2]
                if near > inverse_depth[y, x]:
                    inverse_depth[y, x] = near
                    triangle_id[y, x] = t
                    second[y, x] = w1 * screen[b, 2] / near
                    third[y, x] = w2 * screen[c, 2] / near


@njit(fastmath=True, nogil=True)
def visible(vertices, triangles, direction, across, up, extent, resolution, bias):
    """Which vertices [V,3] see out along one direction: [V] of 0 or 1, by a shadow map.

    `across` and `up` span the map; `extent` is the width of the scene, `bias` the tolerated depth.
    """
    count = vertices.shape[0]
    seen = np.zeros(count, np.float32)
    screen = np.empty((count, 3), np.float32)
    for i in range(count):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        screen[i, 0] = ((x * across[0] + y * across[1] + z * across[2]) / extent + 0.5) * resolution
        screen[i, 1] = ((x * up[0] + y * up[1] + z * up[2]) / extent + 0.5) * resolution
        screen[i, 2] = x * direction[0] + y * direction[1] + z * direction[2] + 5
    nearest = np.empty((resolution, resolution), np.float32)
    triangle_id = np.empty((resolution, resolution), np.int32)
    second = np.empty((resolution, resolution), np.float32)
    third = np.empty((resolution, resolution), np.float32)
    rasterize(screen, triangles, nearest, triangle_id, second, third)
    for i in range(count):
        x, y = int(screen[i, 0]), int(screen[i, 1])
        if x < 0 or y < 0 or x >= resolution or y >= resolution or nearest[y, x] <= screen[i, 2] + bias:
            seen[i] = 1
    return seen
