"""Characters: skin, eyes and hair change, the person stays."""

from collections.abc import Callable

import numpy as np

from adapter.synthetic.styles.filters import (
    backdrop,
    blur,
    contrast,
    features,
    gradient,
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
from adapter.synthetic.styles.materials import KEY, SIDE, carved, diffuse
from adapter.synthetic.styles.noise import cells, fbm
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View

SKIN = ("skin", "ear", "nose", "neck", "lips", "beard")


def sockets(view: View, width: float = 3.0) -> np.ndarray:
    """[H,W] in 0..1: dark rings around the eyes, not the eyes themselves."""
    eyes = view.region("eye", "iris", blur=0.4)
    return np.clip(blur(eyes, view, width) * 3.2, 0, 1) * (1 - eyes)


def skin_tone(view: View, codes: str) -> np.ndarray:
    """[H,W,3] albedo of skin: the person's own tone through a ramp, dark to light."""
    return ramp(np.clip(0.25 + 0.75 * luminance(view.albedo) ** 0.8, 0, 1), codes)


def dress(
    view: View,
    skin: np.ndarray,
    *,
    eye: str,
    iris: str,
    lips: str | None = None,
    hair: np.ndarray | None = None,
    skin_parts: tuple[str, ...] = SKIN,
) -> np.ndarray:
    """[H,W,3] albedo of a character: skin replaced, eyes, irises, lips and hair recoloured."""
    albedo = mix(view.albedo, skin, view.region(*skin_parts, blur=0.5))
    albedo = albedo * (1 - 0.35 * view.region("beard", blur=0.6))[..., None]
    if lips is not None:
        albedo = mix(albedo, rgb(lips), 0.85 * view.region("lips", blur=0.5))
    if hair is not None:
        albedo = mix(albedo, hair, view.region("hair", "brow", blur=0.5))
    albedo = mix(albedo, rgb(eye), np.clip(1.3 * view.region("eye", blur=0.35), 0, 1))
    return mix(albedo, rgb(iris), np.clip(1.3 * view.region("iris", blur=0.35), 0, 1))


def lit(view: View, albedo: np.ndarray, deepen: float = 1.15) -> np.ndarray:
    """[H,W,3] an albedo under the render's own light."""
    return np.clip(albedo * view.light[..., None], 0, 1) ** deepen


def zombie(view: View) -> np.ndarray:
    """Rotting green skin, veins, wounds, yellow eyes with red irises."""
    p = view.position
    skin = skin_tone(view, "#26301c #5f7a42 #93ad6a #c2d49a") * (0.62 + 0.7 * fbm(p, 14, 5, seed=4))[..., None]
    veins = smooth(0.045, 0.0, np.abs(fbm(p, 13, 4, seed=8) - 0.5))
    skin = mix(skin, rgb("#3a4a44"), 0.55 * veins)
    wounds = smooth(0.63, 0.74, fbm(p, 15, 4, seed=25))
    skin = mix(skin, rgb("#5e0e0c"), 0.8 * wounds)
    albedo = dress(view, skin, eye="#e8dc8a", iris="#b01810", lips="#4a3440", hair=saturate(view.albedo, 0.35) * 0.65)
    albedo = albedo * (1 - 0.72 * sockets(view))[..., None]
    return over(view, lit(view, albedo), backdrop(view, "#2f3a30", "#101510"))


def vampire(view: View) -> np.ndarray:
    """Deathly white skin, black hair, red eyes and lips, crimson light from the side."""
    skin = skin_tone(view, "#8a8494 #cfcad6 #eceaf0 #fbfafd")
    albedo = dress(view, skin, eye="#f4e8e8", iris="#e00010", lips="#a80014", hair=np.clip(view.albedo * 0.12, 0, 1))
    albedo = albedo * (1 - 0.6 * sockets(view, 2.4)[..., None] * np.array([0.6, 1.0, 0.85]))
    image = lit(view, albedo, 1.2)
    image = image + 0.5 * (rim(view.facing, 2.2) * np.clip(view.facing[..., 0], 0, 1))[..., None] * rgb("#ff1030")
    glow = blur(view.region("iris", blur=0.4), view, 1.6)
    return over(view, image + 0.6 * glow[..., None] * rgb("#ff1020"), backdrop(view, "#4a0812", "#120207"))


def alien(view: View) -> np.ndarray:
    """Smooth lime-grey skin, huge black shining eyes, no hair colour."""
    p = view.position
    spots = smooth(0.42, 0.25, cells(p, 20, seed=12)[0]) * smooth(0.02, 0.12, np.abs(p[..., 0]))
    skin = mix(ramp(np.clip(view.light / 1.1, 0, 1), "#1e3a2c #4f8a5c #8fd08a #d4ffc0"), rgb("#2f6a5a"), 0.4 * spots)
    image = mix(skin, skin * 0.7 + 0.1, view.region("hair", blur=0.8))
    black = np.clip(3.4 * blur(view.region("eye", "iris", "lash", blur=0.6), view, 1.7), 0, 1)
    image = mix(image, rgb("#05060c"), smooth(0.35, 0.75, black))
    image = image * (1 - 0.5 * view.region("lips", "mouth", "brow", "glasses", blur=0.6))[..., None]
    normals = carved(view, 0.4, 0.0)
    image = image + (0.55 * specular(normals, KEY, 30) + 0.3 * rim(view.facing, 2.5))[..., None] * rgb("#d8ffe8")
    glint = smooth(0.75, 0.9, black) * specular(view.facing, (-0.3, 0.5, 0.8), 90)
    return over(view, image + 0.9 * glint[..., None], backdrop(view, "#3a1f5e", "#0d0620"))


def devil(view: View) -> np.ndarray:
    """Crimson skin, black hair, glowing yellow eyes, fire light from below."""
    p = view.position
    skin = skin_tone(view, "#2a0404 #8a0c0c #c81c16 #f04a30") * (0.75 + 0.45 * fbm(p, 16, 4, seed=15))[..., None]
    creases = smooth(0.06, 0.0, np.abs(fbm(p * np.array([1, 0.5, 1], np.float32), 11, 3, seed=16) - 0.5))
    skin = mix(skin, rgb("#2a0206"), 0.5 * creases)
    albedo = dress(view, skin, eye="#ffd428", iris="#1c0400", lips="#2c0408", hair=rgb("#140808") * np.ones_like(skin))
    image = lit(view, albedo * (1 - 0.6 * sockets(view, 2.6))[..., None], 1.2)
    below = np.clip(-view.facing[..., 1], 0, 1) ** 1.2 + 0.6 * rim(view.facing, 2.6)
    image = image + 0.75 * below[..., None] * rgb("#ff7a10")
    eyes = blur(view.region("eye", blur=0.4), view, 1.8)
    return over(view, image + 0.5 * eyes[..., None] * rgb("#ffc020"), backdrop(view, "#5a1a04", "#160402"))


def blue_tribe(view: View) -> np.ndarray:
    """Blue skin with darker stripes and glowing freckles, golden eyes, jungle behind."""
    p = view.position
    stripes = np.sin(p[..., 1] * 95 + 30 * np.abs(p[..., 0]) + 7 * fbm(p, 8, 2, seed=18))
    skin = skin_tone(view, "#0c2350 #2458a8 #4a8ad8 #8fc4f4")
    skin = mix(skin, rgb("#123a86"), 0.5 * smooth(0.35, 0.8, stripes) * smooth(0.02, 0.09, np.abs(p[..., 0])))
    freckles = smooth(0.17, 0.08, cells(p, 26, seed=19)[0]) * view.region(*SKIN)
    albedo = dress(view, skin, eye="#f6f2d8", iris="#e8b010", lips="#3a4aa0", hair=view.albedo * 0.35)
    image = lit(view, albedo) + 0.8 * freckles[..., None] * rgb("#9ff4ff")
    image = image + 0.25 * specular(carved(view), KEY, 16)[..., None] * rgb("#a8d8ff")
    return over(view, image, backdrop(view, "#1f6a5a", "#06281f"))


def ghost(view: View) -> np.ndarray:
    """A pale glowing apparition that fades downwards; hollow eyes."""
    _, y = view.pixels
    glow = np.clip(0.28 + 0.75 * rim(view.facing, 1.3) + 0.55 * (view.light - 0.5), 0, 1)
    image = ramp(glow, "#16283c #4f7f9e #a8d8e4 #f0ffff")
    hollow = np.clip(blur(view.region("eye", "iris", blur=0.5), view, 1.3) * 2.0, 0, 1)
    image = (
        image
        * (1 - 0.9 * hollow)[..., None]
        * (1 - 0.75 * view.region("mouth", "lips", "brow", "glasses", blur=0.6))[..., None]
    )
    fade = smooth(128, 84, y) * 0.94
    dark = backdrop(view, "#16242e", "#04080c")
    mist = blur(view.mask, view, 6) * 0.32
    wisps = smooth(0.45, 0.8, fbm(view.position, 7, 4, seed=27))
    image = mix(image, dark, 0.3 * wisps)
    return np.clip(mix(dark + mist[..., None] * rgb("#8fd0e0"), image, view.mask * fade), 0, 1).astype(np.float32)


def orc(view: View) -> np.ndarray:
    """Olive-green warty hide, war paint, amber eyes, leather-brown hair."""
    p = view.position
    warts = cells(p, 30, seed=22)[0]
    hide = skin_tone(view, "#161c08 #3c4a14 #64761f #93a23c") * (0.7 + 0.55 * fbm(p, 18, 4, seed=23))[..., None]
    hide = hide * (0.88 + 0.3 * smooth(0.45, 0.2, warts))[..., None]
    paint = smooth(0.018, 0.012, np.abs(p[..., 1] - 0.012 - 0.1 * np.abs(p[..., 0]))) * smooth(
        0.03, 0.04, np.abs(p[..., 0])
    )
    hide = mix(hide, rgb("#d8d0c0"), 0.75 * paint * (fbm(p, 60, 2, seed=24) > 0.42))
    albedo = dress(
        view,
        hide,
        eye="#e8c878",
        iris="#8a1c00",
        lips="#3a3a18",
        hair=rgb("#2a170c") * (0.6 + 0.9 * luminance(view.albedo))[..., None],
    )
    image = lit(view, albedo * (1 - 0.55 * sockets(view, 2.6))[..., None], 1.15)
    dx, dy = gradient(smooth(0.5, 0.1, warts), view)
    image = np.clip(image + 0.3 * (dx + dy)[..., None] * view.region(*SKIN)[..., None], 0, 1)
    return over(view, image + 0.14 * specular(view.facing, KEY, 12)[..., None], backdrop(view, "#7a5a3c", "#33200f"))


def skeleton(view: View) -> np.ndarray:
    """A skull showing through: bone, black sockets, nose hole, rows of teeth."""
    p = view.position
    normals = carved(view, 0.4, 0.3)
    image = ramp(diffuse(view, normals, wrap=0.35), "#2a2014 #8a7856 #cdbd94 #f0e6c8 #fffaea")
    image = image * (0.82 + 0.34 * fbm(p, 16, 4, seed=30))[..., None]
    eyes = smooth(0.42, 0.75, np.clip(4.2 * blur(view.region("eye", "iris", "lash", blur=0.6), view, 2.4), 0, 1))
    nose = smooth(0.45, 0.75, blur(view.region("nose", blur=0.6), view, 1.0)) * (p[..., 1] < 0.01)
    cheek = smooth(0.05, 0.09, np.abs(p[..., 0])) * smooth(-0.03, -0.075, p[..., 1]) * smooth(-0.2, -0.13, p[..., 1])
    mouth = np.clip(2.6 * blur(view.region("lips", "mouth", "teeth", blur=0.6), view, 1.3), 0, 1)
    teeth = smooth(0.2, 0.6, np.abs(np.sin(p[..., 0] * 150)))
    image = mix(image, mix(rgb("#1c140c") * np.ones_like(image), rgb("#f4ead0"), teeth), smooth(0.3, 0.7, mouth))
    image = image * (1 - 0.93 * np.maximum(eyes, nose))[..., None] * (1 - 0.6 * cheek)[..., None]
    image = mix(image, view.color * 0.35, view.region("hair", "shirt", blur=0.6) * 0.85)
    return over(view, image, backdrop(view, "#3a2c44", "#120c18"))


def mummy(view: View) -> np.ndarray:
    """Wrapped in dirty linen bandages, only the eyes and mouth free."""
    p = view.position
    tilt = 0.35 * np.sin(21 * p[..., 1]) * p[..., 0] + 0.03 * fbm(p, 10, 3, seed=33)
    band = (p[..., 1] + tilt) * 27
    place = band % 1
    cloth = ramp(0.35 + 0.6 * fbm(p, 22, 4, seed=34), "#6a573a #b89f74 #d8c49a #efe2c2")
    weave = 1 + 0.10 * np.sin(p[..., 0] * 420) * np.sin(p[..., 1] * 420)
    strip = (0.35 + 0.75 * smooth(0.0, 0.22, place)) * (1 - 0.25 * smooth(0.75, 1.0, place))
    image = cloth * (strip * weave * np.clip(view.light, 0.25, 1.2))[..., None]
    image = image * (0.86 + 0.28 * (np.sin(np.floor(band) * 12.9) * 0.5 + 0.5))[..., None]
    open_ = np.clip(1.8 * view.region("eye", "iris", "lash", "mouth", "teeth", "lips", blur=0.9), 0, 1)
    inner = lit(view, view.albedo * np.array([0.5, 0.42, 0.36], np.float32))
    inner = mix(inner, rgb("#e8d890"), 0.8 * view.region("eye", blur=0.35))
    image = mix(image, inner, open_) * (1 - 0.5 * sockets(view, 2.2))[..., None]
    return over(view, image, backdrop(view, "#c8a25a", "#7a5a24"))


def clown(view: View) -> np.ndarray:
    """White face paint, red nose and wide red mouth, blue eye diamonds, orange-red hair."""
    p = view.position
    albedo = dress(
        view,
        rgb("#f6f4f2") * np.ones_like(view.albedo),
        eye="#ffffff",
        iris="#20304a",
        hair=mix(rgb("#d83a10") * np.ones_like(view.albedo), rgb("#ff8a1a"), fbm(p, 30, 2, seed=36)),
    )
    mouth = smooth(0.3, 0.6, np.clip(2.4 * blur(view.region("lips", "mouth", "teeth", blur=0.6), view, 1.5), 0, 1))
    mouth = mouth * (1 - view.region("mouth", "teeth", blur=0.4))
    albedo = mix(albedo, rgb("#d80a18"), mouth)
    eyes = blur(view.region("eye", "iris", blur=0.5), view, 2.4)
    albedo = mix(albedo, rgb("#1a6ae0"), smooth(0.12, 0.26, eyes) * (1 - view.region("eye", "iris", blur=0.35)))
    nose_map = view.region("nose", blur=0.5)
    ball = smooth(0.45, 0.7, blur(nose_map, view, 0.9)) * (p[..., 1] < 0.012)
    albedo = mix(albedo, rgb("#e81020"), ball)
    image = lit(view, albedo, 1.0) + 0.5 * (ball * specular(view.facing, KEY, 14))[..., None]
    return over(view, image, backdrop(view, "#ffd83a", "#f09a1a"))


def tiger(view: View) -> np.ndarray:
    """Face paint or fur of a tiger: orange, white muzzle, black stripes, green eyes."""
    p = view.position
    fur = fbm(p * np.array([1, 0.6, 1], np.float32), 60, 2, seed=38)
    muzzle = smooth(0.3, 0.9, blur(view.region("lips", "mouth", blur=1.0), view, 5) * 2.6)
    skin = mix(rgb("#e8801c") * np.ones_like(view.albedo), rgb("#fff4e0"), muzzle)
    waves = np.sin(p[..., 1] * 80 + 45 * np.abs(p[..., 0]) + 12 * fbm(p, 9, 3, seed=39))
    stripes = smooth(0.35, 0.7, waves) * smooth(0.035, 0.08, np.abs(p[..., 0]) + 0.35 * np.clip(p[..., 1] - 0.03, 0, 1))
    skin = mix(skin, rgb("#140c08"), 0.92 * stripes) * (0.75 + 0.5 * fur)[..., None]
    albedo = dress(
        view,
        skin,
        eye="#e8f0b0",
        iris="#3a8a1c",
        lips="#2a1410",
        hair=skin,
        skin_parts=(*SKIN, "hair", "brow"),
    )
    nose = smooth(0.5, 0.8, blur(view.region("nose", blur=0.5), view, 1.0)) * (p[..., 1] < 0.0)
    albedo = mix(albedo, rgb("#5a2c20"), 0.7 * nose * smooth(-0.01, -0.025, p[..., 1]))
    albedo = mix(albedo, rgb("#100806"), view.region("lash", "brow", blur=0.5) * 0.8)
    return over(view, lit(view, albedo, 1.0), backdrop(view, "#5a7a3a", "#24381a"))


def galaxy(view: View) -> np.ndarray:
    """A cosmic being: the head is a window to nebulae and stars."""
    p = view.position
    cloud = fbm(p, 6, 5, seed=42)
    image = ramp(np.clip(1.6 * (cloud - 0.2), 0, 1), "#05041a #2a1066 #7a1fa0 #e0489a #ffb0c8", (0, 0.35, 0.6, 0.85, 1))
    image = mix(image, rgb("#1a8ad0"), 0.6 * smooth(0.5, 0.75, fbm(p, 7, 4, seed=43)))
    stars = smooth(0.13, 0.04, cells(p, 30, seed=44)[0]) + smooth(0.2, 0.05, cells(p, 13, seed=45)[0])
    image = image * (0.35 + 0.85 * view.light)[..., None] * (1 - 0.7 * features(view))[..., None]
    image = image + np.clip(stars, 0, 1)[..., None] * rgb("#ffffff")
    image = mix(image, rgb("#bff4ff"), 0.9 * view.region("eye", "iris", blur=0.5))
    image = image + 0.8 * rim(view.facing, 2.5)[..., None] * rgb("#8a6aff")
    return over(view, image, backdrop(view, "#0c0a24", "#020208"))


def plastic(color: str, background: str) -> Callable[[View], np.ndarray]:
    """A shiny toy doll: smooth plastic skin of one colour, simple painted features."""

    def draw(view: View) -> np.ndarray:
        skin = rgb(color) * np.ones_like(view.albedo)
        hair = saturate(blur(view.albedo, view, 2.0), 1.5)
        albedo = dress(view, skin, eye="#ffffff", iris="#182030", lips="#c85a4a", hair=hair)
        normals = carved(view, 0.25, 0.0)
        image = contrast(albedo, 1.1) * (0.55 + 0.5 * diffuse(view, normals, wrap=0.5))[..., None]
        gloss = 0.75 * specular(normals, KEY, 55) + 0.2 * specular(normals, SIDE, 20)
        image = image * (1 - 0.35 * smooth(0.4, 0.9, lines(view, 0.5)))[..., None]
        return over(view, image + gloss[..., None], rgb(background))

    return draw


CHARACTERS = (
    Style("zombie", "character", zombie),
    Style("vampire", "character", vampire),
    Style("alien", "character", alien),
    Style("devil", "character", devil),
    Style("blue avatar", "character", blue_tribe),
    Style("ghost", "character", ghost),
    Style("orc", "character", orc, held_out=True),
    Style("skeleton", "character", skeleton),
    Style("mummy", "character", mummy),
    Style("clown", "character", clown),
    Style("tiger", "character", tiger),
    Style("cosmic being", "character", galaxy),
    Style("plastic toy", "character", plastic("#f8c81c", "#3a8ad8")),
)
