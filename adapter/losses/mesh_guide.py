"""Ours: a place of a target has the colors of the same place of the reference's face, and of its own kind elsewhere.

Face meshes bring the reference and every source into correspondence: lips, eyes, brows and skin of a target are guided
by the reference's own. What the reference's head hides is taken from its other side. Hair, clothes and neck are guided
by the nearest places of the reference's person, the background by its background.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.background import weighted_difference
from adapter.losses.base import Batch, Loss, LossContext, register
from adapter.losses.face_view import FaceView, FaceViews, resized
from adapter.losses.points import grid_places, grid_points
from adapter.losses.thin_plate import thin_plate
from adapter.methods import loss_terms

SEEN, SHARPNESS = 0.45, 0.08
"""Cosine to the camera from which on a face counts as seen, and the width of the change."""
FEATHER = 0.12
"""Share of the face's width over which the face's guide fades into its surroundings' guide."""
PLACE, SKIN = 1.5, 3.0
"""Weights of a place, in face widths, and of how much more a color is like the picture's skin than like its hair."""
PERSON_SOFTNESS, BACKGROUND_SOFTNESS = 0.02, 0.05
"""Half the squared distance of descriptors at which a place counts 1/e as much as the nearest."""
EMPHASIS = 6.0
"""How much more than other places eyes, brows and lips count, which are small and what one looks at first."""
DETAIL, DETAIL_SIZE = 0.5, 0.25
"""How much of a source's own light and shade stays on its skin and hair, finer than that many face widths."""
RIM = 0.25
"""Face widths from the top of the head down that count as hair."""
SMALLEST_SHARE = 0.02
"""Share of a reference's picture that its background must cover to guide."""
_SAME = 0.01  # squared distance of colors below which hair and skin are not told apart
_TINY = 1e-6


@torch.no_grad()
def guides(faces: FaceViews, side: int) -> tuple[Tensor, Tensor]:
    """The colors [n, T, 3] that each target should have on a grid, and how much each place counts [n, T].

    Args:
        faces: of the run, with at least one reference.
        side: of the grid.
    """
    pairs = [(one, one.mirrored(faces.mirror)) for one in faces.references]
    nothing = faces.references[0].image.new_zeros(side * side, 4)
    found = [nothing if one is None else _guide(one, pairs, side) for one in faces.sources]
    together = torch.stack(found)
    return together[..., :3], together[..., 3]


def _guide(source: FaceView, references: Sequence[tuple[FaceView, FaceView]], side: int) -> Tensor:
    """Colors and weight [T, 4] for one source."""
    direct = [one for one, _ in references]
    person = resized(source.person, side)
    around = person * _person(source, direct, side // 2, side)
    behind = (1 - person) * _background(source, direct, side // 4, side)
    inside = _inner(source, side)
    face = _face(source, references, side)
    # Premultiplied by their certainty, guides mix like coverages.
    mixed = (inside * face + (1 - inside) * (around + behind)).flatten(1).T
    mixed[:, :3] += mixed[:, 3:] * DETAIL * _detail(source, side)[:, None]
    emphasis = 1 + EMPHASIS * resized(source.features, side).flatten()
    return torch.cat([mixed[:, :3] / mixed[:, 3:].clamp_min(_TINY), mixed[:, 3:] * emphasis[:, None]], dim=1)


def _detail(source: FaceView, side: int) -> Tensor:
    """A source's brightness [T] less its mean around each place, on skin, hair and clothes."""
    window = 2 * round(DETAIL_SIZE * source.width * side / 2 / 2) + 1
    person = resized(source.person, side).clamp(0, 1)
    bright = resized(source.image, side).mean(dim=0)
    sums = F.avg_pool2d(torch.stack([bright * person, person])[None], window, stride=1, padding=window // 2)[0]
    kept = person.square() * (1 - resized(source.features, side))
    return (kept * (bright - sums[0] / sums[1].clamp_min(_TINY))).flatten()


def _face(source: FaceView, references: Sequence[tuple[FaceView, FaceView]], side: int) -> Tensor:
    """Colors times certainty, and certainty [4, S, S], by the meshes."""
    places = _places(side).to(source.points)
    total = source.image.new_zeros(4, side * side)
    visible = source.facing > 0
    for pair in references:
        goals = [torch.cat([one.points, _seen(one)[:, None]], dim=1)[visible] for one in pair]
        found = thin_plate(source.points[visible], torch.cat(goals, dim=1), places)
        shares = found[:, [2, 5]].clamp(0, 1).T
        # The other side stands in only where this one is hidden.
        shares = torch.stack([shares[0], shares[1] * (1 - shares[0])])
        for one, where, share in zip(pair, (found[:, :2], found[:, 3:5]), shares, strict=True):
            color = _sample(one, where.view(side, side, 2), side)
            closed = 1 - resized(source.mouth, side).flatten() * (one.mouth.sum() < 0.3 * source.mouth.sum())
            weight = share * closed
            total += torch.cat([color.flatten(1) * weight, weight[None]])
    return (total / total[3:].clamp_min(1)).unflatten(1, (side, side))


def _seen(view: FaceView) -> Tensor:
    return torch.sigmoid((view.facing - SEEN) / SHARPNESS)


def _sample(view: FaceView, where: Tensor, side: int) -> Tensor:
    """Colors [3, S, S] at places [S, S, 2], no finer than about a cell."""
    image = resized(view.image, min(view.image.shape[-1], 2 * side))
    return F.grid_sample(image[None], where[None], padding_mode="border", align_corners=False)[0]


def _inner(view: FaceView, side: int) -> Tensor:
    """1 inside the face, falling to 0 at its edge [S, S]."""
    window = 2 * round(FEATHER * view.width * side / 2 / 2) + 1
    face = resized(view.face, side)[None, None]
    padded = F.pad(face, [window // 2] * 4, mode="replicate")
    return (2 * F.avg_pool2d(padded, window, stride=1)[0, 0] - 1).clamp(0, 1)


def _person(source: FaceView, references: Sequence[FaceView], coarse: int, side: int) -> Tensor:
    """Colors and certainty [4, S, S] of hair, neck and clothes: those of like places of the references' persons."""
    keys = torch.cat([_descriptors(one, coarse) for one in references])
    colors = torch.cat([_colors(one, coarse) for one in references])
    weights = torch.cat([(resized(one.person * (1 - one.features), coarse).flatten()).square() for one in references])
    found = _nearest(_descriptors(source, coarse), keys, colors, weights, PERSON_SOFTNESS)
    return resized(_certain(found, coarse, 1.0), side)


def _background(source: FaceView, references: Sequence[FaceView], coarse: int, side: int) -> Tensor:
    """Colors and certainty [4, S, S] of the background: those near the same place of the references' backgrounds."""
    places = _places(coarse).to(source.points)
    clear = torch.cat([(1 - resized(one.person, coarse)).flatten().pow(4) for one in references])
    colors = torch.cat([_colors(one, coarse) for one in references])
    found = _nearest(places, places.repeat(len(references), 1), colors, clear, BACKGROUND_SOFTNESS)
    return resized(_certain(found, coarse, float(clear.mean() > SMALLEST_SHARE)), side)


def _certain(colors: Tensor, side: int, certainty: float) -> Tensor:
    image = colors.T.unflatten(1, (side, side)) * certainty
    return torch.cat([image, torch.full_like(image[:1], certainty)])


def _nearest(queries: Tensor, keys: Tensor, values: Tensor, weights: Tensor, softness: float) -> Tensor:
    """Means of values [M, C], each by its weight and by how near its key is to each query: [T, C]."""
    logits = weights.clamp_min(_TINY).log() - torch.cdist(queries, keys).square() / (2 * softness)
    return logits.softmax(dim=1) @ values


def _descriptors(view: FaceView, side: int) -> Tensor:
    """Where the cells of a picture lie from the middle of the face, and how much more like skin than hair [T, 3]."""
    middle = (view.points.amax(dim=0) + view.points.amin(dim=0)) / 2
    places = (_places(side).to(view.points) - middle) / view.width
    colors, face, person = _colors(view, side), resized(view.face, side).flatten(), resized(view.person, side).flatten()
    # The forehead and its neighborhood: a beard or a shadow is no skin.
    skin = _mean(colors, face * (1 - resized(view.features, side).flatten()) * (places[:, 1] < 0))
    hair = _mean(colors, _top(person, view.width) * (places[:, 0].abs() < 0.4) * (places[:, 1] < 0))
    from_skin, from_hair = ((colors - one).square().sum(dim=1) for one in (skin, hair))
    like = (from_hair + _SAME) / (from_hair + from_skin + 2 * _SAME)
    return torch.cat([PLACE * places, SKIN * _within(like, person)[:, None]], dim=1)


def _top(person: Tensor, width: float) -> Tensor:
    """The upper rim of a person [T] on a grid, without the cells that also show the background."""
    side = round(len(person) ** 0.5)
    rows = max(2, round(RIM * width * side / 2))
    above = F.pad(person.view(side, side), (0, 0, rows, 0))[:side].flatten()
    return person.clamp_min(0).pow(4) * (1 - above).clamp_min(0)


def _within(values: Tensor, person: Tensor) -> Tensor:
    """Means [T] over 5 x 5 cells of a grid, almost only of those inside the person: its edge shows the background."""
    side = round(len(values) ** 0.5)
    weight = person.clamp_min(0).pow(4).view(1, 1, side, side) + _TINY
    weighed = torch.cat([values.view(1, 1, side, side) * weight, weight])
    above, below = F.avg_pool2d(weighed, 5, stride=1, padding=2).flatten(1)
    return above / below


def _places(side: int) -> Tensor:
    """The middles of the cells of a grid [T, 2], across and down, in [-1, 1]."""
    return grid_places(side * side).flip(1)


def _mean(colors: Tensor, weights: Tensor) -> Tensor:
    return (weights[None] @ colors)[0] / weights.sum().clamp_min(_TINY)


def _colors(view: FaceView, side: int) -> Tensor:
    return resized(view.image, side).flatten(1).T


@register("mesh_guide")
class MeshGuide(Loss):
    """Mean absolute difference to the guides, where they are certain."""

    reads_raw = True
    term: loss_terms.MeshGuide

    def __init__(self, term: loss_terms.MeshGuide, context: LossContext) -> None:
        super().__init__(term, context)
        assert context.faces is not None
        # No finer than raw renderings, which are compared, too.
        self.side = min(term.side, context.sources.features.shape[-1])
        self.guides, self.certainty = guides(context.faces, self.side)

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        points = grid_points(batch.images, self.side)
        return weighted_difference(points, self.guides[batch.index], self.certainty[batch.index])
