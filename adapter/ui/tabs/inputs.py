"""The three ways into Create: a picture, words, or a domain that is ready."""

from pathlib import Path
from typing import Any

import gradio as gr

from adapter.diffusion.models import DEFAULT_MODEL
from adapter.errors import UserError
from adapter.service.library import usable_domains
from adapter.service.limits import PROMPT_LETTERS, WORDS_LETTERS
from adapter.service.prompts import check_prompt
from adapter.service.requests import SOURCE
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.handlers import AT_ONCE, CLICK_INDEX, Outputs, Values, report_errors
from adapter.ui.prompts import PROMPTS
from adapter.ui.tabs.picture_input import PictureInput

PICTURE, WORDS, READY = "picture", "words", "ready"
_SHOWN: dict[str, Any] = {"apply_default_css": False}


class InputsTab:
    """What a visitor starts from. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the library of ready domains.
        visitors: where a picture that is shown is kept.
        note: gets sentences for the visitor; emptied when something is chosen.
    """

    def __init__(self, settings: Settings, visitors: Visitors, note: gr.HTML) -> None:
        self.picture, self.words = PictureInput(visitors, note, settings.base), WordsInput(settings, note)
        self.ready, self.note = ReadyInput(settings, note), note

    def layout(self) -> None:
        """Make the components."""
        self.which = gr.State(PICTURE)
        with gr.Tabs(elem_id="entrance") as self.tabs:
            self._tabs = []
            for name, title, entrance in (
                (PICTURE, "Picture", self.picture),
                (WORDS, "Words", self.words),
                (READY, "Ready-made", self.ready),
            ):
                with gr.Tab(title, id=name) as tab:
                    entrance.layout()
                self._tabs.append(tab)

    def connect(self) -> None:
        """Connect what happens inside."""
        for entrance in (self.picture, self.words, self.ready):
            entrance.connect()
        self.switched = [tab.select(self.switch, None, [self.which, self.note], **AT_ONCE) for tab in self._tabs]

    @property
    def components(self) -> list[Any]:
        """All that `check`, `read` and `title` use."""
        words = self.words
        of_words = [words.prompt, words.source, words.from_mean, words.words_alone, words.draw, words.negative]
        return [self.which, self.picture.style, self.picture.more, *of_words, self.ready.chosen]

    @report_errors()
    def switch(self, event: gr.EventData) -> Outputs:
        """Take one of the three ways in."""
        assert isinstance(event.target, gr.Tab)
        return {self.which: event.target.id}

    def check(self, values: Values) -> str:
        """Check that there is something to start from.

        Returns:
            A sentence about how words are read; empty if there is nothing to tell.

        Raises:
            UserError: there is nothing, or the words are not understood; the message says what to choose.
        """
        if values[self.which] == PICTURE and values[self.picture.style] is None:
            raise UserError("Choose a style image first: upload one, paste one, or pick an example.")
        if values[self.which] == WORDS and not (values[self.words.prompt] or "").strip():
            raise UserError("Write a few words first, or pick one of the suggestions.")
        if values[self.which] == READY and values[self.ready.chosen] is None:
            raise UserError("Choose one of the ready domains first.")
        return self.words.check(values) if values[self.which] == WORDS else ""

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`, for a picture or words.

        Raises:
            UserError: a picture cannot be used.
        """
        return self.words.read(values) if values[self.which] == WORDS else self.picture.read(values)

    def restore(self, values: Values, request: gr.Request) -> Outputs:
        """Show what stood in the controls."""
        more = [path for path in values[self.picture.more] or () if Path(path).is_file()]
        words = {one: values[one] for one in self.components} | {self.picture.more: more or None}
        chosen = values[self.ready.chosen]
        cards = {self.ready.gallery: html.domains(self.ready.domains, chosen)} if chosen is not None else {}
        pictures = self.picture.restore(values[self.picture.style], request)
        return {**words, self.tabs: gr.Tabs(selected=values[self.which]), **cards, **pictures}

    @property
    def restored(self) -> list[Any]:
        """All that `restore` changes."""
        return [*self.components, self.tabs, self.ready.gallery, *self.picture.received]

    def title(self, values: Values) -> str:
        """The name of the result on the page."""
        if values[self.which] == WORDS:
            return values[self.words.prompt].strip()[:40].capitalize()
        return values[self.ready.chosen].title if values[self.which] == READY else "Your picture"


class WordsInput:
    """A style in words."""

    def __init__(self, settings: Settings, note: gr.HTML) -> None:
        self.settings, self.note = settings, note

    def layout(self) -> None:
        """Make the components."""
        self.prompt = gr.Textbox(
            label="Describe the style", placeholder=PROMPTS[0], max_length=PROMPT_LETTERS, lines=2, elem_id="prompt"
        )
        self.reading = gr.HTML(elem_id="reading", **_SHOWN)
        self.chips = gr.HTML(html.chips(PROMPTS), js_on_load=CLICK_INDEX, elem_id="chips", **_SHOWN)
        with gr.Accordion("More about the words", open=False, elem_classes="inner"):
            self.source = gr.Textbox(
                SOURCE,
                label="What the base shows",
                info="the style is understood as a change of this",
                max_length=WORDS_LETTERS,
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
            self.negative = gr.Textbox(
                label="Stay away from", placeholder="nothing in particular", max_length=WORDS_LETTERS
            )
        gr.HTML(
            '<p class="hint">The embedded text model was taught some seventy styles and has a picture of each, which '
            "leads beside your words. Words outside of them are refused before any time is spent.</p>"
        )

    def connect(self) -> None:
        """Connect the components."""
        self.chips.select(self.pick, None, [self.prompt, self.reading, self.note], **AT_ONCE)
        said = {self.prompt, self.draw}
        gr.on([self.prompt.blur, self.draw.input], self.judge, said, [self.reading], **AT_ONCE)

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

    def check(self, values: Values) -> str:
        """What to tell about how the words are read; see `adapter.service.prompts.check_prompt`."""
        return check_prompt(values[self.prompt] or "", self.settings.encoder, self._model(values))

    @report_errors("reading")
    def judge(self, values: Values) -> Outputs:
        """Tell how the words are read, or why they cannot be, as soon as they are there."""
        return {self.reading: html.notice(self.check(values))}

    def _model(self, values: Values) -> str:
        return DEFAULT_MODEL if values[self.draw] else ""

    @report_errors()
    def pick(self, event: gr.EventData) -> Outputs:
        """Take one of the suggestions."""
        return {self.prompt: PROMPTS[int(event.index)], self.reading: "", self.note: ""}


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
        self.gallery.select(self.pick, None, outputs, **AT_ONCE)

    @report_errors()
    def pick(self, event: gr.EventData) -> Outputs:
        """Take one of the domains."""
        entry = self.domains[int(event.index)]
        cards = html.domains(self.domains, entry)
        return {self.chosen: entry, self.described: html.describe_domain(entry), self.gallery: cards, self.note: ""}
