"""Every method on the page on every kind of base at its real size, hollow: two steps of each stage, and frames.

    python -m tests.gpu.full_size_checks [PART OF A TITLE]

What each step of a stage costs stands under "result".
"""

import dataclasses
import functools
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from adapter.adaptation import Guidance, RunOptions, adapt, stylize_frames
from adapter.adaptation.layer_selection import CODES
from adapter.eg3d import PRESETS, Generator, place
from adapter.encoders import ImageEncoder, load_encoder
from adapter.encoders.models import HUB_MODELS
from adapter.methods import Method, Stage
from adapter.methods.loss_terms import Consistency
from adapter.methods.offers import OFFERS, family, page_presets
from adapter.scene import DomainScene, Identities
from adapter.utils.torchvision_compat import ensure_torchvision
from tests.gpu.checks import Check, run
from tests.gpu.pretend_device import ACTIVITY, DEVICE, use_hollow_tensors
from tests.gpu.service_checks import FakeInverter

BASES = {"ffhq512": "ViT-B-32", "shapenetcars128": "ViT-B-32", "heads": "clip-heads"}
"""Kinds of bases, each with the CLIP that the library gives to it; cats are of the first one's kind."""
STEPS = 3
"""Of each stage of the counted base: the first warms up, the second is counted, the last makes a preview."""
COUNTED = "ffhq512"
PEOPLE = 3


@functools.cache
def generator(base: str) -> Generator:
    with torch.device("meta"):
        made = Generator(PRESETS[base])
    return place(made.eval().requires_grad_(False), DEVICE)


@functools.cache
def encoder(name: str) -> ImageEncoder:
    if name not in HUB_MODELS:
        return load_encoder(name).to(DEVICE)
    ensure_torchvision()
    import open_clip

    with torch.device("meta"):
        model = open_clip.create_model(HUB_MODELS[name]["model_name"], device="meta")
    return ImageEncoder(model.eval()).to(DEVICE)


@functools.cache
def inverter(base: str) -> FakeInverter:
    return FakeInverter(generator(base)).to(DEVICE)


def reduced(method: Method, base: str) -> Method:
    """A few steps, on one batch."""
    steps = STEPS if base == COUNTED else 2
    few = method.with_steps({stage.name: steps for stage in method.stages})
    pool = max(method.batch, CODES) if method.auto_layers else method.batch
    return dataclasses.replace(few, preset="", pool=pool, preview_every=1000)


def same_work(method: Method) -> Method:
    """The method without what changes no operation: names, rates, weights, and shares of the run."""
    stages = tuple(
        Stage(str(k), stage.train, stage.steps, rates=tuple((part, float(rate > 0)) for part, rate in stage.rates))
        for k, stage in enumerate(method.stages)
    )
    losses = tuple(
        dataclasses.replace(term, weight=1.0, **({"window": 1} if isinstance(term, Consistency) else {}))
        for term in method.losses
    )
    kept = ("pool", "views", "batch", "background", "mirrored", "auto_layers", "per_frame", "directions")
    return Method("", "", stages, losses, **{name: getattr(method, name) for name in kept}, preview_every=1000)


def offered(base: str) -> dict[str, Method]:
    """What is offered with the base's CLIP, by a title, without what does only a part of another one's work."""
    found: dict[Method, str] = {}
    for name, presets in OFFERS[family(BASES[base])].items():
        for preset in page_presets(name, BASES[base]):
            found.setdefault(same_work(reduced(presets[preset].method, base)), f"{name}, {preset}")
    return {title: method for method, title in found.items() if not any(_is_part(method, other) for other in found)}


def _is_part(method: Method, other: Method) -> bool:
    fewer = set(map(repr, method.losses)) < set(map(repr, other.losses))
    return fewer and dataclasses.replace(method, losses=other.losses) == other


def guidance(base: str, method: Method) -> Guidance:
    """A picture and words, as far as the method takes them."""
    side = max(512, generator(base).config.image_resolution)
    picture = torch.zeros(1, 3, side, side) if method.takes_image else None
    width = encoder(BASES[base]).encode(torch.zeros(1, 3, 64, 64, device=DEVICE)).joint.shape[-1]
    words: tuple[Tensor, ...] = (torch.zeros(width),) if method.takes_text else ()
    return Guidance(picture, words, destinations=words, prompt="stone" if words else None)


def train(base: str, method: Method) -> dict[str, Any]:
    """The costs of a step of each stage."""
    if method.per_frame:
        return {"pictures": paint(base, method)}
    options = RunOptions(inverter=inverter(base))
    costs: dict[str, Any] = {}
    peak = 0.0
    for event in adapt(generator(base), encoder(BASES[base]), guidance(base, method), method, options=options):
        if event.losses and base == COUNTED and event.step % STEPS == 2:
            costs[event.stage] = ACTIVITY.summary()
        peak = max(peak, ACTIVITY.peak)
        ACTIVITY.reset()
    return {**costs, "whole": {"peak": peak / 2**30}}


def paint(base: str, method: Method) -> dict[str, Any]:
    """The costs of a batch of pictures."""
    side = generator(base).config.image_resolution
    ACTIVITY.reset()
    pictures = torch.zeros(2, 3, side, side, device=DEVICE)
    stylize_frames(pictures, encoder(BASES[base]), guidance(base, method), method)
    return ACTIVITY.summary()


def frames(base: str) -> dict[str, Any]:
    """The costs of a frame of three people, once their planes are there."""
    people = Identities.draw(generator(base), PEOPLE, 0, 0.7)
    scene = DomainScene(people, people.generator.parts())
    ACTIVITY.reset()
    scene.pairs(yaw=0.2)
    return {"frame": ACTIVITY.summary()}


def checks() -> Iterator[Check]:
    for base in BASES:
        yield f"{base}: frames", functools.partial(frames, base)
        for title, method in offered(base).items():
            yield f"{base}: {title}", functools.partial(train, base, method)


if __name__ == "__main__":
    use_hollow_tensors()
    torch.set_num_threads(2)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    run(check for check in checks() if wanted in check[0])
