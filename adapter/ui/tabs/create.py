"""The Create tab: a style in, people of two worlds out."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.service import library
from adapter.service.background import Finish, Job, Prepare
from adapter.service.jobs import adapt_job, render_job
from adapter.service.plans import check_plan
from adapter.service.requests import AdaptRequest, RenderRequest, Update
from adapter.service.settings import Settings
from adapter.service.time_left import OUTPUT_SECONDS
from adapter.service.visitors import Visitor, Visitors
from adapter.ui import html
from adapter.ui.handlers import AT_ONCE, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.advanced import AdvancedSettings
from adapter.ui.tabs.inputs import READY, InputsTab
from adapter.ui.tabs.job_tab import SECONDS_BETWEEN_LOOKS, JobTab
from adapter.ui.tabs.results import Made, ResultsPanel
from adapter.utils.atomic import replacing

EXPIRED = "You were away for too long, so your files are gone. Your settings are still here: start again."

_SHOW_RESULT = """
() => { if (window.innerWidth < 900) document.querySelector('.result').scrollIntoView({behavior: 'auto'}); }
"""


class CreateTab(JobTab):
    """The Create tab. Made inside of Blocks: `layout`, then `connect`; see `JobTab`."""

    slot, idle, busy, expired = "job", "Adapt", "Adapting…", EXPIRED

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        super().__init__(settings, visitors)
        self.results = ResultsPanel(settings, visitors)

    def layout(self) -> None:
        """Make the components."""
        self.shown, self.clock = gr.Textbox("", visible=False), gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                gr.HTML(html.title(1, "Choose a style"))
                self.note = gr.HTML(elem_id="note", apply_default_css=False, render=False)
                self.inputs = InputsTab(self.settings, self.visitors, self.note)
                self.inputs.layout()
                gr.HTML(html.title(2, "Make its world"))
                self.advanced = AdvancedSettings(self.settings, self.note)
                self.advanced.layout()
                self.layout_buttons("adapt", "stop")
            with gr.Column(scale=8, min_width=320, elem_classes="card result"):
                self.status = gr.HTML(elem_id="status", apply_default_css=False)
                self.note.render()
                self.empty = gr.HTML(html.EMPTY, apply_default_css=False, elem_id="empty")
                self.live = gr.HTML(visible=False, apply_default_css=False, elem_id="live")
                self.curves = gr.HTML(visible=False, apply_default_css=False, elem_id="curves")
                self.results.layout()

    def connect(self) -> None:
        """Connect the components, except for ``clock``, whose ticks are the page's."""
        for part in (self.inputs, self.advanced, self.results):
            part.connect()
        results = self.results
        values: set[Any] = {*self.inputs.components, *self.advanced.components}
        advanced = self.advanced
        offered = [advanced.method, advanced.estimate, *advanced.chosen, self.note]
        for switched in self.inputs.switched:
            chosen = [self.inputs.which, advanced.method, advanced.preset]
            switched.then(advanced.offer, chosen, offered, preprocess=False, **AT_ONCE)
        typed = [component.change for component in values]
        gr.on(typed, self.remember, values, None, trigger_mode="always_last", preprocess=False, **AT_ONCE)
        self.button.click(self.start, values, self.changing, **AT_ONCE)
        again = [results.made, results.snapshot, results.strength]
        results.again.click(self.start_again, again, self.changing, **AT_ONCE)
        self.stop_button.click(self.stop, self.shown, self.changing, **AT_ONCE)
        self.button.click(None, js=_SHOW_RESULT, api_visibility="private")

    @property
    def changing(self) -> list[Any]:
        """All that a job changes."""
        return list(dict.fromkeys([*self.watching, self.curves, self.results.again, *self.results.components]))

    @report_errors()
    def start(self, values: Values, request: gr.Request) -> Outputs:
        """Answer the click on Adapt at once: check what was chosen, and start a job."""
        note, seconds = self.inputs.check(values), OUTPUT_SECONDS
        if values[self.inputs.which] != READY:
            seconds = check_plan(self.advanced.read(values), self.settings.encoder, self.settings.longest_job)
        visitor = self.visitors.of(request.session_hash or "")
        shown = self._start(visitor, seconds, lambda job: self._prepare(values, job), note)
        visitor.values = values
        return shown

    @report_errors()
    def start_again(self, made: Made | None, place: int, strength: float, request: gr.Request) -> Outputs:
        """Answer the click on "Render all like this" at once: start to render a snapshot at another strength."""
        if made is None:
            raise UserError(EXPIRED)
        seen, base = made, running_base(self.settings)

        def prepare(job: Job) -> tuple[Iterator[Update], Finish]:
            domain, shown = seen.domain_at(place) or "", float(strength)
            wanted = RenderRequest(domain, job.folder, shown, seen.truncation, cast=seen.cast, **base)
            return render_job(wanted), lambda result: seen.rendered_again(result, shown, int(place))

        return self._start(self.visitors.of(request.session_hash or ""), OUTPUT_SECONDS, prepare)

    @report_errors("")
    def remember(self, values: Values, request: gr.Request) -> None:
        """Keep what stands in the controls, so that it still stands there after a reload.

        The values come as the browser sends them: while a method changes, the old preset is none of its choices.
        """
        more = self.inputs.picture.more
        paths = [file["path"] for file in values[more] or ()]
        self.visitors.of(request.session_hash or "").values = {**values, more: paths}

    def restore(self, values: Values, request: gr.Request) -> Outputs:
        """Show what stood in the controls."""
        inputs = self.inputs.restore(values, request)
        return {**self.advanced.restore(values, values[self.inputs.which]), **inputs}

    def _start(self, visitor: Visitor, seconds: float, prepare: Prepare, note: str = "") -> Outputs:
        job = Job(str(self.visitors.sessions.new_job(visitor.key)), note=note)
        return self.begin(visitor, job, seconds, prepare)

    def _prepare(self, values: Values, job: Job) -> tuple[Iterator[Update], Finish]:
        request, title = self._request(values, job), self.inputs.title(values)
        updates = adapt_job(request) if isinstance(request, AdaptRequest) else render_job(request)
        return updates, lambda result: Made(result, title, request.cast, request.truncation)

    def _request(self, values: Values, job: Job) -> AdaptRequest | RenderRequest:
        folder = job.folder
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
        arrived = library.local(values[self.inputs.ready.chosen], self.settings, job.arriving)
        with replacing(path) as temporary:
            shutil.copyfile(arrived, temporary)
        strength, truncation = float(values[self.advanced.strength]), float(values[self.advanced.truncation])
        return RenderRequest(str(path), folder, strength, truncation, **running_base(self.settings))

    def _pictures(self, job: Job) -> Outputs:
        total = job.update.total if job.update is not None else 0
        return {
            self.live: gr.HTML(html.live(job.preview), visible=True) if job.preview is not None else gr.skip(),
            self.curves: gr.HTML(html.curves(job.steps, job.losses, total), visible=len(job.steps) > 2),
            self.empty: gr.HTML(visible=False),
            self.results.column: gr.Column(visible=False),
        }

    def _result(self, job: Job) -> Outputs:
        return {**self._without_pictures(), **self.results.show(job.outcome)}

    def _also(self, running: bool) -> Outputs:
        return {self.results.again: gr.Button(interactive=not running)}

    def _gone(self) -> Outputs:
        results = {self.results.made: None, self.results.column: gr.Column(visible=False)}
        return {**self._without_pictures(), self.empty: gr.HTML(visible=True), **results}

    def _without_pictures(self) -> Outputs:
        return {part: gr.HTML("", visible=False) for part in (self.live, self.curves)}
