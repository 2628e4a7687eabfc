"""The You tab: a portrait in; the person of the generator who looks like it, in any world, out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service.background import Finish, Job
from adapter.service.jobs import invert_job, text_edit_job
from adapter.service.person_requests import (
    QUICK_STEPS,
    STARTING_SECONDS,
    STEP_SECONDS,
    STEPS,
    TUNING_STEPS,
    InvertRequest,
    TextEditRequest,
)
from adapter.service.persons import accept_person
from adapter.service.prompts import check_person_words
from adapter.service.requests import Update
from adapter.service.settings import Settings
from adapter.service.visitors import Visitor, Visitors
from adapter.ui import html, portrait_html
from adapter.ui.handlers import AT_ONCE, QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.job_tab import SECONDS_BETWEEN_LOOKS, JobTab
from adapter.ui.tabs.person_panel import GONE, PersonPanel
from adapter.ui.tabs.portrait_input import PortraitInput, Sitter
from adapter.ui.upload_file import UploadFile

QUICK, CLOSE, CLOSEST = "quick", "close", "closest"
PLANS = {QUICK: (QUICK_STEPS, 0), CLOSE: (STEPS, 0), CLOSEST: (STEPS, TUNING_STEPS)}
"""Steps of the inversion, and of pivotal tuning, by what the visitor chooses."""
CHOICES = [("Quick", QUICK), ("Close", CLOSE), ("Closest", CLOSEST)]
EXPIRED = "You were away for too long, so your files are gone. Bring your portrait again."


class YouTab(JobTab):
    """The You tab. Made inside of its Tab: `layout`, then `connect`; see `JobTab`.

    Args:
        user_domains: state of the visitor's own domains.
    """

    slot, idle, busy, expired = "inversion", "Reconstruct", "Reconstructing…", EXPIRED

    def __init__(self, settings: Settings, visitors: Visitors, user_domains: gr.State) -> None:
        super().__init__(settings, visitors)
        self.panel = PersonPanel(settings, visitors, user_domains)

    def layout(self) -> None:
        """Make the components."""
        self.shown, self.clock = gr.State(""), gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                gr.HTML(html.title(1, "Bring a portrait"))
                self.note = gr.HTML(elem_id="you-note", apply_default_css=False, render=False)
                self.input = PortraitInput(self.settings, self.visitors, self.note)
                self.input.layout()
                gr.HTML(html.title(2, "Find the person"))
                self.how = gr.Radio(
                    CHOICES, value=CLOSE, show_label=False, elem_classes="segments", elem_id="how-close"
                )
                self.hint = gr.HTML(_hint(CLOSE), apply_default_css=False)
                self.layout_buttons("reconstruct", "you-stop")
                with gr.Accordion("Open a person's file", open=False, elem_classes="inner", elem_id="open-person"):
                    self.upload = UploadFile(
                        file_types=[".safetensors"], show_label=False, height=110, elem_id="upload-person", buttons=[]
                    )
            with gr.Column(scale=8, min_width=320, elem_classes="card result"):
                self.status = gr.HTML(elem_id="you-status", apply_default_css=False)
                self.note.render()
                self.empty = gr.HTML(portrait_html.EMPTY, apply_default_css=False, elem_id="you-empty")
                self.live = gr.HTML(visible=False, apply_default_css=False, elem_id="you-live")
                self.panel.layout()

    def connect(self) -> None:
        """Connect the components."""
        self.input.connect()
        self.panel.connect()
        self.how.input(self.describe, self.how, [self.hint, self.note], **AT_ONCE)
        self.button.click(self.start, {self.input.sitter, self.how}, self.changing, **AT_ONCE)
        said, words = {self.panel.person, self.panel.words}, [self.panel.words_button.click, self.panel.words.submit]
        gr.on(words, self.start_words, said, self.changing, **AT_ONCE)
        self.stop_button.click(self.stop, self.shown, self.changing, **AT_ONCE)
        self.clock.tick(self.follow, self.shown, self.changing, **AT_ONCE)
        self.upload.upload(self.receive, self.upload, [*self.changing, self.upload], **QUIET)

    @property
    def changing(self) -> list[Any]:
        """All that a job changes."""
        return [*self.watching, *self.panel.components]

    @report_errors()
    def describe(self, how: str) -> Outputs:
        """Say what a choice means."""
        return {self.hint: _hint(how)}

    @report_errors()
    def start(self, values: Values, request: gr.Request) -> Outputs:
        """Answer the click on Reconstruct at once: check what was chosen, and start a job."""
        sitter: Sitter | None = values[self.input.sitter]
        if sitter is None:
            raise UserError("Bring a portrait first: upload one, paste one, or use your camera.")
        steps, tuning = PLANS.get(values[self.how], PLANS[CLOSE])
        visitor, job = self._new_job(request)
        portrait = sitter.portrait()
        wanted = InvertRequest(
            portrait.pixels,
            portrait.weight,
            job.folder,
            portrait.yaw,
            portrait.pitch,
            steps=steps,
            tuning=tuning,
            encoder=self.settings.encoder,
            **running_base(self.settings),
        )

        def prepare(job: Job) -> tuple[Iterator[Update], Finish]:
            return invert_job(wanted), lambda found: found

        return {**self.panel.hide(), **self.begin(visitor, job, wanted.seconds, prepare)}

    @report_errors()
    def start_words(self, values: Values, request: gr.Request) -> Outputs:
        """Start a job that edits the person by words; it is followed and stopped as a reconstruction is."""
        check_person_words(values[self.panel.words] or "", self.settings.encoder)
        if not Path(values[self.panel.person] or "none").is_file():
            raise UserError(GONE)
        visitor, job = self._new_job(request)
        wanted = TextEditRequest(
            values[self.panel.person],
            values[self.panel.words],
            job.folder,
            encoder=self.settings.encoder,
            **running_base(self.settings),
        )

        def prepare(job: Job) -> tuple[Iterator[Update], Finish]:
            return text_edit_job(wanted), lambda found: found

        return self.begin(visitor, job, wanted.seconds, prepare)

    def _new_job(self, request: gr.Request) -> tuple[Visitor, Job]:
        visitor = self.visitors.of(request.session_hash or "")
        if visitor.inversion is not None and not visitor.inversion.ended:
            raise UserError("Your last job here is still running. Wait for it to end, or stop it.")
        return visitor, Job(str(self.visitors.sessions.new_job(visitor.key)))

    @report_errors()
    def receive(self, path: str | None, request: gr.Request) -> Outputs:
        """Open a person's file."""
        if not path:
            return {self.upload: None}
        kept = accept_person(path, self.visitors.folder(request.session_hash or ""), self.settings)
        hidden = {self.empty: gr.HTML(visible=False), self.live: gr.HTML("", visible=False)}
        return {**hidden, self.note: html.notice(f"Opened {Path(path).name}."), **self.panel.open(str(kept))}

    def restore(self, job: Job | None) -> Outputs:
        """Show the visitor's latest job when the page opens again."""
        if job is None or (job.outcome is not None and not Path(job.outcome.person).is_file()):
            return {}
        return self.show(job)

    def choose(self, kept: Sequence[Entry], entry: Entry | None = None) -> Outputs:
        """Offer the worlds, the visitor's own among them."""
        return self.panel.choose(kept, entry)

    def _pictures(self, job: Job) -> Outputs:
        assert job.preview is not None
        return {self.live: gr.HTML(portrait_html.progress_picture(job.preview), visible=True)}

    def _result(self, job: Job) -> Outputs:
        return {**(self._pictures(job) if job.pictures else {}), **self.panel.show(job.outcome)}

    def _also(self, running: bool) -> Outputs:
        return {self.empty: gr.HTML(visible=False)} if running else {}


def _hint(how: str) -> str:
    steps, tuning = PLANS.get(how, PLANS[CLOSE])
    also = " What the generator cannot show by itself is then added to the person (pivotal tuning)." if tuning else ""
    seconds = STARTING_SECONDS + STEP_SECONDS * (steps + tuning)
    return f'<p class="hint">About {seconds:.0f} s on two CPU cores.{also}</p>'
