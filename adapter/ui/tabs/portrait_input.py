"""A portrait, the face found in it, and its square."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from adapter.errors import UserError
from adapter.media.alignment import framing_of
from adapter.media.crop import Crop, crop_and_resize
from adapter.media.portrait import Portrait, cut_portrait, describe_portrait, find_portraits
from adapter.media.references import read_picture
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html, portrait_html
from adapter.ui.handlers import AT_ONCE, CLICK_INDEX, Outputs, report_errors
from adapter.ui.tabs.square import SMALL, keep_shown, moved, slider_values, square_sliders
from adapter.ui.upload_image import UploadImage

_BY_HAND = Crop(0.5, 0.5, 0.9, inside=False)
_SHOWN: dict[str, Any] = {"apply_default_css": False}
MOVED = "This square counts. The face should stand as in the outline."


@dataclass(frozen=True)
class Sitter:
    """A chosen portrait: its file, its exact square, and the squares around all faces."""

    path: str
    crop: Crop
    faces: tuple[Crop, ...] = ()

    def portrait(self) -> Portrait:
        """The square, cut out.

        Raises:
            UserError: the file is gone, or the square cannot be used.
        """
        return cut_portrait(read_picture(self.path), self.crop)


class PortraitInput:
    """A portrait and its square. Made inside of Blocks: `layout`, then `connect`."""

    def __init__(self, settings: Settings, visitors: Visitors, note: gr.HTML) -> None:
        self.settings, self.visitors, self.note = settings, visitors, note
        self.framing = framing_of(settings.base)

    def layout(self) -> None:
        """Make the components."""
        self.sitter = gr.State(None)
        self.picture = UploadImage(
            sources=["upload", "webcam", "clipboard"],
            show_label=False,
            height=280,
            elem_id="portrait",
            placeholder="Drop a portrait here, click to upload, or use your camera.\nJPEG, PNG or WebP, up to 25 MB.",
            buttons=[],
            alt_text="Your portrait",
        )
        gr.HTML(
            '<p class="hint">A face from the front, in even light, without a hand before it, works best. Your portrait '
            "stays in this session: nobody else gets it, and it is removed after you leave.</p>"
        )
        self.cropped = gr.HTML(elem_id="portrait-crop", **_SHOWN)
        self.faces = gr.HTML(js_on_load=CLICK_INDEX, visible=False, elem_id="portrait-faces", **_SHOWN)
        with gr.Accordion("Move the square", open=False, visible=False, elem_id="portrait-square") as self.square:
            self.sliders = square_sliders(90)

    def connect(self) -> None:
        """Connect the components."""
        for brought in (self.picture.upload, self.picture.clear):
            brought(self.receive, self.picture, self.received, **AT_ONCE)
        self.faces.select(self.choose_face, self.sitter, self.received, **AT_ONCE)
        square = [self.sitter, *self.sliders.values()]
        for slider in self.sliders.values():
            slider.input(self.move, square, [self.sitter, self.cropped], trigger_mode="always_last", **AT_ONCE)

    @property
    def received(self) -> list[Any]:
        """All that a new portrait changes."""
        return [self.sitter, self.picture, self.cropped, self.faces, self.square, *self.sliders.values(), self.note]

    @report_errors("cropped")
    def receive(self, path: str | None, request: gr.Request) -> Outputs:
        """Take a new portrait and find the faces in it."""
        nothing = {self.sitter: None, self.faces: gr.HTML(visible=False), self.square: gr.Accordion(visible=False)}
        if path is None:
            return {**nothing, self.cropped: ""}
        try:
            image = read_picture(path)
        except UserError as error:
            return {**nothing, self.picture: None, self.cropped: html.notice(str(error), "problem")}
        crops = tuple(find_portraits(image, self.framing))
        shown = keep_shown(image, self.visitors, request)
        sitter = Sitter(path, crops[0] if crops else _BY_HAND, crops)
        return {
            self.picture: shown,
            self.note: "",
            self.square: gr.Accordion(visible=True, open=not crops),
            **self._framed(sitter, image),
        }

    @report_errors("cropped")
    def choose_face(self, sitter: Sitter | None, event: gr.EventData) -> Outputs:
        """Put the square around another of the faces."""
        if sitter is None:
            return {self.cropped: ""}
        chosen = dataclasses.replace(sitter, crop=sitter.faces[int(event.index)])
        return self._framed(chosen, read_picture(sitter.path))

    @report_errors("cropped")
    def move(self, sitter: Sitter | None, *values: float) -> Outputs:
        """Move the square to where the sliders stand; numbers that a slider shows as they are stay exact."""
        if sitter is None:
            return {self.cropped: ""}
        crop = dataclasses.replace(moved(self.sliders, sitter.crop, values), inside=False)
        small = crop_and_resize(read_picture(sitter.path), crop, SMALL)
        sitter = dataclasses.replace(sitter, crop=crop)
        return {self.sitter: sitter, self.cropped: portrait_html.found(small, MOVED, self.framing)}

    def _framed(self, sitter: Sitter, image: np.ndarray) -> Outputs:
        """Show the square of a portrait, and its faces if there are several."""
        crop, several = sitter.crop, len(sitter.faces) > 1
        place = sitter.faces.index(crop) if crop in sitter.faces else 0
        told = describe_portrait(list(sitter.faces), place)
        small = crop_and_resize(image, crop, SMALL)
        previews = [crop_and_resize(image, face, SMALL) for face in sitter.faces] if several else []
        return {
            self.sitter: sitter,
            self.cropped: portrait_html.found(small, told, None if sitter.faces else self.framing),
            self.faces: gr.HTML(html.faces(previews, place) if several else "", visible=several),
            **slider_values(self.sliders, crop),
        }
