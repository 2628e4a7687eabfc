"""A style image, its square, and more pictures of the same style."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from adapter.errors import UserError
from adapter.media.crop import Crop, crop_and_resize, describe_crop
from adapter.media.examples import examples
from adapter.media.references import read_picture, read_reference, suggest_crops
from adapter.service.limits import MAXIMUM_REFERENCES
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.handlers import AT_ONCE, CLICK_INDEX, Outputs, Values, report_errors
from adapter.ui.tabs.square import SMALL, keep_shown, moved, slider_values, square_sliders
from adapter.ui.upload_file import UploadFile
from adapter.ui.upload_image import UploadImage

MOST_MORE = MAXIMUM_REFERENCES - 1
"""More pictures beside the first one."""
UNMARK = """
() => document.querySelectorAll('#examples [aria-pressed]').forEach(each => each.setAttribute('aria-pressed', 'false'))
"""
_SHOWN: dict[str, Any] = {"apply_default_css": False}


@dataclass(frozen=True)
class Style:
    """A chosen style image.

    Args:
        path: of its file.
        crop: its exact square.
        quarter_turns: clockwise, which come before the crop.
        shown: path of the turned picture as the page shows it.
        faces: the squares around all faces.
    """

    path: str
    crop: Crop
    quarter_turns: int = 0
    shown: str = ""
    faces: tuple[Crop, ...] = ()


class PictureInput:
    """A style image, its square, and more pictures of the same style."""

    def __init__(self, visitors: Visitors, note: gr.HTML, base: str) -> None:
        self.visitors, self.note, self.base, self.examples = visitors, note, base, examples()

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
        self.faces = gr.HTML(js_on_load=CLICK_INDEX, visible=False, elem_id="faces", **_SHOWN)
        with gr.Accordion("Move the square", open=False, visible=False, elem_id="square") as self.square:
            self.sliders = square_sliders(100)
            self.turn = gr.Button("Turn the picture by 90°", size="sm", elem_id="turn")
        with gr.Accordion("More pictures of the same style", open=False, elem_classes="inner"):
            self.more = UploadFile(
                file_count="multiple", file_types=["image"], show_label=False, height=120, elem_id="more", buttons=[]
            )
            gr.HTML('<p class="hint">Up to seven more; together they count as one style.</p>')

    def connect(self) -> None:
        """Connect the components."""
        received = self.received
        for brought in (self.picture.upload, self.picture.clear):
            brought(self.receive, self.picture, received, **AT_ONCE)
            brought(None, js=UNMARK, api_visibility="private")
        self.more.upload(self.bring, self.more, [self.more, self.note, self.cropped], **AT_ONCE)
        self.gallery.select(self.pick, None, received, **AT_ONCE)
        self.faces.select(self.choose_face, self.style, received, **AT_ONCE)
        self.turn.click(self.rotate, self.style, received, **AT_ONCE)
        square = [self.style, *self.sliders.values()]
        for slider in self.sliders.values():
            slider.input(self.move, square, [self.style, self.cropped], trigger_mode="always_last", **AT_ONCE)

    @property
    def received(self) -> list[Any]:
        """All that a new picture changes."""
        return [self.style, self.picture, self.cropped, self.faces, self.square, *self.sliders.values(), self.note]

    def restore(self, style: Style | None, request: gr.Request) -> Outputs:
        """Show a style image again, with its square where it was."""
        if style is None or not Path(style.path).is_file():
            return {self.style: None}
        shown = self.receive(style.path, request, style.quarter_turns)
        received = shown.get(self.style)
        return shown if received is None else {**shown, **self._framed(dataclasses.replace(received, crop=style.crop))}

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`; see `InputsTab.read`."""
        style: Style = values[self.style]
        first = read_reference(style.path, style.crop, style.quarter_turns)
        return {"references": (first, *(read_reference(path, base=self.base) for path in values[self.more] or ()))}

    @report_errors("cropped")
    def receive(self, path: str | None, request: gr.Request, quarter_turns: int = 0) -> Outputs:
        """Take a new picture and propose its square."""
        nothing = {self.style: None, self.faces: gr.HTML(visible=False), self.square: gr.Accordion(visible=False)}
        if path is None:
            return {**nothing, self.cropped: ""}
        try:
            image = read_picture(path, quarter_turns)
        except UserError as error:
            return {**nothing, self.picture: None, self.cropped: html.notice(str(error), "problem")}
        crops = tuple(suggest_crops(image, self.base))
        shown = keep_shown(image, self.visitors, request)
        return {
            self.picture: shown,
            self.note: "",
            self.square: gr.Accordion(visible=True, open=not crops[0].found),
            **self._framed(Style(path, crops[0], quarter_turns, shown, crops)),
        }

    @report_errors("cropped")
    def pick(self, event: gr.EventData, request: gr.Request) -> Outputs:
        """Take one of the examples."""
        return self.receive(str(self.examples[int(event.index)].path), request)

    @report_errors("cropped")
    def bring(self, paths: list[str] | None) -> Outputs:
        """Take more pictures of the same style; one that cannot be read is refused and left out."""
        usable, problems = [], []
        for path in paths or ():
            try:
                read_picture(path)
            except UserError as error:
                problems.append(f"{Path(path).name}: {error}")
            else:
                usable.append(path)
        if len(usable) > MOST_MORE:
            problems.append(f"These are {len(usable)} pictures, and only the first {MOST_MORE} count.")
        refused = {self.more: usable[:MOST_MORE] or None, self.cropped: html.notice(" ".join(problems), "problem")}
        return {self.note: "", **(refused if problems else {})}

    @report_errors("cropped")
    def choose_face(self, style: Style, event: gr.EventData) -> Outputs:
        """Put the square around another of the faces."""
        return self._framed(dataclasses.replace(style, crop=style.faces[int(event.index)]))

    @report_errors("cropped")
    def rotate(self, style: Style | None, request: gr.Request) -> Outputs:
        """Turn the picture to the right."""
        if style is None:
            return {self.note: gr.skip()}
        return self.receive(style.path, request, (style.quarter_turns + 1) % 4)

    @report_errors("cropped")
    def move(self, style: Style | None, *shown: float) -> Outputs:
        """Move the square to where the sliders stand; numbers that a slider shows as they are stay exact."""
        if style is None:
            return {self.cropped: ""}
        crop = moved(self.sliders, style.crop, shown)
        style = dataclasses.replace(style, crop=crop)
        return {self.style: style, self.cropped: html.crop(self._preview(style, crop), html.MOVED)}

    def _framed(self, style: Style) -> Outputs:
        """Show the square of a style image, and its faces if there are several."""
        crop, several = style.crop, len(style.faces) > 1
        is_proposed = crop == style.faces[0]
        told = describe_crop(crop, "Choose another below.") if is_proposed else html.MOVED
        previews = [self._preview(style, face) for face in style.faces] if several else []
        place = style.faces.index(crop) if crop in style.faces else None
        return {
            self.style: style,
            self.cropped: html.crop(self._preview(style, crop), told),
            self.faces: gr.HTML(html.faces(previews, place), visible=several),
            **slider_values(self.sliders, crop),
        }

    def _preview(self, style: Style, crop: Crop) -> np.ndarray:
        return crop_and_resize(read_picture(style.shown), crop, SMALL)
