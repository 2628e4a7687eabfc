"""The page, the API and the command line make the same reference, bit for bit, from the same file and settings."""

import dataclasses
import shutil
import types
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from adapter.__main__ import main
from adapter.cli import adapt as command_line
from adapter.media.crop import REFERENCE_SIDE, Crop
from adapter.media.examples import FOLDER
from adapter.media.images import to_tensor
from adapter.service.requests import AdaptRequest
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui import api
from adapter.ui.page import build
from adapter.ui.tabs.inputs import InputsTab, PictureInput

VISITOR = types.SimpleNamespace(session_hash="visitor")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Sessions:
    return Sessions(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="module")
def picture_input(sessions: Sessions) -> PictureInput:
    with gr.Blocks():
        inputs = InputsTab(Settings(), sessions, gr.HTML())
        inputs.layout()
        inputs.connect()
    return inputs.picture


@pytest.fixture(scope="module")
def endpoint(sessions: Sessions):
    blocks = build(Settings(), sessions)
    return next(fn.fn for fn in blocks.fns.values() if fn.api_name == "adapt_from_image")


def tensor(request: AdaptRequest) -> torch.Tensor:
    return torch.cat([to_tensor(picture, REFERENCE_SIDE) for picture in request.references])


def by_page(picture_input: PictureInput, path: Path) -> torch.Tensor:
    outputs = picture_input.receive(str(path), VISITOR)
    values = {picture_input.style: outputs[picture_input.style], picture_input.more: None}
    return tensor(AdaptRequest(folder="", **picture_input.read(values)))


def by_api(endpoint, path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    requests: list[AdaptRequest] = []
    monkeypatch.setattr(api, "adapt_job", lambda request: requests.append(request) or iter(()))
    list(endpoint(str(path), request=VISITOR))
    return tensor(requests[0])


def by_command_line(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    requests: list[AdaptRequest] = []
    monkeypatch.setattr(command_line, "adapt_job", lambda request: requests.append(request) or iter(()))
    main(["adapt", "--reference", str(path), "--out", str(folder)])
    return tensor(requests[0])


@pytest.fixture
def uploads(tmp_path: Path) -> list[Path]:
    """An example of each kind under another name, a large photograph that lies on its side, and noise without a face.

    Drawn, upright, tilted, and with a square set by hand: the other examples go the same ways.
    """
    paths = []
    for name in ("bronze", "mona-lisa", "hokusai-woman-with-fan", "arcimboldo-spring"):
        paths.append(tmp_path / f"upload-{name}.jpg")
        shutil.copyfile(FOLDER / f"{name}.jpg", paths[-1])
    photo = Image.open(FOLDER / "astronaut.jpg").resize((2300, 2300))
    wide = Image.new("RGB", (3000, 2300), "gray")
    wide.paste(photo, (700, 0))
    exif = Image.Exif()
    exif[274] = 6
    paths.append(tmp_path / "large.jpg")
    wide.transpose(Image.Transpose.ROTATE_90).save(paths[-1], exif=exif, quality=95)
    paths.append(tmp_path / "noise.png")
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    Image.fromarray(noise).save(paths[-1])
    return paths


def test_three_ways_one_reference(picture_input, endpoint, uploads, tmp_path, monkeypatch):
    for path in uploads:
        page = by_page(picture_input, path)
        assert page.shape == (1, 3, REFERENCE_SIDE, REFERENCE_SIDE)
        assert page.equal(by_api(endpoint, path, monkeypatch)), path.name
        assert page.equal(by_command_line(path, tmp_path / "out", monkeypatch)), path.name


def test_sliders_show_rounded_numbers_and_keep_the_exact_square(picture_input: PictureInput):
    path = FOLDER / "hokusai-woman-with-fan.jpg"
    outputs = picture_input.receive(str(path), VISITOR)
    style, sliders = outputs[picture_input.style], picture_input.sliders
    crop = style.crop
    side, x, y, roll = (outputs[slider] for slider in sliders.values())
    assert (side, x, y) == (round(100 * crop.side), round(100 * crop.x), round(100 * crop.y))
    assert x != 100 * crop.x, "the sliders would be exact by chance"
    assert picture_input.move(style, side, x, y, roll)[picture_input.style] == style
    moved = picture_input.move(style, side, 40, y, roll)[picture_input.style]
    assert moved.crop == dataclasses.replace(crop, x=0.4)


def test_another_of_several_faces_can_be_chosen(picture_input: PictureInput, tmp_path: Path):
    face = Image.open(FOLDER / "astronaut.jpg").convert("RGB")
    both = Image.new("RGB", (912, 512), "gray")
    both.paste(face, (0, 0))
    both.paste(face.resize((400, 400)), (512, 56))
    both.save(tmp_path / "both.png")
    outputs = picture_input.receive(str(tmp_path / "both.png"), VISITOR)
    style = outputs[picture_input.style]
    assert len(style.faces) == 2
    assert outputs[picture_input.faces].visible
    assert outputs[picture_input.faces].value.count("<button") == 2
    assert "Choose another below" in outputs[picture_input.cropped]
    chosen = picture_input.choose_face(style, types.SimpleNamespace(index=1))
    other = chosen[picture_input.style]
    assert other.crop == style.faces[1]
    assert other.crop.x > 0.6 > style.crop.x
    assert chosen[picture_input.sliders["x"]] == round(100 * other.crop.x)
    restored = picture_input.restore(other, VISITOR)
    assert restored[picture_input.style].crop == other.crop
    assert 'data-index="1" aria-pressed="true"' in restored[picture_input.faces].value
    one = picture_input.receive(str(FOLDER / "astronaut.jpg"), VISITOR)
    assert not one[picture_input.faces].visible


def test_more_pictures_are_judged_when_they_arrive(picture_input: PictureInput, tmp_path: Path):
    bad, good = tmp_path / "bad.png", str(FOLDER / "astronaut.jpg")
    bad.write_bytes(b"MZ")
    shown = picture_input.bring([good, str(bad)])
    assert shown[picture_input.more] == [good]
    assert "bad.png: This file is not a picture" in shown[picture_input.cropped]
    assert picture_input.more not in picture_input.bring([good])
    shown = picture_input.bring([good] * 9)
    assert len(shown[picture_input.more]) == 7
    assert "only the first 7 count" in shown[picture_input.cropped]


def test_a_turned_picture_is_read_from_the_upload_itself(picture_input: PictureInput, tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (1300, 1500, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    style = picture_input.receive(str(path), VISITOR)[picture_input.style]
    for turns in (1, 2, 3, 4):
        style = picture_input.rotate(style, VISITOR)[picture_input.style]
        (reference,) = picture_input.read({picture_input.style: style, picture_input.more: None})["references"]
        assert np.array_equal(reference, Crop().cut(np.rot90(pixels, -turns)))


def test_an_unreadable_upload_leaves_nothing_chosen(picture_input: PictureInput, tmp_path: Path):
    (tmp_path / "bad.png").write_bytes(b"MZ")
    outputs = picture_input.receive(str(tmp_path / "bad.png"), VISITOR)
    assert outputs[picture_input.style] is None
    assert "JPEG, PNG or WebP" in outputs[picture_input.cropped]
    assert picture_input.receive(None, VISITOR)[picture_input.style] is None
