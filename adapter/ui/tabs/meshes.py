"""A person as 3D models of two worlds, beside each other: made on request, turned in the page, taken along."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from adapter.media.names import named
from adapter.service.cancellation import request_stop, stop_requested
from adapter.service.jobs import mesh_job
from adapter.service.requests import Update
from adapter.service.settings import Settings
from adapter.service.shape_requests import MESH_SECONDS, MeshRequest
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.handlers import AT_ONCE, FILMING, QUIET, Outputs, Values, report_errors, running_base

STOPPED = "Stopped. Nothing was written."
STARTING = Update("Starting")
_FILES = ("source.glb", "target.glb", "source.ply", "target.ply")
_BACKGROUND, _FRONT = (1.0, 1.0, 1.0, 1.0), (90, 90, None)
"""White, and the angles from which a face is seen from the front."""


@dataclass(frozen=True)
class MeshWish:
    """What is to be made: arguments of `MeshRequest`, and style and seed for the files' names."""

    arguments: dict[str, Any] = field(default_factory=dict)
    style: str = ""
    seed: int = 0


class MeshPanel:
    """3D models and their controls. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the base and the library.
        visitors: where files go.
        name: prefix of the elements' ids.
        wish: from the values of the inputs to what is to be made; raises `UserError` where nothing can be.
    """

    def __init__(self, settings: Settings, visitors: Visitors, name: str, wish: Callable[[Values], MeshWish]) -> None:
        self.settings, self.visitors, self.name, self.wish = settings, visitors, name, wish

    def layout(self) -> None:
        """Make the components; ``job`` is the folder of the running job, ``made`` the files of the last one."""
        self.job, self.made = gr.State(""), gr.State(())
        with gr.Accordion("3D models", open=False, elem_classes="inner", elem_id=f"{self.name}-meshes") as self.column:
            with gr.Row(elem_classes="pair"):
                self.make_button = gr.Button("Make 3D models", size="md", elem_id=f"{self.name}-make-meshes")
                self.stop_button = gr.Button(
                    "Stop", size="md", interactive=False, elem_id=f"{self.name}-stop-meshes", scale=0
                )
            self.status = gr.HTML(elem_id=f"{self.name}-mesh-status", apply_default_css=False)
            with gr.Row(visible=False) as self.views:
                self.models = [self._model("Source"), self._model("Target")]
            with gr.Row(visible=False, elem_classes="downloads") as self.downloads:
                self.files = [
                    gr.DownloadButton(f"{world} (.{kind})", size="md", elem_id=f"{self.name}-{world.lower()}-{kind}")
                    for kind in ("glb", "ply")
                    for world in ("Source", "Target")
                ]

    def _model(self, world: str) -> gr.Model3D:
        return gr.Model3D(
            label=world,
            interactive=False,
            clear_color=_BACKGROUND,
            camera_position=_FRONT,
            height=360,
            elem_id=f"{self.name}-model-{world.lower()}",
        )

    def connect(self, inputs: set[Any]) -> None:
        """Connect the components; the inputs are what ``wish`` reads."""
        made = self.make_button.click(self.make, inputs, self.components, **{**FILMING, **QUIET})
        # Gradio's viewer stays empty if its file comes from a listener that streams.
        made.success(self.present, self.made, self.models, queue=False, **QUIET)
        self.stop_button.click(self.stop, self.job, self.stop_button, **AT_ONCE)

    @property
    def components(self) -> list[Any]:
        """All that a job changes."""
        buttons = [self.job, self.made, self.make_button, self.stop_button, self.status]
        return [self.column, *buttons, self.views, self.downloads, *self.models, *self.files]

    def offer(self, possible: bool) -> Outputs:
        """Make room for the models of another result, which may have none."""
        return {
            **self._ready(),
            self.column: gr.Accordion(visible=possible, open=False),
            self.views: gr.Row(visible=False),
            self.downloads: gr.Row(visible=False),
            **dict.fromkeys(self.models),
        }

    @report_errors("")
    def make(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make the models, or stop when that is asked for."""
        page, films = request.session_hash or "", self.visitors.films
        wish, folder = self.wish(values), str(self.visitors.new_job(page))
        yield {
            self.job: folder,
            self.status: html.progress(STARTING),
            self.make_button: gr.Button(interactive=False),
            self.stop_button: gr.Button("Stop", interactive=True),
        }
        files: tuple[str, ...] = ()
        try:
            wanted = MeshRequest(folder, **wish.arguments, **running_base(self.settings))
            films.enqueue(folder, self.visitors.of(page).key, MESH_SECONDS)
            for place in films.wait(folder):
                if stop_requested(folder):
                    break
                yield {self.status: html.waiting(place)}
            else:
                for update in mesh_job(wanted):
                    if stop_requested(folder):
                        break
                    yield {self.status: html.progress(update)}
                    files = update.files
        except Exception:
            yield self._ready()
            raise
        finally:
            films.remove(folder)
        if not files:
            yield {**self._ready(), self.status: html.notice(STOPPED)}
            return
        yield {**self._ready(), **self._show(files, wish)}

    @report_errors("")
    def present(self, files: tuple[str, ...]) -> Outputs:
        """Put the models that were made into their places."""
        return {model: _file(files, name) for model, name in zip(self.models, _FILES, strict=False)}

    @report_errors("")
    def stop(self, job: str) -> Outputs:
        """Ask the running job to stop."""
        if job:
            request_stop(job)
        return {self.stop_button: gr.Button("Stopping…", interactive=False)}

    def _ready(self) -> Outputs:
        return {
            self.job: "",
            self.made: (),
            self.status: "",
            self.make_button: gr.Button(interactive=True),
            self.stop_button: gr.Button("Stop", interactive=False),
        }

    def _show(self, files: tuple[str, ...], wish: MeshWish) -> Outputs:
        kept = {name: named(file, wish.style, wish.seed) for name in _FILES if (file := _file(files, name))}
        return {
            self.made: files,
            self.views: gr.Row(visible=True),
            self.downloads: gr.Row(visible=True),
            **{model: gr.Model3D(visible=name in kept) for model, name in zip(self.models, _FILES, strict=False)},
            **{
                button: gr.DownloadButton(value=str(kept[name]) if name in kept else None, visible=name in kept)
                for button, name in zip(self.files, _FILES, strict=True)
            },
        }


def _file(files: tuple[str, ...], name: str) -> str | None:
    return next((file for file in files if file.endswith(name)), None)
