"""Named endpoints for meshes of a person, and for walks from person to person."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from adapter.methods.offers import TRUNCATION_PSI
from adapter.service.jobs import mesh_job, render_file
from adapter.service.settings import Settings
from adapter.service.shape_requests import FACES, FRAMES, MESH_SECONDS, RESOLUTION, MeshRequest, WalkRequest
from adapter.service.time_left import FILM_SECONDS
from adapter.service.visitors import Visitors
from adapter.ui.endpoints import FILMS, SharedInputs, mix_of, progress_values
from adapter.ui.handlers import report_errors, running_base
from adapter.ui.person_api import WithPersons, amounts


class ShapeEndpoints(WithPersons):
    """What programs can call about shapes and walks."""

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
        for update in self.in_turn(self.visitors.films, request, folder, MESH_SECONDS, mesh_job(wanted)):
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
        for update in self.in_turn(self.visitors.films, request, folder, FILM_SECONDS, render_file(wanted)):
            yield progress_values(update), update.file or None

    def _common(
        self, domain: str | None, name: str, strength: float, person: str | None, edits: str, request: gr.Request
    ) -> tuple[str, dict[str, Any]]:
        """The folder of a job, and the arguments that both requests have."""
        kept = self.keep_person(person, request) if person else ""
        who = {"person": kept, "edits": amounts(edits), "mix": mix_of(domain, name, strength, self.settings)}
        folder = self.new_job(request)
        return folder, {"folder": folder, **who, **running_base(self.settings)}


def connect_shape_api(settings: Settings, visitors: Visitors, shared: SharedInputs) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints, go = ShapeEndpoints(settings, visitors), shared.go
    with gr.Row(visible=False):
        resolution = gr.Number(RESOLUTION, precision=0, label="resolution")
        faces = gr.Number(FACES, precision=0, label="faces")
        people, frames = gr.Number(4, precision=0, label="people"), gr.Number(FRAMES, precision=0, label="frames")
        meshes, film = gr.File(label="meshes", file_count="multiple"), gr.Video(label="walk")
    who = [*shared.who, shared.person, shared.edits]
    go.click(endpoints.mesh, [*who, resolution, faces], [shared.progress, meshes], api_name="mesh", **FILMS)
    go.click(endpoints.walk, [*who, people, frames], [shared.progress, film], api_name="walk", **FILMS)
