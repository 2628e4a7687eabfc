"""How good a generator is on people it was never trained on."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.camera import look_at
from adapter.eg3d.front import FrontReader
from adapter.eg3d.generator import Generator, Parts
from adapter.evaluation.reprojection import reprojection_error
from adapter.training.faces.backgrounds import DEFAULT_LEVEL
from adapter.training.faces.dataset import RAW, SIZE, Batch, People
from adapter.training.faces.depth import FACE_WIDTH
from adapter.training.faces.mesh import MeshReader
from adapter.training.faces.network import front_planes
from adapter.training.faces.objective import compose
from adapter.training.faces.perceptual import Lpips

SHEET_YAWS = (-0.7, -0.35, 0.0, 0.35, 0.7)


def view_people(
    generator: Generator, reader: FrontReader, latents: Tensor, front: tuple[Tensor, Tensor], cameras: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Images [V, 3, 256, 256], depth and opacity [V, 1, 64, 64] of one person [1, 512] before the default gray."""
    ws = latents[:, None].expand(-1, generator.config.num_ws, -1)
    gray = torch.full((generator.config.feature_channels, 1, 1), DEFAULT_LEVEL)
    parts = Parts(generator.decoder, generator.superresolution, gray)
    planes = front_planes(generator, ws, reader(*front)).repeat(len(cameras))
    rendered = generator.render(planes, cameras, parts=parts)
    image = generator.superresolve(rendered.features, ws.expand(len(cameras), -1, -1))
    return image.clamp(-1, 1), rendered.depth, rendered.opacity


@torch.no_grad()
def measure(
    generator: Generator,
    reader: FrontReader,
    latents: Tensor,
    people: People,
    perceive: Lpips,
    meshes: MeshReader | None,
    count: int,
) -> dict[str, float]:
    """Metrics over the first ``count`` people and all their usable views.

    Args:
        latents: what the generator's backbone reads for each of the people [N, 512].
        reader: turns front features into a part of the XY plane.
        meshes: finds the meshes for the landmark error; left out where None.

    Returns:
        LPIPS (VGG) and PSNR over the person in dB at 256 px, IoU of the masks at 64 px, depth error as a share of the
        face's width, the reprojection error of the images and of the data, landmark error as a share of the face's
        width.
    """
    gathered: dict[str, list[float]] = {}
    for person in range(min(count, len(people))):
        views = np.flatnonzero(people.usable[person])
        if len(views) == 0:
            continue
        batch = people.cut(np.array([person]), [views], RAW)
        image, depth, opacity = view_people(generator, reader, latents[person : person + 1], batch.front, batch.camera)
        truth = compose(batch.color, batch.mask, torch.tensor(DEFAULT_LEVEL * 2 - 1))
        own = batch.mask * batch.valid
        error = ((image - truth).square() * own).sum(dim=(1, 2, 3)) / (3 * own.sum(dim=(1, 2, 3)))
        seen = image * batch.valid + truth * (1 - batch.valid)
        known = F.avg_pool2d(batch.valid, SIZE // RAW) > 0.99
        wanted, made = F.avg_pool2d(batch.mask, SIZE // RAW) > 0.5, opacity > 0.5
        hit = (batch.depth > 0) & known
        apart = ((depth - batch.depth).abs() * hit).sum(dim=(1, 2, 3)) / hit.sum(dim=(1, 2, 3)).clamp(min=1)
        found = {
            "psnr_person": 10 * torch.log10(4 / error),
            "lpips": perceive(seen, truth),
            "iou": (wanted & made & known).sum(dim=(1, 2, 3)) / ((wanted | made) & known).sum(dim=(1, 2, 3)),
            "depth": apart / FACE_WIDTH,
        }
        if len(views) > 1:
            found |= _reprojections(batch, image, truth, depth)
        for name, value in found.items():
            gathered.setdefault(name, []).extend(value.tolist())
        if meshes is not None:
            marks = np.stack([people.view("landmarks", person, view) for view in views])
            gathered.setdefault("landmarks", []).extend(_landmark_errors(meshes, image, marks))
    return {name: float(np.mean(values)) for name, values in gathered.items()}


def _reprojections(batch: Batch, image: Tensor, truth: Tensor, depth: Tensor) -> dict[str, Tensor]:
    """The reprojection error between neighbouring views on the face, of the images and of the data themselves."""
    hit = (batch.depth > 0).float()
    found = {}
    for name, pictures, distances in (("reprojection", image, depth), ("reprojection_data", truth, batch.depth)):
        views = pictures, distances, hit, batch.camera
        found[name] = reprojection_error(*(view[:-1] for view in views), *(view[1:] for view in views))
    return found


def _landmark_errors(reader: MeshReader, images: Tensor, wanted: NDArray) -> list[float]:
    errors = []
    for image, marks in zip(images, wanted, strict=True):
        picture = np.ascontiguousarray(((image + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())
        points, _ = reader.read(picture)
        # A crop's side is 1.72 face widths at every yaw.
        errors.append(float(np.linalg.norm(points[:, :2] - marks, axis=1).mean() * 1.72))
    return errors


@torch.no_grad()
def sheet(generator: Generator, reader: FrontReader, latents: Tensor, people: People, rows: list[int]) -> NDArray:
    """Rows of people: truth beside generated for two views, then generated views and depth from five sides.

    Returns:
        BGR uint8.
    """
    lines = []
    for person in rows:
        batch = people.cut(np.array([person]), [np.arange(people.views)[:3]], RAW)
        image, _, _ = view_people(generator, reader, latents[person : person + 1], batch.front, batch.camera)
        truth = compose(batch.color, batch.mask, torch.tensor(DEFAULT_LEVEL * 2 - 1))
        turned = torch.cat([look_at(yaw, 0.0) for yaw in SHEET_YAWS])
        other, depth, opacity = view_people(generator, reader, latents[person : person + 1], batch.front, turned)
        shade = F.interpolate((((2.95 - depth) * 4 - 1).clamp(-1, 1) * opacity + (1 - opacity)), SIZE).expand(
            -1, 3, -1, -1
        )
        tiles = [tile for pair in zip(truth, image, strict=True) for tile in pair]
        lines.append(torch.cat([*tiles, *other, *shade[::2]], dim=2))
    picture = ((torch.cat(lines, dim=1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
