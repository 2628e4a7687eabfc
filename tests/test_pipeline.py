"""The whole program as one class, on a tiny base, and once on the embedded one."""

import itertools
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from adapter import DomainAdapter, pipeline, result
from adapter.adaptation import FINISHED, PREPARING, Domain, fingerprint
from adapter.eg3d import Generator
from adapter.errors import UserError
from adapter.methods import METHODS, Method, Stage, loss
from adapter.pipeline import AdaptationSettings
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "examples" / "mona-lisa.jpg"
METHOD = Method(
    name="3d-adapter",
    preset="tiny",
    stages=(Stage("Tri-D", ("decoder",), 4), Stage("G2", ("superresolution",), 4)),
    losses=(loss("directional", 1.0), loss("colour_distribution", 3.0, side=16)),
    pool=4,
    preview_every=2,
    warmup=1,
)


@pytest.fixture(scope="module", autouse=True)
def _small_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result, "VIDEO_TILE", 48)
        patch.setattr(result, "GRID_TILE", 48)
        yield


@pytest.fixture(scope="module")
def tiny() -> DomainAdapter:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    return DomainAdapter(generator, make_encoder(layers=3), base="tiny", license="CC0-1.0")


def weights_of(domain: Domain) -> torch.Tensor:
    return torch.cat([domain.weights[name].flatten() for name in sorted(domain.weights)])


def test_from_a_picture_to_every_file(tiny: DomainAdapter, tmp_path: Path):
    before = fingerprint(tiny.generator)
    stages = []
    made = tiny.adapt(PICTURE, method=METHOD, on_event=lambda event: stages.append(event.stage))
    assert [stage for stage, _ in itertools.groupby(stages)] == [PREPARING, "Tri-D", "G2", FINISHED]
    assert fingerprint(tiny.generator) == before
    assert (made.domain.metadata.base, made.domain.metadata.license) == ("tiny", "CC0-1.0")
    assert made.settings["method"]["preset"] == "tiny"

    made.domain.save(tmp_path / "style.safetensors")
    again = tiny.load_domain(tmp_path / "style.safetensors")
    assert torch.equal(weights_of(again.domain), weights_of(made.domain))
    for one in (made, again):
        one.video(tmp_path / "orbit.mp4", people=2)
        one.grid(tmp_path / "grid.png", people=3)
        with av.open(str(tmp_path / "orbit.mp4")) as video:
            assert video.streams.video[0].frames == 72
        with Image.open(tmp_path / "grid.png") as grid:
            assert grid.height == 6 + 4 * (48 + 6)


def test_events_stop_and_resume_to_the_same_domain(tiny: DomainAdapter):
    whole = tiny.adapt(PICTURE, method=METHOD).domain
    stopped = tiny.stream(PICTURE, method=METHOD)
    state = next(event.state for event in stopped if event.state is not None and event.step == 4)
    stopped.close()
    *_, last = tiny.stream(PICTURE, method=METHOD, resume=state)
    assert torch.equal(weights_of(last.domain), weights_of(whole))


def test_paths_images_arrays_and_lists_are_the_same_picture(tiny: DomainAdapter):
    with Image.open(PICTURE) as image:
        image.load()
    guides = [tiny.guidance(one).references for one in (PICTURE, str(PICTURE), image, np.asarray(image), [image])]
    assert all(torch.equal(one, guides[0]) for one in guides)
    assert len(tiny.guidance([PICTURE, image]).references) == 2


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        ((), {}, "style image or a text"),
        ((PICTURE,), {"crop": "left"}, "crop"),
        ((PICTURE,), {"method": "magic"}, "magic"),
        ((PICTURE,), {"preset": "slowest"}, "slowest"),
        ((None, "a bronze statue"), {}, "text encoder"),
        ((np.zeros((8, 8)),), {}, "uint8"),
        (("nowhere.jpg",), {}, "nowhere.jpg"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(tiny: DomainAdapter, arguments, settings, said):
    with pytest.raises(UserError, match=said):
        tiny.adapt(*arguments, **{"method": METHOD, **settings} if "preset" not in settings else settings)


def test_unknown_settings_are_refused(tiny: DomainAdapter):
    with pytest.raises(TypeError, match="learning_rate"):
        tiny.adapt(PICTURE, learning_rate=1)


def test_settings_change_the_method():
    method = AdaptationSettings(preset="quick", steps=30, weights={"directional": 0.5}).customized()
    assert method.steps == 30
    assert method.weight("directional") == 0.5
    assert AdaptationSettings(method="difa").customized().preset in METHODS["difa"]


def test_methods_that_paint_every_frame_have_pictures_but_no_domain(tiny: DomainAdapter, tmp_path: Path):
    losses = (loss("directional", 1.0),)
    method = Method("stylize", "tiny", (Stage("Pixels", ("superresolution",), 2),), losses, per_frame=True)
    made = tiny.adapt(PICTURE, method=method)
    assert made.domain is None
    made.grid(tmp_path / "grid.png", people=2)
    assert (tmp_path / "grid.png").is_file()


def test_a_domain_of_another_base_is_refused(tiny: DomainAdapter):
    domain = tiny.adapt(PICTURE, method=METHOD).domain
    torch.manual_seed(1)
    other = DomainAdapter(Generator(CONFIG).eval().requires_grad_(False), tiny.encoder)
    with pytest.raises(UserError, match="other weights"):
        other.load_domain(domain)


def test_a_domain_goes_to_the_hub_and_comes_back(tiny: DomainAdapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    sent = {}

    def push(path, repo_id, token, **about):
        sent.update(about, domain=Domain.load(path), repo_id=repo_id, token=token)
        Domain.load(path).save(tmp_path / "domain.safetensors")
        return "https://hub/me/style"

    monkeypatch.setattr(result, "push_domain", push)
    monkeypatch.setattr(result, "get_token", lambda: "mine")
    monkeypatch.setattr(pipeline, "fetch_domain", lambda repo_id: tmp_path / "domain.safetensors")
    domain = tiny.adapt(PICTURE, method=METHOD).domain
    assert domain.push_to_hub("me/style", title="Style") == "https://hub/me/style"
    assert (sent["repo_id"], sent["token"], sent["title"]) == ("me/style", "mine", "Style")
    assert torch.equal(weights_of(tiny.load_domain("me/style").domain), weights_of(domain))


def test_the_package_is_imported_without_torch():
    code = (
        "import sys, adapter; assert 'torch' not in sys.modules; adapter.DomainAdapter; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
def test_the_embedded_base_by_picture_and_by_words(tmp_path: Path):
    heads = DomainAdapter.from_pretrained("heads")
    made = heads.adapt(PICTURE, preset="draft", steps=6)
    assert made.domain.metadata.base == "heads"
    assert made.domain.metadata.license == "CC0-1.0"
    assert made.grid(tmp_path / "grid.png", people=2).is_file()
    guidance = heads.guidance(prompt="a bronze statue")
    assert guidance.has_text
    assert len(guidance.references) == 1
    assert heads.guidance(prompt="a bronze statue", settings=AdaptationSettings(words_alone=True)).references is None
    with pytest.raises(UserError, match="does not understand"):
        heads.adapt(prompt="a golden retriever in a garden")
