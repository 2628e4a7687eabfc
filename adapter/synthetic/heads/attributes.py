"""The latent space: z -> named attributes of a person.

A latent z is first divided by its root mean square (as the mapping network does), then turned by a fixed
orthogonal matrix. Each named attribute reads one coordinate of the result; the last ones are free.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import hadamard

Z_DIM = 32
NAMES = (
    "sex",
    "age",
    "ancestry_asian",
    "ancestry_african",
    "complexion",
    "weight",
    "hair_tone",
    "hair_length",
    "hair_volume",
    "fringe",
    "beard",
    "glasses",
    "smile",
    "mouth_open",
    "brows",
    "eye_colour",
    "eye_size",
    "nose_width",
    "nose_length",
    "jaw_width",
    "lip_fullness",
    "lipstick",
)
GLASSES_THRESHOLD = 0.84  # glasses are the only on/off attribute: 20 % of all latents wear them
GLASSES_MARGIN = 0.07  # latents this close to the threshold are not used for training

# Hadamard: exactly orthogonal without a stored file; column i is the direction of attribute i.
_ROTATION = hadamard(Z_DIM).astype(np.float64) / math.sqrt(Z_DIM)
_INDEX = {name: i for i, name in enumerate(NAMES)}


def coordinates(z: np.ndarray) -> np.ndarray:
    """Rotated, RMS-normalised coordinates u [Z_DIM] of a latent z [Z_DIM]; u[i] belongs to NAMES[i]."""
    z = np.asarray(z, np.float64)
    return _ROTATION.T @ (z / math.sqrt(np.mean(z * z) + 1e-12))


def latent(u: np.ndarray) -> np.ndarray:
    """The latent z [Z_DIM] of coordinates u [Z_DIM]; inverse of `coordinates` where the RMS of u is 1."""
    return _ROTATION @ np.asarray(u, np.float64)


def direction(name: str) -> np.ndarray:
    """Unit vector [Z_DIM] along which one attribute grows. Raises KeyError for an unknown name."""
    return _ROTATION[:, _INDEX[name]].copy()


def attribute_value(z: np.ndarray, name: str) -> float:
    """The attribute's coordinate, about N(0, 1) over random latents."""
    return float(coordinates(z)[_INDEX[name]])


def edit(z: np.ndarray, **values: float) -> np.ndarray:
    """z with some attributes set to given coordinates (about -2.5..2.5), all other attributes unchanged.

    The free coordinates take up what the change adds to the norm, so that normalisation does not
    shift the other attributes (only if they cannot, all are scaled by a little).
    """
    u = coordinates(z)
    for name, value in values.items():
        u[_INDEX[name]] = value
    named, free = u[: len(NAMES)], u[len(NAMES) :]
    wanted = max(Z_DIM - float(named @ named), 1e-3)
    u[len(NAMES) :] = free * math.sqrt(wanted / max(float(free @ free), 1e-12))
    return latent(u)


def average_latent() -> np.ndarray:
    """A latent whose named attributes are all at their middle."""
    u = np.zeros(Z_DIM)
    u[len(NAMES) :] = math.sqrt(Z_DIM / (Z_DIM - len(NAMES)))
    return latent(u)


def sample_latent(rng: np.random.Generator) -> np.ndarray:
    """z ~ N(0, I) [Z_DIM] float32, without latents in doubt about glasses."""
    while True:
        z = rng.standard_normal(Z_DIM).astype(np.float32)
        if abs(attribute_value(z, "glasses") - GLASSES_THRESHOLD) > GLASSES_MARGIN:
            return z


@dataclass(frozen=True)
class Attributes:
    """What is true of a person; amounts are in 0..1 unless said otherwise."""

    male: float
    age: float  # 0 child, 0.4 young adult, 1 old
    african: float
    asian: float
    european: float
    melanin: float
    weight: float
    gray: float
    hair_tone: float  # black 0 .. light blond 1, before greying
    hair_length: float  # 0 shaved, 0.2 cropped, 0.4 short, 0.7 to the jaw, 1 to the shoulders
    hair_volume: float
    fringe: float  # -1 swept up .. 1 down to the brows
    beard: float
    glasses: bool
    smile: float
    mouth_open: float
    brows: float  # -1 lowered .. 1 raised
    eye_tone: float  # dark brown 0 .. light blue 1
    eye_size: float  # this and all below: -1..1
    nose_width: float
    nose_length: float
    jaw_width: float
    lip_fullness: float
    lipstick: float  # 0..1


def _phi(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _clip(x: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(x, low), high)


def attributes(z: np.ndarray) -> Attributes:
    """The person that a latent z [Z_DIM] stands for; continuous in z, but for glasses."""
    u = dict(zip(NAMES, coordinates(z).tolist(), strict=False))
    male = _sigmoid(2.6 * u["sex"])
    age = float(np.interp(_phi(u["age"]), [0, 0.12, 0.6, 0.85, 1], [0.06, 0.34, 0.55, 0.8, 1.0]))
    adult = _sigmoid(25 * (age - 0.33))
    ancestry = np.exp(1.6 * np.array([u["ancestry_african"], u["ancestry_asian"], 0.45]))
    african, asian, european = (ancestry / ancestry.sum()).tolist()
    dark = african + asian
    signed = {
        k: _clip(0.5 * u[k], -1, 1)
        for k in ("fringe", "brows", "eye_size", "nose_width", "nose_length", "jaw_width", "lip_fullness")
    }
    return Attributes(
        male=male,
        age=age,
        african=african,
        asian=asian,
        european=european,
        melanin=_clip(0.84 * african + 0.32 * asian + 0.16 * european + 0.11 * u["complexion"], 0.03),
        weight=_clip(0.5 + 0.24 * u["weight"]),
        gray=_clip((age - 0.6) * 3.0),
        hair_tone=_phi(1.1 * u["hair_tone"] - 0.9 * dark + 0.3),
        hair_length=_phi((u["hair_length"] - 0.9 * math.tanh(1.5 * u["sex"])) / 1.2),
        hair_volume=_phi(u["hair_volume"]),
        beard=_clip(0.5 * (u["beard"] + 0.4)) * _sigmoid(8 * (u["sex"] - 0.3)) * adult,
        glasses=u["glasses"] > GLASSES_THRESHOLD,
        smile=_phi(1.1 * u["smile"]),
        mouth_open=_clip(0.45 * u["mouth_open"]),
        eye_tone=_phi(u["eye_colour"] - 1.5 * african - 1.0 * asian + 0.45),
        lipstick=_clip(0.3 + 0.35 * u["lipstick"]) * (1 - male) * adult,
        **signed,
    )


_HAIR_NAMES = ((0.2, "black"), (0.45, "dark brown"), (0.66, "brown"), (1.01, "blond"))
_EYE_NAMES = ((0.4, "brown"), (0.62, "hazel"), (0.75, "green"), (1.01, "blue"))
_SKIN_NAMES = ((0.22, "light"), (0.42, "tan"), (0.62, "brown"), (1.01, "dark"))
_AGE_NAMES = ((0.28, "child"), (0.52, "young adult"), (0.7, "middle-aged"), (1.01, "elderly"))
_LENGTH_NAMES = ((0.06, "bald"), (0.2, "buzz cut"), (0.45, "short"), (0.7, "medium"), (1.01, "long"))


def _named(value: float, names: tuple[tuple[float, str], ...]) -> str:
    return next(name for limit, name in names if value < limit)


def describe(z: np.ndarray) -> dict[str, float | bool | str]:
    """Ground truth for captions: every field of `Attributes` plus names and yes/no answers.

    Added keys: sex, age_group, hair_colour, hair_style, skin_tone, eye_colour (names); bearded, smiling,
    open_mouth, wears_lipstick (bool). Values between two answers get the nearer one.
    """
    person = attributes(z)
    return {
        **vars(person),
        "sex": "man" if person.male > 0.5 else "woman",
        "age_group": _named(person.age, _AGE_NAMES),
        "hair_colour": ("grey" if person.gray > 0.45 else _named(person.hair_tone, _HAIR_NAMES)),
        "hair_style": _named(person.hair_length, _LENGTH_NAMES),
        "skin_tone": _named(person.melanin, _SKIN_NAMES),
        "eye_colour": _named(person.eye_tone, _EYE_NAMES),
        "bearded": person.beard > 0.35,
        "smiling": person.smile > 0.6,
        "open_mouth": person.mouth_open > 0.3,
        "wears_lipstick": person.lipstick > 0.4,
    }
