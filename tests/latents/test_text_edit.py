"""Edits by words: the render comes nearer to what the text says, and the person stays near."""

import pytest
import torch

from adapter.errors import UserError
from adapter.latents.people import draw_people, looks
from adapter.latents.person import Person
from adapter.latents.text_edit import TextEditSettings, edit_by_text


@pytest.fixture(scope="module")
@torch.no_grad()
def wanted(tiny, clip):
    """A person, and the embedding of another one's picture in place of a text's."""
    first, other = draw_people(tiny, 2, 5)
    (image,) = looks(tiny, other, [None])
    return Person(first[0], "tiny", ""), clip.encode(image.clamp(-1, 1)).joint


def test_the_person_moves_to_the_words_and_the_best_is_kept(tiny, clip, lpips, wanted) -> None:
    person, words = wanted
    events = list(edit_by_text(tiny, person, words, clip, lpips, TextEditSettings(8, 0.3, distance=0.01)))
    assert [event.step for event in events] == list(range(9))
    assert torch.equal(events[0].ws, person.ws)
    totals = [event.losses["total"] for event in events]
    assert min(totals) < totals[0] - 1e-3
    assert min(event.losses["clip"] for event in events) < events[0].losses["clip"]
    assert events[-1].preview.shape[0] == 2
    assert not torch.equal(events[-1].ws, person.ws)


def test_a_strong_pull_keeps_the_person(tiny, clip, lpips, wanted) -> None:
    person, words = wanted
    moves = []
    for distance in (0.01, 1000.0):
        *_, last = edit_by_text(tiny, person, words, clip, lpips, TextEditSettings(6, 0.3, distance=distance))
        moves.append(float((last.ws - person.ws).norm()))
    assert moves[1] < 0.5 * moves[0]


def test_steps_are_checked() -> None:
    with pytest.raises(UserError, match="steps"):
        TextEditSettings(steps=0)
