"""What a job brought: video, before and after, snapshots, strength, more people, downloads."""

import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service import explore, library
from adapter.service.requests import GRID, TRUNCATION, AdaptResult, ExploreRequest
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.tabs.inputs import QUIET, Outputs

MOVE_EDGE = """
element.addEventListener('input', event => {
  event.target.closest('.compare').style.setProperty('--edge', event.target.value + '%');
});
"""
EXPLORING = {"concurrency_limit": 2, "concurrency_id": "explore"}


@dataclass(frozen=True, eq=False)  # Gradio hashes what it remembers, and settings are a dict
class Made:
    """A result as the page remembers it.

    Args:
        result: its files.
        title: how to call it.
        cast, truncation: of the people shown.
    """

    result: AdaptResult
    title: str
    cast: int
    truncation: float = TRUNCATION

    def domain_at(self, place: int | None) -> str | None:
        """Path of the domain at a snapshot's place, of the last one where None or past the end."""
        shots = self.result.snapshots
        return shots[int(place) - 1].domain if place and 0 < place <= len(shots) else self.result.domain


@dataclass(frozen=True)
class Results:
    """The controls, and what they show of a result."""

    column: gr.Column
    made: gr.State
    orbit: gr.Video
    slider: gr.HTML
    tuning: gr.Column
    strength: gr.Slider
    step: gr.Slider
    again: gr.Button
    open_in_explore: gr.Button
    settings: gr.HTML
    grid: gr.Image
    downloads: tuple[gr.DownloadButton, ...]

    @property
    def components(self) -> list[Any]:
        """All that `show` changes."""
        own = [self.column, self.made, self.orbit, self.slider, self.tuning, self.strength, self.step]
        return [*own, self.again, self.open_in_explore, self.settings, self.grid, *self.downloads]

    def show(self, made: Made, step: int | None = None) -> Outputs:
        """Fill in a result.

        Args:
            step: place among the snapshots that the result was rendered from, None for the end.
        """
        result = made.result
        shots, last = result.snapshots, len(result.snapshots)
        video, sheet, domain, everything = self.downloads
        return {
            self.column: gr.Column(visible=True),
            self.made: made,
            self.orbit: gr.Video(result.orbit, visible=result.orbit is not None),
            self.slider: html.compare_files(result.before, result.after),
            self.tuning: gr.Column(visible=result.domain is not None),
            self.strength: gr.Slider(value=result.settings.get("strength", 1.0)),
            self.step: gr.Slider(
                value=step or last,
                maximum=max(2, last),
                visible=last > 1,
                info=html.steps_said(shots),
            ),
            self.settings: html.summary(result.settings),
            self.grid: result.grid,
            video: gr.DownloadButton(value=result.orbit, visible=result.orbit is not None),
            sheet: result.grid,
            domain: gr.DownloadButton(value=result.domain, visible=result.domain is not None),
            everything: str(_bundle(result)),
        }


def results(sessions: Sessions) -> Results:
    """Lay the result out and connect what needs no new job."""
    made = gr.State(None)
    with gr.Column(visible=False, elem_id="results") as column:
        gr.HTML(html.title(3, "The same people in two worlds"))
        with gr.Row(elem_classes="showcase"):
            with gr.Column(scale=6, min_width=280):
                orbit = gr.Video(
                    show_label=False,
                    autoplay=True,
                    loop=True,
                    interactive=False,
                    buttons=[],
                    elem_id="orbit",
                )
                settings = gr.HTML(apply_default_css=False, elem_id="settings")
                gr.HTML('<h3 class="small-title">Download</h3>')
                with gr.Row(elem_classes="downloads"):
                    downloads = (
                        gr.DownloadButton("Video (.mp4)", size="md", elem_id="download-video"),
                        gr.DownloadButton("Samples (.png)", size="md", elem_id="download-sheet"),
                        gr.DownloadButton("Domain (.safetensors)", size="md", elem_id="download-domain"),
                        gr.DownloadButton("Everything (.zip)", size="md", elem_id="download-all"),
                    )
            with gr.Column(scale=5, min_width=280):
                slider = gr.HTML(js_on_load=MOVE_EDGE, apply_default_css=False, elem_id="slider")
                with gr.Column(elem_classes="tuning") as tuning:
                    strength = gr.Slider(0, 1.5, 1.0, step=0.05, label="Strength", elem_id="strength", buttons=[])
                    step = gr.Slider(1, 2, 1, step=1, label="Snapshot", visible=False, elem_id="snapshot", buttons=[])
                    with gr.Row(elem_classes="pair"):
                        again = gr.Button("Render all like this", size="md", elem_id="again")
                        open_in_explore = gr.Button("Explore this world", size="md", elem_id="open-explore")
        grid = gr.Image(
            show_label=False,
            interactive=False,
            buttons=["fullscreen"],
            format="png",
            elem_id="grid",
            alt_text="Six people from two sides: source rows, and target rows below them",
        )
        more = gr.Button("More people", size="md", elem_id="more-people")
    shown = Results(
        column, made, orbit, slider, tuning, strength, step, again, open_in_explore, settings, grid, downloads
    )

    def tune(made: Made | None, place: int, strength: float) -> Outputs:
        """The same person at another strength or an earlier step."""
        if made is None or made.result.domain is None:
            return {slider: gr.skip()}
        request = ExploreRequest(
            mix=((made.domain_at(place), float(strength)),), seed=made.cast, truncation=made.truncation
        )
        return _caught(lambda: {slider: html.compare(*explore.render_pair(request))})

    def draw(made: Made | None, place: int, strength: float, request: gr.Request) -> Outputs:
        """Another sheet of people."""
        if made is None or made.result.domain is None:
            raise gr.Error("This method paints every frame by itself, so there are no more people to show.")
        wanted = ExploreRequest(
            GRID,
            ((made.domain_at(place), float(strength)),),
            seed=random.randrange(2**31),
            truncation=made.truncation,
            folder=str(sessions.new_job(request.session_hash or "")),
        )
        return _caught(lambda: {grid: list(explore.render_file(wanted))[-1].file})

    seen = [made, step, strength]
    for control in (strength, step):
        control.input(tune, seen, slider, trigger_mode="always_last", **EXPLORING, **QUIET)
    more.click(draw, seen, grid, show_progress="minimal", api_visibility="private", **EXPLORING)
    return shown


def entry_of(made: Made, place: int | None = None) -> Entry | None:
    """A result as something that Explore and Library can open; None where it has no domain."""
    path = made.domain_at(place)
    return None if path is None else library.own(path, made.title, made.result.after)


def _caught(render: Callable[[], Outputs]) -> Outputs:
    try:
        return render()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _bundle(result: AdaptResult) -> Path:
    """All files of a result in one archive beside them."""
    files = [result.orbit, *result.people, result.grid, result.before, result.after, result.domain]
    from adapter.utils.atomic import replacing

    archive = Path(result.grid).with_name("everything.zip")
    with replacing(archive) as temporary, zipfile.ZipFile(temporary, "w") as bundle:
        for file in filter(None, files):
            bundle.write(file, Path(file).name)
    return archive
