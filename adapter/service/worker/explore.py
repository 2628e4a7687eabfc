"""Explorations on the GPU's side: pictures and videos of any mixture of domains."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from adapter.adaptation import Domain, blend
from adapter.eg3d import Generator, Parts
from adapter.latents.walks import walk_past
from adapter.media.grids import save_png
from adapter.result import GRID_VIEWS, views_sheet
from adapter.scene import DomainScene, Identities
from adapter.service import models, view_grid
from adapter.service.requests import GRID, IMAGE, ORBIT, RENDERING, VIEWS, ExploreRequest, Update
from adapter.service.result_files import RenderedFilm
from adapter.service.worker.outputs import PATH
from adapter.service.worker.walk_film import write_walk

SIDE, GAP = 512, 8
WALK_FRAMES = 24


def run(request: ExploreRequest) -> Iterator[Update]:
    """Render what is requested; see `render_pair`, `render_views` and `render_file` of `adapter.service.jobs`."""
    parts = parts_of(request.base, request.library, request.mix)
    if request.kind == IMAGE:
        pair = _scene(request).pairs(request.yaw, request.pitch, request.zoom).enlarged(SIDE)
        yield Update(RENDERING, preview=np.concatenate([pair.sources, pair.targets]))
        return
    if request.kind == VIEWS:
        yield from _views(request)
        return
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    if request.kind == GRID:
        people = Identities.draw(_generator(request), request.count, request.seed, request.truncation)
        scene = DomainScene(people, parts)
        save_png(folder / "people.png", views_sheet([scene.pairs(yaw) for yaw in GRID_VIEWS]))
        yield Update(RENDERING, fraction=1.0, file=str(folder / "people.png"))
    elif request.kind == ORBIT:
        yield from _orbit(request, folder / "orbit.mp4")
    else:
        yield from _walk(request, parts, folder / "walk.mp4")


def _views(request: ExploreRequest) -> Iterator[Update]:
    sources: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    for pair in _scene(request).along(view_grid.POSES, request.zoom):
        sources.append(view_grid.tile(pair.sources[0]))
        targets.append(view_grid.tile(pair.targets[0]))
        yield Update(RENDERING, len(sources), len(view_grid.POSES))
    yield Update(RENDERING, fraction=1.0, preview=view_grid.sheet(sources, targets))


def _orbit(request: ExploreRequest, path: Path) -> Iterator[Update]:
    frames, total = [], len(PATH.poses)
    poses = [(yaw, request.pitch + pitch) for yaw, pitch in PATH.poses]
    for pair in _scene(request).along(poses, request.zoom):
        frames.append(pair)
        yield Update(RENDERING, len(frames), total, fraction=len(frames) / total)
    film = RenderedFilm(path, frames, SIDE, GAP, PATH.order)
    yield Update(RENDERING, fraction=1.0, file=str(path), rendered=film)


def _walk(request: ExploreRequest, parts: Parts, path: Path) -> Iterator[Update]:
    """From person to person and back to the first, `WALK_FRAMES` frames each way on average."""
    generator = _generator(request)
    people = Identities.draw(generator, request.count, request.seed, request.truncation)
    frames, aim = request.count * WALK_FRAMES, (request.yaw, request.pitch, request.zoom)
    walk = walk_past(generator, parts, people.ws, people.latents, people.truncation)
    yield from write_walk(walk, frames, path, aim, SIDE, GAP)


def _generator(request: ExploreRequest) -> Generator:
    return models.generator(request.base, request.library)


def _scene(request: ExploreRequest) -> DomainScene:
    times = _times(request.mix)
    return _cached_scene(request.base, request.library, request.mix, times, request.seed, request.truncation)


def parts_of(base: str, library: str, mix: tuple[tuple[str, float], ...]) -> Parts:
    """The target's parts of a mixture of domains, given as (path, weight).

    Raises:
        UserError: a file is no domain of the base.
    """
    return _parts(base, library, mix, _times(mix))


def _times(mix: tuple[tuple[str, float], ...]) -> tuple[float, ...]:
    """When the files of a mixture were changed, so that a file that is written anew is read anew."""
    return tuple(os.stat(path).st_mtime if os.path.exists(path) else 0.0 for path, _ in mix)


@functools.lru_cache(maxsize=16)
def _cached_scene(
    base: str, library: str, mix: tuple[tuple[str, float], ...], times: tuple[float, ...], seed: int, truncation: float
) -> DomainScene:
    people = Identities.draw(models.generator(base, library), 1, seed, truncation)
    return DomainScene(people, _parts(base, library, mix, times))


@functools.lru_cache(maxsize=16)
@torch.no_grad()
def _parts(base: str, library: str, mix: tuple[tuple[str, float], ...], times: tuple[float, ...]) -> Parts:
    generator = models.generator(base, library)
    if not mix:
        return generator.parts()
    domains = [Domain.load(path) for path, _ in mix]
    for domain in domains:
        domain.check(generator)
    return blend(domains, [weight for _, weight in mix]).apply(generator, checked=True)
