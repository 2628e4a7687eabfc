"""Walks that may begin with a person who was found in a portrait, on the GPU's side."""

from collections.abc import Iterator
from pathlib import Path

import torch

from adapter.latents.person import Person
from adapter.latents.walks import WalkPath, walk_past
from adapter.scene import Identities
from adapter.service import models
from adapter.service.person_requests import PersonRequest
from adapter.service.requests import Update
from adapter.service.shape_requests import WalkRequest
from adapter.service.worker.explore import GAP, SIDE, parts_of
from adapter.service.worker.person import scene_of
from adapter.service.worker.walk_film import write_walk


def run(request: WalkRequest) -> Iterator[Update]:
    """Walk and write the video; see `adapter.service.jobs.render_file`."""
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    frames, aim = request.count * request.frames, (request.yaw, request.pitch, request.zoom)
    yield from write_walk(walk_of(request), frames, folder / "walk.mp4", aim, SIDE, GAP)


@torch.no_grad()
def walk_of(request: WalkRequest) -> WalkPath:
    """The walk of a request: past people that are drawn, from and to the person of a file where there is one."""
    generator = models.generator(request.base, request.library)
    parts = parts_of(request.base, request.library, request.mix)
    drawn = request.count - 1 if request.person else request.count
    people = Identities.draw(generator, drawn, request.seed, request.truncation)
    walk = walk_past(generator, parts, people.ws, people.latents, people.truncation)
    if not request.person:
        return walk
    asked = PersonRequest(
        request.person, edits=request.edits, mix=request.mix, base=request.base, library=request.library
    )
    first = scene_of(asked).pairing
    ws, target_ws = torch.cat([first.ws, walk.ws]), torch.cat([first.target_ws, walk.target_ws])
    return WalkPath(generator, parts, ws, target_ws, Person.load(request.person).residual)
