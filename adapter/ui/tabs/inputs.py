"""The three ways into Create: a picture, words, or a domain that is ready."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from adapter.diffusion.models import DEFAULT_MODEL
from adapter.errors import UserError
from adapter.media.crop import Crop, crop_and_resize, describe_crop
from adapter.media.examples import examples
from adapter.media.references import read_picture, read_reference, suggest_crop
from adapter.service.library import usable_domains
from adapter.service.prompts import check_prompt
from adapter.service.requests import SOURCE
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.handlers import CLICK_INDEX, QUIET, Outputs, Values
from adapter.ui.prompts import PROMPTS
from adapter.ui.upload_image import UploadImage
from adapter.utils.atomic import replacing

SHOWN_SIDE = 1024
_UNITS: dict[str, float] = {"side": 0.01, "x": 0.01, "y": 0.01, "roll": math.pi / 180}
"""What a slider's step stands for in a `Crop`."""
CROP_SIDE = 176
PICTURE, WORDS, READY = "picture", "words", "ready"
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


class InputsTab:
    """What a visitor starts from. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the library of ready domains.
        sessions: where a picture that is shown is kept.
        note: gets sentences for the visitor; emptied when something is chosen.
    """

    def __init__(self, settings: Settings, sessions: Sessions, note: gr.HTML) -> None:
        self.picture, self.words = PictureInput(sessions, note), WordsInput(note)
        self.ready = ReadyInput(settings, note)

    def layout(self) -> None:
        """Make the components."""
        self.which = gr.State(PICTURE)
        with gr.Tabs(elem_id="entrance") as self.tabs:
            self._tabs = {}
            for name, title, entrance in (
                (PICTURE, "Picture", self.picture),
                (WORDS, "Words", self.words),
                (READY, "Ready-made", self.ready),
            ):
                with gr.Tab(title, id=name) as self._tabs[name]:
                    entrance.layout()

    def connect(self) -> None:
        """Connect what happens inside."""
        for entrance in (self.picture, self.words, self.ready):
            entrance.connect()
        self.switched = [
            tab.select(_constantly(name), None, self.which, queue=False, **QUIET) for name, tab in self._tabs.items()
        ]

    @property
    def components(self) -> list[Any]:
        """All that `check`, `read` and `title` use."""
        words = self.words
        of_words = [words.prompt, words.source, words.from_mean, words.words_alone, words.draw, words.negative]
        return [self.which, self.picture.style, self.picture.more, *of_words, self.ready.chosen]

    def check(self, values: Values) -> None:
        """Check quickly that there is something to start from.

        Raises:
            UserError: there is not; the message says what to choose.
        """
        if values[self.which] == PICTURE and values[self.picture.style] is None:
            raise UserError("Choose a style image first: upload one, paste one, or pick an example.")
        if values[self.which] == WORDS and not (values[self.words.prompt] or "").strip():
            raise UserError("Write a few words first, or pick one of the suggestions.")
        if values[self.which] == READY and values[self.ready.chosen] is None:
            raise UserError("Choose one of the ready domains first.")

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`, for a picture or words.

        Raises:
            UserError: a picture cannot be used.
        """
        return self.words.read(values) if values[self.which] == WORDS else self.picture.read(values)

    def title(self, values: Values) -> str:
        """The name of the result on the page."""
        if values[self.which] == WORDS:
            return values[self.words.prompt].strip()[:40].capitalize()
        return values[self.ready.chosen].title if values[self.which] == READY else "Your picture"


class PictureInput:
    """A style image, its square, and more pictures of the same style."""

    def __init__(self, sessions: Sessions, note: gr.HTML) -> None:
        self.sessions, self.note, self.examples = sessions, note, examples()

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
        received = [self.style, self.picture, self.cropped, self.square, *self.sliders.values(), self.note]
        for brought in (self.picture.upload, self.picture.clear):
            brought(self.receive, self.picture, received, **QUIET)
            brought(None, js=UNMARK, api_visibility="private")
        self.gallery.select(self.pick, None, received, **QUIET)
        self.turn.click(self.rotate, self.style, received, **QUIET)
        for name, slider in self.sliders.items():
            moved = [self.style, self.cropped]
            slider.input(self._mover(name), [self.style, slider], moved, trigger_mode="always_last", **QUIET)

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`; see `InputsTab.read`."""
        style: Style = values[self.style]
        first = read_reference(style.path, style.crop, style.quarter_turns)
        return {"references": (first, *(read_reference(path) for path in values[self.more] or ()))}

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
        shown = self.sessions.folder(request.session_hash or "") / "picture.png"
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

    def pick(self, event: gr.EventData, request: gr.Request) -> Outputs:
        """Take one of the examples."""
        return self.receive(str(self.examples[int(event.index)].path), request)

    def rotate(self, style: Style | None, request: gr.Request) -> Outputs:
        """Turn the picture to the right."""
        if style is None:
            return {self.note: gr.skip()}
        return self.receive(style.path, request, (style.quarter_turns + 1) % 4)

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


class WordsInput:
    """A style in words."""

    def __init__(self, note: gr.HTML) -> None:
        self.note = note

    def layout(self) -> None:
        """Make the components."""
        self.prompt = gr.Textbox(
            label="Describe the style", placeholder=PROMPTS[0], max_length=200, lines=2, elem_id="prompt"
        )
        self.chips = gr.HTML(html.chips(PROMPTS), js_on_load=CLICK_INDEX, elem_id="chips", **_SHOWN)
        with gr.Accordion("More about the words", open=False, elem_classes="inner"):
            self.source = gr.Textbox(
                SOURCE, label="What the base shows", info="the style is understood as a change of this", max_length=80
            )
            self.from_mean = gr.Checkbox(
                label="Start from the mean picture", info="of the base, in place of the words above; DiFa's variant"
            )
            self.words_alone = gr.Checkbox(
                label="Words alone",
                info="otherwise a picture of the style, from the text model's album, leads beside them",
            )
            self.draw = gr.Checkbox(
                label="Draw a picture first",
                info=f"of the words, by the diffusion model {DEFAULT_MODEL} if it is here; the picture then leads",
            )
            self.negative = gr.Textbox(label="Stay away from", placeholder="nothing in particular", max_length=80)
        gr.HTML(
            '<p class="hint">The embedded text model was taught some seventy styles and has a picture of each, which '
            "leads beside your words. Words outside of them are refused before any time is spent.</p>"
        )

    def connect(self) -> None:
        """Connect the components."""
        self.chips.select(self.pick, None, [self.prompt, self.note], queue=False, **QUIET)

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`."""
        return {
            "references": (),
            "prompt": values[self.prompt].strip(),
            "source": (values[self.source] or "").strip() or SOURCE,
            "from_mean": bool(values[self.from_mean]),
            "words_alone": bool(values[self.words_alone]),
            "negative": (values[self.negative] or "").strip(),
            "reference_from_text": self._model(values),
        }

    def check(self, values: Values, encoder: str) -> str:
        """What to tell about how the words are read; see `adapter.service.prompts.check_prompt`."""
        return check_prompt(values[self.prompt], encoder, self._model(values))

    def _model(self, values: Values) -> str:
        return DEFAULT_MODEL if values[self.draw] else ""

    def pick(self, event: gr.EventData) -> Outputs:
        """Take one of the suggestions."""
        return {self.prompt: PROMPTS[int(event.index)], self.note: ""}


class ReadyInput:
    """A domain of the library."""

    def __init__(self, settings: Settings, note: gr.HTML) -> None:
        self.note, self.domains = note, usable_domains(settings)

    def layout(self) -> None:
        """Make the components."""
        self.chosen = gr.State(None)
        cards = html.domains(self.domains)
        self.gallery = gr.HTML(cards, js_on_load=CLICK_INDEX, elem_id="ready", padding=False, **_SHOWN)
        self.described = gr.HTML(elem_id="ready-said", **_SHOWN)

    def connect(self) -> None:
        """Connect the components."""
        outputs = [self.chosen, self.described, self.gallery, self.note]
        self.gallery.select(self.pick, None, outputs, queue=False, **QUIET)

    def pick(self, event: gr.EventData) -> Outputs:
        """Take one of the domains."""
        entry = self.domains[int(event.index)]
        cards = html.domains(self.domains, entry)
        return {self.chosen: entry, self.described: html.describe_domain(entry), self.gallery: cards, self.note: ""}


def _shown(slider: gr.Slider, value: float) -> int:
    """The value that a slider can show next to an exact one."""
    return round(min(max(value, slider.minimum), slider.maximum))


def _constantly(value: str) -> Callable[[], str]:
    return lambda: value
