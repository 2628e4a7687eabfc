"""A person's attributes -> deformation weights, colours and paint amounts."""

from typing import NamedTuple

import numpy as np

from adapter.synthetic.heads.attributes import Attributes

Colour = tuple[float, float, float]

# Display colours (sRGB, 0..255).
SKIN_TONES = (
    (255, 226, 206),
    (247, 207, 180),
    (233, 184, 147),
    (210, 153, 112),
    (170, 114, 80),
    (126, 82, 58),
    (92, 58, 42),
)
HAIR_TONES = ((36, 29, 28), (50, 36, 30), (76, 49, 34), (112, 71, 44), (164, 112, 66), (212, 164, 104), (232, 200, 148))
GREY_HAIR = (196, 194, 192)
IRIS_TONES = ((74, 44, 26), (108, 66, 36), (142, 106, 56), (104, 146, 92), (88, 150, 208), (140, 184, 226))
LIPSTICK = (178, 34, 56)
SHIRT = (74, 86, 104)
GLASSES_FRAME = (22, 21, 25)


class Paint(NamedTuple):
    """Colours (linear RGB) and amounts (0..1) that the paint kernel reads."""

    skin: Colour
    lips: Colour
    iris: Colour
    hair: Colour
    brow_hair: Colour
    beard_hair: Colour
    lash: Colour
    shirt: Colour
    frame: Colour
    brow_thickness: float
    beard: float
    scalp: float
    wrinkles: float
    blush: float


def to_linear(color: tuple[float, float, float] | np.ndarray) -> Colour:
    """Display colour (0..255) -> linear light; the renderer encodes with a square root (gamma 2)."""
    return tuple((np.asarray(color, np.float64) / 255) ** 2)


def along(stops: tuple[tuple[float, float, float], ...], position: float) -> np.ndarray:
    """Piecewise linear colour at 0..1 along a list of stops."""
    x = np.clip(position, 0, 1) * (len(stops) - 1)
    i = min(int(x), len(stops) - 2)
    return np.asarray(stops[i], np.float64) * (1 - (x - i)) + np.asarray(stops[i + 1], np.float64) * (x - i)


def _ramp(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def paint(person: Attributes) -> Paint:
    """Colours and amounts for one person."""
    skin = along(SKIN_TONES, person.melanin)
    hair = along(HAIR_TONES, person.hair_tone) * (1 - person.gray) + np.array(GREY_HAIR) * person.gray
    natural_lips = skin * np.array([0.92, 0.70, 0.70])
    lips = natural_lips * (1 - person.lipstick) + np.array(LIPSTICK) * person.lipstick
    brow = 0.74 * hair * (1 - 0.2 * person.gray) * np.array([1.0, 0.97, 0.93])
    return Paint(
        skin=to_linear(skin),
        lips=to_linear(lips),
        iris=to_linear(along(IRIS_TONES, person.eye_tone)),
        hair=to_linear(hair),
        brow_hair=to_linear(brow),
        beard_hair=to_linear(0.84 * hair * np.array([1.02, 0.95, 0.88])),
        lash=to_linear(skin * 0.35 * person.male + np.array((26, 20, 20)) * (1 - person.male)),
        shirt=to_linear(SHIRT),
        frame=to_linear(GLASSES_FRAME),
        brow_thickness=0.85 + 0.45 * person.male,
        beard=person.beard,
        scalp=_ramp(0.02, 0.13, person.hair_length),
        wrinkles=_ramp(0.5, 1.0, person.age),
        blush=0.6 - 0.25 * person.male,
    )


def _macro(person: Attributes) -> dict[str, float]:
    """MakeHuman's blend of ancestry x sex x age and of sex x age x weight."""
    if person.age < 0.4:
        ages = {"child": 1 - person.age / 0.4, "young": person.age / 0.4}
    else:
        ages = {"young": (1 - person.age) / 0.6, "old": (person.age - 0.4) / 0.6}
    weights = {
        "minweight": max(0, 1 - 2 * person.weight),
        "averageweight": 1 - abs(2 * person.weight - 1),
        "maxweight": max(0, 2 * person.weight - 1),
    }
    races = {"african": person.african, "asian": person.asian, "caucasian": person.european}
    blend: dict[str, float] = {}
    for sex, by_sex in (("male", person.male), ("female", 1 - person.male)):
        for age, by_age in ages.items():
            blend |= {f"{race}-{sex}-{age}": by_sex * by_age * w for race, w in races.items()}
            blend |= {f"universal-{sex}-{age}-averagemuscle-{k}": by_sex * by_age * w for k, w in weights.items()}
    return blend


def _shape(person: Attributes) -> dict[str, float]:
    """Features beyond MakeHuman's macro blend: signed amounts of -decr/-incr pairs."""
    child = _ramp(0.4, 0.06, person.age)
    fat, eye = 2 * person.weight - 1, 0.8 + 1.3 * person.eye_size + 0.6 * child
    pairs = {
        "l-eye-scale": eye,
        "r-eye-scale": eye,
        "head-fat": 0.85 * fat,
        "l-cheek-volume": 0.5 * fat + 0.4 * child,
        "r-cheek-volume": 0.5 * fat + 0.4 * child,
        "chin-height": -0.4 * child,
        "nose-scale-horiz": 1.3 * person.nose_width,
        "nose-nostrils-width": 0.8 * person.nose_width,
        "nose-scale-vert": 1.1 * person.nose_length - 0.5 * child,
        "nose-scale-depth": 0.45 * person.nose_length,
        "chin-width": person.jaw_width,
        "chin-bones": 0.8 * person.jaw_width,
        "mouth-lowerlip-volume": 0.1 + 0.8 * person.lip_fullness,
        "mouth-upperlip-volume": 0.1 + 0.8 * person.lip_fullness,
        "mouth-lowerlip-height": 0.6 * person.lip_fullness,
        "mouth-upperlip-height": 0.6 * person.lip_fullness,
    }
    weights = {k + ("-incr" if v > 0 else "-decr"): abs(v) for k, v in pairs.items()}
    weights |= {
        "head-square": 0.6 * max(0, person.jaw_width),
        "head-oval": 0.5 * max(0, -person.jaw_width),
        "l-ear-wing-decr": 0.4,
        "r-ear-wing-decr": 0.4,
        "mouth-angles-up": 0.3,
        "eyebrows-angle-up": 0.2,
    }
    return weights


def _expression(person: Attributes) -> dict[str, float]:
    """Face units; the neutral face is relaxed, with a trace of a smile."""
    smile, opened, raised, lowered = person.smile, person.mouth_open, max(0, person.brows), max(0, -person.brows)
    grin = _ramp(0.45, 1.0, smile)
    both = {
        "mouthSmile": 0.22 + 1.1 * smile,
        "mouthDimple": 0.35 * smile,
        "cheekSquint": 0.9 * smile * smile,
        "mouthUpperUp": 0.75 * grin + 0.25 * smile * opened,
        "mouthLowerDown": 0.35 * grin,
        "mouthStretch": 0.35 * grin,
        "eyeSquint": 0.2 * grin,
        "browOuterUp": 0.2 + 1.1 * raised,
        "eyeWide": 0.6 * raised,
        "browDown": 1.1 * lowered,
        "noseSneer": 0.15 * lowered,
    }
    weights = {k + side: v for k, v in both.items() for side in ("Left", "Right")}
    return weights | {"browInnerUp": 0.25 + 1.2 * raised, "jawOpen": min(0.75, 0.65 * opened + 0.18 * grin)}


def deformation(person: Attributes) -> tuple[dict[str, float], dict[str, float]]:
    """Target weights by name: (shape of the head, expression)."""
    return _macro(person) | _shape(person), _expression(person)
