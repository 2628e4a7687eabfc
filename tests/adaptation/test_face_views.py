"""Which runs are guided by faces, and what the user is told."""

import dataclasses

import pytest
import torch

from adapter.adaptation import Guidance
from adapter.adaptation.face_views import NO_FACE, SOME_FACES, read_faces, shows_people
from adapter.adaptation.objective import ActiveLosses
from adapter.losses.base import Sources
from adapter.media.images import to_tensor
from adapter.media.references import read_reference
from adapter.methods import get_method
from adapter.utils.paths import EXAMPLES


@pytest.fixture(scope="module")
def person() -> torch.Tensor:
    return to_tensor(read_reference(EXAMPLES / "astronaut.jpg"), 256)


@pytest.fixture(scope="module")
def pattern() -> torch.Tensor:
    along = torch.linspace(-1, 1, 256)
    return torch.sin(40 * along)[None, None, :, None].expand(1, 3, 256, 256).contiguous()


def sources(images: torch.Tensor) -> Sources:
    shape = torch.ones(len(images), 1, 64, 64)
    return Sources(torch.zeros(len(images), 25), images, shape, shape, images)


def test_a_base_shows_people_if_their_faces_are_read(person: torch.Tensor, pattern: torch.Tensor):
    assert shows_people(sources(person.expand(4, -1, -1, -1)))
    assert not shows_people(sources(pattern))
    assert not shows_people(sources(torch.nn.functional.avg_pool2d(person, 2)))


def test_faces_are_read_and_their_absence_is_told(person: torch.Tensor, pattern: torch.Tensor):
    pool = sources(torch.cat([person, pattern]))
    faces, message = read_faces(pool, person)
    assert not message
    assert [view is None for view in faces.sources] == [False, True]
    assert faces.references[0].points.abs().max() < 1.2
    assert read_faces(pool, pattern) == (None, NO_FACE)
    faces, message = read_faces(pool, torch.cat([pattern, person]))
    assert message == SOME_FACES
    assert len(faces.references) == 1


def test_without_faces_the_losses_of_people_do_without_the_mesh(person: torch.Tensor):
    people = get_method("3d-adapter", "quick").people
    guidance = Guidance(person)
    assert "mesh_guide" in ActiveLosses.of(people, guidance, faces=True)
    assert "mesh_guide" not in ActiveLosses.of(people, guidance)
    both = dataclasses.replace(people, losses=(*people.losses, *get_method("3d-adapter", "quick").losses[5:6]))
    assert "analogy" in ActiveLosses.of(both, guidance, inverter=True)
    guided = ActiveLosses.of(both, guidance, inverter=True, faces=True)
    assert "analogy" not in guided
    assert "background_colour" not in guided
    assert "background_colour" in ActiveLosses.of(people, guidance)
