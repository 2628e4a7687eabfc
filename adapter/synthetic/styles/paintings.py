"""Paintings and prints."""

import cv2
import numpy as np

from adapter.synthetic.styles.drawings import hatch, sheet, tooth
from adapter.synthetic.styles.filters import (
    blur,
    contrast,
    gradient,
    lines,
    luminance,
    mix,
    over,
    ramp,
    rgb,
    saturate,
    slope,
    smooth,
)
from adapter.synthetic.styles.noise import cells, fbm, kuwahara, screen
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View

# Turns and stretches screen points: noise becomes slanting strokes.
SLANT = np.array([[0.8, -0.25, 0], [0.5, 0.4, 0], [0, 0, 1]], np.float32)


def warp(image: np.ndarray, view: View, amount: float, frequency: float, seed: int) -> np.ndarray:
    """Displace an image by smooth noise; amount in reference pixels."""
    x, y = np.meshgrid(np.arange(view.size, dtype=np.float32), np.arange(view.size, dtype=np.float32))
    points = screen(view)
    reach = 2 * view.scaled(amount)
    dx = reach * (fbm(points, frequency, 3, seed=seed) - 0.5)
    dy = reach * (fbm(points, frequency, 3, seed=seed + 50) - 0.5)
    return cv2.remap(image.astype(np.float32), x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def relief(image: np.ndarray, view: View, height: np.ndarray, strength: float) -> np.ndarray:
    """Light a layer of paint from the upper left."""
    dx, dy = gradient(height, view)
    return np.clip(image + strength * (dx + dy)[..., None], 0, 1)


def moved(value: np.ndarray, view: View, length: float) -> np.ndarray:
    """Shift a map [H,W] right and down by a length in reference pixels; 0 comes in."""
    shift = np.array([[1, 0, view.scaled(length)], [0, 1, view.scaled(length)]], np.float32)
    return cv2.warpAffine(value.astype(np.float32), shift, (view.size, view.size))


def palette(image: np.ndarray, codes: str, softness: float = 0.02) -> np.ndarray:
    """Replace colours by the nearest ones of a palette."""
    colors = np.stack([rgb(code) for code in codes.split()])
    distance = ((image[..., None, :] - colors) ** 2).sum(-1)
    share = np.exp(-(distance - distance.min(-1, keepdims=True)) / softness)
    return ((share / share.sum(-1, keepdims=True)) @ colors).astype(np.float32)


def canvas(view: View, head: np.ndarray, codes: str, seed: int) -> np.ndarray:
    """The head before a brushed background."""
    x, y = view.pixels
    points = np.stack([x + 0.5 * y, 0.35 * (y - 0.5 * x), np.full_like(x, 0.5)], -1)
    return over(view, head, ramp(fbm(points, 0.09, 4, seed=seed), codes))


def oil(view: View) -> np.ndarray:
    """Dark, warm portrait in oil with visible brush strokes and thick paint."""
    image = canvas(view, saturate(view.color, 1.3), "#1c120a #3f2c18 #5f4524 #2c1d10", 3)
    image = kuwahara(contrast(image, 1.15, 0.45), max(view.scaled(2.9), 1.6))
    image = image * np.array([1.04, 0.97, 0.82], np.float32)
    strokes = fbm(screen(view) @ SLANT, 0.4, 3, seed=4)
    image = np.clip(image * (0.84 + 0.32 * strokes)[..., None], 0, 1)
    return relief(image, view, 0.6 * luminance(image) + 0.3 * strokes, 0.4)


def watercolour(view: View) -> np.ndarray:
    """Transparent washes that bleed, dark pigment edges, white paper."""
    paint = warp(kuwahara(view.color, max(view.scaled(2.8), 1.5)), view, 3.2, 0.07, 11)
    body = warp(np.repeat(view.mask[..., None], 3, -1), view, 3.2, 0.07, 11)[..., 0]
    pigment = fbm(screen(view), 0.055, 5, seed=14)
    paint = saturate(np.clip(paint * 0.72 + 0.32, 0, 1), 1.85)
    paint = 1 - (1 - paint) * (0.45 + 1.05 * pigment)[..., None]
    paint = paint * (1 - np.clip(1.3 * slope(blur(luminance(paint), view, 0.6), view), 0, 0.4))[..., None]
    bleed = np.clip(blur(body, view, 5) * 1.4, 0, 1) * smooth(0.42, 0.62, pigment) * (1 - body)
    image = mix(sheet(view, "#fdfbf6", 0.05), paint, body)
    return np.clip(mix(image, rgb("#a8c8dc"), 0.5 * bleed) * (1 + 0.05 * tooth(view, 17))[..., None], 0, 1)


def impressionism(view: View) -> np.ndarray:
    """Short separate dabs of light colour, violet shadows, garden background."""
    x, y = view.pixels
    garden = ramp(
        fbm(screen(view), 0.07, 4, seed=20),
        "#5a86b8 #7fb07a #b8cf86 #e8d8a0 #d89ab0",
        (0.2, 0.4, 0.5, 0.6, 0.8),
    )
    base = over(view, view.color, garden)
    base = mix(base, base * np.array([0.8, 0.78, 1.25], np.float32), smooth(0.95, 0.55, view.light))
    points = np.stack([0.9 * (x + 0.6 * y), 0.4 * (y - 0.6 * x), np.full_like(x, 0.5)], -1)
    near, _, dab = cells(points, 0.34, seed=21)
    image = dabs(base, view, points, 0.34, 21)
    image = saturate(np.clip(image * (0.86 + 0.28 * dab)[..., None] + 0.06, 0, 1), 1.5)
    hue = (dab - 0.5)[..., None] * np.array([0.16, -0.03, -0.14], np.float32)
    return relief(image + hue, view, -near, 0.16)


def dabs(image: np.ndarray, view: View, points: np.ndarray, frequency: float, seed: int) -> np.ndarray:
    """Average an image over Worley cells."""
    _, _, name = cells(points, frequency, seed=seed)
    key = np.unique(np.round(name * 65535).astype(np.int64), return_inverse=True)[1].reshape(-1)
    block = ((view.pixels[0] // 24).astype(np.int64) * 8 + (view.pixels[1] // 24).astype(np.int64)).reshape(-1)
    joint = np.unique(key * 64 + block, return_inverse=True)[1]
    count = np.bincount(joint)
    flat = image.reshape(-1, 3)
    means = np.stack([np.bincount(joint, flat[:, k]) / count for k in range(3)], -1)
    return means[joint].reshape(image.shape).astype(np.float32)


def pointillism(view: View) -> np.ndarray:
    """Seurat's dots of pure colour on a light ground."""
    base = over(view, saturate(view.color, 1.5), rgb("#8fb4d8"))
    points = screen(view)
    near, _, dot = cells(points, 0.52, seed=23)
    image = dabs(base, view, points, 0.52, 23)
    hue = np.stack([np.sin(6.28 * dot + k) for k in (0.0, 2.1, 4.2)], -1)
    image = np.clip(image + 0.11 * hue, 0, 1)
    return mix(rgb("#f4ecd8") * np.ones_like(image), image, smooth(0.85, 0.5, near))


def gouache(view: View) -> np.ndarray:
    """Flat opaque poster colours, three tones, no outline."""
    flat = kuwahara(blur(view.albedo, view, 0.7), max(view.scaled(2.0), 1.2))
    steps = 0.62 + 0.2 * smooth(0.62, 0.68, view.light) + 0.22 * smooth(0.9, 0.96, view.light)
    image = saturate(flat * steps[..., None] + 0.06, 1.15)
    image = mix(image, rgb("#f08a70") * np.ones_like(image), 0.25 * smooth(0.7, 0.5, view.light) * view.mask)
    chalk = 1 + 0.05 * tooth(view, 26, 0.5)
    return np.clip(over(view, image, rgb("#e9c46a")) * chalk[..., None], 0, 1)


def fauvism(view: View) -> np.ndarray:
    """Wild, unnatural colours by tone: green shadows, orange light, blue hair."""
    tone = np.clip(blur(view.light, view, 0.8) * (0.45 + 0.6 * luminance(view.albedo)), 0, 1)
    skin = ramp(tone, "#1c2f8a #1f8a6a #d8483a #f58a2a #ffd23a #fff0a8", (0, 0.28, 0.48, 0.64, 0.82, 1))
    hair = ramp(tone, "#14104a #3028a0 #7a3ac8 #e85ab0", (0, 0.3, 0.6, 1))
    image = mix(skin, hair, view.region("hair", "beard", "brow", blur=0.5))
    image = mix(image, rgb("#d8102a"), 0.85 * view.region("lips", blur=0.5))
    image = mix(image, rgb("#f02a6a") * (0.5 + 0.6 * view.light)[..., None], view.region("shirt", blur=0.5))
    image = canvas(view, image, "#12a08a #2ac8b0 #f2d040 #10a050", 28)
    image = kuwahara(image, max(view.scaled(2.6), 1.5))
    image = mix(image, rgb("#182060"), 0.7 * smooth(0.35, 0.8, lines(view, 1.0)))
    return relief(image, view, fbm(screen(view), 0.35, 3, seed=29), 0.25)


def swirls(view: View) -> np.ndarray:
    """Van Gogh: swirling strokes of blue and yellow around the head."""
    x, y = view.pixels
    turn = 2.2 * fbm(screen(view), 0.022, 2, seed=31)
    radius = np.hypot(x - 66, y - 58)
    angle = np.arctan2(y - 58, x - 66)
    wave = np.sin(0.62 * radius + 13 * turn + 2 * angle) * (0.6 + 0.4 * np.sin(11 * angle + 0.4 * radius))
    sky = ramp(0.5 + 0.45 * wave, "#12307a #1f58b0 #3f86cc #9ac8d8 #f0dc78", (0, 0.3, 0.62, 0.85, 1))
    stars = smooth(0.3, 0.1, cells(screen(view), 0.04, seed=34)[0])
    sky = mix(sky, rgb("#ffe98a"), stars)
    flow = hatch(view, 0.9, 3.4, 9.0, seed=33)
    head = saturate(view.color, 1.35) * np.array([1.08, 0.98, 0.72], np.float32)
    head = mix(head, rgb("#2a7a6a"), 0.3 * smooth(0.8, 0.5, view.light))
    head = head * (0.82 + 0.34 * flow)[..., None]
    image = kuwahara(over(view, head, sky), max(view.scaled(1.7), 1.1))
    image = mix(image, rgb("#1a2050"), 0.65 * smooth(0.35, 0.8, lines(view, 0.8)))
    return relief(image, view, 0.6 * flow * view.mask + 0.5 * wave * (1 - view.mask), 0.12)


def ukiyo_e(view: View) -> np.ndarray:
    """Japanese colour woodblock: pale flat face, brush outlines, graded indigo sky, waves on the shirt."""
    _, y = view.pixels
    light = 0.9 + 0.1 * smooth(0.55, 0.8, view.light)
    image = rgb("#f4dfc0") * light[..., None]
    tone = luminance(view.albedo)
    image = mix(
        image,
        mix(rgb("#101418") * np.ones_like(image), rgb("#6a4a30"), smooth(0.4, 0.75, tone)),
        view.region("hair", "brow", blur=0.4),
    )
    image = mix(image, rgb("#4a4038"), 0.6 * view.region("beard", blur=0.5))
    image = mix(image, rgb("#c03a2a"), view.region("lips", blur=0.4))
    image = mix(image, rgb("#f8f4e8"), view.region("eye", "teeth", blur=0.3))
    image = mix(image, rgb("#101418"), view.region("iris", "lash", "glasses", blur=0.3))
    scale = np.hypot((view.pixels[0] + 5 * ((y // 5) % 2)) % 10 - 5, y % 5 - 5)
    scales = smooth(0.7, 0.2, np.abs(scale % 2.2 - 1.1))
    image = mix(
        image,
        mix(rgb("#27496d") * np.ones_like(image), rgb("#e8e4d4"), scales),
        view.region("shirt", blur=0.3),
    )
    sky = ramp(y / 128, "#1d3f6e #7fa3b0 #e4d6b4 #eadfc4", (0, 0.25, 0.5, 1))
    image = mix(over(view, image, sky), rgb("#14161a"), 0.9 * smooth(0.25, 0.6, lines(view, 0.5)))
    fibre = fbm(screen(view) * np.array([0.15, 1.6, 1], np.float32), 0.5, 2, seed=36)
    return np.clip(image * (0.94 + 0.12 * fibre)[..., None], 0, 1)


def fresco(view: View) -> np.ndarray:
    """A faded fresco: chalky pale colour on cracked lime plaster with missing flakes."""
    base = over(view, saturate(view.color, 0.75), rgb("#b08a5a"))
    base = contrast(blur(base, view, 0.6), 0.85, 0.6) * np.array([1.02, 0.95, 0.8], np.float32)
    points = screen(view)
    stain = fbm(points, 0.04, 5, seed=38)
    near, second, _ = cells(points + 6 * fbm(points, 0.1, 2, seed=39)[..., None], 0.055, seed=40)
    crack = smooth(0.045, 0.0, second - near)
    bare = smooth(0.66, 0.70, fbm(points, 0.06, 5, seed=41))
    image = base * (0.8 + 0.4 * stain)[..., None]
    image = mix(image, rgb("#e0d2b8"), 0.9 * bare)
    return np.clip(mix(image, rgb("#5a4630"), 0.75 * crack), 0, 1)


def pop_art(view: View) -> np.ndarray:
    """Warhol's screen print: three flat shocking colours, misprinted black."""
    tone = np.clip(view.light * (0.4 + 0.65 * luminance(view.albedo)), 0, 1)
    image = mix(rgb("#ff3fa4") * np.ones_like(view.color), rgb("#ffd60a"), smooth(0.5, 0.56, tone))
    image = mix(image, rgb("#12c8e8"), view.region("hair", "beard", blur=0.4))
    image = mix(image, rgb("#e8121c"), view.region("lips", blur=0.4))
    image = mix(image, rgb("#7cf03a"), view.region("shirt", blur=0.4))
    image = mix(image, rgb("#ffffff"), view.region("eye", "teeth", blur=0.4))
    ink = np.maximum(smooth(0.36, 0.28, tone) * (1 - view.region("hair")), smooth(0.4, 0.75, lines(view, 0.7)))
    ink = np.maximum(ink, view.region("brow", "iris", "glasses", blur=0.4))
    ink = moved(ink * view.mask, view, 1.2) * (0.9 + 0.3 * tooth(view, 43, 0.8))
    image = over(view, image, rgb("#ff7a1a"))
    return mix(image, rgb("#150a1c"), np.clip(ink, 0, 0.95))


def cubism(view: View) -> np.ndarray:
    """Analytic cubism: shifted flat facets in ochre and grey with dark edges."""
    points = screen(view) * np.array([1, 0.8, 1], np.float32)
    near, second, facet = cells(points, 0.062, seed=45)
    size = view.size
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    reach = view.scaled(5.0)
    base = over(view, view.color, rgb("#a89a80"))
    image = cv2.remap(
        base,
        x + reach * np.sin(37 * facet),
        y + reach * np.cos(53 * facet),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    slant = np.sin(9 * facet) * (x - y) / size + np.cos(7 * facet) * (x + y) / size
    tone = np.clip(0.78 * luminance(image) + 0.22 * (facet - 0.2) + 0.18 * slant, 0, 1)
    image = mix(ramp(tone, "#1c1814 #54452f #8f7a52 #c4b48a #ece2c4"), saturate(image, 0.8), 0.28)
    image = image * (1 - 0.6 * smooth(0.07, 0.0, second - near))[..., None]
    return np.clip(image * (1 - 0.5 * smooth(0.4, 0.9, lines(view, 0.8)))[..., None], 0, 1)


PAINTINGS = (
    Style("oil painting", "painting", oil),
    Style("watercolour", "painting", watercolour),
    Style("impressionism", "painting", impressionism),
    Style("pointillism", "painting", pointillism),
    Style("gouache", "painting", gouache),
    Style("fauvism", "painting", fauvism),
    Style("van gogh", "painting", swirls),
    Style("ukiyo-e", "painting", ukiyo_e),
    Style("fresco", "painting", fresco),
    Style("pop art", "painting", pop_art),
    Style("cubism", "painting", cubism),
)
