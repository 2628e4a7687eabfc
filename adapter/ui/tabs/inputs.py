"""The three ways into Create: a picture, words, or a domain that is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from adapter.errors import UserError
from adapter.media.faces import find_head
from adapter.media.images import crop_square, load_image, resize
from adapter.service.inputs import REFERENCE_SIDE, framed
from adapter.service.library import usable_domains
from adapter.service.requests import SOURCE
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.prompts import PROMPTS
from adapter.ui.references import references
from adapter.utils.atomic import replacing

SHOWN_SIDE = 1024
CROP_SIDE = 176
PICTURE, WORDS, READY = "picture", "words", "ready"
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
CLICK_INDEX = """
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-index]');
  if (!button) return;
  for (const other of element.querySelectorAll('button[aria-pressed]'))
    other.setAttribute('aria-pressed', String(other === button));
  trigger('select', {index: Number(button.dataset.index)});
});
"""
UNMARK = """
() => document.querySelectorAll('#examples [aria-pressed]').forEach(each => each.setAttribute('aria-pressed', 'false'))
"""
_NO_PICTURE = "Choose a style image first: upload one, paste one, or pick an example."
_NO_WORDS = "Write a few words first, or pick one of the suggestions."
_NO_DOMAIN = "Choose one of the ready domains first."

Outputs = dict[Any, Any]
Values = Mapping[Any, Any]


@dataclass(frozen=True)
class Entrances:
    """What a visitor starts from."""

    tabs: gr.Tabs
    switched: list[Any]
    which: gr.State
    picture: gr.Image
    square: list[gr.Slider]
    more: gr.File
    prompt: gr.Textbox
    source: gr.Textbox
    from_mean: gr.Checkbox
    words_alone: gr.Checkbox
    negative: gr.Textbox
    chosen: gr.State

    @property
    def components(self) -> list[Any]:
        """All that `read` looks at."""
        own = [self.which, self.picture, *self.square, self.more]
        words = [self.prompt, self.source, self.from_mean, self.words_alone, self.negative]
        return [*own, *words, self.chosen]

    def check(self, values: Values) -> None:
        """Whether there is something to start from, in a moment.

        Raises:
            UserError: says what to choose.
        """
        if values[self.which] == PICTURE and values[self.picture] is None:
            raise UserError(_NO_PICTURE)
        if values[self.which] == WORDS and not (values[self.prompt] or "").strip():
            raise UserError(_NO_WORDS)
        if values[self.which] == READY and values[self.chosen] is None:
            raise UserError(_NO_DOMAIN)

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`, for a picture or words.

        Raises:
            UserError: a picture cannot be used.
        """
        if values[self.which] == WORDS:
            return {
                "references": (),
                "prompt": values[self.prompt].strip(),
                "source": (values[self.source] or "").strip() or SOURCE,
                "from_mean": bool(values[self.from_mean]),
                "words_alone": bool(values[self.words_alone]),
                "negative": (values[self.negative] or "").strip(),
            }
        first = resize(cut(values[self.picture], *(values[slider] for slider in self.square)), REFERENCE_SIDE)
        return {"references": (first, *(framed(path) for path in values[self.more] or ()))}

    def title(self, values: Values) -> str:
        """What to call what comes of it."""
        if values[self.which] == WORDS:
            return values[self.prompt].strip()[:40].capitalize()
        return values[self.chosen].title if values[self.which] == READY else "Your picture"


def entrances(sessions: Sessions, note: gr.HTML) -> Entrances:
    """Lay the three entrances out and connect what happens inside them.

    Args:
        note: where sentences for the visitor go; emptied when something is chosen.
    """
    which = gr.State(PICTURE)
    with gr.Tabs(elem_id="entrance") as tabs:
        with gr.Tab("Picture", id=PICTURE) as by_picture:
            picture, square, more = _picture_entrance(sessions, note)
        with gr.Tab("Words", id=WORDS) as by_words:
            words = _words_entrance(note)
        with gr.Tab("Ready-made", id=READY) as by_choice:
            chosen = _ready_entrance(note)
    chosen_by = ((by_picture, PICTURE), (by_words, WORDS), (by_choice, READY))
    switched = [tab.select(_constantly(name), None, which, queue=False, **QUIET) for tab, name in chosen_by]
    return Entrances(tabs, switched, which, picture, square, more, *words, chosen)


def cut(path: str, side: float, across: float, down: float) -> np.ndarray:
    """The chosen square of a picture; the sliders count in percent."""
    return crop_square(load_image(path), (across / 100, down / 100), side / 100)


def _picture_entrance(sessions: Sessions, note: gr.HTML) -> tuple[gr.Image, list[gr.Slider], gr.File]:
    choices = references()
    picture = gr.Image(
        sources=["upload", "clipboard", "webcam"],
        show_label=False,
        height=250,
        elem_id="picture",
        placeholder="Drop a picture here, or click to upload.\nJPEG, PNG or WebP, up to 10 MB.",
        buttons=[],
        alt_text="Your style image",
    )
    picture.preprocess = uploaded_file
    gr.HTML('<p class="hint">A face from the front works best. Or start from one of these:</p>')
    examples = gr.HTML(html.gallery(choices), js_on_load=CLICK_INDEX, apply_default_css=False, elem_id="examples")
    crop = gr.HTML(elem_id="crop", apply_default_css=False)
    with gr.Accordion("Move the square", open=False, visible=False, elem_id="square") as square:
        side = gr.Slider(15, 100, 100, step=1, label="Size", info="percent of the shorter side", buttons=[])
        across = gr.Slider(0, 100, 50, step=1, label="Left to right", buttons=[])
        down = gr.Slider(0, 100, 50, step=1, label="Top to bottom", buttons=[])
        turn = gr.Button("Turn the picture by 90°", size="sm", elem_id="turn")
    with gr.Accordion("More pictures of the same style", open=False, elem_classes="inner"):
        more = gr.File(
            file_count="multiple", file_types=["image"], show_label=False, height=120, elem_id="more", buttons=[]
        )
        gr.HTML('<p class="hint">Up to seven more; together they count as one style.</p>')
    cropping = [side, across, down]
    received = [picture, crop, square, *cropping, note]

    def receive(path: str | None, request: gr.Request, turned: bool = False) -> Outputs:
        """Look at a new picture: keep an upright copy, find the head."""
        if path is None:
            return {crop: "", square: gr.Accordion(visible=False)}
        try:
            image = load_image(path)
        except UserError as error:
            return {picture: None, crop: html.notice(str(error), "problem"), square: gr.Accordion(visible=False)}
        if turned:
            image = np.ascontiguousarray(np.rot90(image, -1))
        found = find_head(image)
        shown = sessions.folder(request.session_hash or "") / "picture.png"
        copy = Image.fromarray(image)
        copy.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        with replacing(shown) as temporary:
            copy.save(temporary, format="PNG")
        small = resize(crop_square(image, (found.x, found.y), found.side), CROP_SIDE)
        return {
            picture: str(shown),
            crop: html.crop(small, html.FACE_FOUND if found.found else html.NO_FACE),
            note: "",
            square: gr.Accordion(visible=True, open=not found.found),
            side: round(100 * found.side),
            across: round(100 * found.x),
            down: round(100 * found.y),
        }

    def pick(event: gr.EventData, request: gr.Request) -> Outputs:
        """Take one of the examples."""
        return receive(str(choices[int(event.index)].path), request)

    def rotate(path: str | None, request: gr.Request) -> Outputs:
        """Turn the picture to the right."""
        return receive(path, request, turned=True)

    def move(path: str | None, *place: float) -> str:
        """Show the square after it was moved by hand."""
        return "" if path is None else html.crop(resize(cut(path, *place), CROP_SIDE), html.MOVED)

    picture.upload(receive, picture, received, **QUIET)
    picture.clear(receive, picture, received, **QUIET)
    for brought in (picture.upload, picture.clear):
        brought(None, js=UNMARK, api_visibility="private")
    examples.select(pick, None, received, **QUIET)
    turn.click(rotate, picture, received, **QUIET)
    for slide in cropping:
        slide.input(move, [picture, *cropping], crop, trigger_mode="always_last", **QUIET)
    return picture, cropping, more


def _words_entrance(note: gr.HTML) -> tuple[gr.Textbox, gr.Textbox, gr.Checkbox, gr.Checkbox, gr.Textbox]:
    prompt = gr.Textbox(
        label="Describe the style",
        placeholder="a bronze statue",
        max_length=200,
        lines=2,
        elem_id="prompt",
    )
    chips = gr.HTML(html.chips(PROMPTS), js_on_load=CLICK_INDEX, apply_default_css=False, elem_id="chips")
    with gr.Accordion("More about the words", open=False, elem_classes="inner"):
        source = gr.Textbox(
            SOURCE, label="What the base shows", info="the style is understood as a change of this", max_length=80
        )
        from_mean = gr.Checkbox(
            label="Start from the mean picture", info="of the base, in place of the words above; DiFa's variant"
        )
        words_alone = gr.Checkbox(
            label="Words alone", info="otherwise a picture of the style, from the text model's album, leads beside them"
        )
        negative = gr.Textbox(label="Stay away from", placeholder="nothing in particular", max_length=80)
    gr.HTML(
        '<p class="hint">The embedded text model was taught some seventy styles and has a picture of each, which leads '
        "beside your words. Words outside of them are refused before any time is spent.</p>"
    )

    def pick(event: gr.EventData) -> Outputs:
        return {prompt: PROMPTS[int(event.index)], note: ""}

    chips.select(pick, None, [prompt, note], queue=False, **QUIET)
    return prompt, source, from_mean, words_alone, negative


def _ready_entrance(note: gr.HTML) -> gr.State:
    chosen = gr.State(None)
    ready = usable_domains()
    gallery = gr.HTML(
        html.domains(ready), js_on_load=CLICK_INDEX, apply_default_css=False, elem_id="ready", padding=False
    )
    said = gr.HTML(elem_id="ready-said", apply_default_css=False)

    def pick(event: gr.EventData) -> Outputs:
        entry = ready[int(event.index)]
        return {chosen: entry, said: html.entry_said(entry), gallery: html.domains(ready, entry), note: ""}

    gallery.select(pick, None, [chosen, said, gallery, note], queue=False, **QUIET)
    return chosen


def _constantly(value: str) -> Callable[[], str]:
    return lambda: value


def uploaded_file(payload: ImageData | None) -> str | None:
    """Path of an upload, undecoded: gr.Image would open it without our limits and with messages of its own."""
    return payload.path if payload is not None else None
