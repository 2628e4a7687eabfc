"""Explorations on the GPU's side: pictures and videos of any mixture of domains."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from adapter.adaptation import Domain, blend
from adapter.eg3d import Parts
from adapter.latents.interpolation import slerp
from adapter.media.grids import pair_sheet, save_png
from adapter.media.video import write_mp4
from adapter.service import models
from adapter.service.requests import GRID, IMAGE, ORBIT, RENDERING, ExploreRequest, Update
from adapter.service.scene import DomainScene, Identities, SwingPath
from adapter.service.worker import outputs
from adapter.utils.parallel import stream

SIDE, GAP = 512, 8
WALK_FRAMES = 24


def run(request: ExploreRequest) -> Iterator[Update]:
    """Render what is asked for; see `adapter.service.explore`."""
    parts = _parts(request.base, request.mix)
    if request.kind == IMAGE:
        pair = _scene(request, parts).pairs(request.yaw, request.pitch, request.zoom)
        large = pair.enlarged(SIDE)
        yield Update(RENDERING, preview=np.concatenate([large.sources, large.targets]))
        return
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    if request.kind == GRID:
        people = Identities.draw(models.generator(request.base), request.count, request.seed, request.truncation)
        save_png(folder / "people.png", outputs.people_sheet(functools.partial(DomainScene, parts=parts), people))
        yield Update(RENDERING, fraction=1.0, file=str(folder / "people.png"))
    elif request.kind == ORBIT:
        yield from _orbit(request, parts, folder / "orbit.mp4")
    else:
        yield from _walk(request, parts, folder / "walk.mp4")


def _orbit(request: ExploreRequest, parts: Parts, path: Path) -> Iterator[Update]:
    scene, sway, rendered = _scene(request, parts), SwingPath(), []
    for pair in scene.along([(yaw, request.pitch + pitch) for yaw, pitch in sway.poses], request.zoom):
        rendered.append(pair_sheet(pair.sources, pair.targets, SIDE, GAP))
        yield Update(RENDERING, len(rendered), len(sway.poses), fraction=len(rendered) / len(sway.poses))
    write_mp4(path, rendered, outputs.FPS, order=sway.order)
    yield Update(RENDERING, fraction=1.0, file=str(path))


def _walk(request: ExploreRequest, parts: Parts, path: Path) -> Iterator[Update]:
    """From person to person and back to the first, `WALK_FRAMES` frames each way."""
    generator = models.generator(request.base)
    stops = Identities.draw(generator, request.count, request.seed, request.truncation).latents
    rendered, total = [], request.count * WALK_FRAMES

    def frame(k: int) -> np.ndarray:
        here, share = divmod(k / WALK_FRAMES, 1)
        share = share * share * (3 - 2 * share)  # dwell at the people
        latent = slerp(stops[int(here)], stops[(int(here) + 1) % request.count], share)
        scene = DomainScene(Identities.of(generator, latent[None], request.truncation), parts)
        pair = scene.pairs(request.yaw, request.pitch, request.zoom)
        return pair_sheet(pair.sources, pair.targets, SIDE, GAP)

    for sheet in stream(frame, range(total), models.device()):
        rendered.append(sheet)
        yield Update(RENDERING, len(rendered), total, fraction=len(rendered) / total)
    write_mp4(path, rendered, outputs.FPS)
    yield Update(RENDERING, fraction=1.0, file=str(path))


def _scene(request: ExploreRequest, parts: Parts) -> DomainScene:
    return _kept_scene(request.base, request.mix, _stamps(request.mix), request.seed, request.truncation)


def _parts(base: str, mix: tuple[tuple[str, float], ...]) -> Parts:
    return _kept_parts(base, mix, _stamps(mix))


def _stamps(mix: tuple[tuple[str, float], ...]) -> tuple[float, ...]:
    return tuple(os.stat(path).st_mtime if os.path.exists(path) else 0.0 for path, _ in mix)


@functools.lru_cache(maxsize=16)
def _kept_scene(
    base: str, mix: tuple[tuple[str, float], ...], stamps: tuple[float, ...], seed: int, truncation: float
) -> DomainScene:
    people = Identities.draw(models.generator(base), 1, seed, truncation)
    return DomainScene(people, _kept_parts(base, mix, stamps))


@functools.lru_cache(maxsize=16)
@torch.no_grad()
def _kept_parts(base: str, mix: tuple[tuple[str, float], ...], stamps: tuple[float, ...]) -> Parts:
    generator = models.generator(base)
    if not mix:
        return generator.parts()
    domains = [Domain.load(path) for path, _ in mix]
    for domain in domains:
        domain.check(generator)
    return blend(domains, [weight for _, weight in mix]).apply(generator, checked=True)
