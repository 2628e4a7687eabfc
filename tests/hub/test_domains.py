"""Whole generators on the Hub become domains of their base: fetched, resumed, refused, and shown beside it."""

import dataclasses
import errno
import hashlib
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import constants

from adapter import __main__ as cli
from adapter import result
from adapter.adaptation import Domain
from adapter.eg3d import Eg3d, Generator
from adapter.eg3d.camera import SwingPath, cameras_around_front
from adapter.errors import UserError
from adapter.hub import download as downloads
from adapter.hub.bases import load_base
from adapter.hub.convert import convert_domain
from adapter.hub.domains import fetch_ready_domain, ready_domain
from adapter.hub.library import load_library
from adapter.pipeline import DomainAdapter
from adapter.scene import DomainScene, Identities
from adapter.service.jobs import render_file, render_job, render_pair
from adapter.service.requests import ORBIT, ExploreRequest, RenderRequest
from adapter.service.worker import explore, outputs
from tests.helpers.tiny_encoder import make_encoder

from .conftest import RENDERING

FEW_SAMPLES = {**RENDERING, "depth_resolution": 4, "depth_resolution_importance": 4, "c_gen_conditioning_zero": False}
PICKLES = {"base.pkl": {}, "elf.pkl": {"neural_rendering_resolution": 77}, "cars.pkl": {}}


def read_frames(path) -> list[np.ndarray]:
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


@pytest.fixture(scope="module")
def trained(generator) -> Generator:
    """What an adaptation of every weight might leave of the base."""
    other = Generator(generator.config).requires_grad_(False)
    other.load_state_dict(generator.state_dict())
    random = torch.Generator().manual_seed(3)
    for name, value in other.state_dict().items():
        if not name.endswith("resample_filter"):
            value.add_(0.3 * torch.randn(value.shape, generator=random))
    return other


@pytest.fixture(scope="module")
def pickles(tmp_path_factory, write_official, generator, trained) -> dict[str, bytes]:
    """Official files: a base, a snapshot of its further training, and a network of another family."""
    folder, written = tmp_path_factory.mktemp("pickles"), {}
    for name, attributes in PICKLES.items():
        rendering = FEW_SAMPLES if name != "cars.pkl" else {**FEW_SAMPLES, "box_warp": 2}
        network = generator if name == "base.pkl" else trained

        def edit(root, attributes=attributes):
            root.__dict__.update(attributes)

        written[name] = write_official(folder / name, network, rendering=rendering, edit=edit).read_bytes()
    return written


@pytest.fixture
def listed(hub, pickles, tmp_path: Path):
    """A library whose base and domains are on the loopback Hub."""
    hub.add("alice/models", dict(pickles))
    common = {"repo": "alice/models", "licence": "non-commercial"}
    bases = [{**common, "name": "people", "title": "People", "file": "base.pkl", "encoder": "clip-heads"}]
    domains = [
        {**common, "name": "elf", "title": "Elf", "file": "elf.pkl", "base": "people", "about_bytes": 10**6},
        {**common, "name": "cars", "title": "Cars", "file": "cars.pkl", "base": "people"},
    ]
    path = tmp_path / "library.yaml"
    path.write_text(yaml.safe_dump({"bases": bases, "domains": domains}))
    return load_library(path)


def test_a_whole_generator_becomes_a_domain_once(hub, remote, listed, generator, trained):
    entry = listed.domain("elf")
    assert entry.is_whole_generator
    assert ready_domain(entry, remote, listed) is None
    told = []
    path = fetch_ready_domain(entry, lambda share, text: told.append((share, text)), remote, listed)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any("Downloading People" in text for _, text in told)
    assert any("Downloading Elf" in text for _, text in told)

    domain = Domain.load(path)
    assert (domain.metadata.base, domain.metadata.license) == ("people", "non-commercial")
    base = load_base("people", None, remote, listed)
    parts = domain.apply(base)
    name = "b64.conv1.weight"
    wanted = trained.backbone.synthesis.state_dict()[name]
    assert torch.allclose(parts.synthesis.state_dict()[name], wanted, atol=2e-3)

    asked, made = len(hub.requests), path.stat().st_mtime_ns
    assert ready_domain(entry, remote, listed) == fetch_ready_domain(entry, None, remote, listed) == path
    assert (len(hub.requests), path.stat().st_mtime_ns) == (asked, made)
    assert not [file for file in remote.converted.iterdir() if file.name.startswith(".")]


def test_people_of_both_stand_beside_each_other(remote, listed):
    """The target is the other generator's own picture of the same z at the base's resolution."""
    base = load_base("people", None, remote, listed)
    whole = load_base("elf", None, remote, listed)
    assert whole.config.raw_resolution == 77
    whole.config = base.config
    parts = Domain.load(fetch_ready_domain(listed.domain("elf"), None, remote, listed)).apply(base)
    people = Identities.draw(base, 1, 0, 0.7)
    cameras = cameras_around_front(base.config, torch.zeros(1), 0.1)
    source, target = DomainScene(people, parts)._pairing.render(cameras)
    alone = whole.synthesis(whole.sample_ws(people.latents, 0.7), cameras)
    assert torch.allclose(source.image, base.synthesis(people.ws, cameras).image, atol=1e-3)
    error = (target.image - alone.image).abs().mean() / alone.image.std()
    assert error < 0.02
    assert (target.image - source.image).abs().mean() / alone.image.std() > 0.1


def test_from_the_hub_to_the_video(remote, listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Page, API and Python take the same way: a domain file beside its base, which jobs find without the network."""
    library = str(tmp_path / "library.yaml")
    path = fetch_ready_domain(listed.domain("elf"), None, remote, listed)
    for module in (outputs, explore):
        monkeypatch.setattr(module, "PATH", SwingPath(4))
    monkeypatch.setattr(outputs, "GRID_PEOPLE", 1)
    monkeypatch.setattr(result, "SwingPath", lambda: SwingPath(4))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(remote.cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "job"
    folder.mkdir()
    where = {"base": "people", "library": library}
    made = list(render_job(RenderRequest(str(path), str(folder), 0.8, people=1, **where)))[-1].result
    frames = read_frames(made.orbit)
    assert len(frames) == 4
    source, target = np.split(np.asarray(frames[0], float), 2, axis=1)
    assert abs(source - target).mean() > 5
    mix = ((str(path), 0.7),)
    one, other = render_pair(ExploreRequest(mix=mix, yaw=0.3, **where))
    assert abs(one.astype(int) - other).mean() > 5
    wanted = ExploreRequest(kind=ORBIT, mix=mix, folder=str(folder), **where)
    assert len(read_frames(list(render_file(wanted))[-1].file)) == 4
    adapter = DomainAdapter(load_base("people", None, remote, listed), make_encoder(layers=3), base="people")
    video = adapter.load_domain(path).video(tmp_path / "elf.mp4", people=1)
    assert len(read_frames(video)) == 4


def test_another_family_is_refused_and_leaves_nothing(remote, listed):
    with pytest.raises(UserError, match=r"another family than the base 'people': its rendering\.box_warp is 2"):
        fetch_ready_domain(listed.domain("cars"), None, remote, listed)
    assert [path.name.partition("-")[0] for path in remote.converted.iterdir()] == ["people"]


def test_interrupted_and_resumed(hub, remote, listed, pickles):
    oid = hashlib.sha256(pickles["elf.pkl"]).hexdigest()
    fetch_ready_domain(listed.domain("elf"), None, downloads.Remote(remote.endpoint, remote.cache, False), listed)
    (path,) = remote.converted.glob("elf*.safetensors")
    path.unlink()
    for file in remote.cache.rglob("elf.pkl"):
        file.resolve().unlink()
        file.unlink()
    hub.transfers.clear()
    hub.cuts[oid] = [300_000]

    def interrupt(share: float, text: str) -> None:
        if text.startswith("Checking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_ready_domain(listed.domain("elf"), interrupt, remote, listed)
    firsts = [first for found, first, _ in hub.transfers if found == oid]
    assert firsts[0] == 0
    assert firsts[-1] > 0, "a cut is resumed where it happened"
    assert ready_domain(listed.domain("elf"), remote, listed) is None
    assert fetch_ready_domain(listed.domain("elf"), None, remote, listed) == path
    assert len([first for found, first, _ in hub.transfers if found == oid]) == len(firsts)


def test_gated_then_offline(hub, remote, listed, monkeypatch: pytest.MonkeyPatch):
    hub.repos["model", "alice/models"].gated = True
    with pytest.raises(UserError, match="gated"):
        fetch_ready_domain(listed.domain("elf"), None, remote, listed)
    member = downloads.Remote(remote.endpoint, remote.cache, "hf_bob")
    path = fetch_ready_domain(listed.domain("elf"), None, member, listed)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.requests)
    assert fetch_ready_domain(listed.domain("elf"), None, remote, listed) == path
    assert len(hub.requests) == asked
    path.unlink()
    assert fetch_ready_domain(listed.domain("elf"), None, remote, listed) == path, "converted anew from the cache"


def test_a_wrong_hash_is_thrown_away(remote, listed):
    entry = dataclasses.replace(listed.domain("elf"), sha256="0" * 64)
    with pytest.raises(UserError, match="SHA-256"):
        fetch_ready_domain(entry, None, remote, listed)
    assert not list(remote.converted.glob("elf*"))


def test_a_disk_that_is_full_when_the_domain_is_written(remote, listed, monkeypatch: pytest.MonkeyPatch):
    load_base("people", None, remote, listed)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Domain, "save", full)
    with pytest.raises(UserError, match=r"Elf cannot be stored in .*: no space left on device.*HF_HOME"):
        fetch_ready_domain(listed.domain("elf"), None, remote, listed)


def test_embedded_domains_need_nothing(remote):
    entry = load_library().domain("bronze")
    assert fetch_ready_domain(entry, None, remote) == ready_domain(entry, remote) == entry.path
    assert not remote.cache.exists()


def test_the_command_converts_a_domain_of_an_embedded_or_converted_base(pickles, generator, tmp_path: Path, capsys):
    (tmp_path / "elf.pkl").write_bytes(pickles["elf.pkl"])
    (tmp_path / "base.pkl").write_bytes(pickles["base.pkl"])
    assert cli.main(["convert", str(tmp_path / "base.pkl"), str(tmp_path / "base"), "--raw-resolution", "32"]) == 0
    assert Eg3d.from_pretrained(tmp_path / "base").config.raw_resolution == 32
    out = tmp_path / "elf.safetensors"
    assert cli.main(["convert", str(tmp_path / "elf.pkl"), str(out), "--base", str(tmp_path / "base")]) == 0
    assert str(out) in capsys.readouterr().out
    domain = Domain.load(out)
    domain.apply(Eg3d.from_pretrained(tmp_path / "base"))
    again = convert_domain(
        tmp_path / "elf.pkl", Eg3d.from_pretrained(tmp_path / "base"), tmp_path / "again.safetensors"
    )
    assert Domain.load(again).weights.keys() == domain.weights.keys()
    assert cli.main(["convert", str(tmp_path / "elf.pkl"), str(out), "--base", "heads"]) == 2
    assert "another family than the base 'heads'" in capsys.readouterr().err
