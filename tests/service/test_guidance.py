"""What guides a job: pictures, words, and the album beside words."""

import numpy as np
import pytest

from adapter.hub.library import LIBRARY
from adapter.pipeline import AdaptationSettings, DomainAdapter
from adapter.service import models

PICTURE = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def adapter(base) -> DomainAdapter:
    return models.domain_adapter(str(base), "clip-heads", str(LIBRARY), text=True, inverter=False)


def test_the_albums_picture_guides_beside_words(adapter):
    zombie = adapter.guidance(prompt="a zombie")
    assert zombie.has_text
    assert zombie.references.shape == (1, 3, 256, 256)
    other = adapter.guidance(prompt="a rotting undead zombie")
    assert other.references.equal(zombie.references), "two wordings of one style"
    assert not adapter.guidance(prompt="a bronze statue").references.equal(zombie.references)


@pytest.mark.parametrize("pictures", [[], [PICTURE]])
def test_the_album_is_left_out_for_words_alone_and_words_with_a_picture(adapter, pictures):
    guidance = adapter.guidance(pictures, "a zombie", AdaptationSettings(words_alone=not pictures))
    assert guidance.has_text
    assert (guidance.references is None) == (not pictures)
    if pictures:
        assert guidance.references.max() == -1


def test_pictures_guide_alone_without_words(adapter):
    guidance = adapter.guidance([PICTURE, PICTURE])
    assert not guidance.has_text
    assert len(guidance.references) == 2
