"""Ways of rendering: cartoons, screens, cameras and mosaics."""

import cv2
import numpy as np

from adapter.synthetic.styles.drawings import sheet, tooth
from adapter.synthetic.styles.filters import (
    backdrop,
    blur,
    contrast,
    gradient,
    gray,
    lines,
    luminance,
    mix,
    over,
    ramp,
    rgb,
    rim,
    saturate,
    smooth,
    specular,
)
from adapter.synthetic.styles.noise import cells, fbm, kuwahara, screen
from adapter.synthetic.styles.paintings import dabs, palette
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View


def source(view: View) -> np.ndarray:
    """The render itself, on white."""
    return over(view, view.color, np.ones(3, np.float32))


def toon(view: View) -> np.ndarray:
    """Cel-shaded cartoon: two tones, warm outline, bright backdrop."""
    flat = kuwahara(blur(view.albedo, view, 0.4), max(view.scaled(1.6), 1.2))
    d = blur(view.facing, view, 0.6) @ np.array([-0.45, 0.5, 0.74], np.float32)
    steps = 0.68 + 0.34 * smooth(0.2, 0.27, 0.75 * d + 0.25 * (view.light - 0.4))
    image = saturate(np.clip(flat * 1.1, 0, 1), 1.45) * steps[..., None]
    shine = view.region("hair", blur=0.5) * smooth(0.95, 0.97, specular(view.facing, (-0.3, 0.6, 0.9), 1))
    image = np.clip(image + 0.2 * shine[..., None], 0, 1)
    image = over(view, image, backdrop(view, "#ffe08a", "#ffb04a"))
    return mix(image, rgb("#2a1420"), 0.95 * smooth(0.28, 0.62, lines(view, 0.55)))


def comic(view: View) -> np.ndarray:
    """Vintage comic: primary colours in halftone dots, black ink."""
    x, y = view.pixels
    tone = np.clip(view.light * 0.95, 0, 1)
    flat = palette(
        saturate(np.clip(view.albedo * 1.12, 0, 1), 1.3),
        "#ffd8b0 #e8a070 #8a4a24 #1c1c24 #f4d030 #d02020 #2050c0 #ffffff #b0b0b8",
        0.01,
    )
    u, v = (x + y) * 0.7071, (x - y) * 0.7071
    dots = np.hypot(u % 4.2 - 2.1, v % 4.2 - 2.1)
    size = 2.9 * np.sqrt(np.clip(1.02 - tone, 0, 0.5))
    red = smooth(size + 0.5, size - 0.4, dots) * view.mask
    image = mix(flat, flat * np.array([0.92, 0.5, 0.42], np.float32), 0.8 * red)
    field = smooth(1.9, 1.2, dots)
    image = over(view, image, mix(rgb("#fff3c8") * np.ones_like(image), rgb("#38a8e0"), field))
    ink = np.maximum(smooth(0.25, 0.55, lines(view, 0.6)), smooth(0.42, 0.3, tone) * view.mask)
    return mix(image, rgb("#0c0c12"), 0.96 * ink)


def anime(view: View) -> np.ndarray:
    """Anime: porcelain-light skin, blush, thin lines, large shining eyes, pastel sky."""
    _, y = view.pixels
    albedo = blur(view.albedo, view, 0.5)
    skin = view.region("skin", "nose", "ear", "neck", "beard", blur=0.5)
    albedo = mix(albedo, mix(albedo, rgb("#ffe6d8"), 0.6), skin)
    albedo = mix(albedo, saturate(np.clip(albedo * 1.15, 0, 1), 2.2), view.region("hair", "brow", "iris", blur=0.5))
    shadow = smooth(0.78, 0.70, view.light)
    image = mix(albedo, albedo * np.array([0.84, 0.70, 0.82], np.float32), shadow)
    blush = blur(view.region("nose", blur=1.0), view, 5.5)
    image = mix(image, rgb("#ff9a9a"), 0.5 * np.clip(blush * 1.5, 0, 1) * skin)
    band = smooth(0.90, 0.97, np.sin(14 * view.facing[..., 1] + 1.2)) * view.region("hair", blur=0.4)
    image = np.clip(image + 0.28 * band[..., None], 0, 1)
    eyes = view.region("iris", blur=0.5)
    image = np.clip(image + 0.9 * (eyes * specular(view.facing, (-0.3, 0.5, 0.8), 80))[..., None], 0, 1)
    image = over(view, image, ramp(y / 128, "#8fc8ff #d8ecff #ffe4f0"))
    return mix(image, rgb("#5a3048"), 0.85 * smooth(0.3, 0.65, lines(view, 0.4)))


def pixel_art(view: View) -> np.ndarray:
    """An 8-bit console sprite: 32 x 32 fat pixels in a small palette."""
    base = over(view, saturate(contrast(view.color, 1.15), 1.5), rgb("#3a6a8c"))
    ink = smooth(0.5, 0.8, lines(view, 0.7))
    small = cv2.resize(mix(base, rgb("#1a1420"), 0.55 * ink), (32, 32), interpolation=cv2.INTER_AREA)
    codes = (
        "#1a1420 #3a2430 #6a3a2c #9a5a3a #cc8a5a #f0c090 #ffe8c8 #ffffff "
        "#c84848 #3a6a8c #2c3c5c #8a8a94 #c8c4bc #b8784a "
        "#5a8a4a #4a4a54"
    )
    small = palette(np.clip(small, 0, 1), codes, 1e-4)
    return cv2.resize(small, (view.size, view.size), interpolation=cv2.INTER_NEAREST)


def mosaic(view: View) -> np.ndarray:
    """Roman mosaic of small stones with dark joints."""
    points = screen(view)
    base = over(view, saturate(view.color, 1.3), rgb("#c8a868"))
    base = mix(base, base * 0.25, 0.8 * smooth(0.3, 0.8, lines(view, 0.7)))
    near, second, name = cells(points, 0.24, seed=51)
    image = np.clip(dabs(base, view, points, 0.24, 51) * (0.95 + 0.3 * name)[..., None], 0, 1)
    joint = smooth(0.14, 0.03, second - near)
    return mix(image, rgb("#5a4c40"), 0.75 * joint)


def stained_glass(view: View) -> np.ndarray:
    """Saturated pieces of glass with black lead and light from behind."""
    points = screen(view)
    rays = ramp(fbm(points, 0.05, 2, seed=53), "#1030a0 #1060d0 #c01830 #e8a010", (0.2, 0.5, 0.62, 0.8))
    base = over(view, saturate(np.clip(view.color * 1.2, 0, 1), 2.4), rays)
    near, second, name = cells(points, 0.115, seed=54)
    image = dabs(base, view, points, 0.115, 54)
    image = mix(image, base, 0.35)
    image = saturate(np.clip(image * (0.8 + 0.55 * name)[..., None], 0, 1), 1.35)
    glow = fbm(points, 0.3, 3, seed=55)
    image = np.clip(image * (0.85 + 0.4 * glow)[..., None], 0, 1)
    lead = np.maximum(smooth(0.10, 0.03, second - near), smooth(0.35, 0.65, lines(view, 0.7)))
    return mix(image, rgb("#0a0a0c"), np.clip(lead, 0, 1))


def neon(view: View) -> np.ndarray:
    """Glowing tubes in the dark."""
    line = smooth(0.2, 0.7, lines(view, 0.5))
    color = mix(rgb("#ff2ac8") * np.ones_like(view.color), rgb("#18d8ff"), smooth(-0.5, 0.5, view.facing[..., 0]))
    color = mix(color, rgb("#ffb020"), view.region("hair", blur=1.5))
    color = mix(color, rgb("#ff2038"), view.region("lips", "mouth", blur=1.2))
    color = mix(color, rgb("#50ff70"), view.region("eye", "iris", "lash", blur=1.2))
    light = color * line[..., None]
    image = light + 0.75 * blur(light, view, 1.4) + 0.85 * blur(light, view, 4) + 0.55 * (line**3)[..., None]
    image = image + (0.3 * rim(view.facing, 2.0) * view.mask)[..., None] * color
    return np.clip(image + rgb("#0a0618"), 0, 1).astype(np.float32)


def thermal(view: View) -> np.ndarray:
    """Thermal camera: warm face yellow to white, cool hair and glasses, cold blue room."""
    warmth = 0.60 + 0.24 * np.clip(view.facing[..., 2], 0, 1) + 0.16 * (fbm(view.position, 9, 3, seed=57) - 0.5)
    warmth = warmth - 0.34 * view.region("hair", blur=1.2) - 0.30 * view.region("shirt", blur=1.0)
    warmth = warmth - 0.42 * view.region("glasses", blur=0.6) - 0.12 * view.region("nose", blur=1.5)
    warmth = warmth - 0.14 * view.region("beard", blur=1.2) - 0.1 * view.region("brow", blur=0.8)
    warmth = warmth + 0.14 * view.region("eye", "iris", "mouth", blur=0.9) + 0.06 * view.region("lips", blur=0.8)
    warmth = blur(mix(np.full_like(warmth, 0.1)[..., None], warmth[..., None], view.mask)[..., 0], view, 0.9)
    return ramp(np.clip(warmth, 0, 1), "#05022a #2408a0 #8a10b0 #e02a4a #ff8a10 #ffe030 #ffffff")


def x_ray(view: View) -> np.ndarray:
    """Radiograph: thickness and bone glow on black film."""
    thick = np.clip(1 - view.facing[..., 2], 0, 1) ** 0.8
    depth = np.clip((2.75 - view.depth) / 0.35, 0, 1) * view.mask
    bone = 0.24 + 0.45 * thick + 0.22 * depth
    bone = bone + 0.25 * view.region("teeth", "nose", blur=0.8) + 0.15 * view.region("brow", blur=1.2)
    bone = bone - 0.35 * view.region("eye", "iris", blur=1.4) - 0.3 * view.region("mouth", blur=0.8)
    bone = bone - 0.24 * view.region("hair", blur=1.0) + 0.5 * view.region("glasses", blur=0.4)
    value = blur(np.clip(bone, 0.02, 1) * view.mask, view, 0.7) + 0.03 * tooth(view, 58, 0.9)
    return ramp(np.clip(value, 0, 1), "#01060c #0c2a3c #4a7f96 #b0d8e4 #f6ffff")


def night_vision(view: View) -> np.ndarray:
    """Green image intensifier with scan lines, grain and a round vignette."""
    x, y = view.pixels
    value = over(view, np.repeat((0.25 + 0.8 * view.tone)[..., None], 3, -1), np.full(3, 0.16, np.float32))[..., 0]
    value = value + 0.35 * tooth(view, 59, 1.3) + 0.9 * view.region("iris", blur=0.5)
    value = value * (0.84 + 0.16 * np.sin(2.1 * y)) * smooth(88, 48, np.hypot(x - 64, y - 64))
    return ramp(np.clip(value, 0, 1), "#000600 #04400c #18a030 #70f070 #e8ffe0")


def sepia(view: View) -> np.ndarray:
    """A nineteenth century photograph, brown and vignetted, with scratches."""
    x, y = view.pixels
    value = luminance(over(view, contrast(view.color, 1.1, 0.45), rgb("#b8b0a8")))
    value = blur(value, view, 0.5) * smooth(104, 40, np.hypot(x - 64, y - 64)) ** 0.6
    scratches = smooth(1.12, 1.2, fbm(screen(view) * np.array([1, 0.01, 1], np.float32), 0.6, 2, seed=61) * 1.5)
    stains = fbm(screen(view), 0.05, 4, seed=62) - 0.5
    return ramp(
        np.clip(value * 0.92 + 0.12 * stains + 0.2 * scratches, 0, 1),
        "#1a0e06 #5a3a1c #a57c4c #dcbf8e #f6e6c4",
    )


def film_noir(view: View) -> np.ndarray:
    """Hard black and white photograph with light from one side."""
    side = np.clip(view.facing @ np.array([-0.85, 0.3, 0.35], np.float32), 0, 1)
    value = luminance(view.albedo) ** 0.8 * (0.10 + 1.3 * side) * np.clip(view.light, 0.4, 1.1)
    value = value + 0.35 * view.mask * rim(view.facing, 3.0) * np.clip(view.facing[..., 0], 0, 1)
    value = value * view.mask + 0.2 * smooth(110, 20, view.pixels[0]) * (1 - view.mask)
    return gray(np.clip(value**0.85 + 0.07 * tooth(view, 63, 1.2), 0, 1))


def low_poly(view: View) -> np.ndarray:
    """Flat triangles-like facets with a gem's shading."""
    near, second, facet = cells(view.position, 15, seed=65)
    key = np.round(facet * 65535).astype(np.int64)
    _, index = np.unique(key[view.inside], return_inverse=True)
    count = np.maximum(np.bincount(index), 1)

    def flatten(values: np.ndarray) -> np.ndarray:
        means = np.stack([np.bincount(index, values[view.inside][:, k]) / count for k in range(3)], -1)
        out = values.copy()
        out[view.inside] = means[index]
        return out

    color, normals = flatten(view.albedo), flatten(view.facing)
    detail = view.region("eye", "iris", "lips", "brow", "mouth", "teeth", "glasses", blur=0.35)
    d = np.clip(normals @ np.array([-0.5, 0.6, 0.62], np.float32), 0, 1)
    image = saturate(mix(color, view.albedo, detail), 1.35) * (0.5 + 0.65 * d)[..., None]
    image = image * (1 + 0.16 * (facet - 0.5))[..., None]
    image = np.clip(image + 0.10 * smooth(0.05, 0.0, second - near)[..., None], 0, 1)
    return over(view, image, backdrop(view, "#a8d8f0", "#5a9ac8"))


def glitch(view: View) -> np.ndarray:
    """Broken video: shifted rows, separated colours, blocks and scan lines."""
    x, y = view.pixels
    base = over(view, contrast(view.color, 1.1), rgb("#343a58"))
    rows = np.floor(y[:, 0] / 5)
    jump = np.where(np.sin(rows * 12.9898) > 0.55, 9 * np.sin(rows * 78.233), 1.2 * np.sin(rows * 3.1))
    out = np.empty_like(base)
    for k, extra in enumerate((-3.2, 0.0, 3.2)):
        shift = np.round((jump + extra) * view.size / 128).astype(np.int64)
        columns = (np.arange(view.size)[None] - shift[:, None]) % view.size
        out[..., k] = np.take_along_axis(base[..., k], columns, axis=1)
    block = fbm(np.stack([np.floor(x / 16), np.floor(y / 6), 0 * x + 0.5], -1), 0.9, 1, seed=67)
    out = np.where((block > 0.78)[..., None], out[..., [2, 0, 1]], out)
    return np.clip(out * (0.82 + 0.18 * np.sin(3.1 * y))[..., None], 0, 1).astype(np.float32)


def hologram(view: View) -> np.ndarray:
    """Cyan projection with horizontal scan lines that shows the rim more than the face."""
    _, y = view.pixels
    scan = 0.6 + 0.4 * np.sin(2.6 * y)
    value = (0.18 + 0.5 * (view.light - 0.3) + 0.75 * rim(view.facing, 1.6)) * scan
    value = value + 0.5 * smooth(0.35, 0.8, lines(view, 0.5))
    image = ramp(np.clip(value, 0, 1), "#02202c #0878a0 #28d0f0 #d8ffff")
    dark = backdrop(view, "#0a1a2a", "#02060c")
    haze = blur(view.mask, view, 5)[..., None] * rgb("#0a5a78") * 0.6
    return np.clip(mix(dark + haze, image, view.mask * (0.7 + 0.3 * scan)), 0, 1).astype(np.float32)


def wireframe(view: View) -> np.ndarray:
    """Green grid lines of an early computer display, following the surface."""
    p = view.position
    u = np.arctan2(p[..., 0], p[..., 2] + 0.25) * 26
    v = p[..., 1] * 42
    steep = np.maximum(slope_of(u, view), 0.05), np.maximum(slope_of(v, view), 0.05)
    grid = np.maximum(
        smooth(0.9, 0.3, np.abs(u % 1 - 0.5) / steep[0]), smooth(0.9, 0.3, np.abs(v % 1 - 0.5) / steep[1])
    )
    grid = np.maximum(
        grid * (0.35 + 0.65 * np.clip(view.facing[..., 2], 0, 1)), 0.9 * smooth(0.4, 0.8, lines(view, 0.5))
    )
    light = grid * view.mask
    image = (light + 0.5 * blur(light, view, 1.8))[..., None] * rgb("#3aff6a")
    return np.clip(image + rgb("#020a06"), 0, 1).astype(np.float32)


def slope_of(value: np.ndarray, view: View) -> np.ndarray:
    """[H,W] change per reference pixel, jumps limited."""
    dx, dy = gradient(value, view)
    return np.clip(np.hypot(dx, dy), 0, 1.5)


def anaglyph(view: View) -> np.ndarray:
    """Red and cyan stereo print."""
    value = luminance(over(view, contrast(view.color, 1.15), rgb("#d8d8d8")))
    shift = round(view.scaled(3.2))
    left, right = np.roll(value, shift, 1), np.roll(value, -shift, 1)
    return np.clip(np.stack([left, right, right], -1), 0, 1).astype(np.float32)


def papercut(view: View) -> np.ndarray:
    """Layers of coloured paper with soft shadows."""
    tone = np.clip(blur(view.light, view, 0.8) * (0.55 + 0.5 * luminance(view.albedo)), 0, 1)
    image = sheet(view, "#f4e4d0", 0.05) + 0 * view.color
    image = mix(image, rgb("#bfe0d8"), 1.0)
    layers = ((0.0, "#e8604c"), (0.34, "#f08a5a"), (0.52, "#f8b878"), (0.68, "#fcdca8"), (0.84, "#fff4d8"))
    for level, code in layers:
        part = view.mask if level == 0 else smooth(level - 0.02, level + 0.02, tone) * view.mask
        shadow = blur(np.roll(part, (int(view.scaled(2)), int(view.scaled(1))), (0, 1)), view, 1.5)
        image = mix(image * (1 - 0.34 * shadow * (1 - part))[..., None], rgb(code), part)
    hair = view.region("hair", "brow", "beard", "glasses", blur=0.4)
    image = mix(
        image * (1 - 0.3 * blur(hair, view, 1.8) * (1 - hair))[..., None],
        rgb("#3a4a6a"),
        smooth(0.4, 0.6, hair),
    )
    image = mix(image, rgb("#c02a40"), smooth(0.4, 0.6, view.region("lips", blur=0.4)))
    image = mix(image, rgb("#22304a"), smooth(0.4, 0.6, view.region("iris", "lash", blur=0.5)))
    return np.clip(image * (1 + 0.05 * tooth(view, 69, 0.5))[..., None], 0, 1)


def cross_stitch(view: View) -> np.ndarray:
    """Embroidery: coloured X stitches on linen."""
    count = 42
    base = over(view, saturate(contrast(view.color, 1.15), 1.35), rgb("#e8dcc0"))
    small = cv2.resize(base, (count, count), interpolation=cv2.INTER_AREA)
    small = np.round(small * 7) / 7
    image = cv2.resize(small, (view.size, view.size), interpolation=cv2.INTER_NEAREST)
    x, y = view.pixels
    u, v = (x * count / 128) % 1 - 0.5, (y * count / 128) % 1 - 0.5
    thread = np.maximum(smooth(0.3, 0.12, np.abs(u - v)), smooth(0.3, 0.12, np.abs(u + v)))
    linen = rgb("#e8dcc0") * (0.82 + 0.18 * thread)[..., None]
    stitched = image * (0.55 + 0.55 * thread)[..., None]
    covered = cv2.resize(
        cv2.resize(view.mask, (count, count), interpolation=cv2.INTER_AREA),
        (view.size, view.size),
        interpolation=cv2.INTER_NEAREST,
    )
    return np.clip(mix(linen, stitched, smooth(0.3, 0.6, covered)), 0, 1).astype(np.float32)


RENDERINGS = (
    Style("toon", "rendering", toon),
    Style("comic", "rendering", comic),
    Style("anime", "rendering", anime),
    Style("pixel art", "rendering", pixel_art),
    Style("mosaic", "rendering", mosaic),
    Style("stained glass", "rendering", stained_glass),
    Style("neon", "rendering", neon),
    Style("thermal camera", "rendering", thermal, held_out=True),
    Style("x-ray", "rendering", x_ray),
    Style("night vision", "rendering", night_vision),
    Style("sepia photo", "rendering", sepia),
    Style("film noir", "rendering", film_noir),
    Style("low poly", "rendering", low_poly),
    Style("glitch", "rendering", glitch),
    Style("hologram", "rendering", hologram),
    Style("wireframe", "rendering", wireframe),
    Style("anaglyph", "rendering", anaglyph),
    Style("paper cut", "rendering", papercut),
    Style("cross-stitch", "rendering", cross_stitch),
)
