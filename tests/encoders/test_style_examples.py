"""The album has a picture of every style that the embedded CLIP reads, and says where it has none."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from adapter.encoders import load_clip
from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.style_examples import FILE, SIDE, album_picture
from adapter.encoders.vocabulary import load_vocabulary
from adapter.errors import UserError
from adapter.media.images import to_tensor


@pytest.fixture(scope="module")
def clip():
    encoder, text = load_clip("clip-heads")
    return encoder, load_vocabulary("clip-heads", text)


@pytest.mark.parametrize("base", ["heads", "faces"])
def test_every_picture_shows_its_style(clip, base):
    """By the embedded CLIP itself: the wordings of the picture's own style are the nearest."""
    encoder, vocabulary = clip
    pictures = [album_picture("clip-heads", vocabulary, name, base) for name in vocabulary.names]
    assert all(picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8 for picture in pictures)
    with torch.no_grad():
        seen = encoder.encode(torch.cat([to_tensor(picture, 128) for picture in pictures])).embedding
    styles = [[one == name for one in vocabulary.styles] for name in vocabulary.names]
    words = torch.stack([vocabulary.embeddings[torch.tensor(own)].mean(dim=0) for own in styles])
    right = (seen @ words.T).argmax(dim=1) == torch.arange(len(words))
    assert right.float().mean() > 0.9


def test_no_album_and_no_such_style_give_nothing(clip, tmp_path):
    vocabulary = clip[1]
    assert album_picture(tmp_path, vocabulary, "bronze") is None
    assert album_picture("clip-heads", vocabulary, "no such style") is None
    assert album_picture("clip-heads", vocabulary, None) is None
    assert album_picture("ViT-B-32", None, "bronze") is None


def test_damaged_albums_are_sentences(clip, tmp_path):
    vocabulary = clip[1]
    shutil.copy(EMBEDDED_MODELS["clip-heads"] / FILE, tmp_path / FILE)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:5000])
    with pytest.raises(UserError, match="damaged"):
        album_picture(tmp_path, vocabulary, "bronze")
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / FILE)
    with pytest.raises(UserError, match="does not fit"):
        album_picture(tmp_path, vocabulary, vocabulary.names[-1])
