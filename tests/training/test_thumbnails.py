"""The pictures of ready domains are made by a command, and are those of the files that are there."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adapter.hub.library import load_library
from adapter.training import thumbnails


def test_a_picture_is_made_again_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    library = load_library()
    entry = library.domain("bronze")
    made = dataclasses.replace(entry, preview=tmp_path / "bronze.jpg")
    monkeypatch.setattr(thumbnails, "load_library", lambda: dataclasses.replace(library, domains=(made,)))
    thumbnails.main(["bronze"])
    with Image.open(made.preview) as new, Image.open(entry.preview) as kept:
        assert new.size == kept.size == (thumbnails.SIDE, thumbnails.SIDE)
        # JPEG's own error; another person or domain differs by more than 20 levels.
        assert np.abs(np.asarray(new, np.float32) - np.asarray(kept, np.float32)).mean() < 4


def test_an_unknown_domain_is_refused(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        thumbnails.main(["nothing"])
    assert "no ready domain is called 'nothing'" in capsys.readouterr().err
