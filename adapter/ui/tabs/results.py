"""What a job brought: video, before and after, snapshots, strength, more people, downloads."""

import dataclasses
import os
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.media.names import named
from adapter.methods.offers import TRUNCATION_PSI
from adapter.service import jobs, library
from adapter.service.requests import GRID, AdaptResult, ExploreRequest
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.handlers import EXPLORING, QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.meshes import MeshPanel, MeshWish
from adapter.utils.atomic import replacing

MOVE_EDGE = """
element.addEventListener('input', event => {
  event.target.closest('.compare').style.setProperty('--edge', event.target.value + '%');
});
"""


@dataclass(frozen=True, eq=False)  # Gradio hashes what it remembers, and settings are a dict
class Made:
    """A result as the page remembers it.

    Args:
        result: its files.
        title: how to call it.
        cast, truncation: of the people shown.
        place: among the snapshots of the one that the files show, from 1; None for the last.
    """

    result: AdaptResult
    title: str
    cast: int
    truncation: float = TRUNCATION_PSI
    place: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether the files are still there."""
        return Path(self.result.grid).is_file()

    def domain_at(self, place: int | None) -> str | None:
        """Path of the domain at a snapshot's place, of the last one where None or past the end."""
        shots = self.result.snapshots
        return shots[int(place) - 1].domain if place and 0 < place <= len(shots) else self.result.domain

    def rendered_again(self, result: AdaptResult, strength: float, place: int | None = None) -> "Made":
        """This result with files rendered anew from the snapshot at a place, at that strength."""
        steps = {shot.domain: shot.step for shot in self.result.snapshots}.get(result.domain or "", self.result.steps)
        settings = {**self.result.settings, "steps": steps, "strength": strength}
        kept = dataclasses.replace(result, steps=steps, settings=settings, snapshots=self.result.snapshots)
        return dataclasses.replace(self, result=kept, place=place)


class ResultsPanel:
    """A result and its controls. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the base and the library.
        visitors: where new files go.
    """

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors = settings, visitors
        self.meshes = MeshPanel(settings, visitors, "result", self._meshes_wanted)

    def layout(self) -> None:
        """Make the components."""
        self.made = gr.State(None)
        with gr.Column(visible=False, elem_id="results") as self.column:
            gr.HTML(html.title(3, "The same people in two worlds"))
            with gr.Row(elem_classes="showcase"):
                with gr.Column(scale=6, min_width=280):
                    self._layout_video()
                with gr.Column(scale=5, min_width=280):
                    self._layout_tuning()
            self.grid = gr.Image(
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                format="png",
                elem_id="grid",
                alt_text=html.SHEET_ALT,
            )
            self.more = gr.Button("More people", size="md", elem_id="more-people")
            self.meshes.layout()

    def _layout_video(self) -> None:
        self.orbit = gr.Video(
            show_label=False, autoplay=True, loop=True, interactive=False, buttons=[], elem_id="orbit"
        )
        self.summary = gr.HTML(apply_default_css=False, elem_id="settings")
        gr.HTML('<h3 class="small-title">Download</h3>')
        with gr.Row(elem_classes="downloads"):
            self.video_file = gr.DownloadButton("Video (.mp4)", size="md", elem_id="download-video")
            self.grid_file = gr.DownloadButton("Samples (.png)", size="md", elem_id="download-sheet")
            self.domain_file = gr.DownloadButton("Domain (.safetensors)", size="md", elem_id="download-domain")
            self.all_files = gr.DownloadButton("Everything (.zip)", size="md", elem_id="download-all")

    def _layout_tuning(self) -> None:
        self.slider = gr.HTML(js_on_load=MOVE_EDGE, apply_default_css=False, elem_id="slider")
        with gr.Column(elem_classes="tuning") as self.tuning:
            self.strength = gr.Slider(0, 1.5, 1.0, step=0.05, label="Strength", elem_id="strength", buttons=[])
            self.snapshot = gr.Slider(1, 2, 1, step=1, label="Snapshot", visible=False, elem_id="snapshot", buttons=[])
            with gr.Row(elem_classes="pair"):
                self.again = gr.Button("Render all like this", size="md", elem_id="again")
                self.open_in_explore = gr.Button("Explore this world", size="md", elem_id="open-explore")

    def connect(self) -> None:
        """Connect what needs no new job."""
        chosen = [self.made, self.snapshot, self.strength]
        for control in (self.strength, self.snapshot):
            control.input(self.tune, chosen, self.slider, trigger_mode="always_last", **EXPLORING, **QUIET)
        self.more.click(
            self.draw_people, chosen, self.grid, show_progress="minimal", api_visibility="private", **EXPLORING
        )
        self.meshes.connect({*chosen})

    @property
    def components(self) -> list[Any]:
        """All that `show` changes."""
        tuning = [self.slider, self.tuning, self.strength, self.snapshot, self.again, self.open_in_explore]
        files = [self.video_file, self.grid_file, self.domain_file, self.all_files]
        shown = [self.column, self.made, self.orbit, self.summary, self.grid, self.more]
        return [*shown, *tuning, *files, *self.meshes.components]

    def show(self, made: Made) -> Outputs:
        """Fill in a result."""
        result, count = made.result, len(made.result.snapshots)
        files = {path: _named(made, path) for path in (result.orbit, result.grid, result.domain) if path}
        has_domain = result.domain is not None
        return {
            self.column: gr.Column(visible=True),
            self.made: made,
            self.orbit: gr.Video(result.orbit, visible=result.orbit is not None),
            self.slider: html.compare(result.before, result.after),
            self.tuning: gr.Column(visible=has_domain),
            self.strength: gr.Slider(value=result.settings.get("strength", 1.0)),
            # Gradio refuses an event if a slider beside it is out of its range, hidden or not.
            self.snapshot: gr.Slider(
                value=max(1, min(made.place or count, count)),
                maximum=max(2, count),
                visible=count > 1,
                info=html.snapshot_steps(result.snapshots),
            ),
            self.summary: html.summary(result.settings),
            self.grid: result.grid,
            self.more: gr.Button(visible=has_domain),
            self.video_file: gr.DownloadButton(value=files.get(result.orbit or ""), visible=result.orbit is not None),
            self.grid_file: files[result.grid],
            self.domain_file: gr.DownloadButton(value=files.get(result.domain or ""), visible=has_domain),
            self.all_files: _named(made, _bundle(result)),
            **self.meshes.offer(has_domain),
        }

    @report_errors("")
    def tune(self, made: Made | None, place: int, strength: float) -> Outputs:
        """Show the same person at another strength or an earlier step."""
        if made is None or made.result.domain is None:
            return {self.slider: gr.skip()}
        return {self.slider: html.compare(*jobs.render_pair(self._request(made, place, strength, seed=made.cast)))}

    @report_errors("")
    def draw_people(self, made: Made | None, place: int, strength: float, request: gr.Request) -> Outputs:
        """Draw another sheet of people."""
        if made is None or made.result.domain is None:
            raise UserError("This method paints every frame by itself, so there are no more people to show.")
        folder = str(self.visitors.new_job(request.session_hash or ""))
        wanted = self._request(made, place, strength, kind=GRID, seed=random.randrange(2**31), folder=folder)
        return {self.grid: list(jobs.render_file(wanted))[-1].file}

    def _meshes_wanted(self, values: Values) -> MeshWish:
        made, strength = values[self.made], float(values[self.strength])
        domain = None if made is None else made.domain_at(values[self.snapshot])
        if domain is None:
            raise UserError("This method paints every frame by itself, so it has no shape. Choose another method.")
        person = {"mix": ((domain, strength),), "seed": made.cast, "truncation": made.truncation}
        return MeshWish(person, made.title, made.result.settings.get("seed", 0))

    def _request(self, made: Made, place: int, strength: float, **arguments: Any) -> ExploreRequest:
        mix = ((made.domain_at(place) or "", float(strength)),)
        return ExploreRequest(mix=mix, truncation=made.truncation, **arguments, **running_base(self.settings))


def entry_of(made: Made, place: int | None = None) -> Entry | None:
    """A result as something that Explore and Library can open; None where it has no domain."""
    path = made.domain_at(place)
    return None if path is None else library.own(path, made.title, made.result.after)


def _named(made: Made, path: str | os.PathLike) -> str:
    """A file of a result under the name that it has in the visitor's downloads."""
    return str(named(path, made.title, made.result.settings.get("seed", 0)))


def _bundle(result: AdaptResult) -> Path:
    """All files of a result in one archive beside them."""
    files = [result.orbit, *result.people, result.grid, result.before, result.after, result.domain]
    archive = Path(result.grid).with_name("everything.zip")
    if archive.is_file():
        return archive
    with replacing(archive) as temporary, zipfile.ZipFile(temporary, "w") as bundle:
        for file in filter(None, files):
            bundle.write(file, Path(file).name)
    return archive
