"""Heads made of a material. Textures follow world positions, so all views of a head agree."""

from collections.abc import Callable

import numpy as np

from adapter.synthetic.styles.filters import (
    backdrop,
    blur,
    features,
    gradient,
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
from adapter.synthetic.styles.noise import cells, fbm
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View

KEY = (-0.5, 0.6, 0.7)
SIDE = (0.8, 0.1, 0.35)


def carved(view: View, depth: float = 1.0, hair: float = 1.0) -> np.ndarray:
    """View-space normals [H,W,3] with brows, irises, lips and strands cut into the surface."""
    height = -0.55 * view.region("iris", blur=0.7) - 0.3 * view.region("mouth", blur=0.6)
    height = height + 0.5 * view.region("brow", blur=0.8) + 0.25 * view.region("lips", blur=0.9)
    height = height + 0.3 * view.region("beard", blur=1.0)
    strands = fbm(view.position * np.array([1, 0.22, 1], np.float32), 26, 3, seed=3) - 0.5
    height = height + 1.9 * hair * strands * view.region("hair", "beard", blur=0.8)
    dx, dy = gradient(blur(height, view, 0.3), view)
    normals = view.facing + depth * np.stack([-dx, dy, np.zeros_like(dx)], -1) * 1.5
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)


def occlusion(view: View, strength: float = 0.6) -> np.ndarray:
    """[H,W] light that reaches the surface, softened."""
    return 1 - strength + strength * np.clip(blur(view.light, view, 0.6) * 1.05, 0, 1)


def diffuse(view: View, normals: np.ndarray, direction: tuple[float, ...] = KEY, wrap: float = 0.25) -> np.ndarray:
    """[H,W] in 0..1 soft light from one side."""
    unit = np.asarray(direction, np.float32) / np.linalg.norm(direction)
    return np.clip((normals @ unit + wrap) / (1 + wrap), 0, 1) * occlusion(view)


def reflection(normals: np.ndarray) -> np.ndarray:
    """[H,W] in 0..1: height in the surroundings that a mirror would show; 0.5 is the horizon."""
    up = 2 * normals[..., 2] * normals[..., 1]
    side = 2 * normals[..., 2] * normals[..., 0]
    return np.clip(0.5 + 0.5 * up - 0.12 * side, 0, 1)


def metal(
    tones: str,
    *,
    places: tuple[float, ...] | None = None,
    polish: float = 0.6,
    shine: str = "#ffffff",
    center: str,
    edge: str,
    marks: float = 0.45,
) -> Callable[[View], np.ndarray]:
    """A style of cast metal: surroundings mirrored through `tones`, highlights, darker features.

    Args:
        tones: colours from reflected ground to sky.
        places: their positions in 0..1.
        polish: 0 cast and matt, 1 a mirror.
        shine: colour of the highlights.
        centre, edge: of the backdrop.
        marks: how dark brows, eyes and lips are drawn.
    """

    def draw(view: View) -> np.ndarray:
        normals = carved(view)
        mirrored = ramp(reflection(normals), tones, places)
        lit = ramp(diffuse(view, normals), tones, places)
        image = mix(lit, mirrored, polish) * (0.35 + 0.65 * occlusion(view, 0.8))[..., None]
        image = image * (1 - marks * features(view))[..., None]
        glint = 0.75 * specular(normals, KEY, 45) + 0.22 * specular(normals, KEY, 9) + 0.2 * specular(normals, SIDE, 12)
        return over(view, image + glint[..., None] * rgb(shine), backdrop(view, center, edge))

    return draw


def stone(
    tones: str,
    *,
    texture: Callable[[View, np.ndarray], np.ndarray] | None = None,
    gloss: float = 0.15,
    power: float = 25,
    edge_light: str | None = None,
    center: str,
    edge: str,
    marks: float = 0.3,
    hair: float = 1.0,
    wrap: float = 0.25,
) -> Callable[[View], np.ndarray]:
    """A style of carved or moulded matter.

    Args:
        tones: colours from shadow to light.
        texture: changes the lit image, given the view.
        gloss, power: strength and sharpness of the highlight.
        edge_light: colour that shines through at the silhouette, for translucent matter.
        centre, edge: of the backdrop.
        marks: how dark brows, eyes and lips are drawn.
        hair: depth of the strands.
        wrap: how far light reaches around the form.
    """

    def draw(view: View) -> np.ndarray:
        normals = carved(view, hair=hair)
        image = ramp(diffuse(view, normals, wrap=wrap), tones)
        image = image * (1 - marks * features(view))[..., None]
        if texture is not None:
            image = texture(view, image)
        if edge_light is not None:
            image = mix(image, rgb(edge_light), 0.7 * rim(view.facing, 2.6))
        image = image + gloss * specular(normals, KEY, power)[..., None]
        return over(view, image, backdrop(view, center, edge))

    return draw


def veins(view: View, image: np.ndarray) -> np.ndarray:
    """Grey marble veins."""
    warp = fbm(view.position, 5, 5, seed=9)
    sheet = np.abs(np.sin((view.position @ np.array([9, 14, 6], np.float32)) + 11 * warp))
    strength = smooth(0.16, 0.0, sheet) * smooth(0.35, 0.6, fbm(view.position, 7, 3, seed=11))
    return image * (1 - 0.55 * strength[..., None] * np.array([0.85, 0.8, 0.7]))


def verdigris(view: View, image: np.ndarray) -> np.ndarray:
    """Green copper rust with brown metal showing on the raised parts."""
    patches = fbm(view.position, 11, 5, seed=2)
    bare = smooth(0.56, 0.68, patches + 0.12 * view.facing[..., 1])
    streak = fbm(view.position * np.array([1, 0.15, 1], np.float32), 40, 3, seed=5)
    image = image * (0.82 + 0.36 * streak)[..., None]
    return mix(image, rgb("#6b4327") * (0.5 + luminance(image))[..., None], 0.7 * bare)


def rust(view: View, image: np.ndarray) -> np.ndarray:
    """Flaking orange iron."""
    flakes = fbm(view.position, 16, 5, seed=4)
    tones = ramp(np.clip(0.15 + 1.5 * (flakes - 0.25), 0, 1), "#2b1a14 #5c2a14 #a04a1a #d2762a #8a3a18 #3c2620")
    pits = smooth(0.62, 0.72, fbm(view.position, 55, 2, seed=8))
    return tones * (0.35 + 1.05 * luminance(image))[..., None] * (1 - 0.45 * pits)[..., None]


def rings(view: View, image: np.ndarray) -> np.ndarray:
    """Growth rings around an axis behind the face, with fine fibres."""
    p = view.position
    bend = fbm(p, 4, 3, seed=6)
    radius = np.hypot(p[..., 0] + 0.12, p[..., 2] + 0.25) + 0.05 * bend + 0.06 * p[..., 1]
    ring = 0.5 + 0.5 * np.sin(radius * 150)
    fibre = fbm(p * np.array([1, 0.08, 1], np.float32), 90, 2, seed=7)
    return image * (0.72 + 0.26 * ring + 0.22 * (fibre - 0.5))[..., None]


def clouds(view: View, image: np.ndarray) -> np.ndarray:
    """Milky patches inside a translucent stone."""
    patch = fbm(view.position, 8, 4, seed=12)
    return mix(image, rgb("#d6f2d0"), 0.42 * smooth(0.5, 0.72, patch)) * (0.8 + 0.4 * patch)[..., None]


def speckles(view: View, image: np.ndarray) -> np.ndarray:
    """Grains of granite: white, black and pinkish."""
    _, _, grain = cells(view.position, 95, seed=3)
    tones = ramp(grain, "#4a4a50 #8a8a8e #b8b6b2 #d8d2cc #a09a98 #f4f4f4")
    return mix(image, tones * (0.12 + 1.15 * luminance(image))[..., None], 0.75)


def dust(view: View, image: np.ndarray) -> np.ndarray:
    """Fine unevenness of fired clay or plaster."""
    fine = fbm(view.position, 60, 2, seed=14) - 0.5
    broad = fbm(view.position, 9, 3, seed=15) - 0.5
    return image * (1 + 0.22 * fine + 0.28 * broad)[..., None]


def cracks(view: View, image: np.ndarray) -> np.ndarray:
    """White fractures and frost in ice."""
    near, second, _ = cells(view.position, 11, seed=5)
    fracture = smooth(0.07, 0.0, second - near)
    frost = smooth(0.5, 0.75, fbm(view.position, 22, 4, seed=16))
    return mix(mix(image, rgb("#ffffff"), 0.5 * fracture), rgb("#f4fcff"), 0.28 * frost)


def embers(view: View, image: np.ndarray) -> np.ndarray:
    """Glowing gaps between cooled plates of lava."""
    near, second, plate = cells(view.position + 0.03 * fbm(view.position, 9, 3, seed=2)[..., None], 13, seed=8)
    gap = 0.85 * smooth(0.16, 0.0, second - near)
    gap = np.maximum(gap, 0.95 * view.region("iris", "eye", "mouth", blur=0.5))
    gap = np.maximum(gap, 0.62 * view.region("brow", "lips", "glasses", blur=0.6))
    glow = ramp(np.clip(gap, 0, 1), "#000000 #7a1200 #e84a00 #ffb020 #fff3b0")
    return image * (0.7 + 0.6 * plate)[..., None] * (1 - gap)[..., None] + glow


def leaves(view: View, image: np.ndarray) -> np.ndarray:
    """Small leaves, each with its own green and a dark edge."""
    near, second, leaf = cells(view.position, 58, seed=6)
    tones = ramp(leaf, "#24501c #3f7a26 #6aa832 #98c850 #2f6424")
    light = (0.02 + 1.5 * luminance(image)) * (0.62 + 0.5 * smooth(0.0, 0.4, second - near))
    return tones * light[..., None]


def cobalt(view: View) -> np.ndarray:
    """White glazed porcelain, painted with cobalt blue in the manner of Delft."""
    normals = carved(view, depth=0.5, hair=0.25)
    image = ramp(diffuse(view, normals, wrap=0.5), "#8f9db5 #cdd6e2 #f3f5f7 #ffffff")
    wave = np.sin(view.position @ np.array([60, 90, 60], np.float32) + 10 * fbm(view.position, 10, 3, seed=21))
    strands = 0.45 + 0.4 * smooth(-0.2, 0.5, wave)
    blossoms = smooth(0.34, 0.2, cells(view.position, 14, seed=9)[0])
    paint = np.maximum.reduce(
        [
            view.region("hair", blur=0.4) * strands,
            0.95 * view.region("brow", "lash", "iris", "glasses", blur=0.4),
            0.6 * view.region("lips", blur=0.5),
            0.6 * view.region("beard", blur=0.6) * strands,
            0.9 * view.region("shirt", blur=0.4) * np.maximum(blossoms, 0.35),
        ]
    )
    image = mix(image, rgb("#1d3f9a") * (0.5 + 0.6 * luminance(image))[..., None], np.clip(paint, 0, 1))
    glaze = 0.95 * specular(normals, KEY, 70) + 0.3 * specular(normals, SIDE, 25)
    return over(view, image + glaze[..., None], backdrop(view, "#d9c7a8", "#b89f7a"))


def plasticine(view: View) -> np.ndarray:
    """Modelling clay as in stop-motion films: cheerful flat colours, thumb prints, soft shine."""
    lumps = fbm(view.position, 13, 2, seed=24)
    prints = np.sin(190 * np.hypot(view.position[..., 0] - 0.1 * lumps, view.position[..., 1] + 0.15 * lumps))
    dx, dy = gradient(blur(3.2 * lumps + 0.10 * prints * smooth(0.5, 0.6, lumps), view, 0.5), view)
    normals = view.facing + np.stack([-dx, dy, 0 * dx], -1) * 1.6
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    color = saturate(blur(view.albedo, view, 1.0), 1.9)
    color = mix(color, np.round(color * 4) / 4, 0.5)
    image = color * (0.5 + 0.62 * diffuse(view, normals, wrap=0.5))[..., None]
    image = image + 0.22 * specular(normals, KEY, 14)[..., None]
    return over(view, image, backdrop(view, "#8fd0c8", "#4f9fa6"))


def wool(view: View) -> np.ndarray:
    """Knitted from wool: rows of V-shaped stitches."""
    x, y = view.pixels
    column, row = x / 4.2, y / 4.2
    lean = np.abs((column % 1) - 0.5) * 2
    stitch = ((row + 0.55 * lean) % 1 - 0.5) * 2
    thread = (1 - 0.75 * stitch**2) * (0.72 + 0.28 * np.sin(np.pi * ((column * 2) % 1)))
    fuzz = fbm(view.position, 70, 2, seed=31) - 0.5
    color = saturate(blur(view.color, view, 1.3), 1.35)
    image = color * (0.5 + 0.62 * thread + 0.22 * fuzz)[..., None]
    return over(view, image, rgb("#efe3d0") * (0.93 + 0.07 * thread)[..., None])


def chrome_tin(view: View) -> np.ndarray:
    """A robot: brushed steel plates with seams and bolts, glowing eyes."""
    normals = carved(view, hair=0.2)
    p = view.position
    image = ramp(reflection(normals), "#14181d #3a444e #77858f #20262c #a9bac6 #eef6fb", (0, 0.3, 0.47, 0.52, 0.66, 1))
    image = mix(image, ramp(diffuse(view, normals), "#20262c #66747f #b9c6cf"), 0.45)
    seam = np.minimum.reduce(
        [
            np.abs(p[..., 0]),
            np.abs(p[..., 1] - 0.115),
            np.abs(p[..., 1] + 0.055),
            np.abs(np.abs(p[..., 0]) - 0.105),
        ]
    )
    groove = smooth(0.006, 0.002, seam)
    bolts = smooth(0.012, 0.008, np.hypot((p[..., 0] % 0.07) - 0.035, np.abs(p[..., 1] - 0.135)))
    image = image * (1 - 0.75 * groove)[..., None] * (1 - 0.5 * features(view))[..., None]
    image = mix(image, rgb("#d9e4ea"), 0.8 * bolts)
    eyes = view.region("eye", "iris", blur=0.7)
    image = mix(image, rgb("#12b8ff"), np.clip(eyes * 1.3, 0, 1)) + 0.9 * blur(eyes, view, 2.5)[..., None] * rgb(
        "#0a7fd0"
    )
    image = mix(image, rgb("#0b1015"), 0.8 * view.region("mouth", "teeth", blur=0.5))
    image = image + 0.7 * specular(normals, KEY, 50)[..., None]
    return over(view, image, backdrop(view, "#3c4650", "#14191f"))


def glass(view: View) -> np.ndarray:
    """Clear cut crystal: bright and dark bands, coloured fringes."""
    normals = carved(view, hair=0.6)
    bands = 0.5 + 0.5 * np.sin(11 * normals[..., 0] * normals[..., 2] + 9 * normals[..., 1])
    image = ramp(bands, "#3d6f9e #9ccbe8 #e9f6ff #7fb4da #ffffff")
    fringe = np.stack([0.5 + 0.5 * np.sin(16 * normals[..., 1] + 9 * normals[..., 0] + k) for k in (0, 2.1, 4.2)], -1)
    image = mix(image, fringe, 0.28)
    image = image * (0.45 + 0.55 * occlusion(view, 0.8))[..., None] * (1 - 0.4 * features(view))[..., None]
    image = mix(image, rgb("#f6fcff"), 0.8 * rim(view.facing, 2.2)) + 0.9 * specular(normals, KEY, 60)[..., None]
    return over(view, image, backdrop(view, "#3f6d92", "#16304a"))


MATERIALS = (
    Style(
        "bronze",
        "material",
        metal(
            "#120804 #3a1d0c #7a4a1e #b98038 #f2cf8a",
            polish=0.25,
            shine="#ffdf9a",
            center="#5a5d66",
            edge="#2a2b31",
        ),
    ),
    Style(
        "gold",
        "material",
        metal(
            "#4a2800 #a86a08 #f0b820 #7a4a00 #ffd84a #fff6c0",
            places=(0, 0.3, 0.46, 0.52, 0.7, 1),
            polish=0.7,
            shine="#fff6c8",
            center="#7c1420",
            edge="#3a060e",
        ),
    ),
    Style(
        "silver",
        "material",
        metal(
            "#0c0d10 #4d535c #c9d0d8 #23262b #e6ebf0 #ffffff",
            places=(0, 0.28, 0.47, 0.52, 0.68, 1),
            polish=0.85,
            center="#b9c2cc",
            edge="#6f7883",
            marks=0.5,
        ),
    ),
    Style(
        "copper patina",
        "material",
        stone(
            "#123a36 #2f7a6c #5fb39c #9fdcc2 #d8f4e2",
            texture=verdigris,
            center="#c9c2b4",
            edge="#948b7c",
            marks=0.4,
        ),
    ),
    Style(
        "rusty iron",
        "material",
        stone(
            "#141010 #4c4440 #a09a94 #e8e4de",
            texture=rust,
            gloss=0.05,
            center="#8c9296",
            edge="#555b60",
            marks=0.5,
        ),
    ),
    Style(
        "marble",
        "material",
        stone(
            "#3c3f48 #7f828a #c2c1bf #ebe8e3 #fffdf8",
            texture=veins,
            gloss=0.12,
            center="#3d4a5c",
            edge="#1b2431",
        ),
    ),
    Style(
        "plaster",
        "material",
        stone(
            "#6d6157 #a99c8e #d8cdbf #f2ebe0 #fffaf0",
            texture=dust,
            gloss=0.0,
            center="#b48a6c",
            edge="#8a6248",
            marks=0.2,
        ),
    ),
    Style(
        "granite",
        "material",
        stone(
            "#101014 #4c4c52 #a4a4a4 #f0f0ee",
            texture=speckles,
            gloss=0.05,
            center="#8ea27c",
            edge="#5a6e4c",
            marks=0.7,
        ),
    ),
    Style(
        "jade",
        "material",
        stone(
            "#06301c #12683c #2fa066 #7cd09a #d4f6d8",
            texture=clouds,
            gloss=0.7,
            power=45,
            edge_light="#bdf0c4",
            center="#40281c",
            edge="#1d100a",
            marks=0.35,
            wrap=0.45,
        ),
    ),
    Style(
        "wood",
        "material",
        stone(
            "#2a1508 #6b3d1a #a9692f #d89a55 #f3c78a",
            texture=rings,
            gloss=0.1,
            power=14,
            center="#3f4a3c",
            edge="#20281f",
            marks=0.4,
        ),
    ),
    Style(
        "terracotta",
        "material",
        stone(
            "#4a1c10 #94401f #cc6b3c #e89a6a #f8c8a0",
            texture=dust,
            gloss=0.0,
            center="#e8dcc4",
            edge="#c9b998",
            marks=0.35,
        ),
    ),
    Style(
        "ice",
        "material",
        stone(
            "#0c3c78 #2f7fc0 #78bfe6 #c4eafa #ffffff",
            texture=cracks,
            gloss=0.8,
            power=50,
            edge_light="#f4fdff",
            center="#0f2c4c",
            edge="#050f20",
            marks=0.4,
            wrap=0.5,
        ),
    ),
    Style(
        "obsidian",
        "material",
        stone(
            "#000000 #08070b #141219 #2a2633 #4a4458",
            gloss=1.0,
            power=28,
            edge_light="#5a4a86",
            center="#c8b8d8",
            edge="#8a789e",
            marks=0.2,
        ),
    ),
    Style(
        "chocolate",
        "material",
        stone(
            "#1c0a04 #3f1c0c #6b3418 #955530 #b87a50",
            gloss=0.55,
            power=16,
            center="#f6d9d4",
            edge="#e4b0ac",
            marks=0.3,
            wrap=0.4,
        ),
    ),
    Style(
        "jelly",
        "material",
        stone(
            "#5c0010 #a8061e #e0203a #ff5a62 #ffa09a",
            gloss=0.9,
            power=40,
            edge_light="#ff9a8a",
            center="#fff2b8",
            edge="#f4d878",
            marks=0.4,
            wrap=0.6,
            hair=0.6,
        ),
    ),
    Style(
        "lava",
        "material",
        stone(
            "#080505 #2a1a16 #5c4036 #a07c68",
            texture=embers,
            gloss=0.1,
            center="#3a0c06",
            edge="#120302",
            marks=0.0,
        ),
    ),
    Style(
        "topiary",
        "material",
        stone(
            "#0c160a #3c5428 #8ea850 #e8f0c0",
            texture=leaves,
            gloss=0.0,
            center="#bfe2f2",
            edge="#86bcd8",
            marks=0.95,
        ),
    ),
    Style("crystal", "material", glass),
    Style("porcelain", "material", cobalt, held_out=True),
    Style("claymation", "material", plasticine),
    Style("knitted", "material", wool),
    Style("robot", "material", chrome_tin),
)
