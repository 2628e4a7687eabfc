"""A tab with a job that runs apart from the page: the buttons that start and stop it, and its progress."""

from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from adapter.service.background import Job, Prepare, start
from adapter.service.settings import Settings
from adapter.service.visitors import Visitor, Visitors
from adapter.ui import html
from adapter.ui.handlers import Outputs, report_errors

SECONDS_BETWEEN_LOOKS = 1.0


class JobTab:
    """What Create and You share.

    A job runs apart from the page, see `adapter.service.background`. A subclass's ``start`` begins one and answers at
    once; the page then calls `follow` every second, which may fail or pause for as long as it likes. A subclass makes
    the components ``shown`` (the state of the job that the page shows), ``clock``, ``status``, ``note``, ``empty`` and
    ``live``.

    Args:
        settings: name the base, its CLIP and the library.
        visitors: who the jobs belong to.
    """

    slot: ClassVar[str]
    """Attribute of a `Visitor` that holds the latest job."""
    idle: ClassVar[str]
    busy: ClassVar[str]
    """What stands on the button."""
    expired: ClassVar[str]
    """The sentence for a visitor whose files are gone."""
    shown: Any
    clock: gr.Timer
    status: gr.HTML
    note: gr.HTML
    empty: gr.HTML
    live: gr.HTML

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors, self.queue = settings, visitors, visitors.queue

    def layout_buttons(self, start_id: str, stop_id: str) -> None:
        """Make the two buttons."""
        with gr.Row(elem_classes="actions"):
            self.button = gr.Button(self.idle, variant="primary", size="lg", elem_id=start_id, scale=3)
            self.stop_button = gr.Button("Stop", size="lg", interactive=False, elem_id=stop_id, scale=1)

    @property
    def watching(self) -> list[Any]:
        """All that every job changes."""
        told = [self.status, self.note, self.shown, self.clock, self.live, self.empty]
        return [*told, self.button, self.stop_button]

    @report_errors()
    def follow(self, shown: str, request: gr.Request) -> Outputs:
        """Show what is new since the state that the page shows."""
        return self.show(self._job(request), shown)

    @report_errors()
    def stop(self, shown: str, request: gr.Request) -> Outputs:
        """Leave the queue at once, or let the running job end with what it has."""
        job = self._job(request)
        if job is not None and not job.ended:
            job.stop(self.queue)
        return self.show(job, shown)

    def show(self, job: Job | None, shown: str = "") -> Outputs:
        """Show a job, as far as the page does not show it yet.

        Args:
            job: the visitor's latest one.
            shown: what stands in ``shown``.
        """
        if job is None:
            return self._expired() if shown else {self.clock: gr.Timer(active=False)}
        with job.lock:
            state = f"{Path(job.folder).name}:{job.news}:{job.stopping}:{job.pictures}"
            position = self.queue.position(job.folder)
            if shown == state and position is None:
                return {self.shown: gr.skip()}
            if job.ended:
                return {**self._end(job), self.shown: state}
            return {
                self.shown: state,
                self.status: html.progress(job.update) if job.update is not None else html.waiting(position),
                self.note: html.notice(job.note),
                self.button: gr.Button(self.busy, interactive=False),
                self.stop_button: gr.Button("Stopping…" if job.stopping else "Stop", interactive=not job.stopping),
                self.clock: gr.Timer(active=True),
                **self._also(running=True),
                **(self._pictures(job) if job.pictures and not shown.endswith(f":{job.pictures}") else {}),
            }

    def begin(self, visitor: Visitor, job: Job, seconds: float, prepare: Prepare) -> Outputs:
        """Start a job that takes about that many seconds; raises `UserError` if the queue is full."""
        self.queue.enqueue(job.folder, visitor.key, seconds)
        setattr(visitor, self.slot, job)
        start(job, self.queue, prepare)
        return self.show(job)

    def _job(self, request: gr.Request) -> Job | None:
        return getattr(self.visitors.of(request.session_hash or ""), self.slot)

    def _pictures(self, job: Job) -> Outputs:
        """Show the pictures of a running job."""
        raise NotImplementedError

    def _result(self, job: Job) -> Outputs:
        """Show the outcome."""
        raise NotImplementedError

    def _also(self, running: bool) -> Outputs:
        """What else changes while a job runs."""
        return {}

    def _gone(self) -> Outputs:
        """What else changes when the files are gone."""
        return {}

    def _expired(self) -> Outputs:
        return {**self._ready(), self.note: html.notice(self.expired, "problem"), self.shown: "", **self._gone()}

    def _end(self, job: Job) -> Outputs:
        """Ready for the next job, with the result of this one, or the reason why there is none."""
        if job.problem:
            return {**self._ready(), self.note: html.notice(job.problem, "problem")}
        result = {} if job.outcome is None else {self.empty: gr.HTML(visible=False), **self._result(job)}
        return {**self._ready(), self.note: html.notice(job.note), **result}

    def _ready(self) -> Outputs:
        """Ready for the next job."""
        return {
            self.status: "",
            self.button: gr.Button(self.idle, interactive=True),
            self.stop_button: gr.Button("Stop", interactive=False),
            self.clock: gr.Timer(active=False),
            **self._also(running=False),
        }
