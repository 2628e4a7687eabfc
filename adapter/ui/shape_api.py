"""Named endpoints for meshes of a person, and for walks from person to person."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from adapter.methods.offers import TRUNCATION_PSI
from adapter.service import library
from adapter.service.jobs import mesh_job, render_file
from adapter.service.persons import accept_person
from adapter.service.requests import Update
from adapter.service.settings import Settings
from adapter.service.shape_requests import FACES, FRAMES, MESH_SECONDS, RESOLUTION, MeshRequest, WalkRequest
from adapter.service.time_left import FILM_SECONDS
from adapter.service.visitors import Visitors
from adapter.ui.api import WAITING, progress_values
from adapter.ui.handlers import FILMING, report_errors, running_base
from adapter.ui.person_api import amounts
from adapter.ui.upload_file import UploadFile


class ShapeEndpoints:
    """What programs can call about shapes and walks.

    Args:
        settings: name the base and the library.
        visitors: who the files belong to.
    """

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors = settings, visitors

    @report_errors("")
    def mesh(
        self,
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        person: str | None = None,
        edits: str = "{}",
        resolution: int = RESOLUTION,
        faces: int = FACES,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[tuple[dict[str, Any], list[str] | None]]:
        """Make colored meshes of a person as source and as target. Streams progress, ends with the files.

        The files are source.glb and source.ply, and with a domain target.glb and target.ply.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains.
            seed: which person.
            truncation: 0 is the average face.
            strength: of the domain.
            person: a person's file that /invert made, in place of the seed.
            edits: of that person, amounts by name as JSON, such as {"smile": 1.5}.
            resolution: density samples along each side of the volume, from 32 to 512.
            faces: triangles of the GLB files.
        """
        folder, common = self._common(domain, name, strength, person, edits, request)
        wanted = MeshRequest(
            seed=int(seed), truncation=truncation, resolution=int(resolution), faces=int(faces), **common
        )
        for update in self._in_turn(folder, request, MESH_SECONDS, lambda: mesh_job(wanted)):
            yield progress_values(update), list(update.files) or None

    @report_errors("")
    def walk(
        self,
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        person: str | None = None,
        edits: str = "{}",
        people: int = 4,
        frames: int = FRAMES,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Render a loop from person to person and back, as source and as target. Streams progress.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains.
            seed: which people.
            truncation: 0 is the average face.
            strength: of the domain.
            person: a person's file that /invert made, with whom the walk begins and ends.
            edits: of that person, amounts by name as JSON, such as {"smile": 1.5}.
            people: that the walk passes, from 2 to 12.
            frames: from each person to the next, on average.
        """
        folder, common = self._common(domain, name, strength, person, edits, request)
        wanted = WalkRequest(seed=int(seed), truncation=truncation, count=int(people), frames=int(frames), **common)
        for update in self._in_turn(folder, request, FILM_SECONDS, lambda: render_file(wanted)):
            yield progress_values(update), update.file or None

    def _common(
        self, domain: str | None, name: str, strength: float, person: str | None, edits: str, request: gr.Request
    ) -> tuple[str, dict[str, Any]]:
        """The folder of a job, and the arguments that both requests have."""
        page = request.session_hash or ""
        if name and not domain:
            domain = str(library.local(library.find(name, self.settings), self.settings))
        kept = accept_person(person, self.visitors.folder(page), self.settings) if person else ""
        folder = str(self.visitors.new_job(page))
        mix = ((domain, float(strength)),) if domain else ()
        who = {"person": str(kept), "edits": amounts(edits)}
        return folder, {"folder": folder, "mix": mix, **who, **running_base(self.settings)}

    def _in_turn(self, folder: str, request: gr.Request, seconds: float, job: Any) -> Iterator[Update]:
        """Updates of a job once it gets its turn among the films."""
        films = self.visitors.films
        films.enqueue(folder, self.visitors.of(request.session_hash or "").key, seconds)
        try:
            for before, left in films.wait(folder):
                yield Update(WAITING, before, seconds_left=seconds + left)
            yield from job()
        finally:
            films.remove(folder)


def connect_shape_api(settings: Settings, visitors: Visitors) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints = ShapeEndpoints(settings, visitors)
    with gr.Row(visible=False):
        go = gr.Button()
        domain, name = UploadFile(label="domain"), gr.Textbox("", label="name")
        seed, truncation = gr.Number(0, precision=0, label="seed"), gr.Number(TRUNCATION_PSI, label="truncation")
        strength = gr.Number(1.0, label="strength")
        person, edits = UploadFile(label="person"), gr.Textbox("{}", label="edits")
        resolution = gr.Number(RESOLUTION, precision=0, label="resolution")
        faces = gr.Number(FACES, precision=0, label="faces")
        people, frames = gr.Number(4, precision=0, label="people"), gr.Number(FRAMES, precision=0, label="frames")
        progress, meshes = gr.JSON(label="progress"), gr.File(label="meshes", file_count="multiple")
        film = gr.Video(label="walk")
    films: dict[str, Any] = {**FILMING, "api_visibility": "public"}
    who = [domain, name, seed, truncation, strength, person, edits]
    go.click(endpoints.mesh, [*who, resolution, faces], [progress, meshes], api_name="mesh", **films)
    go.click(endpoints.walk, [*who, people, frames], [progress, film], api_name="walk", **films)
