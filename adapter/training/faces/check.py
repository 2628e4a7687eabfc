"""How good the data are, in numbers and on a sheet."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.training.faces.depth import surface_weights
from adapter.training.faces.matting import own_colors
from adapter.training.faces.shards import Shard

SHEET_PEOPLE = 6
IDENTITY_SHARDS = 8
TEXTURE_STEP, TEXTURE_BLUR = 7, 2.0
BACKGROUNDS = ((40, 170, 60), (224, 224, 224), (20, 20, 60), (230, 120, 200))
"""Colors behind the cut-out people: a rim of the old background would show before at least one of them."""


def facts(shards: Sequence[Shard], template: NDArray) -> dict[str, float]:
    """Numbers over some shards.

    Returns:
        people, pictures, the share of usable ones; median pose residual in face widths; median difference of measured
        and asked yaw and the spread of measured yaw and pitch in radians; and ``identity``, see `identity_kept`, over
        a few shards.
    """
    usable = np.concatenate([shard.usable for shard in shards])
    angles = np.concatenate([shard.angles for shard in shards])
    asked = np.concatenate([shard.asked.reshape(-1, 2) for shard in shards])
    return {
        "people": sum(len(shard.w) for shard in shards),
        "pictures": len(usable),
        "usable": float(usable.mean()),
        "pose_residual": float(np.median(np.concatenate([shard.residual for shard in shards]))),
        "yaw_astray": float(np.median(np.abs(angles[:, 0] - asked[:, 0]))),
        "yaw_deviation": float(angles[:, 0].std()),
        "pitch_deviation": float(angles[:, 1].std()),
        "identity": float(np.mean([identity_kept(shard, template) for shard in shards[:IDENTITY_SHARDS]])),
    }


def identity_kept(shard: Shard, template: NDArray) -> float:
    """Share of pictures whose nearest other picture, by the texture on the face mesh, is of the same person.

    Textures are read at dense points of the mesh, brought to zero mean and unit length, and compared across views
    alone: a picture is never compared with pictures of its own view.
    """
    pictures = shard.pictures()
    surface = surface_weights(template)[::TEXTURE_STEP]
    textures = []
    for k, points in enumerate(shard.landmarks):
        places = (surface @ points)[:, :2] * int(shard.source) @ shard.matrix[k][:, :2].T + shard.matrix[k][:, 2]
        soft = cv2.GaussianBlur(pictures[k], (0, 0), TEXTURE_BLUR)
        column, row = np.clip(places.round().astype(int), 0, pictures.shape[1] - 1).T
        own = soft[row, column].astype(np.float32)
        own = (own - own.mean()).ravel()
        textures.append(own / np.linalg.norm(own))
    likeness = np.stack(textures) @ np.stack(textures).T
    person, view = np.divmod(np.arange(len(shard)), shard.views)
    likeness[view[:, None] == view[None]] = -np.inf
    return float((person[likeness.argmax(axis=1)] == person).mean())


def contact_sheet(shard: Shard, path: Path) -> None:
    """Draw the first people: each view with its mesh and dark where it is reflected, then cut out before a color."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures, masks = shard.pictures(), shard.masks()
    valid = shard.valid(pictures.shape[1])
    rows = []
    for person in range(min(SHEET_PEOPLE, len(shard.w))):
        tiles = []
        for view in range(shard.views):
            k = person * shard.views + view
            tiles += [_marked(pictures[k], valid[k], shard, k), _cut_out(pictures[k], masks[k], BACKGROUNDS[view % 4])]
        rows.append(np.concatenate(tiles, axis=1))
    cv2.imwrite(str(path), np.concatenate(rows)[:, :, ::-1])


def _marked(picture: NDArray, valid: NDArray, shard: Shard, k: int) -> NDArray:
    marked = picture.copy()
    places = shard.landmarks[k, :, :2] * int(shard.source) @ shard.matrix[k][:, :2].T + shard.matrix[k][:, 2]
    for x, y in places[::3].astype(int):
        cv2.circle(marked, (int(x), int(y)), 1, (0, 255, 0), -1)
    marked[~valid] //= 2
    return marked


def _cut_out(picture: NDArray, mask: NDArray, color: tuple[int, int, int]) -> NDArray:
    share = mask.astype(np.float32)[..., None] / 255
    own = own_colors(picture, share[..., 0])
    return np.round(own * share + np.array(color) * (1 - share)).astype(np.uint8)
