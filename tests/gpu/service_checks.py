"""Every job of the service on the pretend device, with tiny weights and real arithmetic."""

import dataclasses
import functools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation import RunOptions, TrainingState, adapt, domain, loop
from adapter.adaptation.source_cache import SourceEncoder, draw_pairs, join_caches
from adapter.eg3d import Eg3d, Generator, SwingPath
from adapter.eg3d.samples import join_samples
from adapter.eg3d.sampling import stratified_depths
from adapter.encoders import ImageEncoder
from adapter.evaluation import eval_set, gpu_check, lpips, metrics, renderers
from adapter.hub.library import LIBRARY
from adapter.losses.face_view import FaceViews
from adapter.methods import Method, Stage, loss
from adapter.methods.offers import OFFERS, Preset
from adapter.pipeline import DomainAdapter
from adapter.scene import DomainScene, Identities
from adapter.service import models, result_files
from adapter.service.person_requests import InvertRequest, PersonRequest
from adapter.service.requests import GRID, IMAGE, ORBIT, VIEWS, WALK, AdaptRequest, ExploreRequest, RenderRequest
from adapter.service.shape_requests import MeshRequest, WalkRequest
from adapter.service.worker import adapt as adapting
from adapter.service.worker import explore, invert, mesh, outputs, render, walk
from adapter.service.worker import person as person_worker
from tests.evaluation.tiny import FakeGroundTruth, make_classifier
from tests.gpu.checks import Check, run
from tests.gpu.pretend_device import DEVICE
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder
from tests.losses.test_mesh_guide import MIRROR, view

WORK = Path(tempfile.mkdtemp())
ANY = (1,)
LOSSES = (
    loss("directional", 1.0),
    loss("text_directional", 1.0),
    loss("token_distribution", 1.0, ANY, place=0.5, points=16),
    loss("image_structure", 1.0, ANY),
    loss("feature_structure", 1.0, side=4),
    loss("colour_distribution", 1.0, side=4, place=1.0, points=16),
    loss("shallow_distribution", 1.0, ANY),
    loss("analogy", 1.0, ANY, side=4),
    loss("background_colour", 1.0, side=4),
    loss("background_variation", 1.0),
    loss("view_consistency", 1.0, side=4),
    loss("moments", 1.0, ANY),
    loss("consistency", 1.0, window=2),
    loss("adversarial", 1.0),
)
OF_PEOPLE = (loss("mesh_guide", 1.0, side=16), loss("moments", 1.0, ANY, regions=True))
LOOKING = (loss("directional", 1.0),)
TRI_D_THEN_G2 = (Stage("Tri-D", ("decoder", "background"), 2), Stage("G2", ("superresolution",), 2))
WHOLE = (Stage("all", ("synthesis", "decoder", "superresolution"), 2),)
METHODS = {
    "every loss": Method("3d-adapter", "x", TRI_D_THEN_G2, LOSSES, pool=4, views=2, background=2, preview_every=1),
    "chosen layers": Method("nada", "x", WHOLE, LOOKING, pool=4, auto_layers=2, auto_every=1, preview_every=1),
    "remodulation": Method("dorm", "x", (Stage("DoRM", ("remodulation",), 2),), LOOKING, pool=4, preview_every=1),
    "pixels": Method(
        "stylize", "x", (Stage("Pixels", ("superresolution",), 2),), (*LOOKING, LOSSES[5]), per_frame=True
    ),
}
CONDITIONED = dataclasses.replace(
    CONFIG,
    conditioning=25,
    rendering=dataclasses.replace(CONFIG.rendering, fine_rule="centred", ray_start="auto", ray_end="auto"),
)
SPARSE = dataclasses.replace(CONFIG, rendering=dataclasses.replace(CONFIG.rendering, empty_below=1e-4))
BASES = {"conditioned": CONDITIONED, "sparse": SPARSE}


class FakeText:
    """Embeds words at random."""

    def check(self, words: str) -> None:
        """All words will do."""

    def encode(self, words: list[str]) -> Tensor:
        return torch.nn.functional.normalize(torch.randn(len(words), 8), dim=1).to(DEVICE)


class FakeInverter(torch.nn.Module):
    """Predicts some codes and angles."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.shape = generator.config.num_ws, generator.config.w_dim
        self.net = torch.nn.Linear(3, self.shape[0] * self.shape[1] + 2).requires_grad_(False)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        told = self.net(images.mean(dim=(2, 3)))
        return told[:, :-2].unflatten(1, self.shape), told[:, -2:] * 0.1

    def forward(self, images: Tensor) -> Tensor:
        return self.predict(images)[0]


@functools.cache
def encoder() -> ImageEncoder:
    return make_encoder(3).to(DEVICE)


@functools.cache
def folder(base: str) -> str:
    torch.manual_seed(0)
    Eg3d(BASES[base]).save_pretrained(WORK / base)
    return str(WORK / base)


def generator(base: str) -> Generator:
    return models.generator(folder(base), str(LIBRARY))


@functools.cache
def inverter(base: str) -> FakeInverter:
    return FakeInverter(generator(base)).to(DEVICE)


HASHED: list[str] = []
"""What was hashed: a device's name for each time."""


def count_hashes() -> None:
    original = domain.hash_tensors

    def counted(tensors: list[tuple[str, Tensor]]) -> str:
        HASHED.append(tensors[0][1].device.type)
        return original(tensors)

    domain.hash_tensors = counted


def prepare() -> None:
    """Small pictures, short videos, models on the device, and threads that could help."""
    torch.set_num_threads(2)
    count_hashes()
    result_files.VIDEO_TILE = result_files.PORTRAIT = outputs.PREVIEW_TILE = explore.SIDE = 32
    explore.WALK_FRAMES = 2
    outputs.PATH = explore.PATH = SwingPath(frames=4)
    models.device = lambda: DEVICE
    models.domain_adapter = lambda base, *_: DomainAdapter(
        generator(Path(base).name), encoder(), FakeText(), inverter(Path(base).name), base
    )
    for name, method in METHODS.items():
        OFFERS["embedded"]["3d-adapter"][name] = Preset(name, 1, method)


def new_folder() -> str:
    return tempfile.mkdtemp(dir=WORK)


def adapt_job(base: str, name: str) -> str | None:
    """The path of the domain."""
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    prompt = "a bronze statue" if name == "every loss" else ""
    request = AdaptRequest((picture,), new_folder(), preset=name, people=2, base=folder(base), prompt=prompt)
    *_, rendering, last = adapting.run(request)
    assert last.result.orbit
    assert rendering.rendered.write(Path(request.folder))
    return last.result.domain


def render_job(base: str) -> None:
    (path,) = domains(base)
    *_, last = render.run(RenderRequest(path, new_folder(), people=1, base=folder(base)))
    assert last.result.orbit


@functools.cache
def domains(base: str) -> list[str]:
    """One domain, whose background differs from the base's."""
    path = adapt_job(base, "every loss")
    assert path
    return [path]


def explore_job(base: str, kind: str) -> None:
    mix = tuple((path, 0.5) for path in domains(base))
    request = ExploreRequest(kind, mix, count=2, folder=new_folder(), base=folder(base))
    *_, last = explore.run(request)
    if last.rendered is not None:
        assert last.rendered.write(Path(request.folder))
    assert last.preview is not None or Path(last.file).is_file()


@functools.cache
def person(base: str) -> str:
    """A portrait, from its person's search to the tuned generator; the path of the person."""
    portrait, weight = np.full((40, 40, 3), 128, np.uint8), np.full((40, 40), 255, np.uint8)
    request = InvertRequest(portrait, weight, new_folder(), steps=2, tuning=2, base=folder(base))
    *_, last = invert.run(request)
    assert last.found is not None
    return last.found.person


def person_job(base: str, kind: str) -> None:
    """A person who was found, in another world."""
    request = PersonRequest(person(base), kind, mix=((domains(base)[0], 0.5),), folder=new_folder(), base=folder(base))
    *_, last = person_worker.run(request)
    if last.rendered is not None:
        assert last.rendered.write(Path(request.folder))
    assert last.preview is not None or Path(last.file).is_file()


def walk_job(base: str) -> None:
    """From that person to others and back."""
    request = WalkRequest(new_folder(), person=person(base), count=2, frames=2, base=folder(base))
    *_, last = walk.run(request)
    assert last.rendered is not None


def walk_in_a_domain_with_a_mapping(base: str) -> None:
    """Among random people, whose latents the domain's own mapping reads."""
    mix = ((adapt_job(base, "remodulation") or "", 1.0),)
    *_, last = walk.run(WalkRequest(new_folder(), mix=mix, count=2, frames=2, base=folder(base)))
    assert last.rendered is not None


@functools.cache
def balls() -> str:
    """A base whose people have a surface."""
    torch.manual_seed(0)
    base = Eg3d(CONFIG)
    output = base.decoder.net[2]
    output.weight.data[0], output.bias.data[0] = 0.0, 60.0
    base.save_pretrained(WORK / "balls")
    return str(WORK / "balls")


def mesh_job() -> None:
    small = {"resolution": 32, "faces": 200, "texture": 64}
    *_, last = mesh.run(MeshRequest(new_folder(), base=balls(), trim=False, **small))
    assert len(last.files) == 2


def resumed(base: str) -> None:
    """A run goes on from a file, as on another day."""
    stages = (Stage("Tri-D", ("decoder", "background"), 3),)
    losses = tuple(term for term in LOSSES if term.kind != "text_directional")
    method = dataclasses.replace(METHODS["every loss"], stages=stages, losses=losses)
    reference = torch.rand(1, 3, 32, 32) * 2 - 1
    options = RunOptions(inverter=inverter(base))
    states = [event.state for event in adapt(generator(base), encoder(), reference, method, options=options)]
    first = next(state for state in states if state is not None)
    first.save(WORK / "state.safetensors")
    state = TrainingState.load(WORK / "state.safetensors")
    *_, last = adapt(generator(base), encoder(), reference, method, resume=state, options=options)
    assert last.domain is not None


def people(base: str) -> bool:
    """Faces guide, and a reference full of grain and without color trains noise of the surface."""
    seen = dataclasses.replace(view(), **{name: value.to(DEVICE) for name, value in vars(view()).items()})
    method = dataclasses.replace(METHODS["every loss"], losses=OF_PEOPLE)
    faces = FaceViews((seen, None) * (method.pool // 2), (seen,), MIRROR.to(DEVICE))
    gray = (torch.rand(1, 1, 32, 32) * 2 - 1).expand(-1, 3, -1, -1)
    read = {"shows_people": lambda sources: True, "read_faces": lambda sources, references: (faces, "")}
    with patch.multiple(loop, **read):
        *_, last = adapt(generator(base), encoder(), gray, dataclasses.replace(method, people=method))
    assert last.domain is not None
    DomainScene(Identities.draw(generator(base), 2, 0, 0.7), last.domain.apply(generator(base))).pairs()
    return last.domain.metadata.surface_noise


class Truth(FakeGroundTruth):
    """What is asked of it is on the device; its pictures are not."""

    def latents(self, count: int, seed: int) -> Tensor:
        return super().latents(count, seed)

    def images(self, style: str, latents: Tensor, cameras: Tensor, colors: Tensor | None = None) -> Tensor:
        return super().images(style, latents.cpu(), cameras, colors)


def evaluation(base: str) -> None:
    own, classifier = generator(base), make_classifier().to(DEVICE)
    truth = Truth(own.config.image_resolution)
    people = eval_set.EvalSet.draw(own, truth, eval_set.EvalConfig(pairs=3, front=2, turned=2))
    source = renderers.source_renderer(own)
    base_renders = renderers.render_all(source, people, True)
    model = lpips.lpips_model()
    context = metrics.MetricContext.create(people, truth, classifier, model, base_renders)
    images = truth.images("bronze", people.latents, people.cameras).to(DEVICE)
    whole, one = (metrics.image_features(classifier, model, x) for x in (images, images[:1]))
    goal = metrics.TargetDomain("bronze", images, whole, one)
    for renderer in (
        source,
        renderers.frame_renderer(source, lambda x: -x),
        renderers.oracle_renderer(source, truth, "bronze"),
        renderers.truth_renderer(truth, "bronze", 16),
    ):
        made = renderers.render_all(renderer, people)
        metrics.image_metrics(context, goal, made.pairs.image, made.front.image)
        metrics.shape_metrics(context, made)


def seeded_jitter() -> None:
    """Random numbers of the host serve tensors of the device."""
    start = torch.full((1, 4, 1), 2.0, device=DEVICE)
    random = torch.Generator().manual_seed(0)
    assert stratified_depths(start, start + 1, 4, generator=random).device == DEVICE
    planes = generator("sparse")
    ws = planes.sample_ws(torch.zeros(1, CONFIG.z_dim))
    assert planes.planes(ws, "random", random).values.device == DEVICE


def joined_pools() -> None:
    """A view of which all rays were traced beside one of which some were left out."""
    method = dataclasses.replace(METHODS["remodulation"], pool=2)
    sources = join_caches(list(SourceEncoder(generator("sparse")).stream(*draw_pairs(SPARSE, method, 0))))
    few = sources.samples[:1]
    every = generator("sparse").sample(generator("sparse").planes(sources.ws[:1]), sources.cameras[:1], every_ray=True)
    joined = join_samples([dataclasses.replace(few, places=few.places % 200), every.half()])
    generator("sparse").march(joined.float())


def same_pictures(base: str) -> float:
    """Largest difference of a picture to the same weights on the CPU, with its faster kernels."""
    bases = generator(base), Eg3d.from_pretrained(folder(base))
    scenes = (DomainScene(Identities.draw(one, 2, 1, 0.7), one.parts()) for one in bases)
    there, here = (scene.pairs(yaw=0.3).targets.astype(int) for scene in scenes)
    return float(np.abs(there - here).max())


def gpu_check_compares() -> list[tuple[str, float, float]]:
    torch.manual_seed(0)
    return list(gpu_check.compare(Eg3d(CONDITIONED).eval().requires_grad_(False), DEVICE))


def gpu_check_measures() -> list[str]:
    """What is in its table, by a ViT that has the layers of the offered methods."""
    rows = gpu_check.measure("sparse", generator("sparse"), make_encoder(6).to(DEVICE), "ViT-B-32", 1, pool=4)
    return [row.what for row in rows]


def checks() -> Iterator[Check]:
    """By base: jobs, inversions, runs that go on, evaluation."""
    for base in BASES:
        for name in METHODS:
            yield f"adapt {base}: {name}", functools.partial(adapt_job, base, name)
        yield f"render {base}", functools.partial(render_job, base)
        for kind in (IMAGE, ORBIT, VIEWS, GRID, WALK):
            yield f"explore {base}: {kind}", functools.partial(explore_job, base, kind)
        yield f"invert {base}", functools.partial(person, base)
        for kind in (IMAGE, ORBIT):
            yield f"person {base}: {kind}", functools.partial(person_job, base, kind)
        yield f"walk {base}", functools.partial(walk_job, base)
        yield f"walk {base}: a mapping of the domain's own", functools.partial(walk_in_a_domain_with_a_mapping, base)
        yield f"same pictures {base}", functools.partial(same_pictures, base)
    yield "mesh", mesh_job
    yield "resume", functools.partial(resumed, "sparse")
    yield "people", functools.partial(people, "sparse")
    yield "evaluate", functools.partial(evaluation, "conditioned")
    yield "random numbers of the host", seeded_jitter
    yield "joined pools", joined_pools
    yield "GPU check: comparisons", gpu_check_compares
    yield "GPU check: measurements", gpu_check_measures
    yield "hashes", HASHED.copy


if __name__ == "__main__":
    prepare()
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    run(check for check in checks() if wanted in check[0])
