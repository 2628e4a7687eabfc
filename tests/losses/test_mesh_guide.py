"""Mesh guides: places of a face find their like on another face, whatever its place, turn and size."""

import torch
from torch import Tensor

from adapter.losses.base import Batch, LossContext, Sources, make_loss
from adapter.losses.face_view import FaceView, FaceViews
from adapter.losses.mesh_guide import guides
from adapter.losses.points import grid_points
from adapter.losses.thin_plate import thin_plate
from adapter.methods import loss

SIDE = 32
AROUND = torch.linspace(0, 2 * torch.pi, 25)[:-1]
RINGS = torch.cat(
    [radius * torch.stack([AROUND.cos(), AROUND.sin()], dim=1) for radius in (0.15, 0.3, 0.45, 0.6)]
    + [torch.zeros(1, 2)]
)
"""A mesh: rings around the middle of a face."""
MIRROR = torch.cdist(RINGS * torch.tensor([-1.0, 1.0]), RINGS).argmin(dim=1)
LIPS, SKIN, HAIR, CLEAR = (torch.tensor(color) for color in ([0.9, -0.9, -0.9], [0.6, 0.3, 0.1], [-0.8] * 3, [0.0] * 3))


def places(side: int = SIDE) -> Tensor:
    along = (torch.arange(side) + 0.5) * 2 / side - 1
    return torch.stack(torch.meshgrid(along, along, indexing="xy"), dim=-1)


def view(
    middle: tuple[float, float] = (0.0, 0.0),
    size: float = 1.0,
    colors: tuple[Tensor, ...] = (LIPS, SKIN, HAIR, CLEAR),
    facing: Tensor | None = None,
) -> FaceView:
    """A disk of skin with lips in its lower half, hair around and above it, and a background."""
    lips, skin, hair, clear = colors
    at = (places() - torch.tensor(middle)) / size
    mouth = ((at - torch.tensor([0.0, 0.3])) / torch.tensor([0.25, 0.12])).norm(dim=-1) < 1
    face, person = at.norm(dim=-1) < 0.6, at.norm(dim=-1) < 0.9
    image = torch.where(mouth[..., None], lips, torch.where(face[..., None], skin, hair))
    image = torch.where(person[..., None], image, clear).permute(2, 0, 1)
    facing = torch.ones(len(RINGS)) if facing is None else facing
    masks = face.float(), mouth.float(), torch.zeros(SIDE, SIDE), person.float()
    return FaceView(image, RINGS * size + torch.tensor(middle), facing, *masks)


def painted(colors: Tensor, mask: Tensor) -> Tensor:
    """The mean color [3] of guides [T, 3] under a mask."""
    weight = mask.flatten()
    return weight @ colors / weight.sum()


def test_lips_skin_hair_and_background_get_the_references_own():
    blue, green, white, dark = (torch.tensor(c) for c in ([0.0, 0, 0.9], [0.0, 0.7, 0.0], [0.9] * 3, [-0.5] * 3))
    source = view((0.1, -0.05), 0.9)
    reference = view((-0.15, 0.1), 0.75, (blue, green, white, dark))
    colors, weights = guides(FaceViews((source,), (reference,), MIRROR), SIDE)
    assert colors.shape == (1, SIDE * SIDE, 3)
    at = ((places() - torch.tensor([0.1, -0.05])) / 0.9).norm(dim=-1)
    inner_lips = torch.nn.functional.avg_pool2d(source.features[None], 3, 1, 1)[0] > 0.99
    # The ring of hair is but three cells wide.
    for mask, color, tolerance in (
        (inner_lips, blue, 0.1),
        (at < 0.2, green, 0.1),
        ((at > 0.7) & (at < 0.8), white, 0.4),
        (at > 1.1, dark, 0.1),
    ):
        assert torch.allclose(painted(colors[0], mask.float()), color, atol=tolerance), color
    # Lips count more than skin.
    assert weights[0].view(SIDE, SIDE)[inner_lips].min() > 3 * weights[0].view(SIDE, SIDE)[at < 0.2].max()


def test_what_a_reference_hides_comes_from_its_other_side():
    half = torch.where(places()[..., 0] < 0, 1.0, -1.0)[None].expand(3, -1, -1)
    hidden = torch.where(RINGS[:, 0] > -0.05, -1.0, 1.0)
    reference = view(facing=hidden)
    reference = FaceView(half, *(getattr(reference, name) for name in list(FaceView.__dataclass_fields__)[1:]))
    colors, _ = guides(FaceViews((view(),), (reference,), MIRROR), SIDE)
    right = (places()[..., 0] > 0.2) & (places().norm(dim=-1) < 0.4)
    assert colors[0].view(SIDE, SIDE, 3)[right].mean() > 0.9


def test_a_mirrored_view_twice_is_the_view():
    one = view((0.2, 0.1))
    twice = one.mirrored(MIRROR).mirrored(MIRROR)
    assert torch.allclose(twice.points, one.points, atol=1e-5)
    assert torch.equal(twice.image, one.image)


def test_the_loss_is_zero_on_the_guides_and_leaves_sources_without_a_face_alone():
    faces = FaceViews((view(), None), (view(colors=(SKIN, LIPS, CLEAR, HAIR)),), MIRROR)
    images = torch.stack([view().image, torch.rand(3, SIDE, SIDE)])
    shape = torch.ones(2, 1, SIDE, SIDE)
    sources = Sources(torch.zeros(2, 25), images, shape, shape, images)
    term = make_loss(loss("mesh_guide", 1.0, side=SIDE), LossContext(sources, images[:1], faces=faces))
    wanted = term.guides.transpose(1, 2).unflatten(2, (SIDE, SIDE))
    assert term(Batch(wanted, [0, 1], torch.Generator())).item() < 1e-5
    assert term(Batch(wanted + 0.5, [0, 1], torch.Generator())).item() > 0.4
    assert term(Batch(images[1:], [1], torch.Generator())).item() == 0
    assert torch.equal(grid_points(wanted[:1], SIDE), term.guides[:1])


def test_thin_plates_keep_affine_maps_and_pass_through_their_points():
    random = torch.Generator().manual_seed(0)
    points = torch.rand(30, 2, generator=random) * 2 - 1
    turn = torch.tensor([[0.8, -0.4], [0.3, 1.1]])
    anywhere = torch.rand(50, 2, generator=random) * 4 - 2
    assert torch.allclose(thin_plate(points, points @ turn + 0.2, anywhere), anywhere @ turn + 0.2, atol=1e-4)
    bent = points + 0.1 * torch.sin(4 * points.flip(1))
    assert torch.allclose(thin_plate(points, bent, points), bent, atol=0.02)
