"""Meshes of a person on the GPU's side."""

from collections.abc import Iterator
from pathlib import Path

from adapter.eg3d.pair import PairRenderer
from adapter.meshes.files import save_person
from adapter.meshes.mesh import MeshSettings
from adapter.meshes.person import PersonMeshes, mesh_steps
from adapter.meshes.reading import load_mesh
from adapter.scene import Identities
from adapter.service import models
from adapter.service.person_requests import PersonRequest
from adapter.service.requests import WRITING, Update
from adapter.service.shape_requests import MeshRequest
from adapter.service.worker.explore import parts_of
from adapter.service.worker.person import scene_of

_MAKING_SHARE = 0.9


def run(request: MeshRequest) -> Iterator[Update]:
    """Make and write the meshes; see `adapter.service.jobs.mesh_job`."""
    settings = MeshSettings(request.resolution, None, request.trim, request.faces, request.texture)
    steps = mesh_steps(_pairing(request), settings, target=bool(request.mix))
    meshes: PersonMeshes | None = None
    while meshes is None:
        try:
            step = next(steps)
            yield Update(step.stage, fraction=step.fraction * _MAKING_SHARE)
        except StopIteration as end:
            meshes = end.value
    yield Update(WRITING, fraction=_MAKING_SHARE)
    if not Path(request.folder).is_dir():
        return
    files = save_person(request.folder, meshes)
    for file in files:
        load_mesh(file)
    yield Update(WRITING, fraction=1.0, files=tuple(str(file) for file in files))


def _pairing(request: MeshRequest) -> PairRenderer:
    if request.person:
        asked = PersonRequest(
            request.person, edits=request.edits, mix=request.mix, base=request.base, library=request.library
        )
        return scene_of(asked).pairing
    generator = models.generator(request.base, request.library)
    people = Identities.draw(generator, 1, request.seed, request.truncation)
    parts = parts_of(request.base, request.library, request.mix)
    return PairRenderer(generator, parts, people.latents, people.ws, people.truncation)
