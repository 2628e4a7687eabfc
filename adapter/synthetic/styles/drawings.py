"""Drawings: lines, hatching and dots on paper."""

from collections.abc import Callable

import numpy as np

from adapter.synthetic.styles.filters import blur, gray, lines, luminance, mix, ramp, rgb, smooth
from adapter.synthetic.styles.noise import cells, fbm, screen
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View


def shade(view: View, color_share: float = 0.5) -> np.ndarray:
    """[H,W] in 0..1 darkness to draw: light and shadow, and part of the local colour; 0 on the background."""
    tone = np.clip(view.light / 1.08, 0, 1) * (1 - color_share + color_share * luminance(view.albedo) ** 0.7)
    return (1 - tone) * view.mask


def hatch(view: View, angle: float, spacing: float, bend: float = 2.0, seed: int = 0) -> np.ndarray:
    """[H,W] in 0..1 parallel strokes that follow the form a little; 1 in the middle of a stroke."""
    x, y = view.pixels
    across = x * np.cos(angle) + y * np.sin(angle)
    wobble = 1.6 * fbm(screen(view), 0.05, 2, seed=seed)
    along_form = bend * (view.facing[..., 0] * np.sin(angle) + view.facing[..., 1] * np.cos(angle))
    return 0.5 + 0.5 * np.sin(2 * np.pi * (across + along_form + wobble) / spacing)


def tooth(view: View, seed: int = 0, frequency: float = 0.7) -> np.ndarray:
    """[H,W] about -0.5..0.5 grain of paper."""
    return fbm(screen(view), frequency, 2, seed=seed) - 0.5


def sheet(view: View, code: str, roughness: float = 0.06) -> np.ndarray:
    """[H,W,3] paper of a colour."""
    return rgb(code) * (1 + roughness * tooth(view, seed=40))[..., None]


def pencil(view: View) -> np.ndarray:
    """Graphite: soft lines, two layers of hatching."""
    dark = shade(view, 0.55) * 1.15
    strokes = 0.55 * smooth(0.12, 0.65, dark) * hatch(view, 0.8, 2.6, seed=1)
    strokes = strokes + 0.5 * smooth(0.42, 0.95, dark) * hatch(view, -0.7, 2.4, seed=2) + 0.22 * dark
    drawn = np.maximum(strokes, 0.8 * lines(view, 0.5) * (0.8 + 0.5 * tooth(view, 3)))
    return mix(sheet(view, "#f6f4ee"), rgb("#3a3a40"), np.clip(drawn, 0, 0.92))


def ink(view: View) -> np.ndarray:
    """Pure black outlines on white, black hair."""
    line = smooth(0.25, 0.6, lines(view, 0.55))
    solid = view.region("hair", "brow", "iris", blur=0.4) * smooth(0.5, 0.36, luminance(view.albedo))
    gloss = view.region("hair", blur=0.4) * smooth(1.04, 1.06, blur(view.light, view, 1.0))
    return gray(1 - np.maximum(line, np.clip(solid * 1.3, 0, 1) * (1 - gloss)))


def charcoal(view: View) -> np.ndarray:
    """Smudged charcoal with deep blacks on rough grey paper."""
    dark = blur(shade(view, 0.75), view, 1.1)
    rub = fbm(screen(view) * np.array([1, 0.45, 1], np.float32), 0.16, 4, seed=5) - 0.5
    smear = smooth(0.06, 0.72, dark + 0.25 * rub * view.mask)
    drawn = 0.92 * smear + 0.7 * blur(lines(view, 1.1), view, 0.6)
    drawn = drawn * (1 + 0.75 * tooth(view, 6, 0.9)) + 0.16 * blur(view.mask, view, 7) * (1 - view.mask)
    return mix(sheet(view, "#cfc8bd", 0.16), rgb("#161413"), np.clip(drawn, 0, 0.97))


def sanguine(view: View) -> np.ndarray:
    """Red chalk on warm paper with white heightening, as in old master studies."""
    dark = shade(view, 0.5) * 1.1
    drawn = 0.75 * blur(dark, view, 0.6) + 0.4 * smooth(0.25, 0.8, dark) * hatch(view, 0.75, 2.8, seed=8)
    drawn = np.maximum(drawn, 0.75 * lines(view, 0.7)) * (1 + 0.5 * tooth(view, 9))
    image = mix(sheet(view, "#ecd9b8", 0.1), rgb("#8e3018"), np.clip(drawn, 0, 0.95))
    return mix(image, rgb("#fffaf0"), 0.75 * smooth(0.97, 1.12, view.light) * view.mask)


def ballpoint(view: View) -> np.ndarray:
    """Blue ballpoint pen on lined paper, scribbled."""
    x, y = view.pixels
    dark = shade(view, 0.6) * 1.2
    scribble = smooth(0.10, 0.6, dark) * smooth(0.45, 0.9, hatch(view, 0.35, 2.9, 3.5, seed=12))
    scribble = np.maximum(scribble, smooth(0.4, 0.9, dark) * smooth(0.45, 0.9, hatch(view, -0.9, 2.6, 3.0, seed=13)))
    drawn = np.maximum(scribble * 0.85, 0.9 * smooth(0.2, 0.65, lines(view, 0.45)))
    rule = smooth(0.7, 0.2, np.abs((y + 4) % 11 - 5.5)) * 0.35
    page = mix(sheet(view, "#fbfaf3", 0.02), rgb("#9fb8d8"), rule)
    page = mix(page, rgb("#d88a8a"), 0.55 * smooth(0.6, 0.2, np.abs(x - 14)))
    return mix(page, rgb("#1a2fb0"), np.clip(drawn, 0, 0.95))


def engraving(view: View) -> np.ndarray:
    """A banknote engraving: swelling parallel lines, crossed in the shadows."""
    dark = np.clip(shade(view, 0.6) * 1.25 + 0.08 * view.mask, 0, 1)
    first = smooth(1.0, 0.72, hatch(view, np.pi / 2 - 0.12, 2.7, 5.0, seed=15) * 0.5 + 0.62 - 0.72 * dark + 0.25)
    cross = smooth(0.45, 0.8, dark) * smooth(0.3, 0.7, hatch(view, 0.5, 2.7, 4.0, seed=16))
    drawn = np.maximum.reduce([first * smooth(0.03, 0.12, dark), 0.85 * cross, 0.8 * lines(view, 0.4)])
    return mix(sheet(view, "#dfe6d2", 0.05), rgb("#12301f"), np.clip(drawn * view.mask + 0 * dark, 0, 0.95))


def stipple(view: View) -> np.ndarray:
    """Ink dots, denser where it is dark."""
    near, _, level = cells(screen(view), 0.62, seed=4)
    dark = np.clip(shade(view, 0.65) * 1.35, 0, 1)
    size = 0.14 + 0.62 * np.sqrt(dark)
    dots = smooth(size + 0.14, size - 0.08, near) * smooth(level * 0.55 - 0.05, level * 0.55 + 0.05, dark)
    drawn = np.maximum(dots, 0.55 * smooth(0.3, 0.75, lines(view, 0.5)))
    return mix(sheet(view, "#fdfcf8", 0.02), rgb("#15151a"), np.clip(drawn, 0, 1))


def woodcut(view: View) -> np.ndarray:
    """Bold black and cream linocut with gouge marks at the edge of the shadow."""
    dark = shade(view, 0.55) * 1.3
    gouge = hatch(view, 0.35, 3.8, 7.0, seed=18)
    black = smooth(0.46, 0.54, dark + 0.42 * (gouge - 0.5))
    black = np.maximum(black, smooth(0.3, 0.55, lines(view, 0.8)))
    field = 1 - view.mask
    rays = smooth(0.72, 0.85, 0.5 + 0.5 * np.sin(26 * np.arctan2(view.pixels[1] - 58, view.pixels[0] - 64)))
    black = np.maximum(black * view.mask, field * (1 - rays * 0.95))
    return mix(rgb("#f2e6cc") * np.ones_like(view.color), rgb("#1a1210"), np.clip(black, 0, 1))


def blueprint(view: View) -> np.ndarray:
    """White construction lines and a grid on blueprint blue."""
    x, y = view.pixels
    grid = np.maximum(smooth(0.8, 0.3, np.abs(x % 8 - 4)), smooth(0.8, 0.3, np.abs(y % 8 - 4)))
    axes = np.maximum(smooth(0.7, 0.3, np.abs(x - 64)), smooth(0.7, 0.3, np.abs(y - 62))) * ((x + y) % 6 > 2)
    contour = smooth(0.06, 0.0, np.abs((view.depth * 42) % 1 - 0.5)) * view.mask
    drawn = np.maximum.reduce([0.16 * grid, 0.45 * axes, 0.35 * contour, 0.95 * lines(view, 0.45)])
    base = mix(rgb("#0f3f8c") * np.ones_like(view.color), rgb("#1c56ac"), 0.5 * view.mask * view.light)
    return mix(base, rgb("#e8f2ff"), np.clip(drawn, 0, 1))


def chalkboard(view: View) -> np.ndarray:
    """White and coloured chalk on a green board."""
    dust = fbm(screen(view) * np.array([1, 0.35, 1], np.float32), 0.12, 4, seed=22)
    grain = np.clip(0.75 + 1.1 * tooth(view, 23, 1.0), 0, 1)
    light = smooth(0.62, 1.05, view.light) * hatch(view, 0.8, 3.2, seed=24) * 0.5 * view.mask
    chalk = np.maximum(lines(view, 0.75), light) * grain
    board = rgb("#1f3b30") * (0.85 + 0.4 * dust)[..., None]
    image = mix(board, rgb("#f4f4ea"), np.clip(chalk, 0, 0.95))
    image = mix(image, rgb("#f0a0a8"), 0.75 * view.region("lips", blur=0.6) * grain)
    return mix(image, rgb("#f2dc7a"), 0.5 * view.region("hair", blur=0.6) * grain * hatch(view, 0.3, 3.0, seed=25))


def crayon(view: View) -> np.ndarray:
    """A child's wax crayon drawing: coloured scribbles, missed spots."""
    color = np.clip((blur(view.color, view, 1.2) - 0.5) * 1.25 + 0.55, 0, 1)
    stroke = smooth(0.15, 0.7, hatch(view, 0.9, 3.4, 2.0, seed=27) + 0.9 * tooth(view, 28, 0.8))
    wax = (0.35 + 0.6 * stroke) * view.mask
    image = mix(sheet(view, "#fdfbf2", 0.03), np.clip(0.5 + (color - 0.5) * 1.5, 0, 1), wax)
    outline = smooth(0.2, 0.6, lines(view, 1.0)) * np.clip(0.85 + 0.9 * tooth(view, 29, 0.8), 0, 1)
    return mix(image, rgb("#2a2030"), 0.9 * outline)


def ink_wash(view: View) -> np.ndarray:
    """East Asian ink wash: wet grey pools, a few brush lines, a red seal."""
    x, y = view.pixels
    wet = fbm(screen(view), 0.045, 4, seed=32)
    dark = blur(shade(view, 0.8), view, 1.8) + 0.35 * (wet - 0.5) * view.mask
    image = ramp(np.clip(1 - dark * 1.15, 0, 1), "#141416 #4a4a4e #96958f #d8d4c8 #f3eddc")
    halo = blur(view.mask, view, 6) * (1 - view.mask) * smooth(0.4, 0.65, wet)
    image = mix(image, rgb("#b8b4a8"), 0.55 * halo)
    brush = smooth(0.25, 0.7, lines(view, 1.0)) * np.clip(0.3 + 1.3 * wet, 0, 1)
    image = mix(image, rgb("#0c0c0e"), 0.85 * brush)
    seal = smooth(6.4, 5.6, np.maximum(np.abs(x - 114), np.abs(y - 112))) * (0.75 + 0.5 * tooth(view, 33, 0.6))
    return mix(image, rgb("#b8281c"), np.clip(seal, 0, 1))


def tinted(draw: Callable[[View], np.ndarray], codes: str) -> Callable[[View], np.ndarray]:
    """Another drawing through a colour ramp, dark to light."""

    def apply(view: View) -> np.ndarray:
        return ramp(luminance(draw(view)), codes)

    return apply


DRAWINGS = (
    Style("pencil sketch", "drawing", pencil),
    Style("line art", "drawing", ink),
    Style("charcoal", "drawing", charcoal, held_out=True),
    Style("red chalk", "drawing", sanguine),
    Style("ballpoint pen", "drawing", ballpoint),
    Style("engraving", "drawing", engraving),
    Style("stippling", "drawing", stipple),
    Style("woodcut", "drawing", woodcut),
    Style("blueprint", "drawing", blueprint),
    Style("chalkboard", "drawing", chalkboard),
    Style("crayon", "drawing", crayon),
    Style("ink wash", "drawing", ink_wash),
)
