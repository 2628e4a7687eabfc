"""The Create tab: a style in, people of two worlds out."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.service import library
from adapter.service.cancellation import request_stop
from adapter.service.job_queue import JobQueue
from adapter.service.jobs import adapt_job, render_job
from adapter.service.prompts import check_prompt
from adapter.service.requests import AdaptRequest, AdaptResult, RenderRequest, Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.time_left import OUTPUT_SECONDS, adaptation_seconds
from adapter.ui import html
from adapter.ui.handlers import QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.advanced import AdvancedSettings, fitting_method, method_choices
from adapter.ui.tabs.inputs import READY, WORDS, InputsTab
from adapter.ui.tabs.results import Made, ResultsPanel
from adapter.utils.atomic import replacing

NOT_STARTED = "This did not start: too many people may be waiting. Try again in a minute."

_SECONDS_BETWEEN_UPDATES = 1.0
_SHOW_RESULT = """
() => { if (window.innerWidth < 900) document.querySelector('.result').scrollIntoView({behavior: 'smooth'}); }
"""


class CreateTab:
    """The Create tab. Made inside of Blocks: `layout`, then `connect`.

    The Adapt button runs `start`, which answers at once and enqueues the job, then `check_words`, then `adapt`.

    Args:
        settings: name the base, its CLIP and the library.
        sessions: where files go.
        queue: of the adaptations.
    """

    def __init__(self, settings: Settings, sessions: Sessions, queue: JobQueue) -> None:
        self.settings, self.sessions, self.queue = settings, sessions, queue
        self.results = ResultsPanel(settings, sessions)

    def layout(self) -> None:
        """Make the components."""
        self.job, self.clock = gr.State(None), gr.Timer(2.0, active=False)
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                gr.HTML(html.title(1, "Choose a style"))
                self.note = gr.HTML(elem_id="note", apply_default_css=False, render=False)
                self.inputs = InputsTab(self.settings, self.sessions, self.note)
                self.inputs.layout()
                gr.HTML(html.title(2, "Make its world"))
                self.advanced = AdvancedSettings()
                self.advanced.layout()
                with gr.Row(elem_classes="actions"):
                    self.adapt_button = gr.Button("Adapt", variant="primary", size="lg", elem_id="adapt", scale=3)
                    self.stop_button = gr.Button("Stop", size="lg", interactive=False, elem_id="stop", scale=1)
            with gr.Column(scale=8, min_width=320, elem_classes="card result"):
                self.status = gr.HTML(elem_id="status", apply_default_css=False)
                self.note.render()
                self.empty = gr.HTML(html.EMPTY, apply_default_css=False, elem_id="empty")
                self.live = gr.HTML(visible=False, apply_default_css=False, elem_id="live")
                self.curves = gr.HTML(visible=False, apply_default_css=False, elem_id="curves")
                self.results.layout()

    def connect(self) -> None:
        """Connect the components; `finished` are the events after which there may be a new result."""
        for part in (self.inputs, self.advanced, self.results):
            part.connect()
        results = self.results
        values: set[Any] = {self.job, *self.inputs.components, *self.advanced.components}
        buttons = [self.adapt_button, self.stop_button, results.again]
        running: list[Any] = [self.status, self.note, self.job, self.clock, *buttons]
        changing = list(dict.fromkeys([*running, self.live, self.curves, self.empty, *results.components]))
        at_once: dict[str, Any] = {"queue": False, **QUIET}
        one_at_a_time: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "adapt", **QUIET}
        for switched in self.inputs.switched:
            chosen = [self.inputs.which, self.advanced.method]
            switched.then(self.offer_methods, chosen, [self.advanced.method, self.advanced.preset], **at_once)

        started = self.adapt_button.click(self.start, values, running, **at_once)
        checked = started.then(self.check_words, values, running, **at_once)
        adapted = checked.then(self.adapt, values, changing, **one_at_a_time)
        restarted = results.again.click(self.start_again, results.made, running, **at_once)
        again = [results.made, results.snapshot, results.strength, self.job]
        rendered = restarted.then(self.render_again, again, changing, **one_at_a_time)
        for event in (started, adapted, rendered):
            event.failure(self.fail, self.job, running, **at_once)
        self.finished = (adapted, rendered)

        self.clock.tick(self.wait, self.job, [self.status, self.clock], **at_once)
        self.adapt_button.click(None, js=_SHOW_RESULT, api_visibility="private")
        self.stop_button.click(self.stop, self.job, self.stop_button, **at_once)

    @report_errors("")
    def start(self, values: Values, request: gr.Request) -> Outputs:
        """Answer the click on Adapt at once: check what was chosen, and enqueue a job."""
        self.inputs.check(values)
        if values[self.inputs.which] == READY:
            return self._enqueue(OUTPUT_SECONDS, request)
        plan = self.advanced.read(values)
        seconds = adaptation_seconds(plan["method"], plan["preset"], plan["steps"], self.settings.encoder)
        return self._enqueue(seconds, request)

    @report_errors("")
    def check_words(self, values: Values) -> Outputs:
        """Refuse words that the text model does not understand, before any time is spent on them."""
        folder = values[self.job]
        if folder is None or values[self.inputs.which] != WORDS:
            return {self.note: gr.skip()}
        try:
            return {self.note: html.notice(check_prompt(values[self.inputs.words.prompt], self.settings.encoder))}
        except Exception:
            self.queue.remove(folder)
            raise

    @report_errors("")
    def adapt(self, values: Values) -> Iterator[Outputs]:
        """Run the job of the Adapt button and show how it goes."""
        folder = values[self.job]
        if folder is None or not self.queue.start(folder):
            yield {self.job: None}
            return
        try:
            yield {self.status: html.progress(Update(""))}
            request = self._request(values, folder)
            updates = adapt_job(request) if isinstance(request, AdaptRequest) else render_job(request)
            title = self.inputs.title(values)
            yield from self._follow(updates, lambda result: Made(result, title, request.cast, request.truncation))
        finally:
            self.queue.remove(folder)

    @report_errors("")
    def start_again(self, made: Made | None, request: gr.Request) -> Outputs:
        """Answer the click on "Render all like this" at once, and enqueue a job."""
        return {self.job: None} if made is None else self._enqueue(OUTPUT_SECONDS, request)

    @report_errors("")
    def render_again(self, made: Made | None, place: int, strength: float, folder: str | None) -> Iterator[Outputs]:
        """Render everything anew from a snapshot, at another strength."""
        if made is None or folder is None or not self.queue.start(folder):
            yield {self.job: None}
            return
        try:
            request = RenderRequest(
                made.domain_at(place) or "",
                folder,
                float(strength),
                made.truncation,
                cast=made.cast,
                **running_base(self.settings),
            )
            yield from self._follow(
                render_job(request), lambda result: made.rendered_again(result, float(strength)), int(place)
            )
        finally:
            self.queue.remove(folder)

    def wait(self, folder: str | None) -> Outputs:
        """Show how many people are before this job, until its turn comes."""
        position = None if folder is None else self.queue.position(folder)
        if position is None:
            return {self.status: gr.skip(), self.clock: gr.Timer(active=False)}
        return {self.status: html.waiting(position), self.clock: gr.skip()}

    def stop(self, folder: str | None) -> Outputs:
        """Ask the running job to stop; it then shows what it has."""
        if folder is not None:
            request_stop(folder)
        return {self.stop_button: gr.Button("Stopping…", interactive=False)}

    def fail(self, folder: str | None) -> Outputs:
        """End a job that Gradio refused, as when its own queue is full."""
        if folder is not None:
            self.queue.remove(folder)
        return self.problem(NOT_STARTED)

    def problem(self, sentence: str) -> Outputs:
        """Ready for the next job, with a sentence on why this one ended."""
        return {**self._ready(), self.note: html.notice(sentence, "problem")}

    def offer_methods(self, entrance: str, method: str) -> Outputs:
        """Offer the methods that this entrance can lead."""
        kind = "text" if entrance == WORDS else "image"
        return {
            self.advanced.method: gr.Dropdown(method_choices(kind), value=fitting_method(method, kind)),
            self.advanced.preset: gr.Radio(visible=entrance != READY),
        }

    def _enqueue(self, seconds: float, request: gr.Request) -> Outputs:
        folder = str(self.sessions.new_job(request.session_hash or ""))
        self.queue.enqueue(folder, request.session_hash or "", seconds)
        return {
            self.job: folder,
            self.status: html.waiting(self.queue.position(folder)),
            self.note: "",
            self.adapt_button: gr.Button("Adapting…", interactive=False),
            self.stop_button: gr.Button("Stop", interactive=True),
            self.results.again: gr.Button(interactive=False),
            self.clock: gr.Timer(active=True),
        }

    def _request(self, values: Values, folder: str) -> AdaptRequest | RenderRequest:
        if values[self.inputs.which] != READY:
            return AdaptRequest(
                folder=folder,
                encoder=self.settings.encoder,
                **self.advanced.read(values),
                **self.inputs.read(values),
                **running_base(self.settings),
            )
        # Only files of the session may be downloaded, and a library's may lie anywhere.
        path = Path(folder) / "domain.safetensors"
        with replacing(path) as temporary:
            shutil.copyfile(library.local(values[self.inputs.ready.chosen]), temporary)
        strength, truncation = float(values[self.advanced.strength]), float(values[self.advanced.truncation])
        return RenderRequest(str(path), folder, strength, truncation, **running_base(self.settings))

    def _follow(
        self, updates: Iterator[Update], made: Callable[[AdaptResult], Made], snapshot: int | None = None
    ) -> Iterator[Outputs]:
        """Show the updates of a job, and its result at the end, which was rendered from that snapshot."""
        history = _LossHistory()
        for update in _thinned(updates, history):
            if update.result is None:
                yield self._show(update, history)
                continue
            yield {
                **self._ready(),
                self.note: html.notice(update.message) if update.message else gr.skip(),
                self.live: gr.HTML("", visible=False),
                self.curves: gr.HTML("", visible=False),
                self.empty: gr.HTML(visible=False),
                **self.results.show(made(update.result), snapshot),
            }

    def _show(self, update: Update, history: "_LossHistory") -> Outputs:
        shown: Outputs = {self.status: html.progress(update)}
        if update.message:
            shown[self.note] = html.notice(update.message)
        if update.preview is not None:
            curves = html.curves(history.steps, history.losses, update.total)
            shown |= {
                self.live: gr.HTML(html.live(update.preview), visible=True),
                self.curves: gr.HTML(curves, visible=len(history.steps) > 2),
                self.empty: gr.HTML(visible=False),
                self.results.column: gr.Column(visible=False),
            }
        return shown

    def _ready(self) -> Outputs:
        """Ready for the next job."""
        return {
            self.status: "",
            self.adapt_button: gr.Button("Adapt", interactive=True),
            self.stop_button: gr.Button("Stop", interactive=False),
            self.results.again: gr.Button(interactive=True),
            self.job: None,
            self.clock: gr.Timer(active=False),
        }


@dataclass
class _LossHistory:
    """Losses of a run so far."""

    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, update: Update) -> None:
        self.steps.append(update.step)
        for kind, value in update.losses.items():
            self.losses.setdefault(kind, []).append(value)


def _thinned(updates: Iterator[Update], history: _LossHistory) -> Iterator[Update]:
    """Leave out updates that come too fast for an eye, but none with a new picture, stage or result."""
    last, stage = 0.0, None
    for update in updates:
        if update.losses:
            history.add(update)
        now = time.monotonic()
        news = update.preview is not None or update.result is not None or update.stage != stage
        if news or now - last > _SECONDS_BETWEEN_UPDATES:
            yield update
            last, stage = now, update.stage
