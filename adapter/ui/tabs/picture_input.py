"""A style image, its square, and more pictures of the same style."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from adapter.errors import UserError
from adapter.media.crop import Crop, crop_and_resize, describe_crop
from adapter.media.examples import examples
from adapter.media.references import read_picture, read_reference, suggest_crop
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.handlers import CLICK_INDEX, QUIET, Outputs, Values, report_errors
from adapter.ui.upload_image import UploadImage
from adapter.utils.atomic import replacing

SHOWN_SIDE = 1024
_UNITS: dict[str, float] = {"side": 0.01, "x": 0.01, "y": 0.01, "roll": math.pi / 180}
"""What a slider's step stands for in a `Crop`."""
CROP_SIDE = 176
UNMARK = """
() => document.querySelectorAll('#examples [aria-pressed]').forEach(each => each.setAttribute('aria-pressed', 'false'))
"""
_SHOWN: dict[str, Any] = {"apply_default_css": False}


@dataclass(frozen=True)
class Style:
    """A chosen style image: its file, its exact square, and the quarter turns clockwise that come first."""

    path: str
    crop: Crop
    quarter_turns: int = 0


class PictureInput:
    """A style image, its square, and more pictures of the same style."""

    def __init__(self, visitors: Visitors, note: gr.HTML) -> None:
        self.visitors, self.note, self.examples = visitors, note, examples()

    def layout(self) -> None:
        """Make the components."""
        self.style = gr.State(None)
        self.picture = UploadImage(
            sources=["upload", "clipboard", "webcam"],
            show_label=False,
            height=250,
            elem_id="picture",
            placeholder="Drop a picture here, or click to upload.\nJPEG, PNG or WebP, up to 25 MB.",
            buttons=[],
            alt_text="Your style image",
        )
        gr.HTML('<p class="hint">A face from the front works best. Or start from one of these:</p>')
        self.gallery = gr.HTML(html.gallery(self.examples), js_on_load=CLICK_INDEX, elem_id="examples", **_SHOWN)
        self.cropped = gr.HTML(elem_id="crop", **_SHOWN)
        with gr.Accordion("Move the square", open=False, visible=False, elem_id="square") as self.square:
            self.sliders = {
                "side": gr.Slider(10, 300, 100, step=1, label="Size", info="percent of the shorter side", buttons=[]),
                "x": gr.Slider(-25, 125, 50, step=1, label="Left to right", buttons=[]),
                "y": gr.Slider(-25, 125, 50, step=1, label="Top to bottom", buttons=[]),
                "roll": gr.Slider(-60, 60, 0, step=1, label="Tilt", info="degrees", buttons=[]),
            }
            self.turn = gr.Button("Turn the picture by 90°", size="sm", elem_id="turn")
        with gr.Accordion("More pictures of the same style", open=False, elem_classes="inner"):
            self.more = gr.File(
                file_count="multiple", file_types=["image"], show_label=False, height=120, elem_id="more", buttons=[]
            )
            gr.HTML('<p class="hint">Up to seven more; together they count as one style.</p>')

    def connect(self) -> None:
        """Connect the components."""
        received = self.received
        for brought in (self.picture.upload, self.picture.clear):
            brought(self.receive, self.picture, received, **QUIET)
            brought(None, js=UNMARK, api_visibility="private")
        self.more.upload(self.bring, self.more, [self.note, self.cropped], queue=False, **QUIET)
        self.gallery.select(self.pick, None, received, **QUIET)
        self.turn.click(self.rotate, self.style, received, **QUIET)
        for name, slider in self.sliders.items():
            moved = [self.style, self.cropped]
            slider.input(self._mover(name), [self.style, slider], moved, trigger_mode="always_last", **QUIET)

    @property
    def received(self) -> list[Any]:
        """All that a new picture changes."""
        return [self.style, self.picture, self.cropped, self.square, *self.sliders.values(), self.note]

    def restore(self, style: Style | None, request: gr.Request) -> Outputs:
        """Show a style image again, with its square where it was."""
        if style is None or not Path(style.path).is_file():
            return {self.style: None}
        shown = self.receive(style.path, request, style.quarter_turns)
        if shown.get(self.style) is None:
            return shown
        small = crop_and_resize(read_picture(style.path, style.quarter_turns), style.crop, CROP_SIDE)
        moved = {each: _shown(each, getattr(style.crop, name) / _UNITS[name]) for name, each in self.sliders.items()}
        return {**shown, **moved, self.style: style, self.cropped: html.crop(small, describe_crop(style.crop))}

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`; see `InputsTab.read`."""
        style: Style = values[self.style]
        first = read_reference(style.path, style.crop, style.quarter_turns)
        return {"references": (first, *(read_reference(path) for path in values[self.more] or ()))}

    @report_errors("cropped")
    def receive(self, path: str | None, request: gr.Request, quarter_turns: int = 0) -> Outputs:
        """Take a new picture and propose its square."""
        if path is None:
            return {self.style: None, self.cropped: "", self.square: gr.Accordion(visible=False)}
        try:
            image = read_picture(path, quarter_turns)
        except UserError as error:
            return {
                self.style: None,
                self.picture: None,
                self.cropped: html.notice(str(error), "problem"),
                self.square: gr.Accordion(visible=False),
            }
        crop = suggest_crop(image)
        shown = self.visitors.folder(request.session_hash or "") / "picture.png"
        copy = Image.fromarray(image)
        copy.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        with replacing(shown) as temporary:
            copy.save(temporary, format="PNG")
        small = crop_and_resize(image, crop, CROP_SIDE)
        return {
            self.style: Style(path, crop, quarter_turns),
            self.picture: str(shown),
            self.cropped: html.crop(small, describe_crop(crop)),
            self.note: "",
            self.square: gr.Accordion(visible=True, open=not crop.found),
            **{slider: _shown(slider, getattr(crop, name) / _UNITS[name]) for name, slider in self.sliders.items()},
        }

    @report_errors("cropped")
    def pick(self, event: gr.EventData, request: gr.Request) -> Outputs:
        """Take one of the examples."""
        return self.receive(str(self.examples[int(event.index)].path), request)

    @report_errors("cropped")
    def bring(self, paths: list[str]) -> Outputs:
        """Take more pictures of the same style, which belong to the visitor from now on."""
        return {self.note: ""}

    @report_errors("cropped")
    def rotate(self, style: Style | None, request: gr.Request) -> Outputs:
        """Turn the picture to the right."""
        if style is None:
            return {self.note: gr.skip()}
        return self.receive(style.path, request, (style.quarter_turns + 1) % 4)

    @report_errors("cropped")
    def move(self, style: Style | None, name: str, value: float) -> Outputs:
        """Change one number of the square, in a slider's units; the others stay exact."""
        if style is None:
            return {self.cropped: ""}
        change: dict[str, Any] = {name: value * _UNITS[name]}
        moved = dataclasses.replace(style, crop=dataclasses.replace(style.crop, **change))
        image = read_picture(style.path, style.quarter_turns)
        return {self.style: moved, self.cropped: html.crop(crop_and_resize(image, moved.crop, CROP_SIDE), html.MOVED)}

    def _mover(self, name: str) -> Callable[[Style | None, float], Outputs]:
        return lambda style, value: self.move(style, name, value)


def _shown(slider: gr.Slider, value: float) -> int:
    """The value that a slider can show next to an exact one."""
    return round(min(max(value, slider.minimum), slider.maximum))
