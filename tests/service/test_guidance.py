"""What leads a job: pictures, words, and the album beside words."""

import numpy as np
import pytest

from adapter.service.requests import AdaptRequest
from adapter.service.worker.adapt import guidance_of

PICTURE = np.zeros((64, 64, 3), np.uint8)


def test_beside_words_the_albums_picture_leads():
    guidance = guidance_of(AdaptRequest((), "folder", prompt="a zombie"), 32)
    assert guidance.has_text
    assert guidance.references.shape == (1, 3, 256, 256)
    other = guidance_of(AdaptRequest((), "folder", prompt="a rotting undead zombie"), 32)
    assert other.references.equal(guidance.references), "two wordings of one style"
    assert not guidance_of(AdaptRequest((), "folder", prompt="a bronze statue"), 32).references.equal(
        guidance.references
    )


@pytest.mark.parametrize("pictures", [(), (PICTURE,)])
def test_words_alone_and_words_with_a_picture_leave_the_album_out(pictures):
    guidance = guidance_of(AdaptRequest(pictures, "folder", prompt="a zombie", words_alone=not pictures), 32)
    assert guidance.has_text
    assert (guidance.references is None) == (not pictures)
    if pictures:
        assert guidance.references.max() == -1


def test_pictures_lead_alone_without_words():
    guidance = guidance_of(AdaptRequest((PICTURE, PICTURE), "folder"), 32)
    assert not guidance.has_text
    assert len(guidance.references) == 2
