"""Making the data: a survey of random people for the pose space, then shard after shard of people from all sides."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.training.faces.assets import Assets
from adapter.training.faces.crop import crop, warp_map
from adapter.training.faces.front import find_grid, front_tensors
from adapter.training.faces.generator import SIZE, FaceGenerator, mapping_layers
from adapter.training.faces.latents import (
    FRONT,
    MAPPING,
    POSE_SPACE,
    TRUNCATION,
    VIEWS,
    PoseSpace,
    draw,
    find_pose_space,
)
from adapter.training.faces.matting import Segmenter, refine
from adapter.training.faces.mesh import MeshReader
from adapter.training.faces.pose import angles, fit, mean_template, residual
from adapter.training.faces.shards import Shard, encode, missing, save

CROP = 256
"""Side of the stored crops in pixels."""
AVERAGED = 10_000
"""Latents whose average w is the center of truncation."""
LEAST_SCORE, MOST_RESIDUAL, MOST_ASTRAY = 0.5, 0.04, 0.3
"""Usable pictures: the detector's score, the pose fit in face widths, and measured against asked yaw in radians."""
SURVEY_SEED = 7_000_000
FRONT_PEOPLE, FRONT_PSI = 40, 0.7
"""Random people, and their truncation, that show where front pictures show the XY plane."""
FACES_BOX, FRONT_SIDE, FRONT_LEVELS = 0.9, 256, 5
"""Side of the planes in world units and in texels, and levels of the front, as `network.FACES` has them."""


@dataclass
class Studio:
    """All networks that making data takes."""

    generator: FaceGenerator
    reader: MeshReader
    segmenter: Segmenter

    @classmethod
    def open(cls, assets: Assets, threads: int = 1) -> "Studio":
        """Load the networks; OpenCV and OpenVINO get ``threads`` threads."""
        cv2.setNumThreads(threads)
        generator = FaceGenerator(assets.mapping, assets.synthesis, threads)
        return cls(generator, MeshReader(assets.detector, assets.mesh), Segmenter(assets.segmenter))


def survey(studio: Studio, people: int) -> PoseSpace:
    """Find the pose space on random people."""
    rng = np.random.default_rng(SURVEY_SEED)
    mean = studio.generator.mapping(rng.standard_normal((AVERAGED, 512))).mean(axis=0)
    psi = rng.uniform(TRUNCATION[0], 1.0, (people, 1))
    w = mean + psi * (studio.generator.mapping(rng.standard_normal((people, 512))) - mean)
    read = [studio.reader.read(studio.generator.picture(row)) for row in w]
    seen = np.array([score > LEAST_SCORE for _, score in read])
    points = np.stack([mesh for mesh, _ in read])[seen]
    template = mean_template(points)
    pose = angles(fit(template, points).rotation)
    return find_pose_space(w[seen], np.stack([pose.yaw, pose.pitch], axis=1), mean, template)


def photograph(studio: Studio, space: PoseSpace, seed: int, index: int, people: int) -> Shard:
    """Make one shard."""
    drawn = draw(seed, index, people)
    w = studio.generator.mapping(drawn.z)
    w = space.neutral(space.mean + drawn.psi[:, None] * (w - space.mean))
    asked = drawn.asked.reshape(-1, 2)
    turned = space.turned(np.repeat(w, VIEWS, axis=0), asked)
    shots = [_shoot(studio, space.template, row) for row in turned]
    facts = {name: np.stack([shot[name] for shot in shots]) for name in shots[0] if name not in ("picture", "mask")}
    picture, picture_ends = encode([shot["picture"] for shot in shots], ".jpg")
    mask, mask_ends = encode([shot["mask"] for shot in shots], ".png")
    astray = np.abs(facts["angles"][:, 0] - asked[:, 0])
    usable = (facts["score"] > LEAST_SCORE) & (facts["residual"] < MOST_RESIDUAL) & (astray < MOST_ASTRAY)
    return Shard(
        z=drawn.z.astype(np.float32),
        psi=drawn.psi.astype(np.float32),
        w=w.astype(np.float32),
        asked=drawn.asked.astype(np.float32),
        usable=usable,
        source=np.int32(SIZE),
        picture=picture,
        picture_ends=picture_ends,
        mask=mask,
        mask_ends=mask_ends,
        **facts,
    )


def _shoot(studio: Studio, template: NDArray, w: NDArray) -> dict[str, NDArray]:
    picture = studio.generator.picture(w)
    points, score = studio.reader.read(picture)
    pose = fit(template, points[None])
    cut = crop(picture, pose, CROP)
    coarse = cv2.resize(studio.segmenter.mask(picture), (len(picture), len(picture)), interpolation=cv2.INTER_LINEAR)
    mask = refine(warp_map(coarse, cut.matrix, CROP), cut.picture)
    return {
        "picture": cut.picture,
        "mask": np.round(mask * 255).astype(np.uint8),
        "angles": np.concatenate(angles(pose.rotation)).astype(np.float32),
        "scale": pose.scale[0].astype(np.float32),
        "residual": residual(template, points[None], pose)[0].astype(np.float32),
        "score": np.float32(score),
        "landmarks": points,
        "matrix": cut.matrix.astype(np.float32),
    }


def collect(
    studio: Studio, assets: Assets, folder: Path, seed: int, shards: int, people: int, surveyed: int
) -> Iterator[str]:
    """Make all shards that are missing in ``folder``; yields a line on each.

    Args:
        folder: holds the pose space, which is found first where it is missing, and the shards.
        seed: of people and views.
        shards: how many there shall be.
        people: of each shard.
        surveyed: random people for the pose space.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights, biases = mapping_layers(assets.mapping)
    np.savez(folder / MAPPING, weights=weights, biases=biases)
    stored = folder / POSE_SPACE
    if not stored.exists():
        survey(studio, surveyed).save(stored)
    space = PoseSpace.load(stored)
    if not (folder / FRONT).exists():
        w = space.neutral(studio.generator.mapping(draw(seed, 0, FRONT_PEOPLE).z))
        w = space.mean + FRONT_PSI * (w - space.mean)
        grid = find_grid(studio, space, w, FACES_BOX, FRONT_SIDE)
        np.savez(folder / FRONT, grid=grid, **front_tensors(assets.synthesis, FRONT_LEVELS))
    yield f"pose space: held-out correlation of yaw and pitch {np.round(space.correlation, 3)}"
    for index in missing(folder, shards):
        started = time.monotonic()
        shard = photograph(studio, space, seed, index, people)
        path = save(shard, folder, index)
        seconds = (time.monotonic() - started) / len(shard)
        yield (
            f"{path.name}: {shard.usable.mean():.1%} usable, pose residual {np.median(shard.residual):.2%} of the "
            f"face's width, {seconds:.2f} s a picture"
        )
