"""Explorations: any camera, any person, mixtures of domains, files that are what they should be."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from adapter.adaptation import Domain, DomainMetadata, fingerprint
from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.service.jobs import render_file, render_image, render_pair
from adapter.service.requests import GRID, ORBIT, WALK, ExploreRequest
from adapter.service.worker import explore


@pytest.fixture(scope="module")
def domains(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths of two domains of the tiny base."""
    generator, folder, paths = Eg3d.from_pretrained(base), tmp_path_factory.mktemp("domains"), []
    for seed in (0, 1):
        random = torch.Generator().manual_seed(seed)
        changed = {
            name: value + torch.randn(value.shape, generator=random)
            for name, value in generator.parts().named_parameters()
            if name.startswith("superresolution")
        }
        about = DomainMetadata(str(base), fingerprint(generator), "3d-adapter")
        paths.append(str(folder / f"{seed}.safetensors"))
        Domain.between(generator.parts(), changed, about).save(paths[-1])
    return paths


@pytest.fixture
def ask(base: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(explore, "SIDE", 64)
    return lambda **values: ExploreRequest(base=str(base), **values)


def test_source_and_target_are_equal_without_a_domain(ask):
    source, target = render_pair(ask())
    assert source.shape == (64, 64, 3)
    assert np.array_equal(source, target)
    assert render_image(ask()).shape == (64, 128, 3)


def test_everything_that_can_be_turned_turns_the_picture(ask, domains):
    start = {"mix": ((domains[0], 1.0),), "seed": 1}
    _, first = render_pair(ask(**start))
    for change in (
        {"seed": 2},
        {"yaw": 0.4},
        {"pitch": 0.2},
        {"zoom": 1.5},
        {"truncation": 0.1},
        {"mix": ((domains[0], 0.4),)},
        {"mix": ((domains[1], 1.0),)},
        {"mix": ((domains[0], 1.0), (domains[1], 0.5))},
    ):
        assert not np.array_equal(render_pair(ask(**{**start, **change}))[1], first), change
    assert np.array_equal(render_pair(ask(**start))[1], first)


def test_weight_zero_is_the_source(ask, domains):
    source, target = render_pair(ask(mix=((domains[0], 0.0),)))
    assert np.array_equal(source, target)


def test_a_file_that_changed_is_read_again(ask, domains, tmp_path: Path):
    import os
    import shutil

    path = str(tmp_path / "world.safetensors")
    shutil.copyfile(domains[0], path)
    _, first = render_pair(ask(mix=((path, 1.0),)))
    shutil.copyfile(domains[1], path)
    os.utime(path, (1, 1))
    assert not np.array_equal(render_pair(ask(mix=((path, 1.0),)))[1], first)


def test_files_are_written_and_play(ask, domains, tmp_path: Path):
    mix = ((domains[0], 1.0),)
    for kind, frames in ((ORBIT, 72), (WALK, 2 * explore.WALK_FRAMES)):
        updates = list(render_file(ask(kind=kind, mix=mix, count=2, folder=str(tmp_path))))
        assert [update.step for update in updates[:-1]] == list(range(1, len(updates)))
        with av.open(updates[-1].file) as video:
            assert sum(1 for _ in video.decode(video=0)) == frames
    update = list(render_file(ask(kind=GRID, mix=mix, count=3, folder=str(tmp_path))))[-1]
    with Image.open(update.file) as sheet:
        assert sheet.width > 3 * 48


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "hologram"}, "kind"),
        ({"seed": -1}, "seed"),
        ({"yaw": 2.0}, "yaw"),
        ({"pitch": float("nan")}, "pitch"),
        ({"zoom": 9.0}, "zoom"),
        ({"truncation": -1.0}, "truncation"),
        ({"mix": (("x", 3.0),)}, "less than or equal to 2"),
        ({"mix": (("x", 1.0),) * 5}, "at most"),
        ({"kind": WALK, "count": 99}, "count"),
        ({"mix": (("/nowhere/x.safetensors", 1.0),)}, "cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_said(ask, tmp_path: Path, values, said):
    with pytest.raises(UserError, match=said):
        list(render_file(ask(**{"kind": GRID, "folder": str(tmp_path), **values})))
