"""The sliders of a square, and the copy of a picture that the page shows beside them."""

import dataclasses
import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from adapter.media.crop import Crop
from adapter.service.visitors import Visitors
from adapter.ui.handlers import Outputs
from adapter.utils.atomic import replacing

SHOWN_SIDE, SMALL = 1024, 176
"""Pixels of the copy's longer side, and of a square's preview."""
_UNITS: dict[str, float] = {"side": 0.01, "x": 0.01, "y": 0.01, "roll": math.pi / 180}
"""What a slider's step stands for in a `Crop`."""
Sliders = Mapping[str, gr.Slider]


def square_sliders(side: int) -> dict[str, gr.Slider]:
    """Make the sliders, by the names of a `Crop`'s values; the side is in percent."""
    return {
        "side": gr.Slider(10, 300, side, step=1, label="Size", info="percent of the shorter side", buttons=[]),
        "x": gr.Slider(-25, 125, 50, step=1, label="Left to right", buttons=[]),
        "y": gr.Slider(-25, 125, 50, step=1, label="Top to bottom", buttons=[]),
        "roll": gr.Slider(-60, 60, 0, step=1, label="Tilt", info="degrees", buttons=[]),
    }


def slider_values(sliders: Sliders, crop: Crop) -> Outputs:
    """Where the sliders stand for a square, rounded."""
    return {slider: _shown(slider, getattr(crop, name) / _UNITS[name]) for name, slider in sliders.items()}


def moved(sliders: Sliders, crop: Crop, shown: Sequence[float]) -> Crop:
    """The square where the sliders stand; numbers that a slider shows as they are stay exact."""
    change: dict[str, Any] = {
        name: value * _UNITS[name]
        for (name, slider), value in zip(sliders.items(), shown, strict=True)
        if value != _shown(slider, getattr(crop, name) / _UNITS[name])
    }
    return dataclasses.replace(crop, **change)


def keep_shown(image: np.ndarray, visitors: Visitors, request: gr.Request) -> str:
    """Write a small copy of a picture, uint8 [H, W, 3], into the visitor's folder."""
    # A name of its own for each, because Gradio's copies are found by what is in a file when the visitor goes.
    path = visitors.folder(request.session_hash or "") / f"picture-{secrets.token_hex(4)}.png"
    copy = Image.fromarray(image)
    copy.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    with replacing(path) as temporary:
        copy.save(temporary, format="PNG")
    return str(path)


def _shown(slider: gr.Slider, value: float) -> int:
    return round(min(max(value, slider.minimum), slider.maximum))
