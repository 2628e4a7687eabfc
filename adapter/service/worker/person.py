"""Pictures and videos of a person who was found in a portrait, on the GPU's side."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adapter.errors import UserError
from adapter.latents.directions import Directions, directions_in_w
from adapter.latents.person import Person
from adapter.latents.person_scene import PersonScene
from adapter.service import models
from adapter.service.person_requests import PersonRequest
from adapter.service.requests import IMAGE, RENDERING, Update
from adapter.service.result_files import RenderedFilm
from adapter.service.worker.explore import GAP, SIDE, parts_of
from adapter.service.worker.outputs import PATH


def run(request: PersonRequest) -> Iterator[Update]:
    """Render what is requested; see `adapter.service.jobs.render_person`."""
    scene = scene_of(request)
    if request.kind == IMAGE:
        pair = scene.pairs(request.yaw, request.pitch, request.zoom).enlarged(SIDE)
        yield Update(RENDERING, preview=np.concatenate([pair.sources, pair.targets]))
        return
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    frames, total = [], len(PATH.poses)
    poses = [(yaw, request.pitch + pitch) for yaw, pitch in PATH.poses]
    for pair in scene.along(poses, request.zoom):
        frames.append(pair)
        yield Update(RENDERING, len(frames), total, fraction=len(frames) / total)
    path = folder / "person.mp4"
    film = RenderedFilm(path, frames, SIDE, GAP, PATH.order)
    yield Update(RENDERING, fraction=1.0, file=str(path), rendered=film)


def scene_of(request: PersonRequest) -> PersonScene:
    """The person of a request, edited, as source and as target."""
    generator = models.generator(request.base, request.library)
    person = Person.load(request.person)
    person.check(generator)
    amounts = {name: amount for name, amount in request.edits.items() if amount}
    directions = _directions(request.base, request.library) if amounts else None
    if amounts and directions is None:
        raise UserError("There are no edits for this base yet. Its owner can find them: adapter directions")
    parts = parts_of(request.base, request.library, request.mix)
    return PersonScene(generator, person, parts, amounts, directions)


@functools.cache
def _directions(base: str, library: str) -> Directions | None:
    return directions_in_w(models.generator(base, library), base)
