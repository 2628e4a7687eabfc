"""The Create tab: a style in, people of two worlds out."""

import dataclasses
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.methods.offers import seconds
from adapter.service import library
from adapter.service.inputs import understood
from adapter.service.job_queue import JobQueue
from adapter.service.jobs import adapt_job, present_job, request_stop
from adapter.service.requests import AdaptRequest, PresentRequest, Update
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.tabs.advanced import advanced, fitting_method, method_choices, preset_radio
from adapter.ui.tabs.inputs import QUIET, READY, WORDS, Outputs, Values, entrances
from adapter.ui.tabs.results import Made, Results, results
from adapter.utils.atomic import replacing

_SECONDS_BETWEEN_UPDATES = 1.0
_VIDEO_SECONDS = 12
_SHOW_RESULT = """
() => { if (window.innerWidth < 900) document.querySelector('.result').scrollIntoView({behavior: 'smooth'}); }
"""
_UNEXPECTED = "This did not work: too many people may be waiting, or something broke here. Try again in a minute."


@dataclass(frozen=True)
class Create:
    """What other tabs need of this one."""

    results: Results
    prompt: gr.Textbox
    entrance: gr.Tabs
    which: gr.State
    finished: tuple[Any, ...]


@dataclass
class _Curve:
    """Losses of a run so far."""

    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)

    def add(self, update: Update) -> None:
        self.steps.append(update.step)
        for kind, value in update.losses.items():
            self.losses.setdefault(kind, []).append(value)


def create_tab(sessions: Sessions, line: JobQueue) -> Create:
    """Lay the tab out inside the current Blocks and connect it."""
    job, clock = gr.State(None), gr.Timer(2.0, active=False)

    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5, min_width=320, elem_classes="card"):
            gr.HTML(html.title(1, "Choose a style"))
            note = gr.HTML(elem_id="note", apply_default_css=False, render=False)
            start_from = entrances(sessions, note)
            gr.HTML(html.title(2, "Make its world"))
            preset = preset_radio()
            with gr.Accordion("Advanced", open=False, elem_id="advanced"):
                settings = advanced(preset)
            with gr.Row(elem_classes="actions"):
                start = gr.Button("Adapt", variant="primary", size="lg", elem_id="adapt", scale=3)
                stop = gr.Button("Stop", size="lg", interactive=False, elem_id="stop", scale=1)

        with gr.Column(scale=8, min_width=320, elem_classes="card result"):
            status = gr.HTML(elem_id="status", apply_default_css=False)
            note.render()
            empty = gr.HTML(html.EMPTY, apply_default_css=False, elem_id="empty")
            live = gr.HTML(visible=False, apply_default_css=False, elem_id="live")
            curves = gr.HTML(visible=False, apply_default_css=False, elem_id="curves")
            shown = results(sessions)

    running = [status, note, start, stop, job, clock]

    def begin(values: Values, request: gr.Request) -> Outputs:
        """Answer the click at once, and give the job a place in the line and a folder by which it can be stopped."""
        try:
            start_from.check(values)
            learning = 0.0
            if values[start_from.which] != READY:
                chosen = settings.read(values)
                learning = seconds(chosen["method"], chosen["preset"], chosen["steps"])
            return join(learning + _VIDEO_SECONDS, request)
        except UserError as error:
            return {note: html.notice(str(error), "problem"), job: None}

    def join(takes: float, request: gr.Request) -> Outputs:
        """Stand in line with a new job."""
        folder = str(sessions.new_job(request.session_hash or ""))
        line.join(folder, request.session_hash or "", takes)
        return {
            job: folder,
            status: html.waiting(line.wait(folder)),
            note: "",
            start: gr.Button("Adapting…", interactive=False),
            stop: gr.Button("Stop", interactive=True),
            clock: gr.Timer(active=True),
        }

    def read_words(values: Values) -> Outputs:
        """Refuse words that the text model does not understand, before any time is spent on them."""
        folder = values[job]
        if folder is None or values[start_from.which] != WORDS:
            return {note: gr.skip()}
        try:
            return {note: html.notice(understood(values[start_from.prompt].strip()))}
        except UserError as error:
            return give_up(folder, str(error))

    def tell(folder: str | None) -> Outputs:
        """How long the line is, until it is this job's turn."""
        waiting = None if folder is None else line.wait(folder)
        if waiting is None:
            return {status: gr.skip(), clock: gr.Timer(active=False)}
        return {status: html.waiting(waiting), clock: gr.skip()}

    def adapt(values: Values) -> Iterator[Outputs]:
        """Run the job and show how it goes."""
        folder = values[job]
        if folder is None or not line.begin(folder):
            yield {job: None}
            return
        try:
            yield {status: html.progress(Update(""))}
            if values[start_from.which] == READY:
                entry = values[start_from.chosen]
                # Only files of the session may be downloaded, and a library's may lie anywhere.
                path = Path(folder) / "domain.safetensors"
                with replacing(path) as temporary:
                    shutil.copyfile(library.local(entry), temporary)
                wanted = PresentRequest(
                    str(path), folder, float(values[settings.strength]), float(values[settings.truncation])
                )
                yield from follow(present_job(wanted), Made, entry.title, wanted.cast, wanted.truncation)
                return
            wanted = AdaptRequest(folder=folder, **settings.read(values), **start_from.read(values))
            yield from follow(adapt_job(wanted), Made, start_from.title(values), wanted.cast, wanted.truncation)
        except UserError as error:
            yield give_up(folder, str(error))
        finally:
            line.leave(folder)

    def render_again(made: Made | None, place: int, strength: float, folder: str | None) -> Iterator[Outputs]:
        """Render everything anew from a snapshot, at another strength."""
        if made is None or folder is None or not line.begin(folder):
            yield {job: None}
            return

        def remade(result: Any, title: str, cast: int, truncation: float) -> Made:
            steps = {shot.domain: shot.step for shot in made.result.snapshots}
            taken = steps.get(result.domain, made.result.steps)
            settings = {**made.result.settings, "steps": taken, "strength": float(strength)}
            kept = dataclasses.replace(result, steps=taken, settings=settings, snapshots=made.result.snapshots)
            return Made(kept, title, cast, truncation)

        try:
            wanted = PresentRequest(made.domain_at(place), folder, float(strength), made.truncation, cast=made.cast)
            yield from follow(present_job(wanted), remade, made.title, made.cast, made.truncation, step=int(place))
        except UserError as error:
            yield give_up(folder, str(error))
        finally:
            line.leave(folder)

    def follow(
        updates: Iterator[Update], make: Any, title: str, cast: int, truncation: float, step: int | None = None
    ) -> Iterator[Outputs]:
        """Show the updates of a job, and its result at the end."""
        curve = _Curve()
        for update in _thinned(updates, curve):
            if update.result is None:
                yield show(update, curve)
                continue
            yield {
                **rest(),
                note: html.notice(update.message) if update.message else gr.skip(),
                live: gr.HTML("", visible=False),
                curves: gr.HTML("", visible=False),
                empty: gr.HTML(visible=False),
                **shown.show(make(update.result, title, cast, truncation), step),
            }

    def show(update: Update, curve: _Curve) -> Outputs:
        seen: Outputs = {status: html.progress(update)}
        if update.message:
            seen[note] = html.notice(update.message)
        if update.preview is not None:
            seen |= {
                live: gr.HTML(html.live(update.preview), visible=True),
                curves: gr.HTML(html.curves(curve.steps, curve.losses, update.total), visible=len(curve.steps) > 2),
                empty: gr.HTML(visible=False),
                shown.column: gr.Column(visible=False),
            }
        return seen

    def rest() -> Outputs:
        """Ready for the next job."""
        return {
            status: "",
            start: gr.Button("Adapt", interactive=True),
            stop: gr.Button("Stop", interactive=False),
            job: None,
            clock: gr.Timer(active=False),
        }

    def give_up(folder: str | None = None, said: str = _UNEXPECTED) -> Outputs:
        """Ready for the next job, with a sentence on why this one ended."""
        if folder is not None:
            line.leave(folder)
        return {**rest(), note: html.notice(said, "problem")}

    def halt(folder: str | None) -> Outputs:
        """Ask the running job to stop; it then shows what it has."""
        if folder is not None:
            request_stop(folder)
        return {stop: gr.Button("Stopping…", interactive=False)}

    def enter(entrance: str, method: str) -> Outputs:
        """Offer the methods that this entrance can lead."""
        kind = "text" if entrance == WORDS else "image"
        return {
            settings.method: gr.Dropdown(method_choices(kind), value=fitting_method(method, kind)),
            preset: gr.Radio(visible=entrance != READY),
        }

    def rejoin(made: Made | None, request: gr.Request) -> Outputs:
        try:
            return {job: None} if made is None else join(_VIDEO_SECONDS, request)
        except UserError as error:
            return {note: html.notice(str(error), "problem"), job: None}

    for switched in start_from.switched:
        entered = [start_from.which, settings.method]
        switched.then(enter, entered, [settings.method, preset], queue=False, **QUIET)
    inputs = {job, *start_from.components, *settings.components}
    changing = [*running, live, curves, empty, *shown.components]
    one_at_a_time = {"concurrency_limit": 1, "concurrency_id": "adapt"}
    started = start.click(begin, inputs, running, queue=False, **QUIET)
    started.failure(give_up, job, running, queue=False, **QUIET)
    read = started.then(read_words, inputs, running, queue=False, **QUIET)
    adapted = read.then(adapt, inputs, changing, **one_at_a_time, **QUIET)
    adapted.failure(give_up, job, running, queue=False, **QUIET)
    seen = [shown.made, shown.step, shown.strength, job]
    rejoined = shown.again.click(rejoin, shown.made, running, queue=False, **QUIET)
    rendered = rejoined.then(render_again, seen, changing, **one_at_a_time, **QUIET)
    rendered.failure(give_up, job, running, queue=False, **QUIET)
    clock.tick(tell, job, [status, clock], queue=False, **QUIET)
    start.click(None, js=_SHOW_RESULT, api_visibility="private")
    stop.click(halt, job, stop, queue=False, **QUIET)
    return Create(shown, start_from.prompt, start_from.tabs, start_from.which, (adapted, rendered))


def _thinned(updates: Iterator[Update], curve: _Curve) -> Iterator[Update]:
    """Leave out updates that come too fast to be seen, but none that shows or says something new."""
    last, stage = 0.0, None
    for update in updates:
        if update.losses:
            curve.add(update)
        now = time.monotonic()
        news = update.preview is not None or update.result is not None or update.stage != stage
        if news or now - last > _SECONDS_BETWEEN_UPDATES:
            yield update
            last, stage = now, update.stage
