"""The You tab: a portrait in; the person of the generator who looks like it, in any world, out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service.background import Finish, Job, Prepare, start
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
from adapter.ui.handlers import QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.person_panel import GONE, PersonPanel
from adapter.ui.tabs.portrait_input import PortraitInput, Sitter
from adapter.ui.upload_file import UploadFile

QUICK, CLOSE, CLOSEST = "quick", "close", "closest"
PLANS = {QUICK: (QUICK_STEPS, 0), CLOSE: (STEPS, 0), CLOSEST: (STEPS, TUNING_STEPS)}
"""Steps of the inversion, and of pivotal tuning, by what the visitor chooses."""
CHOICES = [("Quick", QUICK), ("Close", CLOSE), ("Closest", CLOSEST)]
EXPIRED = "You were away for too long, so your files are gone. Bring your portrait again."
_SECONDS_BETWEEN_LOOKS = 1.0


class YouTab:
    """The You tab. Made inside of its Tab: `layout`, then `connect`.

    Args:
        settings: name the base, its CLIP and the library.
        visitors: who the jobs belong to.
        user_domains: state of the visitor's own domains.
    """

    def __init__(self, settings: Settings, visitors: Visitors, user_domains: gr.State) -> None:
        self.settings, self.visitors, self.queue = settings, visitors, visitors.queue
        self.panel = PersonPanel(settings, visitors, user_domains)

    def layout(self) -> None:
        """Make the components; ``shown`` names the state of the job that the page shows."""
        self.shown, self.clock = gr.State(""), gr.Timer(_SECONDS_BETWEEN_LOOKS, active=False)
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
                with gr.Row(elem_classes="actions"):
                    self.button = gr.Button("Reconstruct", variant="primary", size="lg", elem_id="reconstruct", scale=3)
                    self.stop_button = gr.Button("Stop", size="lg", interactive=False, elem_id="you-stop", scale=1)
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
        at_once: dict[str, Any] = {"queue": False, **QUIET}
        self.how.input(self.describe, self.how, [self.hint, self.note], **at_once)
        self.button.click(self.start, {self.input.sitter, self.how}, self.changing, **at_once)
        said = {self.panel.person, self.panel.words}
        gr.on(
            [self.panel.words_button.click, self.panel.words.submit], self.start_words, said, self.changing, **at_once
        )
        self.stop_button.click(self.stop, self.shown, self.changing, **at_once)
        self.clock.tick(self.follow, self.shown, self.changing, **at_once)
        self.upload.upload(self.receive, self.upload, [*self.changing, self.upload], **QUIET)

    @property
    def changing(self) -> list[Any]:
        """All that a job changes."""
        watching = [self.status, self.note, self.shown, self.clock, self.live, self.empty]
        return [*watching, self.button, self.stop_button, *self.panel.components]

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

        return {**self.panel.hide(), **self._begin(visitor, job, wanted.seconds, prepare)}

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

        return self._begin(visitor, job, wanted.seconds, prepare)

    def _new_job(self, request: gr.Request) -> tuple[Visitor, Job]:
        visitor = self.visitors.of(request.session_hash or "")
        if visitor.inversion is not None and not visitor.inversion.ended:
            raise UserError("Your last portrait is still being reconstructed. Wait for it to end, or stop it.")
        return visitor, Job(str(self.visitors.sessions.new_job(visitor.key)))

    def _begin(self, visitor: Visitor, job: Job, seconds: float, prepare: Prepare) -> Outputs:
        self.queue.enqueue(job.folder, visitor.key, seconds)
        visitor.inversion = job
        start(job, self.queue, prepare)
        return self.show(job)

    @report_errors()
    def follow(self, shown: str, request: gr.Request) -> Outputs:
        """Show what is new since the state that the page shows."""
        return self.show(self.visitors.of(request.session_hash or "").inversion, shown)

    @report_errors()
    def stop(self, shown: str, request: gr.Request) -> Outputs:
        """Leave the queue at once, or let the running job end with the best so far."""
        job = self.visitors.of(request.session_hash or "").inversion
        if job is not None and not job.ended:
            job.stop(self.queue)
        return self.show(job, shown)

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

    def show(self, job: Job | None, shown: str = "") -> Outputs:
        """Show a job, as far as the page does not show it yet.

        Args:
            job: the visitor's latest one.
            shown: what stands in ``shown``.
        """
        if job is None:
            gone = {self.note: html.notice(EXPIRED, "problem"), self.shown: "", **self._ready()} if shown else {}
            return {self.clock: gr.Timer(active=False), **gone}
        with job.lock:
            state = f"{Path(job.folder).name}:{job.news}:{job.stopping}"
            position = self.queue.position(job.folder)
            if shown == state and position is None:
                return {self.shown: gr.skip()}
            if job.ended:
                return {**self._end(job), self.shown: state}
            live = {} if job.preview is None else {self.live: _live(job)}
            return {
                self.shown: state,
                self.status: html.progress(job.update) if job.update is not None else html.waiting(position),
                self.note: html.notice(job.note),
                self.empty: gr.HTML(visible=False),
                self.button: gr.Button("Reconstructing…", interactive=False),
                self.stop_button: gr.Button("Stopping…" if job.stopping else "Stop", interactive=not job.stopping),
                self.clock: gr.Timer(active=True),
                **live,
            }

    def _end(self, job: Job) -> Outputs:
        """Ready for the next job, with the result of this one, or the reason why there is none."""
        ready = {**self._ready(), self.note: html.notice(job.note)}
        if job.problem:
            return {**ready, self.note: html.notice(job.problem, "problem")}
        if job.outcome is None:
            return ready
        live = {} if job.preview is None else {self.live: _live(job)}
        return {**ready, **live, self.empty: gr.HTML(visible=False), **self.panel.show(job.outcome)}

    def _ready(self) -> Outputs:
        return {
            self.status: "",
            self.button: gr.Button("Reconstruct", interactive=True),
            self.stop_button: gr.Button("Stop", interactive=False),
            self.clock: gr.Timer(active=False),
        }


def _live(job: Job) -> gr.HTML:
    assert job.preview is not None
    return gr.HTML(portrait_html.progress_picture(job.preview), visible=True)


def _hint(how: str) -> str:
    steps, tuning = PLANS.get(how, PLANS[CLOSE])
    also = " What the generator cannot show by itself is then added to the person (pivotal tuning)." if tuning else ""
    seconds = STARTING_SECONDS + STEP_SECONDS * (steps + tuning)
    return f'<p class="hint">About {seconds:.0f} s on two CPU cores.{also}</p>'
