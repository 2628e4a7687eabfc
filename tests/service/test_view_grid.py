"""The views that the browser turns a person by: whose they are, where they stand, and that nobody waits for them."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.adaptation import Domain, DomainMetadata, fingerprint
from adapter.eg3d import Eg3d
from adapter.service import jobs, view_grid
from adapter.service.jobs import render_views
from adapter.service.requests import ExploreRequest
from adapter.service.view_grid import COLUMNS, PITCH, POSES, ROWS, YAW, identity, serves
from adapter.service.worker import explore


@pytest.fixture
def domain(base: Path, tmp_path: Path) -> Path:
    """A domain of the tiny base, whose pictures differ from the base's."""
    generator, path = Eg3d.from_pretrained(base), tmp_path / "domain.safetensors"
    parts = generator.parts()
    changed = {name: value + 0.5 for name, value in parts.named_parameters() if name.startswith("superresolution")}
    Domain.between(parts, changed, DomainMetadata(str(base), fingerprint(generator), "nada")).save(path)
    return path


@pytest.fixture
def request_(base: Path, domain: Path) -> ExploreRequest:
    return ExploreRequest(mix=((str(domain), 1.0),), seed=3, base=str(base))


def test_views_stand_where_the_browser_looks_for_them(request_: ExploreRequest):
    """Sources above targets, from below to above, from left to right; each as it is rendered alone."""
    sheet = render_views(request_, lambda: True)
    assert sheet is not None
    side = sheet.shape[1] // COLUMNS
    assert sheet.shape == (2 * ROWS * side, COLUMNS * side, 3)
    for column, row in ((0, 0), (COLUMNS // 2, ROWS // 2), (COLUMNS - 1, 0), (1, ROWS - 1)):
        yaw = math.radians(YAW * (2 * column / (COLUMNS - 1) - 1))
        pitch = math.radians(PITCH * (2 * row / (ROWS - 1) - 1))
        assert POSES[row * COLUMNS + column] == pytest.approx((yaw, pitch))
        alone = explore._scene(request_).pairs(yaw, pitch)
        for number, picture in enumerate((alone.sources[0], alone.targets[0])):
            top, left = (number * ROWS + row) * side, column * side
            found = sheet[top : top + side, left : left + side]
            # Threads round a little differently, by the number that compute together.
            assert np.abs(found.astype(int) - picture).max() <= 1
    assert np.abs(sheet[: ROWS * side].astype(int) - sheet[ROWS * side :]).mean() > 1


def test_they_are_made_by_one_call_and_given_up_when_unwanted(
    request_: ExploreRequest, monkeypatch: pytest.MonkeyPatch
):
    calls, yielded = [], []
    original = jobs.on_gpu

    def counted(request):
        calls.append(request.kind)
        for update in original(request):
            yielded.append(update)
            yield update

    monkeypatch.setattr(jobs, "on_gpu", counted)
    assert render_views(request_, lambda: True) is not None
    assert calls == ["views"]
    assert len(yielded) == len(POSES) + 1
    yielded.clear()
    assert render_views(request_, lambda: len(yielded) < 2) is None
    assert len(yielded) == 2


def test_whom_they_show(request_: ExploreRequest, domain: Path):
    """The camera is nobody's; all else is, and so is what the file holds."""
    first = identity(request_)
    for same in ({"yaw": 0.4}, {"pitch": -0.2}, {"zoom": 1.5}):
        assert identity(dataclasses.replace(request_, **same)) == first
    for other in ({"seed": 4}, {"truncation": 0.1}, {"mix": ((str(domain), 0.5),)}, {"mix": ()}, {"base": "heads"}):
        assert identity(dataclasses.replace(request_, **other)) != first
    domain.touch()
    assert identity(request_) != first


def test_large_pictures_are_scaled_down_and_small_ones_kept():
    large = np.zeros((512, 512, 3), np.uint8)
    large[:, 256:] = 200
    small = view_grid.tile(large)
    assert small.shape == (256, 256, 3)
    assert small[0, 100].tolist() == [0, 0, 0]
    assert small[0, 200].tolist() == [200, 200, 200]
    assert view_grid.tile(small) is small


def test_views_are_enlarged_but_not_much():
    assert serves(1.0, 1.0)
    assert serves(1.0, 1.4)
    assert not serves(1.0, 0.95)
    assert not serves(0.8, 1.6)


def test_torch_has_threads_that_share_the_work(request_: ExploreRequest):
    """The same views, whoever renders them: the sheet of two threads is that of one."""
    threads = torch.get_num_threads()
    sheets = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            sheets.append(render_views(request_, lambda: True))
    finally:
        torch.set_num_threads(threads)
    assert np.abs(sheets[0].astype(int) - sheets[1]).max() <= 1
