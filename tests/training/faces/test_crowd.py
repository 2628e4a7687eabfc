import torch

from adapter.eg3d import Eg3d
from adapter.training.faces.crowd import descriptors, identity_rate


class Pixels:
    """Stands in for LPIPS: an image is its own feature map."""

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [images]


def test_descriptors_are_unit_vectors_of_the_face_alone():
    images = torch.rand(3, 3, 40, 40)
    found = descriptors(Pixels(), images)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    framed = images.clone()
    framed[..., :8] = 0
    torch.testing.assert_close(descriptors(Pixels(), framed), found)


def test_people_who_differ_are_told_apart():
    heads = Eg3d.from_pretrained("heads")
    assert identity_rate(heads, Pixels(), 5) == 1.0
